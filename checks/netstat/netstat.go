// Package netstat reports counters of the network protocols: IP, ICMP, TCP, UDP. It reads /proc/net/netstat, /proc/net/snmp
// and /proc/net/snmp6 and makes node_netstat_<protocol>_<field> of the fields that match Options.Fields. Linux only.
package netstat

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

// DefaultFields is node_exporter's choice of fields.
const DefaultFields = `^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)|` +
	`TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts)|` +
	`Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)|` +
	`Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$`

// Options say where to look. FS is required.
type Options struct {
	FS     *hostfs.FS
	Fields string // regular expression of protocol_field; empty means DefaultFields
}

// Spec describes the check.
func Spec(o Options) checks.Spec {
	return checks.Spec{
		Name: "netstat",
		Help: "Counters of the network protocols.",
		Metrics: []checks.Metric{
			{Name: "node_netstat_*", Kind: checks.KindUntyped, Help: "Statistic of a network protocol."},
		},
		New: func() (checks.Check, error) { return newCheck(o) },
	}
}

// tables is how many of the files are tables: a line of names, then a line of values. The others have both in one line.
const tables = 2

type check struct {
	files  [3]*hostfs.File // two tables, then pairs
	wanted *regexp.Regexp
	rows   hostfs.Cache[[]string] // families by line of names; empty means not wanted
	names  hostfs.Cache[string]   // family by name in pairs; empty means not wanted
}

func newCheck(o Options) (*check, error) {
	if o.Fields == "" {
		o.Fields = DefaultFields
	}
	wanted, err := regexp.Compile(o.Fields)
	if err != nil {
		return nil, fmt.Errorf("netstat fields: %w", err)
	}
	return &check{
		files:  [3]*hostfs.File{o.FS.Proc("net/netstat"), o.FS.Proc("net/snmp"), o.FS.Proc("net/snmp6")},
		wanted: wanted,
		rows:   hostfs.Cache[[]string]{Max: 64},
	}, nil
}

// Run implements checks.Check. A host without IPv6 has no snmp6.
func (c *check) Run(ctx context.Context, r checks.Reporter) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var problems hostfs.Problems
	found := false
	var missing error
	for i := range c.files {
		err := c.report(i, r, &problems)
		if errors.Is(err, fs.ErrNotExist) {
			missing = err
			continue
		}
		found = true
		if err != nil {
			problems.Add(fmt.Errorf("read protocol statistics: %w", err))
		}
	}
	if !found {
		return hostfs.NoData(missing)
	}
	return problems.Err()
}

func (c *check) report(i int, r checks.Reporter, problems *hostfs.Problems) error {
	f := c.files[i]
	data, err := f.Acquire(r.Time())
	defer f.Release()
	switch {
	case err != nil:
		return err
	case i < tables:
		c.parseTable(f.Path(), data, r, problems)
	default:
		c.parsePairs(f.Path(), data, r, problems)
	}
	return nil
}

// parseTable reads pairs of lines: "Tcp: ActiveOpens InSegs" and "Tcp: 30 23975".
func (c *check) parseTable(path string, data []byte, r checks.Reporter, problems *hostfs.Problems) {
	lines := hostfs.Lines{Data: data}
	for {
		head, ok := lines.Next()
		if !ok {
			return
		}
		values, ok := lines.Next()
		if !ok {
			problems.Line(path, lines.N, "names without values", head)
			return
		}
		protocol, _ := hostfs.Field(head)
		field, rest := hostfs.Field(values)
		if len(protocol) < 2 || protocol[len(protocol)-1] != ':' || string(protocol) != string(field) {
			problems.Line(path, lines.N, "names and values are of different protocols", field)
			continue
		}
		for _, family := range c.row(head) {
			if field, rest = hostfs.Field(rest); len(field) == 0 {
				problems.Line(path, lines.N, "fewer values than names", values)
				break
			}
			if family == "" {
				continue
			}
			v, ok := hostfs.Float(field)
			if !ok || !checks.ValidName(family) {
				problems.Line(path, lines.N, family+" is not a number", field)
				continue
			}
			r.Untyped(family, v)
		}
	}
}

// row returns the families of a line of names.
func (c *check) row(head []byte) []string {
	families, ok := c.rows.Get(head)
	if ok {
		return families
	}
	protocol, rest := hostfs.Field(head)
	protocol = protocol[:len(protocol)-1]
	for {
		var name []byte
		if name, rest = hostfs.Field(rest); len(name) == 0 {
			break
		}
		families = append(families, c.family(protocol, name))
	}
	c.rows.Put(head, families)
	return families
}

// parsePairs reads lines like "Ip6InOctets   128"; the protocol ends with the first 6.
func (c *check) parsePairs(path string, data []byte, r checks.Reporter, problems *hostfs.Problems) {
	lines := hostfs.Lines{Data: data}
	for {
		line, ok := lines.Next()
		if !ok {
			return
		}
		key, rest := hostfs.Field(line)
		family := c.pair(key)
		if family == "" {
			continue
		}
		field, _ := hostfs.Field(rest)
		v, ok := hostfs.Float(field)
		if !ok || !checks.ValidName(family) {
			problems.Line(path, lines.N, family+" is not a number", field)
			continue
		}
		r.Untyped(family, v)
	}
}

func (c *check) pair(key []byte) string {
	family, ok := c.names.Get(key)
	if !ok {
		for i, b := range key {
			if b == '6' {
				family = c.family(key[:i+1], key[i+1:])
				break
			}
		}
		c.names.Put(key, family)
	}
	return family
}

func (c *check) family(protocol, name []byte) string {
	full := string(protocol) + "_" + string(name)
	if !c.wanted.MatchString(full) {
		return ""
	}
	return "node_netstat_" + full
}
