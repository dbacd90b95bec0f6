//go:build linux

// Command fleet compares what the collector spends on a thousand agents that send one message of 100 samples each second with what
// Prometheus' remote-write handler spends on the same samples at the same pace. The collector is whole: gRPC, enrolled agents, SQLite,
// store. The peer is remote.NewWriteHandler behind net/http with HTTP/1.1 kept alive, over a tsdb with the same options; its requests
// are remote write 1.0 with snappy. Both speak TLS 1.3 on loopback and have a process of their own on the same processor. They are
// loaded in turns; who is not loaded keeps its connections and idles. The command prints CPU seconds per million samples of both and the
// median of the rounds' ratios, and exits with 1 when that is above the bar.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/picketmon/picket/bench/herd"
)

type options struct {
	agents, rounds int
	warm, measure  time.Duration
	pin            bool
	profile        string
	only           string
}

func main() {
	if herd.BeChild(map[string]herd.Role{"collector": herd.Collector, "handler": handler}) {
		return
	}
	var o options
	flag.IntVar(&o.agents, "agents", 1000, "agents, and clients of the peer")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds of both")
	flag.DurationVar(&o.warm, "warm", 5*time.Second, "load before each measurement")
	flag.DurationVar(&o.measure, "measure", 30*time.Second, "length of each measurement")
	flag.BoolVar(&o.pin, "pin", true, "run the measured processes on one processor")
	flag.StringVar(&o.profile, "profile", "", "write CPU profiles to files with this beginning")
	flag.StringVar(&o.only, "only", "", "measure only one side: collector or handler")
	bar := flag.Float64("bar", 0.5, "highest ratio that passes")
	flag.Parse()
	ratio, err := run(context.Background(), o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
	if o.only != "" {
		return
	}
	if !(ratio <= *bar) {
		fmt.Printf("MISSED: ratio %.2f is above %.2f\n", ratio, *bar)
		os.Exit(1)
	}
	fmt.Printf("ok: ratio %.2f, bar %.2f\n", ratio, *bar)
}

// side is one of the two that are compared.
type side struct {
	name    string
	child   *herd.Child
	clients []client
	cost    []float64 // CPU seconds per million samples, by round
}

// client is an agent, or what stands for it on the other side.
type client interface {
	// Cycle sends the present values. It must not wait for the answer.
	Cycle(now time.Time) error
	// Counts returns the messages sent and those that the server has confirmed.
	Counts() (sent, acked uint64, err error)
	Close() error
}

func run(ctx context.Context, o options) (ratio float64, err error) {
	dir, err := os.MkdirTemp("", "picket-bench-fleet-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var sides []*side
	defer func() {
		for _, s := range sides {
			err = errors.Join(err, s.close())
		}
	}()
	for _, s := range []struct {
		role    string
		connect func(ctx context.Context, ready string, n int) ([]client, error)
	}{{"collector", connectAgents}, {"handler", connectWriters}} {
		if o.only != "" && o.only != s.role {
			continue
		}
		core := -1
		if o.pin {
			core = 0
		}
		child, err := herd.StartChild(s.role, filepath.Join(dir, s.role), core)
		if err != nil {
			return 0, err
		}
		sd := &side{name: s.role, child: child}
		sides = append(sides, sd)
		if sd.clients, err = s.connect(ctx, child.Ready, o.agents); err != nil {
			return 0, err
		}
	}
	return compete(sides, o)
}

func (s *side) close() (err error) {
	for _, c := range s.clients {
		err = errors.Join(err, c.Close())
	}
	return errors.Join(err, s.child.Stop())
}

// compete loads the sides in turns, each round in the opposite order.
func compete(sides []*side, o options) (float64, error) {
	for _, s := range sides {
		// Series are made, and what belongs to the beginning passes.
		if _, err := s.load(2 * o.warm); err != nil {
			return 0, err
		}
	}
	for round := range o.rounds {
		for i := range sides {
			if round%2 == 1 {
				i = len(sides) - 1 - i
			}
			if err := sides[i].measure(o); err != nil {
				return 0, err
			}
		}
	}
	for _, s := range sides {
		fmt.Printf("%-10s %.2f cpu-s per million samples (rounds: %.2f)\n", s.name, herd.Median(s.cost), s.cost)
	}
	if len(sides) < 2 {
		return 0, nil
	}
	var ratios []float64
	for i := range sides[0].cost {
		ratios = append(ratios, sides[0].cost[i]/sides[1].cost[i])
	}
	return herd.Median(ratios), nil
}

// measure is one side's turn in a round.
func (s *side) measure(o options) error {
	if _, err := s.load(o.warm); err != nil {
		return err
	}
	if o.profile != "" && len(s.cost) == 0 {
		if _, err := s.child.Ask("profile " + o.profile + "." + s.name); err != nil {
			return err
		}
	}
	before, err := s.child.CPU()
	if err != nil {
		return err
	}
	messages, err := s.load(o.measure)
	if err != nil {
		return err
	}
	after, err := s.child.CPU()
	if err != nil {
		return err
	}
	if o.profile != "" && len(s.cost) == 0 {
		if _, err := s.child.Ask("stop profile"); err != nil {
			return err
		}
	}
	cost := (after - before).Seconds() / float64(messages*herd.Series) * 1e6
	s.cost = append(s.cost, cost)
	fmt.Printf("%-10s %.2f cpu-s per million samples, %.0f messages per second\n", s.name, cost, float64(messages)/o.measure.Seconds())
	return nil
}

// load lets every client send once a second, evenly spread, and returns the messages that were confirmed in that time.
func (s *side) load(d time.Duration) (uint64, error) {
	before, err := s.confirmed(0)
	if err != nil {
		return 0, err
	}
	begin, n := time.Now(), len(s.clients)
	for i := range int(d.Seconds() * float64(n)) {
		due := begin.Add(time.Duration(i) * time.Second / time.Duration(n))
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait)
		}
		if err := s.clients[i%n].Cycle(due); err != nil {
			return 0, fmt.Errorf("%s, client %d: %w", s.name, i%n, err)
		}
	}
	after, err := s.confirmed(5 * time.Second)
	return after - before, err
}

// confirmed returns the messages the server has confirmed. It waits for those under way, and fails when they take longer than patience.
func (s *side) confirmed(patience time.Duration) (all uint64, err error) {
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		var sent, acked uint64
		for i, c := range s.clients {
			was, is, err := c.Counts()
			if err != nil {
				return 0, fmt.Errorf("%s, client %d: %w", s.name, i, err)
			}
			sent, acked = sent+was, acked+is
		}
		if sent == acked {
			return acked, nil
		}
		if time.Now().After(deadline) {
			return 0, fmt.Errorf("%s: %d of %d messages were confirmed in %s", s.name, acked, sent, patience)
		}
	}
}
