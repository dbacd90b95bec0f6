package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/picketmon/picket/checks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// seen is a Sink that keeps a copy of all it gets.
type seen struct {
	mu     sync.Mutex
	cycles []Cycle
}

func (s *seen) Deliver(c Cycle) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range c.Readings {
		c.Readings[i].Values = slices.Clone(c.Readings[i].Values)
	}
	s.cycles = append(s.cycles, c)
	return nil
}

func (s *seen) results() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, c := range s.cycles {
		for _, r := range c.Results {
			out = append(out, fmt.Sprintf("%s %s %s: %s", r.Check, r.Resource, r.Status, r.Output))
		}
	}
	return out
}

func constant(name string, v float64) checks.Check {
	return checks.Func(func(_ context.Context, r checks.Reporter) error {
		r.Gauge(name, v, "b", "2", "a", "1")
		return nil
	})
}

func start(t *testing.T, opts Options) (stop func()) {
	t.Helper()
	opts.Logger = slog.New(slog.DiscardHandler)
	s, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Log(err) // a hung check is what some tests mean to have
		}
	}
}

func TestAllChecksOfATickShareItsTimeAndTravelTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sink seen
		stop := start(t, Options{Sink: &sink, Key: "agent-1", Jobs: []Job{
			{Name: "one", Check: constant("one", 1)},
			{Name: "two", Check: constant("two", 2)},
			{Name: "often", Check: constant("often", 3), Interval: time.Second},
		}})
		time.Sleep(time.Minute)
		stop()
		ticks := map[string][]time.Time{}
		for _, c := range sink.cycles {
			var names []string
			for _, r := range c.Readings {
				names = append(names, r.Check)
			}
			ticks[strings.Join(names, "+")] = append(ticks[strings.Join(names, "+")], c.Time)
		}
		if len(ticks) != 2 || len(ticks["one+two"]) != 6 || len(ticks["often"]) != 60 {
			t.Fatalf("ticks: %v", ticks)
		}
		phase := Phase("agent-1", 10*time.Second)
		for _, at := range ticks["one+two"] {
			if got := time.Duration(at.UnixMilli()%10_000) * time.Millisecond; got != phase {
				t.Errorf("tick at %s, phase %s, want %s", at, got, phase)
			}
		}
		series := sink.cycles[0].Readings[0].Layout.Series[0]
		if diff := cmp.Diff([]string{"a", "1", "b", "2"}, series.Labels); diff != "" {
			t.Errorf("labels (-want +got):\n%s", diff)
		}
	})
}

func TestLayoutStaysTheSameValueWhileSeriesDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sink seen
		n := 0
		stop := start(t, Options{Sink: &sink, Jobs: []Job{{Name: "x", Check: checks.Func(func(_ context.Context, r checks.Reporter) error {
			n++
			r.Gauge("always", float64(n))
			if n < 3 {
				r.Gauge("early", 1, "dev", "a")
			}
			if n == 4 {
				return errors.New("lost the rest")
			}
			r.Counter("last", 2)
			return nil
		})}}})
		time.Sleep(50 * time.Second)
		stop()
		layouts := map[*Layout]int{}
		var ended []string
		for i, c := range sink.cycles {
			layouts[c.Readings[0].Layout]++
			for _, e := range c.Readings[0].Ended {
				ended = append(ended, fmt.Sprintf("%d %s", i, e.Name))
			}
		}
		if diff := cmp.Diff([]string{"2 early"}, ended); diff != "" {
			t.Errorf("ended series (-want +got):\n%s", diff)
		}
		if len(layouts) != 4 { // all, without early, error, whole again
			t.Errorf("%d layouts for 5 cycles", len(layouts))
		}
	})
}

func TestSlowCheckDelaysOnlyItselfAndNeverOverlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sink seen
		running, most := 0, 0
		stop := start(t, Options{Sink: &sink, Jobs: []Job{
			{Name: "slow", Timeout: time.Minute, Check: checks.Func(func(_ context.Context, r checks.Reporter) error {
				running++
				most = max(most, running)
				time.Sleep(14 * time.Second)
				running--
				r.Gauge("slow", 1)
				return nil
			})},
			{Name: "fast", Check: constant("fast", 1)},
		}})
		begin := time.Now()
		time.Sleep(61 * time.Second)
		stop()
		fast, slow := 0, 0
		for _, c := range sink.cycles {
			for _, r := range c.Readings {
				if r.Check == "fast" {
					fast++
				} else {
					slow++
				}
			}
			if len(c.Readings) > 1 {
				t.Errorf("cycle %s waited for the slow check", c.Time.Sub(begin))
			}
		}
		if fast != 6 || slow < 2 || most != 1 {
			t.Errorf("fast %d, slow %d, at once %d", fast, slow, most)
		}
	})
}

func TestHungCheckIsReportedAndOthersGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sink seen
		var events []string
		release := make(chan struct{})
		stop := start(t, Options{
			Sink:    &sink,
			OnEvent: func(e Event) { events = append(events, e.Type+" "+e.Check) },
			Jobs: []Job{
				{Name: "hung", Check: checks.Func(func(_ context.Context, r checks.Reporter) error {
					<-release
					r.Gauge("too_late", 1)
					return nil
				})},
				{Name: "ok", Check: constant("ok", 1)},
			},
		})
		time.Sleep(35 * time.Second)
		close(release)
		stop()
		all := strings.Join(sink.results(), "\n")
		if !strings.Contains(all, "hung check unknown: has been running for") || !strings.Contains(all, "ok check ok: runs") {
			t.Errorf("results:\n%s", all)
		}
		for _, c := range sink.cycles {
			for _, r := range c.Readings {
				if r.Check == "hung" {
					t.Errorf("what a check found past its deadline was delivered")
				}
			}
		}
		if !slices.Contains(events, "check_timeout hung") {
			t.Errorf("events: %v", events)
		}
	})
}

func TestPanicIsContained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sink seen
		var events []string
		stop := start(t, Options{
			Sink:    &sink,
			OnEvent: func(e Event) { events = append(events, e.Type) },
			Jobs: []Job{{Name: "bad", Check: checks.Func(func(context.Context, checks.Reporter) error {
				panic("boom")
			})}},
		})
		time.Sleep(25 * time.Second)
		stop()
		if diff := cmp.Diff([]string{"bad check unknown: panic: boom"}, sink.results()); diff != "" {
			t.Errorf("results (-want +got):\n%s", diff)
		}
		if len(events) < 2 {
			t.Errorf("events: %v", events)
		}
	})
}

func TestClockJumpsKeepTheCadence(t *testing.T) {
	for _, jump := range []time.Duration{time.Hour, -time.Hour, 24 * time.Hour, -24 * time.Hour} {
		t.Run(jump.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sink seen
				var offset time.Duration
				var mu sync.Mutex
				var events []Event
				stop := start(t, Options{
					Sink: &sink, Jobs: []Job{{Name: "x", Check: constant("x", 1)}},
					OnEvent: func(e Event) { events = append(events, e) },
					Wall: func() time.Time {
						mu.Lock()
						defer mu.Unlock()
						return time.Now().Add(offset)
					},
				})
				time.Sleep(60 * time.Second)
				mu.Lock()
				offset = jump
				mu.Unlock()
				time.Sleep(60 * time.Second)
				stop()
				times := map[time.Time]bool{}
				for _, c := range sink.cycles {
					times[c.Time] = true
				}
				if len(sink.cycles) != 12 || len(times) != 12 {
					t.Errorf("%d cycles with %d different times in 120 s", len(sink.cycles), len(times))
				}
				if len(events) != 1 || events[0].Type != "clock_jump" {
					t.Errorf("events: %v", events)
				}
			})
		})
	}
}

func TestBadReportsAreRefusedAndNamed(t *testing.T) {
	tests := map[string]struct {
		report func(checks.Reporter)
		want   string
	}{
		"metric name": {func(r checks.Reporter) { r.Gauge("1x", 1) }, `metric name "1x" is not valid`},
		"odd labels":  {func(r checks.Reporter) { r.Gauge("x", 1, "a") }, `label "a" has no value`},
		"reserved":    {func(r checks.Reporter) { r.Gauge("x", 1, "__name__", "y") }, `label name "__name__" is not valid`},
		"not UTF-8":   {func(r checks.Reporter) { r.Gauge("x", 1, "a", "\xff") }, `is not UTF-8`},
		"label twice": {func(r checks.Reporter) { r.Gauge("x", 1, "a", "1", "a", "2") }, `label a given twice`},
		"series twice": {func(r checks.Reporter) {
			r.Gauge("x", 1, "a", "1")
			r.Gauge("x", 2, "a", "1")
		}, `reported twice`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var sink seen
			s, err := New(Options{Sink: &sink, Logger: slog.New(slog.DiscardHandler), Jobs: []Job{{
				Name: "c", Check: checks.Func(func(_ context.Context, r checks.Reporter) error {
					r.Gauge("good", math.Pi)
					tt.report(r)
					return nil
				}),
			}}})
			if err != nil {
				t.Fatal(err)
			}
			s.Once(t.Context())
			if got := strings.Join(sink.results(), "\n"); !strings.Contains(got, tt.want) {
				t.Errorf("results %q lack %q", got, tt.want)
			}
			if got := sink.cycles[0].Readings[0].Values[0]; got != math.Pi {
				t.Errorf("the good value is %v", got)
			}
		})
	}
}

func BenchmarkCycleOfUnchangedSeries(b *testing.B) {
	labels := make([]string, 400)
	for i := range labels {
		labels[i] = fmt.Sprint(i)
	}
	r := &recorder{check: "x"}
	b.ReportAllocs()
	for b.Loop() {
		r.begin(time.Time{})
		for _, l := range labels {
			r.Gauge("metric", 1, "device", l)
		}
		if _, _, _, err := r.finish(true); err != nil {
			b.Fatal(err)
		}
	}
}
