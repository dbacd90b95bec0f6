package live

import (
	"slices"
	"sync"

	"github.com/picketmon/picket/internal/errs"
)

// Watch is what a subscription is about, and whose it is.
type Watch struct {
	Topics    []Topic
	Instances []string // only samples of these are told; empty means all
	// Session and User are counted against the limits.
	Session, User string
}

// Change is what changed in one topic.
type Change struct {
	Topic Topic    `json:"topic"`
	Keys  []string `json:"keys"` // ascending; must not be changed
	All   bool     `json:"all"`  // too many to name: keys is empty
}

// Subscription hears of changes from its beginning to its Close. It is for one reader.
type Subscription struct {
	hub       *Hub
	watch     Watch
	wanted    [topics]bool
	instances []string // ascending; nil for all
	changed   chan struct{}
	once      sync.Once

	mu      sync.Mutex
	pending [topics]batch // what the reader was not told yet
}

// Subscribe begins a subscription, which must be closed. Errors: Invalid, TooMany and Unavailable when a limit is reached.
func (h *Hub) Subscribe(w Watch) (*Subscription, error) {
	s := &Subscription{hub: h, watch: w, changed: make(chan struct{}, 1)}
	for _, t := range w.Topics {
		i := index(t)
		if i < 0 {
			return nil, errs.New(errs.Invalid, "there is no topic %q", t)
		}
		s.wanted[i] = true
	}
	if len(w.Topics) == 0 || len(w.Instances) > MaxInstances {
		return nil, errs.New(errs.Invalid, "a subscription needs a topic and at most %d instances", MaxInstances)
	}
	if len(w.Instances) > 0 {
		s.instances = slices.Compact(slices.Sorted(slices.Values(w.Instances)))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.admit(w); err != nil {
		return nil, err
	}
	h.subscriptions[s] = struct{}{}
	h.sessions[w.Session]++
	h.users[w.User]++
	s.listen(1)
	h.metrics.streams.Set(float64(len(h.subscriptions)))
	return s, nil
}

// Close ends the subscription. It is safe to call twice.
func (s *Subscription) Close() {
	s.once.Do(func() {
		h := s.hub
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.subscriptions, s)
		release(h.sessions, s.watch.Session)
		release(h.users, s.watch.User)
		s.listen(-1)
		h.metrics.streams.Set(float64(len(h.subscriptions)))
	})
}

func release(counts map[string]int, key string) {
	if counts[key]--; counts[key] == 0 {
		delete(counts, key)
	}
}

func (s *Subscription) listen(n int32) {
	for i, wanted := range s.wanted {
		if wanted {
			s.hub.feeds[i].listeners.Add(n)
		}
	}
}

// offer adds what changed. A reader that is slow gets it together with what comes later.
func (s *Subscription) offer(news [topics]batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	added := false
	for i, b := range news {
		if i == index(Sample) && s.instances != nil {
			b = s.filter(b)
		}
		if s.wanted[i] && !b.empty() {
			s.pending[i] = merge(s.pending[i], b)
			added = true
		}
	}
	if added {
		select {
		case s.changed <- struct{}{}:
		default:
		}
	}
}

func merge(a, b batch) batch {
	keys := b.keys
	if len(a.keys) > 0 {
		keys = slices.Compact(slices.Sorted(slices.Values(slices.Concat(a.keys, b.keys))))
	}
	if a.all || b.all || len(keys) > MaxKeys {
		return batch{all: true}
	}
	return batch{keys: keys}
}

// filter returns the batch's part of the subscription's instances.
func (s *Subscription) filter(b batch) batch {
	if b.all {
		return batch{keys: s.instances}
	}
	var out []string
	for _, i := range s.instances {
		if _, found := slices.BinarySearch(b.keys, i); found {
			out = append(out, i)
		}
	}
	return batch{keys: out}
}

// Changed receives when there is something to Take.
func (s *Subscription) Changed() <-chan struct{} { return s.changed }

// Take returns what changed since the last time, one Change per topic at most.
func (s *Subscription) Take() []Change {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.changed: // more came since the reader was woken
	default:
	}
	var out []Change
	for i, b := range s.pending {
		if b.empty() {
			continue
		}
		c := Change{Topic: Topics()[i], Keys: b.keys, All: b.all}
		if c.Keys == nil {
			c.Keys = []string{}
		}
		out = append(out, c)
	}
	s.pending = [topics]batch{}
	return out
}
