// Package filefd reports how many file descriptors are open on the host and how many may be. It reads
// /proc/sys/fs/file-nr and makes node_filefd_allocated and node_filefd_maximum. Linux only.
package filefd

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
		Name: "filefd",
		Help: "Open file descriptors of the whole host.",
		Metrics: []checks.Metric{
			{Name: "node_filefd_allocated", Kind: checks.KindGauge, Help: "File descriptor statistics: allocated."},
			{Name: "node_filefd_maximum", Kind: checks.KindGauge, Help: "File descriptor statistics: maximum."},
		},
		New: func() (checks.Check, error) { return &check{file: o.FS.Proc("sys/fs/file-nr")}, nil },
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

// parse reads "529	0	2466186": allocated, free (always 0 since Linux 2.6), maximum.
func parse(path string, data []byte, r checks.Reporter) error {
	var problems hostfs.Problems
	lines := hostfs.Lines{Data: data}
	line, _ := lines.Next()
	for _, name := range [...]string{"node_filefd_allocated", "", "node_filefd_maximum"} {
		var field []byte
		field, line = hostfs.Field(line)
		v, ok := hostfs.Float(field)
		switch {
		case !ok:
			problems.Line(path, 1, "number of files is not a number", field)
		case name != "":
			r.Gauge(name, v)
		}
	}
	return problems.Err()
}
