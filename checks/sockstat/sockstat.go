// Package sockstat reports how many sockets are in use, by protocol. It reads /proc/net/sockstat and /proc/net/sockstat6,
// which the kernel keeps as sums, so that no connection is ever listed. It makes node_sockstat_sockets_used and
// node_sockstat_<protocol>_<state>. Linux only.
package sockstat

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

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
		Name: "sockstat",
		Help: "Sockets in use by protocol.",
		Metrics: []checks.Metric{
			{Name: "node_sockstat_sockets_used", Kind: checks.KindGauge, Help: "Number of IPv4 sockets in use."},
			{Name: "node_sockstat_*", Kind: checks.KindGauge, Help: "Number of sockets of a protocol in a state."},
		},
		New: func() (checks.Check, error) { return newCheck(o), nil },
	}
}

// states in the order in which they are reported; mem is in pages and is also given in bytes.
const (
	inuse = iota
	orphan
	tw
	alloc
	mem
	memory
	memBytes
	states
)

type check struct {
	files    [2]*hostfs.File
	page     float64
	families hostfs.Cache[*[states]string] // by protocol with its colon
}

func newCheck(o Options) *check {
	return &check{
		files: [2]*hostfs.File{o.FS.Proc("net/sockstat"), o.FS.Proc("net/sockstat6")},
		page:  float64(os.Getpagesize()),
	}
}

// Run implements checks.Check. A host without IPv4 or IPv6 lacks the file of it.
func (c *check) Run(ctx context.Context, r checks.Reporter) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var problems hostfs.Problems
	found := false
	var missing error
	for _, f := range c.files {
		err := c.report(f, r, &problems)
		if errors.Is(err, fs.ErrNotExist) {
			missing = err
			continue
		}
		found = true
		if err != nil {
			problems.Add(fmt.Errorf("read sockets: %w", err))
		}
	}
	if !found {
		return hostfs.NoData(missing)
	}
	return problems.Err()
}

func (c *check) report(f *hostfs.File, r checks.Reporter, problems *hostfs.Problems) error {
	data, err := f.Acquire(r.Time())
	defer f.Release()
	if err != nil {
		return err
	}
	lines := hostfs.Lines{Data: data}
	for {
		line, ok := lines.Next()
		if !ok {
			return nil
		}
		if !c.parse(line, r) {
			problems.Line(f.Path(), lines.N, "want a protocol and pairs of state and number", line)
		}
	}
}

// parse reads a line like "TCP: inuse 4 orphan 0 tw 0 alloc 4 mem 193" and reports it when it is well-formed.
func (c *check) parse(line []byte, r checks.Reporter) bool {
	protocol, rest := hostfs.Field(line)
	if len(protocol) < 2 || protocol[len(protocol)-1] != ':' {
		return len(protocol) == 0
	}
	var values [states]float64
	have := [states]bool{inuse: true}
	used, sawUsed := 0.0, false
	for {
		var key, number []byte
		if key, rest = hostfs.Field(rest); len(key) == 0 {
			break
		}
		number, rest = hostfs.Field(rest)
		v, ok := hostfs.Float(number)
		if !ok {
			return false
		}
		if string(key) == "used" {
			used, sawUsed = v, true
		} else if i, ok := state(key); ok {
			values[i], have[i] = v, true
		}
	}
	if string(protocol) == "sockets:" {
		if sawUsed {
			r.Gauge("node_sockstat_sockets_used", used)
		}
		return sawUsed
	}
	families := c.names(protocol)
	if !checks.ValidName(families[inuse]) {
		return false
	}
	values[memBytes], have[memBytes] = values[mem]*c.page, have[mem]
	for i, name := range families {
		if have[i] {
			r.Gauge(name, values[i])
		}
	}
	return true
}

func state(key []byte) (int, bool) {
	switch string(key) {
	case "inuse":
		return inuse, true
	case "orphan":
		return orphan, true
	case "tw":
		return tw, true
	case "alloc":
		return alloc, true
	case "mem":
		return mem, true
	case "memory":
		return memory, true
	}
	return 0, false
}

func (c *check) names(protocol []byte) *[states]string {
	names, ok := c.families.Get(protocol)
	if !ok {
		prefix := "node_sockstat_" + strings.TrimSuffix(string(protocol), ":") + "_"
		names = &[states]string{
			inuse: prefix + "inuse", orphan: prefix + "orphan", tw: prefix + "tw", alloc: prefix + "alloc",
			mem: prefix + "mem", memory: prefix + "memory", memBytes: prefix + "mem_bytes",
		}
		c.families.Put(protocol, names)
	}
	return names
}
