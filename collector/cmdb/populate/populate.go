// Package populate turns what agents find on their hosts into items of the CMDB: a host, its parts, the applications that run on it and
// what they listen on. In go facts as the fleet keeps them, out go payloads. It runs beside ingest, not inside: facts are durable when
// an agent is told so, and become items some seconds later, also after a crash.
package populate

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/picketmon/picket/collector/cmdb"
)

// Feed is one kind of an agent's facts that changed.
type Feed struct {
	Agent    string
	Instance string
	Kind     string
	Changed  time.Time // the last change
	Fed      time.Time // up to which change they became items; zero for never
	Gone     bool      // the agent was deleted
}

// Facts is what is needed of the fleet.
type Facts interface {
	// Unfed returns up to limit kinds of facts that changed since they were fed.
	Unfed(ctx context.Context, kinds []string, limit int64) ([]Feed, error)
	// FactsSince returns an agent's facts of a kind that changed at or after a time, and the keys of all.
	FactsSince(ctx context.Context, agent, kind string, since time.Time) (changed []Fact, keys []string, err error)
	// SetFed notes that facts were fed up to their last change.
	SetFed(ctx context.Context, f Feed) error
}

// Items is what is needed of the CMDB.
type Items interface {
	Commit(ctx context.Context, p cmdb.Payload) (cmdb.Result, error)
	// NativeKeys returns the native keys that a source gave with a prefix, of items that it has not said to be gone.
	NativeKeys(ctx context.Context, source, prefix string) ([]string, error)
}

// Options say what a Populator works on. All are required.
type Options struct {
	Facts  Facts
	Items  Items
	Logger *slog.Logger
}

// Populator feeds facts into the CMDB.
type Populator struct {
	facts  Facts
	items  Items
	logger *slog.Logger
}

// New returns a Populator.
func New(o Options) *Populator {
	return &Populator{facts: o.Facts, items: o.Items, logger: o.Logger.With("component", "populate")}
}

const (
	every  = 2 * time.Second
	atOnce = 200 // kinds of facts
)

// Run feeds what changes until ctx ends.
func (p *Populator) Run(ctx context.Context) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		more, err := p.feed(ctx)
		if err != nil && ctx.Err() == nil {
			p.logger.Error("make items of what agents found", "error", err)
		}
		if more && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// feed makes items of what changed; more says that there may be more. One agent's failure keeps no other from its turn.
func (p *Populator) feed(ctx context.Context) (more bool, err error) {
	feeds, err := p.facts.Unfed(ctx, Kinds(), atOnce)
	if err != nil {
		return false, err
	}
	var failed error
	for len(feeds) > 0 {
		n := 1
		for n < len(feeds) && feeds[n].Agent == feeds[0].Agent && feeds[n].Gone == feeds[0].Gone {
			n++
		}
		if err := p.agent(ctx, feeds[:n]); err != nil {
			if ctx.Err() != nil {
				return false, err
			}
			failed = err
			p.logger.Error("make items of what an agent found", "agent", feeds[0].Agent, "instance", feeds[0].Instance, "error", err)
		}
		feeds = feeds[n:]
	}
	return len(feeds) == atOnce && failed == nil, nil
}

// agent makes items of what changed on one host.
func (p *Populator) agent(ctx context.Context, feeds []Feed) error {
	if feeds[0].Gone {
		return p.farewell(ctx, feeds)
	}
	agent, instance := feeds[0].Agent, feeds[0].Instance
	changed := map[string][]Fact{}
	var gone []string
	for _, f := range feeds {
		facts, keys, err := p.facts.FactsSince(ctx, agent, f.Kind, f.Fed)
		if err != nil {
			return err
		}
		changed[f.Kind] = facts
		if f.Kind == "host" || f.Fed.IsZero() {
			continue
		}
		left, err := p.left(ctx, agent, f.Kind, keys)
		if err != nil {
			return err
		}
		gone = append(gone, left...)
	}
	hosts, _, err := p.facts.FactsSince(ctx, agent, "host", time.Time{})
	if err != nil {
		return err
	}
	if len(hosts) == 0 {
		return nil // it comes; what was found on it waits
	}
	payloads, err := payload(agent, instance, hosts[0], changed, gone)
	if err != nil {
		return err
	}
	for _, x := range payloads {
		r, err := p.items.Commit(ctx, x)
		if err != nil {
			return err
		}
		p.complain(instance, x, r)
	}
	return p.done(ctx, feeds)
}

// left returns the native keys of items that the host had and has no more.
func (p *Populator) left(ctx context.Context, agent, kind string, keys []string) ([]string, error) {
	known, err := p.items.NativeKeys(ctx, Source, nativeKey(agent, kind, ""))
	if err != nil {
		return nil, err
	}
	there := make(map[string]bool, len(keys))
	for _, k := range keys {
		there[nativeKey(agent, kind, k)] = true
	}
	return slices.DeleteFunc(known, func(k string) bool { return there[k] }), nil
}

// farewell marks all items of an agent that was deleted as gone.
func (p *Populator) farewell(ctx context.Context, feeds []Feed) error {
	agent := feeds[0].Agent
	keys, err := p.items.NativeKeys(ctx, Source, agent)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(keys, maxItems) {
		if _, err := p.items.Commit(ctx, cmdb.Payload{Source: Source, By: "agent " + agent, Gone: part}); err != nil {
			return err
		}
	}
	return p.done(ctx, feeds)
}

func (p *Populator) done(ctx context.Context, feeds []Feed) error {
	for _, f := range feeds {
		if err := p.facts.SetFed(ctx, f); err != nil {
			return fmt.Errorf("note what was done: %w", err)
		}
	}
	return nil
}

// complain logs what could not be taken; metrics of the CMDB count it.
func (p *Populator) complain(instance string, x cmdb.Payload, r cmdb.Result) {
	for i, item := range r.Items {
		if len(item.Errors) > 0 {
			p.logger.Warn("something that an agent found is no item", "instance", instance, "class", item.Class, "name", fmt.Sprint(x.Items[i].Values["name"]), "error", item.Errors[0].Code, "message", item.Errors[0].Message)
		}
	}
}
