package inventory

import (
	"slices"
	"sync"
	"time"
)

// Tracker remembers what the collector was told of the host's capabilities and makes batches of what changed. A change is told when
// it is still there at the next look, so that one bad run of a check says nothing. It is safe for concurrent use.
type Tracker struct {
	mu    sync.Mutex
	told  map[string]Capability
	held  map[string]Capability // as of the last look
	owing bool                  // the next batch is full
}

// NewTracker returns a Tracker whose first batch is full.
func NewTracker() *Tracker { return &Tracker{owing: true} }

// Resend makes the next batch a full one: the collector asked, or a batch was lost.
func (t *Tracker) Resend() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.owing = true
}

// Told returns what the collector was told, in order of name; nil before the first batch.
func (t *Tracker) Told() []Capability {
	t.mu.Lock()
	defer t.mu.Unlock()
	return inOrder(t.told)
}

// Look takes what can be collected now and returns the batch that tells it, false when there is nothing to tell.
func (t *Tracker) Look(now []Capability, at time.Time) (Batch, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	looked := make(map[string]Capability, len(now))
	for _, c := range now {
		looked[c.Name] = c
	}
	first := t.told == nil
	var changed []Capability
	next := make(map[string]Capability, len(now))
	for name, c := range looked {
		former, known := t.told[name]
		switch {
		case first || c == former || t.settled(c, former, known):
			next[name] = c
			if !known || c != former {
				changed = append(changed, c)
			}
		case known:
			next[name] = former
		}
	}
	for name, former := range t.told {
		if _, ok := looked[name]; ok {
			continue
		}
		if _, ok := t.held[name]; ok { // it was there at the look before
			next[name] = former
		} else {
			changed = append(changed, Capability{Name: name, Gone: true})
		}
	}
	t.held, t.told = looked, next
	if !t.owing && len(changed) == 0 {
		return Batch{}, false
	}
	all := inOrder(next)
	b := Batch{Kind: KindCapability, Full: t.owing, Hash: Hash(all), Capabilities: all, Time: at}
	if !t.owing {
		slices.SortFunc(changed, byName)
		b.Capabilities = changed
	}
	t.owing = false
	return b, true
}

// settled reports whether a change has lasted: the look before saw the same, or at least the same availability when that is what
// changed, as the words of an error may differ from run to run.
func (t *Tracker) settled(c, former Capability, known bool) bool {
	held, ok := t.held[c.Name]
	return ok && (held == c || held.Available == c.Available && (!known || former.Available != c.Available))
}
