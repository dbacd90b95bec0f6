package loadavg

import (
	"context"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

type check struct {
	file *hostfs.File
}

func newCheck(o Options) checks.Check { return &check{file: o.FS.Proc("loadavg")} }

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

// parse reads "0.28 1.03 0.65 1/90 12345".
func parse(path string, data []byte, r checks.Reporter) error {
	var problems hostfs.Problems
	lines := hostfs.Lines{Data: data}
	line, _ := lines.Next()
	for _, name := range [...]string{"node_load1", "node_load5", "node_load15"} {
		var field []byte
		field, line = hostfs.Field(line)
		v, ok := hostfs.Float(field)
		if !ok {
			problems.Line(path, 1, "load average is not a number", field)
			continue
		}
		r.Gauge(name, v)
	}
	return problems.Err()
}
