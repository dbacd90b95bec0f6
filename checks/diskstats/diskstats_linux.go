package diskstats

import (
	"context"
	"regexp"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

const (
	sector = 512.0 // bytes, whatever the device's own sector size
	tick   = 1.0 / 1000.0
	fewest = 11 // numbers that every kernel since 2.6 gives
	most   = 17
)

type check struct {
	file     *hostfs.File
	exclude  *regexp.Regexp
	families [most]checks.Metric
	factors  [most]float64
	devices  hostfs.Cache[*device] // by name
	udev     udev
	labels   [2]string
	gaps     []checks.Gap
}

// device is one block device.
type device struct {
	name    string
	exclude bool
	identity
}

func newCheck(o Options, exclude *regexp.Regexp) checks.Check {
	c := &check{file: o.FS.Proc("diskstats"), exclude: exclude, udev: udev{dir: o.FS.RunPath("udev/data")}}
	copy(c.families[:], counters())
	for i := range c.factors {
		c.factors[i] = 1
	}
	c.factors[2], c.factors[6] = sector, sector
	for _, i := range []int{3, 7, 9, 10, 14, 16} {
		c.factors[i] = tick
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

// parse reads lines like " 254  0 vda 38046 7002 1793722 17639 ...": major, minor, name, then 11, 15 or 17 numbers.
func (c *check) parse(data []byte, r checks.Reporter) error {
	var problems hostfs.Problems
	lines := hostfs.Lines{Data: data}
	seen := 0
	for {
		line, ok := lines.Next()
		if !ok {
			break
		}
		major, rest := hostfs.Field(line)
		minor, rest := hostfs.Field(rest)
		name, rest := hostfs.Field(rest)
		if len(name) == 0 {
			if len(major) > 0 {
				problems.Line(c.file.Path(), lines.N, "want major, minor and a name", line)
			}
			continue
		}
		seen++
		d := c.device(name)
		if d.exclude {
			continue
		}
		_, okMajor := hostfs.Uint(major)
		_, okMinor := hostfs.Uint(minor)
		if !okMajor || !okMinor || !c.report(d, rest, r) {
			problems.Line(c.file.Path(), lines.N, "want two numbers, a name and at least 11 numbers", line)
			continue
		}
		c.udev.identify(&d.identity, d.name, major, minor, r.Time())
		d.reportFacts(r)
	}
	c.devices.Sweep(seen)
	c.gaps = c.udev.gaps(c.gaps[:0], r.Time())
	return problems.Err()
}

func (c *check) device(name []byte) *device {
	d, ok := c.devices.Get(name)
	if !ok {
		d = &device{name: hostfs.Label(name), exclude: c.exclude.Match(name)}
		c.devices.Put(name, d)
	}
	return d
}

// report reports the numbers of a device when all of them are well-formed.
func (c *check) report(d *device, rest []byte, r checks.Reporter) bool {
	var values [most]float64
	n := 0
	for ; n < most; n++ {
		var field []byte
		if field, rest = hostfs.Field(rest); len(field) == 0 {
			break
		}
		v, ok := hostfs.Uint(field)
		if !ok {
			return false
		}
		values[n] = float64(v) * c.factors[n]
	}
	if n < fewest {
		return false
	}
	c.labels = [2]string{"device", d.name}
	for i := range n {
		if f := &c.families[i]; f.Kind == checks.KindGauge {
			r.Gauge(f.Name, values[i], c.labels[:]...)
		} else {
			r.Counter(f.Name, values[i], c.labels[:]...)
		}
	}
	return true
}
