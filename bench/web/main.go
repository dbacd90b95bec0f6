//go:build linux

// Command web measures the pages of the web UI in a real browser, against a whole collector with a thousand simulated hosts that keep
// sending: the time from opening a page to useful content, the longest task that held the browser up, and how long a chart of ten series
// over 24 h at 10 s takes to draw. The stories are web/e2e/pages.bench.ts; this program makes the load, runs them with npm, and
// passes on whether the bars were met.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/picketmon/picket/bench/herd"
)

type options struct {
	hosts    int
	interval time.Duration
	past     time.Duration
	hold     bool
}

func main() {
	if herd.BeChild(map[string]herd.Role{"collector": herd.Collector}) {
		return
	}
	var o options
	flag.IntVar(&o.hosts, "hosts", 1000, "simulated hosts")
	flag.DurationVar(&o.interval, "interval", 10*time.Second, "how often each host sends")
	flag.DurationVar(&o.past, "past", time.Hour, "how much each host sends before the stories begin; the first ten send 24 h")
	flag.BoolVar(&o.hold, "hold", false, "run no stories: keep the hosts sending until interrupted, for a look by hand")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "web:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "picket-bench-web-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	child, err := herd.StartChild("collector", filepath.Join(dir, "collector"), -1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, child.Stop()) }()
	url, err := child.Ask(herd.URL)
	if err != nil {
		return err
	}
	sim := &simulation{options: o, layout: newLayout()}
	if err := sim.start(ctx, child.Ready); err != nil {
		return err
	}
	fmt.Printf("%d hosts with %d series each at %s, user admin, password %s\n", o.hosts, len(sim.layout.values), url, herd.AdminPassword)
	if o.hold {
		<-ctx.Done()
	} else {
		err = stories(ctx, url)
	}
	return errors.Join(err, sim.stop())
}

// stories runs the browser's part.
func stories(ctx context.Context, url string) error {
	cmd := exec.CommandContext(ctx, "npm", "run", "--silent", "bench")
	cmd.Dir, cmd.Stdout, cmd.Stderr = "web", os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "PICKET_E2E_URL="+url, "PICKET_E2E_PASSWORD="+herd.AdminPassword)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run stories in web/: %w", err)
	}
	return nil
}

// simulation is the hosts while they send.
type simulation struct {
	options
	layout *layout
	agents []*herd.Agent
	hosts  []*host
	failed atomic.Pointer[error]
	cancel context.CancelFunc
	ended  sync.WaitGroup
}

// start enrols the hosts, sends their past, and lets each send at its interval, at a phase of its own.
func (s *simulation) start(ctx context.Context, token string) (err error) {
	if s.agents, err = herd.Enrol(ctx, token, s.options.hosts); err != nil {
		return err
	}
	s.hosts = make([]*host, len(s.agents))
	now := time.Now().Truncate(s.interval)
	for i, a := range s.agents {
		a.Layout, s.hosts[i] = s.layout.def, newHost(i)
		if err := a.Connect(ctx); err != nil {
			return err
		}
	}
	if err := s.sendPast(now); err != nil {
		return err
	}
	ctx, s.cancel = context.WithCancel(ctx)
	for i := range s.agents {
		s.ended.Go(func() { s.follow(ctx, i, now) })
	}
	return nil
}

// sendPast sends what all hosts have measured up to now. Each waits for acknowledgements by itself: together they keep the collector busy.
func (s *simulation) sendPast(now time.Time) error {
	failed := make([]error, len(s.agents))
	var all sync.WaitGroup
	for i := range s.agents {
		all.Go(func() { failed[i] = s.sendPastOf(i, now) })
	}
	all.Wait()
	return errors.Join(failed...)
}

func (s *simulation) sendPastOf(i int, now time.Time) error {
	past := s.past
	if i < 10 {
		past = 24 * time.Hour
	}
	var row []float64
	var times []int64
	for t := now.Add(-past); !t.After(now); t = t.Add(s.interval) {
		times = append(times, t.UnixMilli())
	}
	for many := range slices.Chunk(times, 120) {
		err := s.agents[i].SendMany(many, func(t int64) []float64 {
			row = s.layout.row(s.hosts[i], float64(t)/1000, row)
			return row
		})
		if err != nil {
			return fmt.Errorf("send the past of host %d: %w", i, err)
		}
	}
	return nil
}

// follow sends a host's values until ctx ends.
func (s *simulation) follow(ctx context.Context, i int, last time.Time) {
	var row []float64
	phase := s.interval * time.Duration(i) / time.Duration(len(s.agents))
	for {
		last = last.Add(s.interval)
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(last.Add(phase))):
		}
		row = s.layout.row(s.hosts[i], float64(last.Unix()), row)
		if err := s.agents[i].Send(last.UnixMilli(), row, false); err != nil && ctx.Err() == nil {
			err = fmt.Errorf("host %d: %w", i, err)
			s.failed.Store(&err)
			return
		}
	}
}

func (s *simulation) stop() error {
	s.cancel()
	s.ended.Wait()
	var err error
	if failed := s.failed.Load(); failed != nil {
		err = *failed
	}
	for _, a := range s.agents {
		err = errors.Join(err, a.Close())
	}
	return err
}
