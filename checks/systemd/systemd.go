// Package systemd reports the state of systemd's units. It asks systemd over the system bus (/run/dbus/system_bus_socket)
// and keeps the connection between cycles. It makes node_systemd_unit_state, node_systemd_units, node_systemd_version,
// node_systemd_system_running and the families of timers and sockets, and judges every unit that has failed. Hosts without
// the bus, or without systemd on it, have no data. Linux only.
package systemd

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

// What node_exporter includes and leaves out. Both expressions must match a whole name.
const (
	DefaultInclude = `.+`
	DefaultExclude = `.+\.(automount|device|mount|scope|slice|target)`
)

// mostFailed bounds the failed units that are judged one by one.
const mostFailed = 50

// Options say where to look and what to leave out. FS is required.
type Options struct {
	FS      *hostfs.FS
	Bus     string // path of the system bus's socket; empty means dbus/system_bus_socket below /run
	Include string // regular expression of units to report; empty means DefaultInclude
	Exclude string // regular expression of units to leave out; empty means DefaultExclude
}

// Spec describes the check.
func Spec(o Options) checks.Spec {
	gauge := func(name, help, unit string) checks.Metric {
		return checks.Metric{Name: "node_systemd_" + name, Kind: checks.KindGauge, Help: help, Unit: unit}
	}
	return checks.Spec{
		Name: "systemd",
		Help: "State of systemd's units.",
		Metrics: []checks.Metric{
			gauge("version", "Detected systemd version.", ""),
			gauge("units", "Summary of systemd unit states.", ""),
			gauge("unit_state", "Systemd unit.", ""),
			gauge("system_running", "Whether the system is operational (see 'systemctl is-system-running').", ""),
			gauge("timer_last_trigger_seconds", "Seconds since epoch of last trigger.", "seconds"),
			{
				Name: "node_systemd_socket_accepted_connections_total", Kind: checks.KindCounter,
				Help: "Total number of accepted socket connections.",
			},
			gauge("socket_current_connections", "Current number of socket connections.", ""),
			gauge("socket_refused_connections_total", "Total number of refused socket connections.", ""),
		},
		New: func() (checks.Check, error) { return newCheck(o) },
	}
}

type check struct {
	fs       *hostfs.FS
	path     string
	include  *regexp.Regexp
	exclude  *regexp.Regexp
	bus      *bus
	manager  manager
	names    hostfs.Cache[*unit]
	units    []*unit // of this run, in systemd's order
	failed   []*unit
	number   float64 // of the version
	numberOf string
	counts   [5]int
	others   []other
	asking   []question
	states   [5]string
	changes  checks.Changes
	labels   [6]string
}

func newCheck(o Options) (*check, error) {
	if o.Bus == "" {
		o.Bus = o.FS.RunPath("dbus/system_bus_socket")
	}
	if o.Include == "" {
		o.Include = DefaultInclude
	}
	if o.Exclude == "" {
		o.Exclude = DefaultExclude
	}
	include, err := regexp.Compile("^(?:" + o.Include + ")$")
	if err != nil {
		return nil, fmt.Errorf("included units: %w", err)
	}
	exclude, err := regexp.Compile("^(?:" + o.Exclude + ")$")
	if err != nil {
		return nil, fmt.Errorf("excluded units: %w", err)
	}
	return &check{fs: o.FS, path: o.Bus, include: include, exclude: exclude, states: states()}, nil
}

// Close implements io.Closer: it ends the connection to the bus.
func (c *check) Close() error {
	if c.bus == nil {
		return nil
	}
	err := c.bus.close()
	c.bus = nil
	return err
}

// Run implements checks.Check.
func (c *check) Run(ctx context.Context, r checks.Reporter) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.gather(ctx, r.Time()); err != nil {
		return err
	}
	byName := func(a, b *unit) int { return strings.Compare(a.name, b.name) }
	slices.SortFunc(c.units, byName)
	slices.SortFunc(c.failed, byName)
	c.reportManager(r)
	for _, u := range c.units {
		for i, state := range c.states {
			c.labels = [6]string{"name", u.name, "state", state, "type", u.typ}
			active := 0.0
			if i == u.state {
				active = 1
			}
			r.Gauge("node_systemd_unit_state", active, c.labels[:]...)
		}
	}
	for _, u := range c.units {
		c.reportNumbers(u, r)
	}
	for _, u := range c.failed {
		c.changes.Judge(r, checks.Result{Resource: u.name, Status: checks.Warning, Output: "unit " + u.name + " has failed"})
	}
	c.changes.Finish(r, "unit is no longer failed")
	return nil
}

// versionNumber finds the number in versions like "252.22-1~deb12u1" and "v255.4".
func versionNumber(text string) float64 {
	v, _ := strconv.ParseFloat(regexp.MustCompile(`[0-9]{3,}(\.[0-9]+)?`).FindString(text), 64)
	return v
}

func (c *check) reportManager(r checks.Reporter) {
	if c.number == 0 || c.numberOf != c.manager.version {
		c.number, c.numberOf = versionNumber(c.manager.version), c.manager.version
	}
	c.labels[0], c.labels[1] = "version", c.manager.version
	r.Gauge("node_systemd_version", c.number, c.labels[:2]...)
	for i, state := range c.states {
		c.labels[0], c.labels[1] = "state", state
		r.Gauge("node_systemd_units", float64(c.counts[i]), c.labels[:2]...)
	}
	for _, o := range c.others {
		c.labels[0], c.labels[1] = "state", o.state
		r.Gauge("node_systemd_units", float64(o.units), c.labels[:2]...)
	}
	if c.manager.state != "" {
		running := 0.0
		if c.manager.state == "running" {
			running = 1
		}
		r.Gauge("node_systemd_system_running", running)
	}
}

func (c *check) reportNumbers(u *unit, r checks.Reporter) {
	c.labels[0], c.labels[1] = "name", u.name
	if u.have[lastTrigger] {
		r.Gauge("node_systemd_timer_last_trigger_seconds", u.values[lastTrigger]/1e6, c.labels[:2]...)
	}
	if u.have[accepted] {
		r.Counter("node_systemd_socket_accepted_connections_total", u.values[accepted], c.labels[:2]...)
	}
	if u.have[current] {
		r.Gauge("node_systemd_socket_current_connections", u.values[current], c.labels[:2]...)
	}
	if u.have[refused] {
		r.Gauge("node_systemd_socket_refused_connections_total", u.values[refused], c.labels[:2]...)
	}
}
