//go:build linux

// Command ingest compares what the collector spends on samples that agents stream to it with bare tsdb appends of the same samples:
// 100 hosts of 100 series, one message and one commit per host and step. The collector is whole and has a process of its own,
// with gRPC, TLS, enrolled agents, SQLite and the store; many messages are in flight up to the window it grants. The bare database has
// the same options and a process of its own too. Both run on the same processor, in turns: ours, raw, raw, ours. The command prints CPU
// seconds per million samples of both and the median of the rounds' ratios, and exits with 1 when that is above the bar.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/picketmon/picket/bench/herd"
)

const hosts = 100

type options struct {
	rounds, steps int
	pin           bool
	profile       string
}

func main() {
	if herd.BeChild(map[string]herd.Role{"collector": herd.Collector, "raw": raw}) {
		return
	}
	var o options
	flag.IntVar(&o.rounds, "rounds", 22, "rounds of ours, raw, raw, ours")
	flag.IntVar(&o.steps, "steps", 20, "steps per measurement")
	flag.BoolVar(&o.pin, "pin", true, "run the measured processes on one processor")
	flag.StringVar(&o.profile, "profile", "", "write the collector's CPU profile to this file")
	bar := flag.Float64("bar", 1.3, "highest ratio that passes")
	flag.Parse()
	if most := int((50 * time.Minute).Milliseconds() / step); 2*(o.rounds+1)*o.steps > most {
		fmt.Fprintf(os.Stderr, "ingest: these are more than %d steps, the last ones would be out of order\n", most)
		os.Exit(2)
	}
	ratio, err := run(context.Background(), o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "ingest:", err)
		os.Exit(1)
	}
	if !(ratio <= *bar) {
		fmt.Printf("MISSED: ratio %.2f is above %.2f\n", ratio, *bar)
		os.Exit(1)
	}
	fmt.Printf("ok: ratio %.2f, bar %.2f\n", ratio, *bar)
}

func run(ctx context.Context, o options) (ratio float64, err error) {
	dir, err := os.MkdirTemp("", "picket-bench-ingest-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	core := -1
	if o.pin {
		core = 0
	}
	bare, err := herd.StartChild("raw", filepath.Join(dir, "raw"), core)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, bare.Stop()) }()
	collector, err := herd.StartChild("collector", filepath.Join(dir, "collector"), core)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, collector.Stop()) }()
	agents, err := herd.Enrol(ctx, collector.Ready, hosts)
	if err != nil {
		return 0, err
	}
	for _, a := range agents {
		if err := a.Connect(ctx); err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, a.Close()) }()
	}
	return newContest(collector, bare, agents, o).run()
}

// contest feeds both sides the same samples in turns.
type contest struct {
	opts        options
	ours, bare  *herd.Child
	agents      []*herd.Agent
	values      []*herd.Values
	stretch     [][][]float64 // by host, then step
	t, rawT     int64         // the last step of both
	clients     time.Duration
	clientTurns int
}

func newContest(ours, bare *herd.Child, agents []*herd.Agent, o options) *contest {
	c := &contest{opts: o, ours: ours, bare: bare, agents: agents, t: begin().UnixMilli()}
	c.rawT = c.t
	for i := range agents {
		c.values = append(c.values, herd.NewValues(i))
		c.stretch = append(c.stretch, make([][]float64, o.steps))
		for s := range o.steps {
			c.stretch[i][s] = make([]float64, herd.Series)
		}
	}
	return c
}

// begin is where the samples' time begins. The collector writes series of its own at the present, and what is more than an hour
// behind the newest sample of all is out of order for the engine.
func begin() time.Time { return time.Now().Add(-55 * time.Minute).Truncate(time.Second) }

