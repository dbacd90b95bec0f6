package test

import (
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"math"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/picketmon/picket/agent/buffer"
	"github.com/picketmon/picket/agent/enroll"
	"github.com/picketmon/picket/agent/schedule"
	"github.com/picketmon/picket/agent/transport"
	"github.com/picketmon/picket/checks"
)

// What the agent of this story measures, and what must hold of its delivery.
const (
	awayChecks   = 8
	awaySeries   = 400 // of all checks
	awayInterval = 10 * time.Second
	liveInterval = time.Second
	worstLag     = 5 * time.Second
	leastSpeed   = 100 // backlog drained, in multiples of real time
)

// The collector is away for hours while the agent measures. When it is back all is delivered, and what is measured meanwhile does not
// wait for it. The agent's parts are real; its clock runs ahead until it meets the present.
func TestCollectorAway12h(t *testing.T) {
	away := 20 * time.Minute
	if soak() {
		away = 12 * time.Hour
	}
	c := newCollector(t)
	c.start()
	defer func() { c.stop() }()
	c.waitReady()
	a := newAwayAgent(t, c)
	c.stop()
	a.run(t)

	began := time.Now()
	a.measureAway(t, away)
	t.Logf("%d cycles of %d series in %s of the clock took %s", len(a.times), awaySeries, away, time.Since(began).Round(time.Millisecond))
	eventually(t, 10*time.Second, "the agent has found the collector away", func() error {
		if s := a.transport.Status(); s.Streams != 0 || s.LastError == "" {
			return fmt.Errorf("%d streams in %d attempts", s.Streams, s.Attempts)
		}
		return nil
	})
	if held := a.held(buffer.Metrics); held != uint64(len(a.times)) {
		t.Fatalf("the spool holds %d of %d records", held, len(a.times))
	}
	c.start()
	c.waitReady()
	a.live(t, away)
	a.stop(t)
	a.compare(t, c)
}

// awayAgent is an agent put together from its parts.
type awayAgent struct {
	clock     awayClock
	buffer    *buffer.Buffer
	transport *transport.Transport
	instance  string
	layouts   []*schedule.Layout
	times     []int64 // of all cycles, Unix milliseconds
	stop      func(t *testing.T)
}

// awayClock is the wall clock of the agent: set by the story, later the real one.
type awayClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *awayClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at.IsZero() {
		return time.Now()
	}
	return c.at
}

