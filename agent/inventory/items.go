package inventory

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"maps"
	"slices"
	"time"
)

// Limits of items. The collector has the same or higher ones.
const (
	mostItems      = 20_000
	mostKey        = 1000
	mostAttributes = 32 << 10
	mostBatch      = 2 << 20 // bytes of items; more go into further batches
)

// A thing that changes all the time is told burst times, then once per patience.
const (
	burst    = 8
	patience = time.Hour
)

// HashItems returns SHA-256 over items in order of their keys' bytes: class, key and attributes of each, every one of the three
// ended by a zero byte.
func HashItems(sorted []Item) []byte {
	h := sha256.New()
	zero := []byte{0}
	for _, i := range sorted {
		for _, part := range [][]byte{[]byte(i.Class), []byte(i.Key), i.Attributes} {
			_, _ = h.Write(part) // a hash takes everything
			_, _ = h.Write(zero)
		}
	}
	return h.Sum(nil)
}

func byKey(a, b Item) int { return cmp.Compare(a.Key, b.Key) }

func (i Item) equal(o Item) bool {
	return i.Class == o.Class && bytes.Equal(i.Attributes, o.Attributes)
}

func (i Item) size() int { return len(i.Class) + len(i.Key) + len(i.Attributes) + 16 }

// Items remembers what the collector was told of one kind of items and makes batches of what changed: all at first, then
// differences. It is for one goroutine at a time.
type Items struct {
	kind    string
	linger  int
	told    map[string]Item // nil before the first look
	missing map[string]int  // looks in a row that missed an item
	patient map[string]credit
	owing   bool // the next batches are all there is
	pending bool
	crowded bool
}

// credit is how often an item may be told now.
type credit struct {
	left float64
	at   time.Time
}

// NewItems returns the memory of one kind; an item is gone when linger looks in a row missed it.
func NewItems(kind string, linger int) *Items {
	return &Items{kind: kind, linger: linger, owing: true, missing: map[string]int{}, patient: map[string]credit{}}
}

// Resend makes the next batches all there is.
func (t *Items) Resend() { t.owing = true }

// Len returns how many items the collector was told of.
func (t *Items) Len() int { return len(t.told) }

// Known reports whether there was a look.
func (t *Items) Known() bool { return t.told != nil }

// Pending reports whether the last look saw something that it did not tell yet.
func (t *Items) Pending() bool { return t.pending }

// Crowded reports whether the last look found more than can be told.
func (t *Items) Crowded() bool { return t.crowded }

// Look takes all items there are now and returns the batches that tell what is new.
func (t *Items) Look(now []Item, at time.Time) []Batch {
	seen := t.admit(now)
	t.pending = false
	if t.told == nil {
		t.told = seen
		return t.Told(at)
	}
	var changed []Item
	for key, item := range seen {
		delete(t.missing, key)
		former, known := t.told[key]
		if known && former.equal(item) {
			continue
		}
		if !t.spend(key, at) {
			t.pending = true
			continue
		}
		t.told[key] = item
		changed = append(changed, item)
	}
	for key := range t.told {
		if _, ok := seen[key]; ok {
			continue
		}
		t.missing[key]++
		if t.missing[key] < t.linger || !t.spend(key, at) {
			t.pending = true
			continue
		}
		delete(t.missing, key)
		delete(t.told, key)
		changed = append(changed, Item{Key: key, Gone: true})
	}
	if t.owing {
		return t.Told(at)
	}
	if len(changed) == 0 {
		return nil
	}
	slices.SortFunc(changed, byKey)
	return t.batches(changed, false, at)
}

// Told returns all that the collector should know by now, as the first batches or those it asked for; none before the first look or
// when it was told everything.
func (t *Items) Told(at time.Time) []Batch {
	if !t.owing || t.told == nil {
		return nil
	}
	t.owing = false
	return t.batches(t.sorted(), true, at)
}

func (t *Items) sorted() []Item { return slices.SortedFunc(maps.Values(t.told), byKey) }

// batches cuts items into batches that one message can hold. The first of a whole is full, the last one has the hash.
func (t *Items) batches(items []Item, full bool, at time.Time) []Batch {
	var out []Batch
	for {
		n, size := 0, 0
		for n < len(items) && (n == 0 || size+items[n].size() <= mostBatch) {
			size += items[n].size()
			n++
		}
		out = append(out, Batch{Kind: t.kind, Full: full && len(out) == 0, Items: items[:n], Time: at})
		if items = items[n:]; len(items) == 0 {
			break
		}
	}
	out[len(out)-1].Hash = HashItems(t.sorted())
	return out
}

// admit returns by key what can be told: keys are made valid, too large items are left out.
func (t *Items) admit(now []Item) map[string]Item {
	seen := make(map[string]Item, len(now))
	t.crowded = false
	for _, i := range now {
		if i.Key = text(i.Key, mostKey); i.Key == "" {
			continue
		}
		if _, twice := seen[i.Key]; twice {
			continue
		}
		if len(i.Attributes) > mostAttributes || len(seen) == mostItems {
			t.crowded = true
			continue
		}
		seen[i.Key] = i
	}
	return seen
}

// spend reports whether an item may be told once more now, and counts it.
func (t *Items) spend(key string, at time.Time) bool {
	c, ok := t.patient[key]
	if !ok {
		c = credit{left: burst, at: at}
	}
	c.left, c.at = min(burst, c.left+max(0, at.Sub(c.at).Seconds())/patience.Seconds()), at
	allowed := c.left >= 1
	if allowed {
		c.left--
	}
	t.patient[key] = c
	if len(t.patient) > 2*len(t.told)+100 {
		maps.DeleteFunc(t.patient, func(_ string, c credit) bool { return at.Sub(c.at) > burst*patience })
	}
	return allowed
}
