package cpu

import (
	"bytes"
	"context"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

const (
	ticks = 100 // per second in /proc/stat, whatever the kernel's own frequency
	// jump is how many seconds idle time must fall by to mean that the CPU was taken away and came back.
	jump = 3.0
	idle = 3 // index into modes
)

// modes are the first columns of a cpu line in their order; the last two columns are guest times.
func modes() [8]string {
	return [8]string{"user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"}
}

type check struct {
	stat     *hostfs.File
	modes    [8]string
	cpus     hostfs.Cache[*processor] // by the line's first field
	labels   [4]string
	isolated isolated
	throttle throttle
}

// processor is one CPU. Its counters never go back, though the kernel's sometimes do by a tick.
type processor struct {
	number  string
	seconds [10]float64
}

func newCheck(o Options) checks.Check {
	return &check{
		stat: o.FS.Proc("stat"), modes: modes(),
		isolated: isolated{fs: o.FS}, throttle: throttle{fs: o.FS},
	}
}

// Run implements checks.Check.
func (c *check) Run(ctx context.Context, r checks.Reporter) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	data, err := c.stat.Acquire(r.Time())
	defer c.stat.Release()
	if err != nil {
		return hostfs.NoData(err)
	}
	var problems hostfs.Problems
	cpus := c.parse(data, r, &problems)
	problems.Add(c.isolated.report(cpus, r))
	problems.Add(c.throttle.report(cpus, r))
	return problems.Err()
}

// parse reads lines like "cpu0 19277 0 5789 78434 138 0 44 2530 0 0" and returns how many CPUs it has seen. Old kernels
// have fewer columns; those that lack are zero.
func (c *check) parse(data []byte, r checks.Reporter, problems *hostfs.Problems) int {
	lines := hostfs.Lines{Data: data}
	seen := 0
	for {
		line, ok := lines.Next()
		if !ok {
			break
		}
		name, rest := hostfs.Field(line)
		number, ok := bytes.CutPrefix(name, []byte("cpu"))
		if !ok {
			break // the cpu lines come first
		}
		if len(number) == 0 {
			continue
		}
		if _, ok := hostfs.Uint(number); !ok {
			problems.Line(c.stat.Path(), lines.N, "CPU has no number", name)
			continue
		}
		var now [10]float64
		if !columns(&now, rest) {
			problems.Line(c.stat.Path(), lines.N, "want ticks", line)
			continue
		}
		p := c.processor(number)
		p.advance(&now)
		c.report(p, r)
		seen++
	}
	c.cpus.Sweep(seen)
	return seen
}

func columns(into *[10]float64, rest []byte) bool {
	for i := range into {
		var field []byte
		if field, rest = hostfs.Field(rest); len(field) == 0 {
			return i >= 4 // even Linux 2.4 has user, nice, system and idle
		}
		v, ok := hostfs.Float(field)
		if !ok {
			return false
		}
		into[i] = v / ticks
	}
	return true
}

func (c *check) processor(number []byte) *processor {
	p, ok := c.cpus.Get(number)
	if !ok {
		p = &processor{number: string(number)}
		c.cpus.Put(number, p)
	}
	return p
}

// advance takes over what has grown. A CPU whose idle time fell a lot starts anew.
func (p *processor) advance(now *[10]float64) {
	if p.seconds[idle]-now[idle] >= jump {
		p.seconds = *now
		return
	}
	for i, v := range now {
		p.seconds[i] = max(p.seconds[i], v)
	}
}

func (c *check) report(p *processor, r checks.Reporter) {
	c.labels = [4]string{"cpu", p.number, "mode", ""}
	for i, mode := range c.modes {
		c.labels[3] = mode
		r.Counter("node_cpu_seconds_total", p.seconds[i], c.labels[:]...)
	}
	c.labels[3] = "user"
	r.Counter("node_cpu_guest_seconds_total", p.seconds[8], c.labels[:]...)
	c.labels[3] = "nice"
	r.Counter("node_cpu_guest_seconds_total", p.seconds[9], c.labels[:]...)
}
