// Package time reports the host's clock: node_time_seconds, the time zone, and on Linux the kernel's clock sources, read
// from /sys/devices/system/clocksource (node_time_clocksource_available_info, node_time_clocksource_current_info).
package time

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	gotime "time"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

// lookAgain is how often the folder of clock sources is listed; they do not come and go.
const lookAgain = 10 * gotime.Minute

// Options say where to look. FS is required.
type Options struct {
	FS *hostfs.FS
}

// Spec describes the check.
func Spec(o Options) checks.Spec {
	return checks.Spec{
		Name: "time",
		Help: "Clock, time zone and clock sources of the host.",
		Metrics: []checks.Metric{
			{Name: "node_time_seconds", Kind: checks.KindGauge, Help: "System time in seconds since epoch (1970).", Unit: "seconds"},
			{Name: "node_time_zone_offset_seconds", Kind: checks.KindGauge, Help: "System time zone offset in seconds.", Unit: "seconds"},
			{
				Name: "node_time_clocksource_available_info", Kind: checks.KindGauge,
				Help: "Available clocksources read from '/sys/devices/system/clocksource'.",
			},
			{
				Name: "node_time_clocksource_current_info", Kind: checks.KindGauge,
				Help: "Current clocksource read from '/sys/devices/system/clocksource'.",
			},
		},
		New: func() (checks.Check, error) { return &check{fs: o.FS}, nil },
	}
}

type check struct {
	fs     *hostfs.FS
	listed gotime.Time
	clocks []clock
	names  hostfs.Strings
	labels [4]string
}

// clock is one folder clocksource<n>; its index among them is the label device.
type clock struct {
	device             string
	available, current *hostfs.File
}

// Run implements checks.Check.
func (c *check) Run(ctx context.Context, r checks.Reporter) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	now := gotime.Now()
	r.Gauge("node_time_seconds", float64(now.UnixNano())/1e9)
	zone, offset := now.Zone()
	c.labels[0], c.labels[1] = "time_zone", zone
	r.Gauge("node_time_zone_offset_seconds", float64(offset), c.labels[:2]...)
	if c.listed.IsZero() || now.Sub(c.listed) >= lookAgain {
		if err := c.list(); err != nil {
			return err
		}
		c.listed = now
	}
	var problems hostfs.Problems
	for i := range c.clocks {
		clk := &c.clocks[i]
		problems.Add(c.report(clk, clk.available, "node_time_clocksource_available_info", r))
		problems.Add(c.report(clk, clk.current, "node_time_clocksource_current_info", r))
	}
	return problems.Err()
}

func (c *check) list() error {
	const dir = "devices/system/clocksource"
	entries, err := os.ReadDir(c.fs.SysPath(dir))
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("list clock sources: %w", err)
	}
	c.clocks = slices.Delete(c.clocks, 0, len(c.clocks))
	for _, e := range entries {
		number, ok := strings.CutPrefix(e.Name(), "clocksource")
		if !ok || number == "" || number[0] < '0' || number[0] > '9' {
			continue
		}
		c.clocks = append(c.clocks, clock{
			device:    strconv.Itoa(len(c.clocks)),
			available: c.fs.Sys(dir + "/" + e.Name() + "/available_clocksource"),
			current:   c.fs.Sys(dir + "/" + e.Name() + "/current_clocksource"),
		})
	}
	return nil
}

// report reads names separated by spaces.
func (c *check) report(clk *clock, f *hostfs.File, family string, r checks.Reporter) error {
	data, err := f.Acquire(r.Time())
	defer f.Release()
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read clock source: %w", err)
	}
	for rest := hostfs.Trim(data); ; {
		var name []byte
		if name, rest = hostfs.Field(rest); len(name) == 0 {
			return nil
		}
		c.labels = [4]string{"clocksource", c.names.Get(name), "device", clk.device}
		r.Gauge(family, 1, c.labels[:]...)
	}
}
