// Package schedule runs checks in cycles and hands what they found to a Sink.
//
//	          ┌ tick: k*interval + phase(agent, interval)
//	Scheduler ┤ group of jobs with one interval ── worker ── Check.Run(ctx, recorder)
//	          └ Cycle{Time, Readings, Results} ──> Sink
//
// All checks of one interval share the tick's scheduled time and travel in one Cycle. A check that is still running when the
// others are done follows in a cycle of its own with the same time; one that exceeds its deadline is reported and what it found is
// discarded; it is not started again before it has returned. Panics are contained. Intervals follow the monotonic clock,
// timestamps the wall clock; when the two part, a ClockJump is reported.
package schedule

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"sync"
	"time"

	"github.com/picketmon/picket/checks"
)

// Series is one time series of a check. Labels are pairs, names ascending.
type Series struct {
	Name   string
	Kind   checks.Kind
	Labels []string
}

// Layout is the ordered list of a check's series. It never changes; a check that reports other series gets another Layout.
type Layout struct {
	Check  string
	Series []Series

	reported [][]string // labels in the order in which the check gives them
}

// Reading is what one run of a check measured. Values belong to Layout.Series one by one and are valid until Deliver returns.
type Reading struct {
	Check  string
	Layout *Layout
	Values []float64
	Ended  []Series // series of the layout before that are no more
}

// Result is a judgement with its origin.
type Result struct {
	checks.Result
	Check    string
	Time     time.Time
	Duration time.Duration
}

// Cycle is what the checks of one tick found.
type Cycle struct {
	Time     time.Time // scheduled, in whole milliseconds
	Readings []Reading
	Results  []Result
}

// Sink takes cycles, in order, from one goroutine at a time. It must not keep the values.
type Sink interface {
	Deliver(Cycle) error
}

// Event is something about the schedule that people should know of.
type Event struct {
	Type    string // check_panic, check_timeout, clock_jump
	Check   string
	Message string
	Time    time.Time
}

// Job is a check and how often it runs.
type Job struct {
	Name     string
	Check    checks.Check
	Interval time.Duration // 0: Options.Interval
	Timeout  time.Duration // 0: the interval, at most 30 s
}

// Options configure a Scheduler. Jobs, Sink and Logger are required.
type Options struct {
	Jobs     []Job
	Sink     Sink
	Logger   *slog.Logger
	Key      string        // the agent's identity: sets the phase
	Interval time.Duration // default 10 s
	Grace    time.Duration // how long a cycle waits for slow checks; default 2 s
	Refresh  time.Duration // how often an unchanged health result is repeated; default 5 min
	OnEvent  func(Event)
	Wall     func() time.Time // default time.Now
}

func (o *Options) validate() error {
	if o.Sink == nil || o.Logger == nil {
		return errors.New("schedule needs a sink and a logger")
	}
	o.Interval = or(o.Interval, 10*time.Second)
	o.Grace = or(o.Grace, 2*time.Second)
	o.Refresh = or(o.Refresh, 5*time.Minute)
	if o.Wall == nil {
		o.Wall = time.Now
	}
	if o.OnEvent == nil {
		o.OnEvent = func(Event) {}
	}
	seen := map[string]bool{}
	for _, j := range o.Jobs {
		if j.Name == "" || j.Check == nil || seen[j.Name] {
			return fmt.Errorf("job %q: a job needs a name of its own and a check", j.Name)
		}
		if seen[j.Name] = true; j.Interval < 0 || j.Timeout < 0 {
			return fmt.Errorf("job %q: interval and timeout must not be negative", j.Name)
		}
	}
	return nil
}

func or(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// Scheduler runs jobs until its context ends.
type Scheduler struct {
	opts   Options
	groups []*group
	sink   sync.Mutex // serialises Deliver over groups and late checks
}

// New returns a Scheduler, or an error that names the job that is wrong.
func New(opts Options) (*Scheduler, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	s := &Scheduler{opts: opts}
	byInterval := map[time.Duration]*group{}
	for _, j := range opts.Jobs {
		j.Interval = or(j.Interval, opts.Interval)
		j.Timeout = or(j.Timeout, min(j.Interval, 30*time.Second))
		g := byInterval[j.Interval]
		if g == nil {
			g = &group{s: s, interval: j.Interval, phase: Phase(opts.Key, j.Interval)}
			byInterval[j.Interval] = g
			s.groups = append(s.groups, g)
		}
		g.runs = append(g.runs, newRun(s, j))
	}
	return s, nil
}

// Phase returns where in an interval an agent ticks: a hash of its key, in whole milliseconds, the same over restarts.
func Phase(key string, interval time.Duration) time.Duration {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s/%d", key, interval)
	return time.Duration(h.Sum64()%uint64(max(interval.Milliseconds(), 1))) * time.Millisecond
}

// Run ticks until ctx ends, then waits for the running checks to return, at most for the grace period.
func (s *Scheduler) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, g := range s.groups {
		wg.Go(func() { g.loop(ctx) })
	}
	wg.Wait()
	deadline := time.After(s.opts.Grace)
	for _, g := range s.groups {
		for _, r := range g.runs {
			select {
			case <-r.idle():
			case <-deadline:
				return fmt.Errorf("check %s did not return in %s", r.job.Name, s.opts.Grace)
			}
		}
	}
	return nil
}

// Once runs all jobs one time, now, and returns when all have been delivered.
func (s *Scheduler) Once(ctx context.Context) {
	at := s.opts.Wall().Truncate(time.Millisecond)
	for _, g := range s.groups {
		g.cycle(ctx, at)
	}
	for _, g := range s.groups {
		for _, r := range g.runs {
			select {
			case <-r.idle():
			case <-ctx.Done():
				return
			}
		}
	}
}

// Stats returns each job's counters, in the order of the jobs' intervals.
func (s *Scheduler) Stats() []Stats {
	var all []Stats
	for _, g := range s.groups {
		for _, r := range g.runs {
			all = append(all, r.snapshot())
		}
	}
	return all
}

func (s *Scheduler) deliver(c Cycle) {
	if len(c.Readings) == 0 && len(c.Results) == 0 {
		return
	}
	s.sink.Lock()
	defer s.sink.Unlock()
	if err := s.opts.Sink.Deliver(c); err != nil {
		s.opts.Logger.Error("deliver cycle", "time", c.Time, "error", err)
	}
}
