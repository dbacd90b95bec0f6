package systemd

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

const (
	destination = "org.freedesktop.systemd1"
	managerPath = "/org/freedesktop/systemd1"
	managerName = "org.freedesktop.systemd1.Manager"

	mostUnits  = 3900 // five series each; more than that is not what a host runs
	mostOthers = 16   // states; systemd has three more than are reported of each unit
	// askTypes is how often the Type= of services is asked for; it changes only when somebody edits a unit.
	askTypes = 15 * time.Minute
	// atOnce is how many questions are on their way at the same time.
	atOnce = 64
)

// states are what node_systemd_unit_state tells of a unit.
func states() [5]string {
	return [5]string{"active", "activating", "deactivating", "inactive", "failed"}
}

const failedState = 4

// Numbers that units of some kinds have.
const (
	lastTrigger = iota
	accepted
	current
	refused
	numbers
)

// unit is one unit, kept from cycle to cycle.
type unit struct {
	name  string
	path  string // on the bus; empty when there is nothing to ask
	want  bool
	iface string // of what is asked: Service, Mount, Timer, Socket
	typ   string // of services and mounts
	typed time.Time

	state  int // index into states, -1 for others
	values [numbers]float64
	have   [numbers]bool
}

// manager is what systemd says about itself.
type manager struct {
	version string
	state   string
}

// gather asks systemd. A connection that has died since the last cycle is made anew.
func (c *check) gather(ctx context.Context, now time.Time) error {
	reused := c.bus != nil
	err := c.ask(ctx, now)
	if err != nil && reused && c.bus == nil && ctx.Err() == nil {
		err = c.ask(ctx, now)
	}
	return err
}

func (c *check) ask(ctx context.Context, now time.Time) error {
	if c.bus == nil {
		b, err := dial(ctx, c.path)
		if err != nil {
			return c.unreachable(err)
		}
		c.bus, c.manager = b, manager{}
	}
	stop := c.bus.limit(ctx)
	defer stop()
	err := c.askUnits()
	if err == nil {
		err = c.askDetails(now)
	}
	if fatal(err) {
		_ = c.Close() // it is of no use any more
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// askUnits asks for all units, and for the state and version of systemd.
func (c *check) askUnits() error {
	b := c.bus
	units := b.call(destination, managerPath, managerName, "ListUnits")
	state := c.property(managerPath, managerName, "SystemState")
	version := uint32(0)
	if c.manager.version == "" {
		version = c.property(managerPath, managerName, "Version")
	}
	if err := b.send(); err != nil {
		return err
	}
	c.manager.state = ""
	for range b.serial - units + 1 {
		serial, err := b.reply()
		if fatal(err) {
			return err
		}
		switch {
		case serial == units && err != nil:
			return c.refused(err)
		case serial == units:
			c.readUnits(&b.in)
		case err != nil: // systemd is too old to have the property
		case serial == state:
			c.manager.state = string(b.in.variantString())
		case serial == version:
			c.manager.version = hostfs.Label(b.in.variantString())
		}
		if b.in.err != nil {
			return b.in.err
		}
	}
	return nil
}

// refused turns systemd's refusal to list units into the check's error.
func (c *check) refused(err error) error {
	_ = c.Close() // and with it the replies that were not read
	var e *busError
	if errors.As(err, &e) && (strings.HasSuffix(e.name, ".ServiceUnknown") || strings.HasSuffix(e.name, ".NameHasNoOwner") ||
		strings.Contains(e.name, ".Spawn.")) {
		return &checks.Gap{Reason: "the system bus has no systemd: another init runs here", Cause: checks.ErrNoData}
	}
	err = fmt.Errorf("list units: %w", err)
	if e != nil && strings.HasSuffix(e.name, ".AccessDenied") {
		return &checks.Gap{Reason: "the system bus does not let the agent list systemd's units", Fix: allowUser, Cause: err}
	}
	return err
}

func (c *check) property(path, iface, name string) uint32 {
	return c.bus.call(destination, path, "org.freedesktop.DBus.Properties", "Get", iface, name)
}

// readUnits reads an array of (name, description, load state, active state, sub state, followed unit, path, job, job type,
// job path).
func (c *check) readUnits(d *decoder) {
	c.units, c.failed, c.counts, c.others = c.units[:0], c.failed[:0], [5]int{}, c.others[:0]
	if string(d.signature) != "a(ssssssouso)" {
		_ = d.fail("units of type %q", d.signature)
		return
	}
	length := int(d.uint32())
	d.align(8)
	if length > d.left {
		_ = d.fail("array of %d bytes", length)
		return
	}
	seen := 0
	for end := d.left - length; d.left > end && d.err == nil; seen++ {
		d.align(8)
		u := c.unit(d.string())
		d.skipString()
		loaded := string(d.string()) == "loaded"
		active := d.string()
		if u.state = c.state(active); u.state >= 0 {
			c.counts[u.state]++
		} else if d.err == nil {
			c.countOther(active)
		}
		d.skipString()
		d.skipString()
		u.place(d.string())
		d.uint32()
		d.skipString()
		d.skipString()
		if !loaded || d.err != nil {
			continue
		}
		if u.want && len(c.units) < mostUnits {
			c.units = append(c.units, u)
		}
		if u.state == failedState && len(c.failed) < mostFailed {
			c.failed = append(c.failed, u)
		}
	}
	c.names.Sweep(seen)
}

// state returns the index of a state among those that are reported, -1 for others.
func (c *check) state(text []byte) int {
	for i, s := range c.states {
		if s == string(text) {
			return i
		}
	}
	return -1
}

// other is a state that few units are in, such as reloading. It is reported while there are any.
type other struct {
	state string
	units int
}

func (c *check) countOther(state []byte) {
	for i := range c.others {
		if c.others[i].state == string(state) {
			c.others[i].units++
			return
		}
	}
	if len(c.others) < mostOthers {
		c.others = append(c.others, other{state: hostfs.Label(state), units: 1})
	}
}

func (c *check) unit(name []byte) *unit {
	u, ok := c.names.Get(name)
	if !ok {
		u = &unit{name: hostfs.Label(name), want: c.include.Match(name) && !c.exclude.Match(name)}
		u.iface = map[string]string{
			".service": "Service", ".mount": "Mount", ".timer": "Timer", ".socket": "Socket",
		}[path.Ext(u.name)]
		c.names.Put(name, u)
	}
	return u
}

// place remembers where the unit is on the bus when there is something to ask there.
func (u *unit) place(path []byte) {
	if u.want && u.iface != "" && u.path != string(path) {
		u.path = string(path)
	}
}
