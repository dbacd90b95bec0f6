package agent

import (
	"bytes"
	"context"
	"sync/atomic"
	"time"

	"github.com/picketmon/picket/agent/buffer"
	"github.com/picketmon/picket/agent/inventory"
)

// How often the agent looks whether there is something new to tell of the host. A change of what can be collected is told when two
// looks saw it, so within a minute of the check's run.
const (
	lookEvery  = 15 * time.Second
	factsEvery = time.Minute
)

// told is what the collector was told of the host.
type told struct {
	capabilities *inventory.Tracker
	facts        []byte // hash
	factsAt      time.Time
	factsOwing   *atomic.Bool
}

func newTold() told { return told{capabilities: inventory.NewTracker(), factsOwing: new(atomic.Bool)} }

// resend makes all of a kind of inventory be told again, or all of all kinds when it is empty.
func (t *told) resend(kind string) {
	if kind == "" || kind == inventory.KindCapability {
		t.capabilities.Resend()
	}
	if kind != inventory.KindCapability {
		t.factsOwing.Store(true)
	}
}

// dropped notes that the spool gave records up. What the collector refused would be refused again.
func (t *told) dropped(d buffer.Drop) {
	if d.Class == buffer.Inventory && d.Reason != "rejected" {
		t.resend("")
	}
}

// tell tells the collector of the host, and what changes of it, until ctx ends.
func (a *Agent) tell(ctx context.Context, p *parts) error {
	host := inventory.ThisHost(a.config.ProcFS, a.config.SysFS)
	tick := time.NewTicker(min(a.config.Interval, lookEvery))
	defer tick.Stop()
	for {
		a.tellFacts(ctx, p)
		a.tellCapabilities(p, host)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (a *Agent) tellFacts(ctx context.Context, p *parts) {
	t := &p.told
	owing := t.factsOwing.Swap(false)
	if !owing && time.Since(t.factsAt) < factsEvery {
		return
	}
	t.factsAt = time.Now()
	facts, err := gatherFacts(ctx, a.config, a.opts.Version)
	if err != nil {
		a.logger.Error("gather host facts", "error", err)
		return
	}
	if !owing && bytes.Equal(facts.Hash, t.facts) {
		return
	}
	if err := p.transport.Inventory(facts); err != nil {
		a.logger.Error("note host facts", "error", err)
		t.factsOwing.Store(true)
		return
	}
	t.facts = facts.Hash
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

// found returns what the checks found out about what they can collect; ready says that each has run, or hangs in its first run.
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
	return all, true
}
