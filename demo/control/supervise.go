package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/picketmon/picket/demo"
	"github.com/picketmon/picket/demo/sim"
)

// Supervise keeps the demo's processes running and simulates its hosts until ctx ends.
//
//	supervisor ─┬─ shop-load, shop-web, shop-app, shop-app, shop-store ── shop.prom ─┐
//	            ├─ hosts, simulated ─────────────────────────────────── host.prom ─┴─> folder of each host
//	            └─ picket-agent, one for each host, reads that folder ──> collector
func Supervise(ctx context.Context, dir demo.Dir, programs Programs, logger *slog.Logger) (err error) {
	plan, err := dir.ReadPlan()
	if err != nil {
		return err
	}
	disable, err := otherChecks(ctx, programs.Agent)
	if err != nil {
		return err
	}
	watch, err := demo.NewWatch(dir, func(b demo.Breaks) { logger.Info("breaks changed", "lasting", b.Lasting()) })
	if err != nil {
		return err
	}
	s := &supervisor{dir: dir, plan: plan, logger: logger, watch: watch, services: services(dir), agents: agents(dir, plan, programs.Agent, disable)}
	s.hosts = s.wake()
	mark, _ := markOf(os.Getpid())
	s.self = process{Name: "supervisor", PID: os.Getpid(), Mark: mark, Started: time.Now(), Starts: 1}
	logger.Info("the demo runs", "pid", os.Getpid(), "interval", plan.Interval)
	var wg sync.WaitGroup
	wg.Go(func() { watch.Run(ctx) })
	wg.Go(func() { s.simulate(ctx) })
	for _, c := range append(append([]*child{}, s.services...), s.agents...) {
		wg.Go(func() { c.keep(ctx, logger, s.note) })
	}
	wg.Wait()
	logger.Info("the demo stopped")
	return os.Remove(dir.Processes())
}

type supervisor struct {
	dir      demo.Dir
	plan     demo.Plan
	logger   *slog.Logger
	watch    *demo.Watch
	services []*child // in the order of demo.Hosts
	agents   []*child
	hosts    []*simulated
	self     process

	noting sync.Mutex
}

// simulated is a host with what was known of its service last.
type simulated struct {
	*sim.Host
	last   demo.Report
	write  func(*bytes.Buffer) error
	killed int
}

// note writes down which processes run.
func (s *supervisor) note() {
	s.noting.Lock()
	defer s.noting.Unlock()
	r := running{Supervisor: s.self}
	for _, c := range append(append([]*child{}, s.services...), s.agents...) {
		if p, ok := c.now(); ok {
			r.Children = append(r.Children, p)
		}
	}
	if err := writeRunning(s.dir, r); err != nil {
		s.logger.Error("note processes", "error", err)
	}
}

// wake returns the hosts. When the demo is started first they have the invented week behind them; later they have just been booted,
// as the demo's hosts are off while it is stopped.
func (s *supervisor) wake() []*simulated {
	var hosts []*sim.Host
	if s.plan.Runs <= 1 {
		run := sim.NewRun(sim.PastOf(s.plan.Started), s.plan.Seed)
		run.Finish()
		hosts = run.Hosts()
	} else {
		for _, h := range demo.Hosts() {
			hosts = append(hosts, sim.NewHost(h, s.plan.Seed, time.Now().Add(-20*time.Second)))
		}
	}
	var out []*simulated
	for _, h := range hosts {
		table := h.Table(demo.Label, demo.LabelValue)
		out = append(out, &simulated{Host: h, write: func(b *bytes.Buffer) error { return table.WriteText(b) }})
	}
	return out
}

// simulate lets the hosts live, and their kernels kill what takes too much memory, until ctx ends.
func (s *supervisor) simulate(ctx context.Context) {
	look := min(s.plan.Interval, time.Second)
	tick := time.NewTicker(look)
	defer tick.Stop()
	var due time.Time
	for {
		now := time.Now()
		for i, h := range s.hosts {
			if err := s.relieve(h, s.services[i]); err != nil {
				s.logger.Error("kill for memory", "host", h.Name, "error", err)
			}
		}
		if !now.Before(due) {
			due = now.Add(s.plan.Interval - look/2)
			for i, h := range s.hosts {
				if err := s.live(h, s.services[i], now); err != nil {
					s.logger.Error("simulate host", "host", h.Name, "error", err)
				}
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// live lets a host live until now, and writes its metrics.
func (s *supervisor) live(h *simulated, service *child, now time.Time) error {
	report, err := s.dir.ReadReport(h.Name)
	if err != nil {
		return err
	}
	_, runs := service.now()
	h.Step(now, activity(h.last, report, runs, now), s.watch.Breaks())
	h.last = report
	var text bytes.Buffer
	if err := h.write(&text); err != nil {
		return err
	}
	return demo.WriteFile(filepath.Join(s.dir.Textfile(h.Name), "host.prom"), text.Bytes())
}

// activity is what a service did between two reports. One that says nothing for a while does nothing.
func activity(before, after demo.Report, runs bool, now time.Time) sim.Activity {
	const silence = 5 * time.Second
	if !runs || now.Sub(after.Time) > silence {
		return sim.Activity{Down: !runs}
	}
	a := sim.Activity{Waiting: float64(after.InFlight), Leaked: float64(after.Leaked)}
	passed := after.Time.Sub(before.Time).Seconds()
	if before.PID != after.PID {
		before, passed = demo.Report{}, after.Time.Sub(after.Started).Seconds()
	}
	if passed > 0 {
		a.Requests = float64(after.Requests-before.Requests) / passed
		a.Written = float64(after.Written-before.Written) / passed
	}
	return a
}

// relieve kills the host's service when it has taken more memory than the host has, as the kernel would.
func (s *supervisor) relieve(h *simulated, service *child) error {
	report, err := s.dir.ReadReport(h.Name)
	p, runs := service.now()
	if err != nil || !runs || report.PID != p.PID || report.PID == h.killed || report.Leaked < sim.LeakRoom(h.Host.Host) {
		return err
	}
	h.killed = p.PID
	h.OOMKill()
	s.logger.Warn("out of memory: killing the service", "host", h.Name, "pid", p.PID, "leaked_bytes", report.Leaked)
	line := fmt.Sprintf("%s %s kernel: Out of memory: Killed process %d (%s) anon-rss:%dkB\n",
		time.Now().Format("Jan _2 15:04:05"), h.Name, p.PID, p.Name, report.Leaked>>10)
	kernel, err := demo.OpenLogFile(filepath.Join(s.dir.Logs(h.Name), "kern.log"))
	if err == nil {
		_, err = kernel.Write([]byte(line))
		err = errors.Join(err, kernel.Close())
	}
	return errors.Join(err, service.kill())
}
