package systemd

import "time"

// question is a property that is asked of a unit.
type question struct {
	u    *unit
	name string
	into int // index into values, -1 for the type
}

// askDetails asks for the properties that the list of units does not give: types of services, triggers of timers,
// connections of sockets.
func (c *check) askDetails(now time.Time) error {
	c.asking = c.asking[:0]
	for _, u := range c.units {
		u.have = [numbers]bool{}
		if err := c.askUnit(u, now); err != nil {
			return err
		}
	}
	return c.exchange()
}

func (c *check) askUnit(u *unit, now time.Time) error {
	switch u.iface {
	case "Service", "Mount":
		if !u.typed.IsZero() && now.Sub(u.typed).Abs() < askTypes {
			return nil
		}
		u.typed = now
		return c.enqueue(question{u, "Type", -1})
	case "Timer":
		return c.enqueue(question{u, "LastTriggerUSec", lastTrigger})
	case "Socket":
		return c.enqueue(question{u, "NAccepted", accepted}, question{u, "NConnections", current}, question{u, "NRefused", refused})
	}
	return nil
}

func (c *check) enqueue(questions ...question) error {
	c.asking = append(c.asking, questions...)
	if len(c.asking) < atOnce {
		return nil
	}
	return c.exchange()
}

// exchange sends the questions and reads their answers.
func (c *check) exchange() error {
	if len(c.asking) == 0 {
		return nil
	}
	first := c.bus.serial + 1
	for _, q := range c.asking {
		c.property(q.u.path, destination+"."+q.u.iface, q.name)
	}
	if err := c.bus.send(); err != nil {
		return err
	}
	for range c.asking {
		serial, err := c.bus.reply()
		if fatal(err) {
			return err
		}
		i := int(serial - first)
		if i < 0 || i >= len(c.asking) {
			return c.bus.in.fail("reply to call %d", serial)
		}
		c.asking[i].answer(&c.bus.in, err == nil)
		if c.bus.in.err != nil {
			return c.bus.in.err
		}
	}
	c.asking = c.asking[:0]
	return nil
}

// answer takes over the reply. A unit that went away, or lacks the property, has none.
func (q question) answer(d *decoder, ok bool) {
	switch {
	case q.into < 0:
		if text := d.variantStringIf(ok); q.u.typ != string(text) {
			q.u.typ = string(text)
		}
	case ok:
		q.u.values[q.into], q.u.have[q.into] = d.variantNumber()
	}
}

// variantString reads a variant that holds a string; anything else is empty.
func (d *decoder) variantString() []byte {
	if string(d.signature) != "v" || string(d.sig()) != "s" {
		return nil
	}
	return d.string()
}

func (d *decoder) variantStringIf(ok bool) []byte {
	if !ok {
		return nil
	}
	return d.variantString()
}

// variantNumber reads a variant that holds an unsigned number.
func (d *decoder) variantNumber() (float64, bool) {
	if string(d.signature) != "v" {
		return 0, false
	}
	switch string(d.sig()) {
	case "u":
		return float64(d.uint32()), d.err == nil
	case "t":
		return float64(d.uint64()), d.err == nil
	}
	return 0, false
}
