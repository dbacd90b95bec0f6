// Package vmstat reports counters of the virtual memory: page faults, paging, swapping, out-of-memory kills. It reads
// /proc/vmstat and makes node_vmstat_<field> of the fields that match Options.Fields. Linux only.
package vmstat

import (
	"context"
	"fmt"
	"regexp"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

// DefaultFields is node_exporter's choice of fields.
const DefaultFields = `^(oom_kill|pgpg|pswp|pg.*fault).*`

// Options say where to look. FS is required.
type Options struct {
	FS     *hostfs.FS
	Fields string // regular expression of the fields to report; empty means DefaultFields
}

// Spec describes the check.
func Spec(o Options) checks.Spec {
	return checks.Spec{
		Name: "vmstat",
		Help: "Counters of the virtual memory.",
		Metrics: []checks.Metric{
			{Name: "node_vmstat_*", Kind: checks.KindUntyped, Help: "Field of /proc/vmstat."},
		},
		New: func() (checks.Check, error) { return newCheck(o) },
	}
}

type check struct {
	file   *hostfs.File
	wanted *regexp.Regexp
	names  hostfs.Cache[string] // by field; empty means not wanted
}

func newCheck(o Options) (*check, error) {
	if o.Fields == "" {
		o.Fields = DefaultFields
	}
	wanted, err := regexp.Compile(o.Fields)
	if err != nil {
		return nil, fmt.Errorf("vmstat fields: %w", err)
	}
	return &check{file: o.FS.Proc("vmstat"), wanted: wanted}, nil
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
	return c.parse(data, r)
}

// parse reads lines like "pgfault 9787018".
func (c *check) parse(data []byte, r checks.Reporter) error {
	var problems hostfs.Problems
	lines := hostfs.Lines{Data: data}
	for {
		line, ok := lines.Next()
		if !ok {
			return problems.Err()
		}
		field, rest := hostfs.Field(line)
		if len(field) == 0 {
			continue
		}
		name := c.name(field)
		if name == "" {
			continue
		}
		value, _ := hostfs.Field(rest)
		v, ok := hostfs.Float(value)
		if !ok || !checks.ValidName(name) {
			problems.Line(c.file.Path(), lines.N, "want a field and a number", line)
			continue
		}
		r.Untyped(name, v)
	}
}

func (c *check) name(field []byte) string {
	name, ok := c.names.Get(field)
	if !ok {
		if c.wanted.Match(field) {
			name = "node_vmstat_" + string(field)
		}
		c.names.Put(field, name)
	}
	return name
}
