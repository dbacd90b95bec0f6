package agent

import (
	"context"
	"time"

	"github.com/picketmon/picket/agent/buffer"
	"github.com/picketmon/picket/agent/inventory"
	"github.com/picketmon/picket/agent/inventory/all"
)

// lookEvery is how often the agent looks whether there is something new to tell of what it can collect. A change is told when two
// looks saw it, so within a minute of the check's run.
const lookEvery = 15 * time.Second

// told is what the collector was told of the host.
type told struct {
	capabilities *inventory.Tracker
	items        *inventory.Looker
}

// resend makes all of a kind of inventory be told again, or all of all kinds when it is empty.
func (t *told) resend(kind string) {
	if kind == "" || kind == inventory.KindCapability {
		t.capabilities.Resend()
	}
	if kind != inventory.KindCapability {
		t.items.Resend(kind)
	}
}

// dropped notes that the spool gave records up. What the collector refused would be refused again.
func (t *told) dropped(d buffer.Drop) {
	if d.Class == buffer.Inventory && d.Reason != "rejected" {
		t.resend("")
	}
}

// sources returns what this configuration looks for on the host.
func (c *Config) sources(o Options) []inventory.Source {
	return all.Sources(all.Options{
		Trees: c.trees(), Hostname: c.Hostname, Version: o.Version, Disable: c.NoInventory, CloudMetadata: c.CloudMetadata,
		Commands: c.CommandLines, Logger: o.Logger,
	})
}

func (c *Config) trees() inventory.Trees {
	return inventory.Trees{Proc: c.ProcFS, Sys: c.SysFS, Root: c.RootFS}
}

// tell tells the collector what can be collected of the host, and what changes of it, until ctx ends.
func (a *Agent) tell(ctx context.Context, p *parts) error {
	host := inventory.ThisHost(a.config.ProcFS, a.config.SysFS)
	tick := time.NewTicker(min(a.config.Interval, lookEvery))
	defer tick.Stop()
	for {
		a.tellCapabilities(p, host)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (a *Agent) tellCapabilities(p *parts, host inventory.Host) {
	found, ready := p.found()
	if !ready {
		return
	}
	b, changed := p.told.capabilities.Look(inventory.Capabilities(host, found), time.Now())
	if !changed {
		return
	}
	for _, c := range b.Capabilities {
		if !c.Available && !c.Gone {
			a.logger.Info("cannot be collected", "name", c.Name, "reason", c.Reason, "fix", c.Fix)
		}
	}
	if err := p.transport.Inventory(b); err != nil {
		a.logger.Error("note what can be collected", "error", err)
		p.told.capabilities.Resend()
	}
}

// found returns what the checks and the inventory found out about what they can collect; ready says that each check has run, or
// hangs in its first run, and that each kind was looked at.
func (p *parts) found() (all []inventory.Found, ready bool) {
	names := make(map[string]bool, len(p.jobs))
	for _, j := range p.jobs {
		names[j.Name] = true
	}
	all = append(all, p.unmade...)
	for _, s := range p.schedule.Stats() {
		if !names[s.Name] {
			continue // the agent's own metrics
		}
		if s.Runs == 0 && s.Err == nil {
			return nil, false
		}
		all = append(all, inventory.Found{Check: s.Name, Err: s.Err, Gaps: s.Gaps})
	}
	items, ready := p.told.items.Found()
	return append(all, items), ready
}