func (c *contest) run() (float64, error) {
	var ourCost, rawCost, ratios []float64
	million := float64(2*c.opts.steps*hosts*herd.Series) / 1e6
	for round := range c.opts.rounds + 1 {
		if round == 1 && c.opts.profile != "" {
			if _, err := c.ours.Ask("profile " + c.opts.profile); err != nil {
				return 0, err
			}
		}
		var cost [2]time.Duration
		for _, turn := range []int{0, 1, 1, 0} {
			took, err := []func() (time.Duration, error){c.ourTurn, c.rawTurn}[turn]()
			if err != nil {
				return 0, err
			}
			cost[turn] += took
		}
		if round == 0 {
			continue // series are made and chunks begun
		}
		ourCost, rawCost = append(ourCost, cost[0].Seconds()/million), append(rawCost, cost[1].Seconds()/million)
		ratios = append(ratios, cost[0].Seconds()/cost[1].Seconds())
	}
	if c.opts.profile != "" {
		if _, err := c.ours.Ask("stop profile"); err != nil {
			return 0, err
		}
	}
	c.print(ourCost, rawCost, ratios)
	return herd.Median(ratios), c.check()
}

// check holds that every sample was stored, and in order.
func (c *contest) check() error {
	stored, err := c.ours.Number("picket_ingest_samples_total")
	if err != nil {
		return err
	}
	late, err := c.ours.Number("prometheus_tsdb_head_out_of_order_samples_appended_total")
	if err != nil {
		return err
	}
	if sent := float64(c.clientTurns * c.opts.steps * hosts * herd.Series); stored != sent || late != 0 {
		return fmt.Errorf("%.0f samples were sent, %.0f stored, %.0f of them out of order", sent, stored, late)
	}
	return nil
}

func (c *contest) print(ourCost, rawCost, ratios []float64) {
	var acks, messages uint64
	for _, a := range c.agents {
		_, acked, n, _ := a.Counts()
		acks, messages = acks+n, messages+acked
	}
	samples := float64(c.clientTurns*c.opts.steps*hosts*herd.Series) / 1e6
	fmt.Printf("collector, gRPC and TLS   %.3f cpu-s per million samples (median of %d rounds)\n", herd.Median(ourCost), len(ourCost))
	fmt.Printf("raw tsdb append           %.3f cpu-s per million samples\n", herd.Median(rawCost))
	fmt.Printf("the agents                %.3f cpu-s per million samples, %.1f messages per acknowledgement\n",
		c.clients.Seconds()/samples, float64(messages)/float64(acks))
	fmt.Printf("ratios of the rounds      %.2f\n", ratios)
}

// ourTurn streams a stretch of all hosts at the same time and returns the CPU time of the collector until all is acknowledged.
func (c *contest) ourTurn() (time.Duration, error) {
	for i, v := range c.values {
		for s := range c.stretch[i] {
			copy(c.stretch[i][s], v.Next())
		}
	}
	own, err := herd.OwnCPU()
	if err != nil {
		return 0, err
	}
	before, err := c.ours.CPU()
	if err != nil {
		return 0, err
	}
	var wg sync.WaitGroup
	failed := make([]error, len(c.agents))
	for i, a := range c.agents {
		wg.Go(func() { failed[i] = c.deliver(a, c.stretch[i]) })
	}
	wg.Wait()
	after, err := c.ours.CPU()
	if err := errors.Join(append(failed, err)...); err != nil {
		return 0, err
	}
	c.t += int64(c.opts.steps) * step
	if now, err := herd.OwnCPU(); err == nil {
		c.clients += now - own
		c.clientTurns++
	}
	return after - before, nil
}

func (c *contest) deliver(a *herd.Agent, stretch [][]float64) error {
	for s, values := range stretch {
		if err := a.Send(c.t+int64(s+1)*step, values, s+1 < len(stretch)); err != nil {
			return fmt.Errorf("host %d: %w", a.Host, err)
		}
	}
	return a.Drain()
}

// rawTurn makes the other child append the same stretch and returns the CPU time it says that took.
func (c *contest) rawTurn() (time.Duration, error) {
	ns, err := c.bare.Number(fmt.Sprintf("%d %d", c.rawT, c.opts.steps))
	if err != nil {
		return 0, err
	}
	c.rawT += int64(c.opts.steps) * step
	return time.Duration(ns), nil
}
