// Package pressure reports how long processes waited for CPU, memory and I/O (pressure stall information). It reads
// /proc/pressure/{cpu,io,memory} and makes node_pressure_*_waiting_seconds_total and node_pressure_*_stalled_seconds_total.
// Kernels before 4.20, or started with psi=0, have no data. Linux only.
package pressure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

// Options say where to look. FS is required.
type Options struct {
	FS *hostfs.FS
}

// Spec describes the check.
func Spec(o Options) checks.Spec {
	metric := func(name, help string) checks.Metric {
		return checks.Metric{Name: name, Kind: checks.KindCounter, Help: help, Unit: "seconds"}
	}
	return checks.Spec{
		Name: "pressure",
		Help: "Time that processes waited for CPU, memory and I/O.",
		Metrics: []checks.Metric{
			metric("node_pressure_cpu_waiting_seconds_total", "Total time in seconds that processes have waited for CPU time."),
			metric("node_pressure_io_waiting_seconds_total", "Total time in seconds that processes have waited due to IO congestion."),
			metric("node_pressure_io_stalled_seconds_total", "Total time in seconds no process could make progress due to IO congestion."),
			metric("node_pressure_memory_waiting_seconds_total", "Total time in seconds that processes have waited for memory."),
			metric("node_pressure_memory_stalled_seconds_total", "Total time in seconds no process could make progress due to memory congestion."),
		},
		New: func() (checks.Check, error) { return newCheck(o), nil },
	}
}

// resource is one file; full is empty where node_exporter has no such metric.
type resource struct {
	file       *hostfs.File
	some, full string
}

type check struct {
	fs        *hostfs.FS
	resources [3]resource
}

func newCheck(o Options) *check {
	return &check{fs: o.FS, resources: [3]resource{
		{o.FS.Proc("pressure/cpu"), "node_pressure_cpu_waiting_seconds_total", ""},
		{o.FS.Proc("pressure/io"), "node_pressure_io_waiting_seconds_total", "node_pressure_io_stalled_seconds_total"},
		{o.FS.Proc("pressure/memory"), "node_pressure_memory_waiting_seconds_total", "node_pressure_memory_stalled_seconds_total"},
	}}
}

// Run implements checks.Check.
func (c *check) Run(ctx context.Context, r checks.Reporter) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var problems hostfs.Problems
	found := false
	var missing error
	for i := range c.resources {
		err := c.resources[i].report(r, &problems)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errors.ErrUnsupported) {
			missing = err
			continue
		}
		found = true
		if err != nil {
			problems.Add(fmt.Errorf("read pressure: %w", err))
		}
	}
	if !found {
		return c.explain(missing)
	}
	return problems.Err()
}

func (res *resource) report(r checks.Reporter, problems *hostfs.Problems) error {
	data, err := res.file.Acquire(r.Time())
	defer res.file.Release()
	if err != nil {
		return err
	}
	res.parse(data, r, problems)
	return nil
}

// parse reads lines like "some avg10=0.00 avg60=0.00 avg300=0.00 total=5652446", the total being in microseconds.
func (res *resource) parse(data []byte, r checks.Reporter, problems *hostfs.Problems) {
	lines := hostfs.Lines{Data: data}
	var done [2]bool
	for {
		line, ok := lines.Next()
		if !ok {
			return
		}
		kind, _ := hostfs.Field(line)
		name, i := "", 0
		switch string(kind) {
		case "some":
			name = res.some
		case "full":
			name, i = res.full, 1
		}
		if name == "" || done[i] {
			continue
		}
		at := bytes.LastIndex(line, []byte(" total="))
		if at < 0 {
			problems.Line(res.file.Path(), lines.N, "no total", line)
			continue
		}
		v, ok := hostfs.Float(hostfs.Trim(line[at+len(" total="):]))
		if !ok {
			problems.Line(res.file.Path(), lines.N, "total is not a number", line)
			continue
		}
		done[i] = true
		r.Counter(name, v/1000/1000)
	}
}
