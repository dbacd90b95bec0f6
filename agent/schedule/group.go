package schedule

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// jumpTolerance is how far wall and monotonic clock may part between two ticks before it counts as a jump.
const jumpTolerance = time.Second

// patience is how long a worker may sit in one check before another worker goes on with the rest.
const patience = 500 * time.Millisecond

// group is the jobs of one interval.
type group struct {
	s        *Scheduler
	interval time.Duration
	phase    time.Duration
	runs     []*run
}

// loop ticks on the wall clock's grid, waits on the monotonic clock.
func (g *group) loop(ctx context.Context) {
	wall, mono := g.s.opts.Wall().Round(0), time.Now()
	next := g.after(wall)
	timer := time.NewTimer(next.Sub(wall))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		now := g.s.opts.Wall().Round(0)
		if jump := now.Sub(wall) - time.Since(mono); jump.Abs() > jumpTolerance {
			next = g.jumped(now, jump)
		}
		wall, mono = now, time.Now()
		g.cycle(ctx, next)
		now = g.s.opts.Wall().Round(0)
		// A cycle that took longer than the interval leaves out the ticks it slept through.
		if next = next.Add(g.interval); next.Before(now) {
			next = g.after(now)
		}
		timer.Reset(next.Sub(now))
	}
}

// jumped moves the grid so that the present tick is on it, as the cadence goes on, and returns the tick's time on the new clock. After
// a jump back it moves by some milliseconds more: an hour lived twice must not produce the same timestamps twice.
func (g *group) jumped(now time.Time, jump time.Duration) time.Time {
	at := now.Truncate(time.Millisecond)
	if jump < 0 {
		at = at.Add(-time.Duration(1+rand.IntN(997)) * time.Millisecond)
	}
	g.phase = time.Duration(at.UnixMilli()%g.interval.Milliseconds()) * time.Millisecond
	g.s.opts.OnEvent(Event{
		Type: "clock_jump", Time: now,
		Message: fmt.Sprintf("the wall clock moved by %s against the monotonic clock", jump.Round(time.Millisecond)),
	})
	return at
}

// after returns the first tick after t.
func (g *group) after(t time.Time) time.Time {
	step, at := g.interval.Milliseconds(), t.UnixMilli()-g.phase.Milliseconds()
	k := at / step
	if at < 0 {
		k--
	}
	return time.UnixMilli((k+1)*step + g.phase.Milliseconds())
}

// cycle starts all jobs that are not still running and delivers what is there when all are done or the grace is over. One worker
// runs them one after the other, as most take microseconds; a slow check makes another worker go on with the rest.
func (g *group) cycle(ctx context.Context, at time.Time) {
	c := &collection{s: g.s, at: at, done: make(chan struct{})}
	for _, r := range g.runs {
		if r.begin(c) {
			c.due = append(c.due, r)
		}
	}
	c.left = len(c.due)
	if c.left == 0 {
		c.flush()
		return
	}
	go c.work(ctx)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for waited, seen := patience, int64(0); ; waited += patience {
		select {
		case <-c.done:
			c.flush()
			return
		case <-timer.C:
		}
		if waited >= g.s.opts.Grace {
			for range int64(len(c.due)) - c.started.Load() {
				go c.work(ctx)
			}
			c.flush()
			return
		}
		if started := c.started.Load(); started == seen && started < int64(len(c.due)) {
			go c.work(ctx)
		} else {
			seen = started
		}
		timer.Reset(patience)
	}
}

// collection gathers what the checks of one tick find.
type collection struct {
	s       *Scheduler
	at      time.Time
	due     []*run
	started atomic.Int64

	mu      sync.Mutex
	cycle   Cycle
	held    []*run // their values are in cycle until it is delivered
	left    int
	flushed bool
	done    chan struct{} // closed when left reaches 0
}

func (c *collection) work(ctx context.Context) {
	for {
		i := int(c.started.Add(1)) - 1
		if i >= len(c.due) {
			return
		}
		c.due[i].execute(ctx, c)
	}
}

// add takes a finished run's reading and results. After the flush they travel alone.
func (c *collection) add(r *run, reading *Reading, results []Result) {
	c.mu.Lock()
	late := c.flushed
	if !late {
		if reading != nil {
			c.cycle.Readings = append(c.cycle.Readings, *reading)
		}
		c.cycle.Results = append(c.cycle.Results, results...)
		c.held = append(c.held, r)
	}
	if c.left--; c.left == 0 {
		close(c.done)
	}
	c.mu.Unlock()
	if late {
		alone := Cycle{Time: c.at, Results: results}
		if reading != nil {
			alone.Readings = []Reading{*reading}
		}
		c.s.deliver(alone)
		r.end()
	}
}

// flush delivers the cycle and lets its runs begin anew.
func (c *collection) flush() {
	c.mu.Lock()
	c.flushed = true
	cycle, held := c.cycle, c.held
	c.mu.Unlock()
	cycle.Time = c.at
	c.s.deliver(cycle)
	for _, r := range held {
		r.end()
	}
}