// set makes at the present; the zero time lets the clock be real.
func (c *awayClock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

// newAwayAgent enrols an agent with the running collector.
func newAwayAgent(t *testing.T, c *collector) *awayAgent {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "agent")
	logger := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
	host, err := enroll.ThisHost(t.Context(), enroll.HostOptions{Version: "test", HostID: "away-host"})
	if err != nil {
		t.Fatal(err)
	}
	id, err := enroll.Enroll(t.Context(), enroll.Options{DataDir: dir, Token: c.token(1), Host: host, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	wireHost, err := host.Proto()
	if err != nil {
		t.Fatal(err)
	}
	a := &awayAgent{instance: id.Instance()}
	a.clock.set(time.Now().Add(-24 * time.Hour))
	// The disk of the machine that runs the test is none of the story's business.
	if a.buffer, err = buffer.Open(buffer.Options{Dir: filepath.Join(dir, "spool"), Logger: logger, Now: a.clock.now, MinFreeRatio: -1}); err != nil {
		t.Fatal(err)
	}
	if a.transport, err = transport.New(transport.Options{
		Buffer: a.buffer, Dir: filepath.Join(dir, "schemas"), Addresses: []string{c.grpc}, TLS: id.TLS, Host: wireHost, Logger: logger,
	}); err != nil {
		t.Fatal(err)
	}
	for i := range awayChecks {
		l := &schedule.Layout{Check: fmt.Sprint("away", i)}
		for s := range awaySeries / awayChecks {
			l.Series = append(l.Series, schedule.Series{Name: awayName(i*awaySeries/awayChecks + s), Kind: checks.KindGauge, Labels: []string{"check", l.Check}})
		}
		a.layouts = append(a.layouts, l)
	}
	return a
}

func awayName(series int) string { return fmt.Sprintf("away_metric_%d", series) }

// run starts the agent's parts; a.stop ends them and closes the spool.
func (a *awayAgent) run(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	ends := make([]error, 2)
	wg.Go(func() { ends[0] = a.transport.Run(ctx) })
	wg.Go(func() { ends[1] = a.buffer.Run(ctx) })
	var once sync.Once
	a.stop = func(t *testing.T) {
		once.Do(func() {
			cancel()
			wg.Wait()
			for _, err := range append(ends, a.buffer.Close()) {
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	t.Cleanup(func() { a.stop(t) })
}

// measureAway delivers the cycles of the time before now.
func (a *awayAgent) measureAway(t *testing.T, away time.Duration) {
	t.Helper()
	now := time.Now()
	for at := now.Add(-away).Truncate(time.Millisecond); at.Before(now); at = at.Add(awayInterval) {
		a.clock.set(at)
		a.cycle(t, at)
	}
	a.clock.set(time.Time{})
}

func (a *awayAgent) cycle(t *testing.T, at time.Time) {
	t.Helper()
	ms, series := at.UnixMilli(), 0
	c := schedule.Cycle{Time: time.UnixMilli(ms)}
	for _, l := range a.layouts {
		r := schedule.Reading{Check: l.Check, Layout: l}
		for range l.Series {
			r.Values = append(r.Values, awayValue(series, ms))
			series++
		}
		c.Readings = append(c.Readings, r)
	}
	if err := a.transport.Deliver(c); err != nil {
		t.Fatal(err)
	}
	a.times = append(a.times, ms)
}

// awaySeed makes the noise the same for both who ask.
var awaySeed = maphash.MakeSeed()

// awayValue is what a series is at a time: a counter, a constant, noise, or a small number.
func awayValue(series int, ms int64) float64 {
	noise := maphash.Comparable(awaySeed, [2]int64{int64(series), ms})
	switch series % 4 {
	case 0:
		return float64(ms/1000) * float64(series+1)
	case 1:
		return float64(series)
	case 2:
		return float64(noise) / math.MaxUint64
	}
	return float64(noise % 100)
}

func (a *awayAgent) held(c buffer.Class) uint64 {
	stats := a.buffer.Stats()
	return stats.Class(c).Records
}

// sentCycle is a live cycle that waits for its acknowledgement.
type sentCycle struct {
	seq uint64
	at  time.Time
}

// live measures every second in real time while the backlog drains, and holds lag and speed against what is demanded.
func (a *awayAgent) live(t *testing.T, away time.Duration) {
	t.Helper()
	var (
		connected, drained time.Time
		backlog            uint64 // its last sequence
		waiting            []sentCycle
		worst              time.Duration
		afterwards         int
	)
	next, poll := time.NewTicker(liveInterval), time.NewTicker(50*time.Millisecond)
	defer next.Stop()
	defer poll.Stop()
	giveUp := time.After(70*time.Second + 2*away/leastSpeed)
	for afterwards < 5 || len(waiting) > 0 {
		select {
		case <-giveUp:
			t.Fatalf("not delivered in time: %d records are left; %+v", a.held(buffer.Metrics), a.transport.Status())
		case now := <-next.C:
			if afterwards >= 5 {
				continue // the last ones are on their way
			}
			a.cycle(t, now)
			if !connected.IsZero() {
				waiting = append(waiting, sentCycle{a.buffer.Last(buffer.Metrics), now})
			}
			if !drained.IsZero() {
				afterwards++
			}
		case <-poll.C:
		}
		if connected.IsZero() {
			if s := a.transport.Status(); s.Connected {
				connected, backlog = s.Since, a.buffer.Last(buffer.Metrics)
			}
			continue
		}
		for len(waiting) > 0 && a.settled(t, waiting[0].seq) {
			worst = max(worst, time.Since(waiting[0].at))
			waiting = waiting[1:]
		}
		if len(waiting) > 0 && time.Since(waiting[0].at) > worstLag {
			t.Fatalf("a live cycle is not acknowledged after %s, %d records are left", time.Since(waiting[0].at), a.held(buffer.Metrics))
		}
		if first, _ := a.buffer.Position(buffer.Metrics); drained.IsZero() && first > backlog {
			drained = time.Now()
		}
	}
	took := drained.Sub(connected)
	speed := away.Seconds() / took.Seconds()
	t.Logf("backlog of %s drained in %s: %.0f x real time; live lag at most %s", away, took.Round(time.Millisecond), speed, worst.Round(time.Millisecond))
	if speed < leastSpeed {
		t.Errorf("the backlog drained at %.0f x real time, %d x is demanded", speed, leastSpeed)
	}
	for c := buffer.Results; c <= buffer.Logs; c++ {
		if n := a.held(c); n != 0 {
			t.Errorf("the spool still holds %d records of class %s", n, c)
		}
	}
	if s := a.transport.Status(); s.Streams != 1 {
		t.Errorf("delivery took %d streams", s.Streams)
	}
	if stats := a.buffer.Stats(); len(stats.Drops) > 0 {
		t.Errorf("the spool dropped %v", stats.Drops)
	}
}

// settled reports whether a record is acknowledged: the next one that is not comes after it.
func (a *awayAgent) settled(t *testing.T, seq uint64) bool {
	t.Helper()
	rec, held, err := a.buffer.Next(buffer.Metrics, seq-1)
	if err != nil {
		t.Fatal(err)
	}
	return !held || rec.Seq > seq
}

// compare holds that each cycle's every sample is there once, with its value, and nothing else.
func (a *awayAgent) compare(t *testing.T, c *collector) {
	t.Helper()
	span := (time.Now().UnixMilli()-a.times[0])/1000 + 60
	wrong := 0
	for series := range awaySeries {
		answer, err := c.query(fmt.Sprintf(`%s{instance=%q}[%ds]`, awayName(series), a.instance, span))
		if err != nil {
			t.Fatal(err)
		}
		if len(answer) != 1 {
			t.Fatalf("%s: %d series, want 1", awayName(series), len(answer))
		}
		if err := a.sameSamples(series, answer[0].Values); err != nil {
			t.Errorf("%s: %v", awayName(series), err)
			if wrong++; wrong == 10 {
				t.FailNow()
			}
		}
	}
	t.Logf("%d series of %d samples each are there", awaySeries, len(a.times))
}

func (a *awayAgent) sameSamples(series int, got [][2]any) error {
	values := make(map[int64]float64, len(got))
	for _, v := range got {
		at, ok := v[0].(float64)
		text, isText := v[1].(string)
		f, err := strconv.ParseFloat(text, 64)
		if !ok || !isText || err != nil {
			return fmt.Errorf("sample %v is none", v)
		}
		values[int64(math.Round(at*1000))] = f
	}
	if len(got) != len(a.times) || len(values) != len(got) {
		return fmt.Errorf("%d samples at %d times, want %d", len(got), len(values), len(a.times))
	}
	for _, ms := range a.times {
		if v, ok := values[ms]; !ok || v != awayValue(series, ms) {
			return fmt.Errorf("at %d: %v (%v), want %v", ms, v, ok, awayValue(series, ms))
		}
	}
	return nil
}
