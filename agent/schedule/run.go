package schedule

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/picketmon/picket/checks"
)

// Stats are a job's counters since the start.
type Stats struct {
	Name     string
	Runs     uint64
	Failures uint64 // the check returned an error
	Timeouts uint64
	Panics   uint64
	Overlaps uint64 // ticks left out because the run before had not returned
	Last     time.Duration
	Total    time.Duration
	Series   int
	LastErr  string // of the last run, empty when it went well
	LastRun  time.Time
	// Err is what keeps the check from collecting, as of the last run: unlike LastErr also checks.ErrNoData, and in the same
	// words while the trouble is the same. Gaps are the parts that the check says it could not collect.
	Err  error
	Gaps []checks.Gap
}

// ErrDeadline says that a check does not finish in time.
var ErrDeadline = errors.New("does not finish within its deadline")

// run is a job's state from tick to tick.
type run struct {
	job  Job
	s    *Scheduler
	rec  recorder
	free chan struct{} // holds a token while no run is under way
	gaps []checks.Gap  // of the run under way

	mu       sync.Mutex
	stats    Stats
	began    time.Time // of the run under way, monotonic
	health   checks.Status
	reported time.Time // when health was last reported
}

func newRun(s *Scheduler, j Job) *run {
	r := &run{job: j, s: s, free: make(chan struct{}, 1), stats: Stats{Name: j.Name}}
	r.rec.check = j.Name
	r.free <- struct{}{}
	return r
}

// begin claims the run for a tick, or reports that the run before is still under way.
func (r *run) begin(c *collection) bool {
	select {
	case <-r.free:
		r.mu.Lock()
		r.began = time.Now()
		r.mu.Unlock()
		return true
	default:
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Overlaps++
	since := time.Since(r.began)
	if since < r.job.Timeout {
		return false
	}
	r.stats.Err = fmt.Errorf("%w of %s", ErrDeadline, r.job.Timeout)
	r.stats.LastErr = fmt.Sprintf("has been running for %s and does not obey its deadline of %s", since.Round(time.Second), r.job.Timeout)
	if res, ok := r.judge(checks.Unknown, r.stats.LastErr, c.at, since); ok {
		c.cycle.Results = append(c.cycle.Results, res)
	}
	return false
}

func (r *run) end() { r.free <- struct{}{} }

// idle returns a channel that is readable while no run is under way. The reader takes the token: the run cannot begin again.
func (r *run) idle() <-chan struct{} { return r.free }

// execute runs the check and adds what it found to the collection.
func (r *run) execute(ctx context.Context, c *collection) {
	start := time.Now()
	runCtx, cancel := context.WithTimeout(ctx, r.job.Timeout)
	r.rec.begin(c.at)
	err := r.contained(runCtx)
	timedOut := errors.Is(runCtx.Err(), context.DeadlineExceeded)
	cancel()
	took := time.Since(start)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		c.add(r, nil, nil) // the agent stops
		return
	}
	if err == nil && timedOut {
		err = fmt.Errorf("took %s, longer than its deadline of %s", took.Round(time.Millisecond), r.job.Timeout)
	}
	said := err
	if timedOut {
		said = fmt.Errorf("%w of %s", ErrDeadline, r.job.Timeout)
	}
	complete := err == nil || errors.Is(err, checks.ErrNoData)
	layout, values, ended, repErr := r.rec.finish(complete)
	if complete {
		err = repErr
	}
	if said == nil {
		said = repErr
	}
	r.explain(said)
	var reading *Reading
	if !timedOut && layout != nil && (len(values) > 0 || len(ended) > 0) {
		reading = &Reading{Check: r.job.Name, Layout: layout, Values: values, Ended: ended}
	}
	c.add(r, reading, r.account(c.at, took, timedOut, err))
}

func (r *run) contained(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
			r.mu.Lock()
			r.stats.Panics++
			r.mu.Unlock()
			r.s.opts.OnEvent(Event{Type: "check_panic", Check: r.job.Name, Message: fmt.Sprint(p), Time: r.s.opts.Wall()})
			r.s.opts.Logger.Error("check panicked", "check", r.job.Name, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	r.gaps = nil
	err = r.job.Check.Run(ctx, &r.rec)
	if e, ok := r.job.Check.(checks.Explainer); ok {
		r.gaps = slices.Clone(e.Gaps())
	}
	return err
}

// explain keeps why the check could not collect what it is for, in whole and in part.
func (r *run) explain(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Err, r.stats.Gaps = err, r.gaps
}

// account counts the run and returns the results it reported plus, when it changed or is due, the check's own health.
func (r *run) account(at time.Time, took time.Duration, timedOut bool, err error) []Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	st := &r.stats
	st.Runs++
	st.Last, st.Total, st.LastRun, st.LastErr = took, st.Total+took, at, ""
	st.Series = len(r.rec.values)
	health, output := checks.OK, "runs"
	if err != nil {
		health, output = checks.Unknown, err.Error()
		st.LastErr = output
		st.Failures++
	}
	if timedOut {
		st.Timeouts++
		r.s.opts.OnEvent(Event{Type: "check_timeout", Check: r.job.Name, Message: output, Time: at})
	}
	var results []Result
	for _, res := range r.rec.results {
		results = append(results, Result{Result: res, Check: r.job.Name, Time: at, Duration: took})
	}
	if res, ok := r.judge(health, output, at, took); ok {
		results = append(results, res)
	}
	return results
}

// judge returns the check's health as a result when it differs from the one before or that one is old. Callers hold r.mu.
func (r *run) judge(health checks.Status, output string, at time.Time, took time.Duration) (Result, bool) {
	if health == r.health && at.Sub(r.reported).Abs() < r.s.opts.Refresh {
		return Result{}, false
	}
	r.health, r.reported = health, at
	return Result{
		Result: checks.Result{Resource: "check", Status: health, Output: output},
		Check:  r.job.Name, Time: at, Duration: took,
	}, true
}

func (r *run) snapshot() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats
}
