package netdev

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"regexp"
	"strings"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

const (
	headLines = 2
	numbers   = 16
	// mostOpen is how many files in /sys stay open, one per interface. Hosts with more interfaces open theirs each time.
	mostOpen = 256
)

type check struct {
	fs       *hostfs.FS
	file     *hostfs.File
	exclude  *regexp.Regexp
	families [numbers]string
	nohandle string

	devices map[string]*device
	cycle   uint64
	labels  [2]string
}

// device is one interface.
type device struct {
	name      string
	exclude   bool
	nohandler *hostfs.File // nil when not kept open
	cycle     uint64       // when it was seen last
}

func newCheck(o Options, exclude *regexp.Regexp) checks.Check {
	c := &check{
		fs: o.FS, file: o.FS.Proc("net/dev"), exclude: exclude,
		nohandle: family(nohandler), devices: make(map[string]*device),
	}
	for i, what := range columns() {
		c.families[i] = family(what)
	}
	return c
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

// parse reads two lines of headings, then lines like "  eth0: 431135857 23976 0 0 0 0 0 0 1868229 16430 0 0 0 0 0 0".
func (c *check) parse(data []byte, r checks.Reporter) error {
	var problems hostfs.Problems
	lines := hostfs.Lines{Data: data}
	c.cycle++
	seen := 0
	for {
		line, ok := lines.Next()
		if !ok {
			break
		}
		if lines.N <= headLines {
			continue
		}
		// Names may hold colons (aliases), numbers do not.
		colon := bytes.LastIndexByte(line, ':')
		if colon < 0 {
			if len(hostfs.Trim(line)) > 0 {
				problems.Line(c.file.Path(), lines.N, "want a name and a colon", line)
			}
			continue
		}
		d := c.device(hostfs.Trim(line[:colon]))
		if d.cycle == c.cycle {
			continue // the list moved under the reader
		}
		d.cycle = c.cycle
		seen++
		if d.exclude {
			continue
		}
		if !c.report(d, line[colon+1:], r) {
			problems.Line(c.file.Path(), lines.N, "want 16 numbers after the name", line)
			continue
		}
		c.reportNohandler(d, r, &problems)
	}
	c.sweep(seen, &problems)
	return problems.Err()
}

func (c *check) device(name []byte) *device {
	d := c.devices[string(name)]
	if d == nil {
		d = &device{name: hostfs.Label(name), exclude: c.exclude.Match(name)}
		if !d.exclude && len(c.devices) < mostOpen {
			d.nohandler = c.open(d.name)
		}
		c.devices[string(name)] = d
	}
	return d
}

// open returns the interface's file in /sys, nil for a name that is no file name.
func (c *check) open(name string) *hostfs.File {
	if name == "" || strings.HasPrefix(name, ".") || strings.Contains(name, "/") {
		return nil
	}
	return c.fs.Sys("class/net/" + name + "/statistics/rx_nohandler")
}

func (c *check) report(d *device, rest []byte, r checks.Reporter) bool {
	var values [numbers]float64
	for i := range values {
		var field []byte
		field, rest = hostfs.Field(rest)
		v, ok := hostfs.Uint(field)
		if !ok {
			return false
		}
		values[i] = float64(v)
	}
	c.labels = [2]string{"device", d.name}
	for i, v := range values {
		r.Counter(c.families[i], v, c.labels[:]...)
	}
	return true
}

func (c *check) reportNohandler(d *device, r checks.Reporter, problems *hostfs.Problems) {
	f := d.nohandler
	if f == nil {
		if f = c.open(d.name); f == nil {
			return
		}
		defer func() { problems.Add(c.fs.Forget(f)) }()
	}
	data, err := f.Acquire(r.Time())
	defer f.Release()
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) { // it is another namespace's /sys, or the interface has just gone
			problems.Add(err)
		}
		return
	}
	if v, ok := hostfs.Uint(hostfs.Trim(data)); ok {
		r.Counter(c.nohandle, float64(v), c.labels[:]...)
	} else {
		problems.Line(f.Path(), 1, "want a number", data)
	}
}

// sweep forgets interfaces that are gone; containers make and remove them all the time.
func (c *check) sweep(seen int, problems *hostfs.Problems) {
	if len(c.devices) == seen {
		return
	}
	for name, d := range c.devices {
		if d.cycle == c.cycle {
			continue
		}
		delete(c.devices, name)
		if d.nohandler != nil {
			problems.Add(c.fs.Forget(d.nohandler))
		}
	}
}
