// Package stat reports what the kernel counts as a whole: interrupts, context switches, forks, boot time, running and
// blocked processes. It reads /proc/stat, once per cycle together with the cpu check, and makes node_intr_total,
// node_context_switches_total, node_forks_total, node_boot_time_seconds, node_procs_running and node_procs_blocked.
// Linux only.
package stat

import (
	"context"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

// Options say where to look. FS is required.
type Options struct {
	FS *hostfs.FS
}

// Spec describes the check.
func Spec(o Options) checks.Spec {
	return checks.Spec{
		Name: "stat",
		Help: "Kernel-wide counters: interrupts, context switches, forks, processes.",
		Metrics: []checks.Metric{
			{Name: "node_intr_total", Kind: checks.KindCounter, Help: "Total number of interrupts serviced."},
			{Name: "node_context_switches_total", Kind: checks.KindCounter, Help: "Total number of context switches."},
			{Name: "node_forks_total", Kind: checks.KindCounter, Help: "Total number of forks."},
			{Name: "node_boot_time_seconds", Kind: checks.KindGauge, Help: "Node boot time, in unixtime.", Unit: "seconds"},
			{Name: "node_procs_running", Kind: checks.KindGauge, Help: "Number of processes in runnable state."},
			{Name: "node_procs_blocked", Kind: checks.KindGauge, Help: "Number of processes blocked waiting for I/O to complete."},
		},
		New: func() (checks.Check, error) { return &check{file: o.FS.Proc("stat")}, nil },
	}
}

type check struct {
	file *hostfs.File
}

// Run implements checks.Check.
func (c *check) Run(ctx context.Context, r checks.Reporter) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	data, err := c.file.Acquire(r.Time())
	defer c.file.Release()
	if err != nil {
		return hostfs.NoData(err)
	}
	return parse(c.file.Path(), data, r)
}

// parse reads lines like "ctxt 1121592"; of "intr 778774 0 0 ..." only the first number, the sum, counts.
func parse(path string, data []byte, r checks.Reporter) error {
	var problems hostfs.Problems
	var done [6]bool
	lines := hostfs.Lines{Data: data}
	for {
		line, ok := lines.Next()
		if !ok {
			return problems.Err()
		}
		key, rest := hostfs.Field(line)
		i, name := family(key)
		if name == "" || done[i] {
			continue
		}
		field, _ := hostfs.Field(rest)
		v, ok := hostfs.Float(field)
		if !ok {
			problems.Line(path, lines.N, string(key)+" is not a number", field)
			continue
		}
		done[i] = true
		if i < 3 {
			r.Counter(name, v)
		} else {
			r.Gauge(name, v)
		}
	}
}

// family returns the metric of a line of /proc/stat, the first three being counters.
func family(key []byte) (int, string) {
	switch string(key) {
	case "intr":
		return 0, "node_intr_total"
	case "ctxt":
		return 1, "node_context_switches_total"
	case "processes":
		return 2, "node_forks_total"
	case "btime":
		return 3, "node_boot_time_seconds"
	case "procs_running":
		return 4, "node_procs_running"
	case "procs_blocked":
		return 5, "node_procs_blocked"
	}
	return 0, ""
}
