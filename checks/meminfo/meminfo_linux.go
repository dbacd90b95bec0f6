package meminfo

import (
	"context"
	"strings"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

type check struct {
	file  *hostfs.File
	names hostfs.Cache[names] // by the line's first field
}

// names are the families of a field: as it is and, where a unit follows, in bytes.
type names struct{ plain, bytes string }

func newCheck(o Options) checks.Check { return &check{file: o.FS.Proc("meminfo")} }

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
	return c.parse(data, r)
}

// parse reads lines like "MemTotal:       24684092 kB", "Active(anon):  1548 kB" and "HugePages_Free:    0".
func (c *check) parse(data []byte, r checks.Reporter) error {
	var problems hostfs.Problems
	lines := hostfs.Lines{Data: data}
	for {
		line, ok := lines.Next()
		if !ok {
			return problems.Err()
		}
		var parts [4][]byte
		n := hostfs.Fields(parts[:], line)
		if n == 0 {
			continue
		}
		v, ok := hostfs.Float(parts[1])
		family := c.family(parts[0])
		if !ok || n > 3 || n == 3 && string(parts[2]) != "kB" || !checks.ValidName(family.plain) {
			problems.Line(c.file.Path(), lines.N, "want a field and a number", line)
			continue
		}
		if n == 3 {
			r.Gauge(family.bytes, v*1024)
		} else {
			r.Gauge(family.plain, v)
		}
	}
}

func (c *check) family(field []byte) names {
	f, ok := c.names.Get(field)
	if !ok {
		name := strings.TrimSuffix(string(field), ":")
		name = strings.NewReplacer("(", "_", ")", "").Replace(name)
		f = names{plain: "node_memory_" + name, bytes: "node_memory_" + name + "_bytes"}
		c.names.Put(field, f)
	}
	return f
}
