package cmdb

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/picketmon/picket/collector/cmdb/class"
	"github.com/picketmon/picket/collector/db"
)

// maxClones bounds how many things with one identifier are sorted out anew when another comes.
const maxClones = 64

// derived begins keys of claims that a source gave no native key for. They tell whose words they are, and identify nothing.
const derived = "~"

// claimKey works out under which key the subject's claim is kept: its native key; else what it calls the item by, its strongest
// identifier, after the key of its host. So what a source says of two things stays apart even while they are taken for one.
func (x *subject) claimKey(m *class.Model, hostKey string) {
	x.key = x.native
	if x.native != "" || x.sysID != "" {
		return
	}
	f := facts{class: x.class.Name, values: x.values, lookups: x.lookups}
	if x.host != nil {
		f.host = "host"
	}
	for _, e := range entries(x.class) {
		if h := f.keys(m, e); len(h) > 0 {
			x.key = derived + hostKey + derived + strings.Join(h, ",")
			return
		}
	}
}

// identity reports whether the claim's native key stands for one thing.
func (c *claim) identity(m *class.Model) bool {
	s := m.Source(c.Source)
	return s != nil && s.NativeKeyIsIdentity && c.NativeKey != ""
}

// resettle sorts out anew who meant which, when a thing comes to be known that shares an identifier with others, such as the clone of a
// host: what was said of the others before may have been about it.
func (w *work) resettle(ctx context.Context, it *item, x *subject) error {
	cluster := []*item{it}
	for _, k := range x.keys(w.model) {
		for _, h := range k.hashes {
			for _, other := range w.found(h) {
				if !slices.Contains(cluster, other) && w.apart(it, other) && sameRule(w.model, it, other) {
					cluster = append(cluster, other)
				}
			}
		}
	}
	if len(cluster) == 1 || len(cluster) > maxClones {
		return nil
	}
	slices.SortFunc(cluster, func(a, b *item) int { return byIdentity(w.model, a, b) })
	for _, from := range cluster {
		for _, c := range slices.Clone(from.claims) {
			if c.identity(w.model) || c.Source == byHand {
				continue
			}
			f := facts{class: from.Class, host: from.HostID, values: c.plain(), lookups: c.Lookups}
			if to := w.meant(f, cluster); to != nil && to != from {
				if err := w.moveClaim(ctx, c, from, to); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (c *claim) plain() map[string]string {
	values := make(map[string]string, len(c.Values))
	for name, s := range c.Values {
		values[name] = s.Value
	}
	return values
}

// byIdentity orders things that are known to be different: by when the source that knows them apart saw them first, then by its native key.
func byIdentity(m *class.Model, a, b *item) int {
	x, y := a.firstIdentity(m), b.firstIdentity(m)
	if x == nil || y == nil {
		return older(a, b)
	}
	return cmp.Or(cmp.Compare(x.First, y.First), strings.Compare(x.Source, y.Source), strings.Compare(x.NativeKey, y.NativeKey))
}

func (it *item) firstIdentity(m *class.Model) *claim {
	var first *claim
	for _, c := range it.claims {
		if c.identity(m) && (first == nil || c.First < first.First || c.First == first.First && c.NativeKey < first.NativeKey) {
			first = c
		}
	}
	return first
}

// meant returns which of different things is meant by f: the one that its strongest identifier leads to, of several the one that a weaker
// identifier tells apart, else the first. Only what the identifying sources themselves say of the things counts, so that the answer
// depends on no order. Nil means that none of them is.
func (w *work) meant(f facts, list []*item) *item {
	left := list
	for _, e := range entries(w.model.Class(list[0].Class)) {
		hashes := f.keys(w.model, e)
		if len(hashes) == 0 {
			continue
		}
		var hit []*item
		for _, it := range left {
			if slices.ContainsFunc(w.identityKeys(it, e), func(h string) bool { return slices.Contains(hashes, h) }) {
				hit = append(hit, it)
			}
		}
		switch {
		case len(hit) == 1:
			return hit[0]
		case len(hit) > 1:
			left = hit
		}
	}
	if len(left) == len(list) && !w.anyKey(f, list) {
		return nil
	}
	return slices.MinFunc(left, func(a, b *item) int { return byIdentity(w.model, a, b) })
}

func (w *work) anyKey(f facts, list []*item) bool {
	for _, e := range entries(w.model.Class(list[0].Class)) {
		for _, h := range f.keys(w.model, e) {
			if slices.ContainsFunc(list, func(it *item) bool { return slices.Contains(w.identityKeys(it, e), h) }) {
				return true
			}
		}
	}
	return false
}

func (w *work) identityKeys(it *item, e *class.Entry) []string {
	var list []string
	for _, c := range it.claims {
		if c.identity(w.model) {
			list = append(list, facts{class: it.Class, host: it.HostID, values: c.plain(), lookups: c.Lookups}.keys(w.model, e)...)
		}
	}
	return list
}

// moveClaim moves what a source says of one item to another, with what it says of that which hangs on it.
func (w *work) moveClaim(ctx context.Context, c *claim, from, to *item) error {
	from.lose(c)
	to.takeClaim(c)
	for _, it := range []*item{from, to} {
		w.settle(it)
		it.changed = true
		w.index(it)
	}
	var ids []ItemID
	if err := w.tx.NewSelect().Model((*itemRow)(nil)).Column("id").Where("host_id = ?", from.ID).Where("merged_into = ''").OrderExpr("id").Scan(ctx, &ids); err != nil {
		return fmt.Errorf("read what hangs on item %s: %w", from.ID, err)
	}
	if err := w.load(ctx, ids); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(w.items)) {
		d := w.items[id]
		if d.HostID != from.ID || d.MergedInto != "" || d.deleted {
			continue
		}
		for _, words := range slices.Clone(d.claims) {
			if words.Source == c.Source && words.Host == from.ID && strings.HasPrefix(words.Key, derived+c.Key+derived) {
				if err := w.moveDependent(ctx, words, d, from, to); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (it *item) lose(c *claim) {
	it.claims = slices.DeleteFunc(it.claims, func(d *claim) bool { return d == c })
	it.reclaim, it.changed = true, true
}

// moveDependent moves what a source says of an item that hangs on one host to the like item on another, which is made when it is not
// there. An item of which nobody says anything any more goes.
func (w *work) moveDependent(ctx context.Context, c *claim, d, from, to *item) error {
	twin, err := w.twin(ctx, c, d, to)
	if err != nil {
		return err
	}
	if twin == nil {
		twin = w.add(w.model.Class(d.Class))
	}
	d.lose(c)
	c.Host, c.dirty = to.ID, true
	twin.takeClaim(c)
	w.settle(twin)
	twin.changed = true
	w.index(twin)
	if err := w.loadRelationsOf(ctx, d.ID); err != nil {
		return err
	}
	if len(d.claims) == 0 {
		if err := w.remove(ctx, d); err != nil {
			return err
		}
	} else {
		w.settle(d)
	}
	return w.hang(ctx, twin, to, d, from)
}

// twin finds the item on another host that a claim would be about there.
func (w *work) twin(ctx context.Context, c *claim, d, to *item) (*item, error) {
	f := facts{class: d.Class, host: to.ID, values: c.plain()}
	var hashes []string
	for _, e := range entries(w.model.Class(d.Class)) {
		hashes = append(hashes, f.keys(w.model, e)...)
	}
	if err := w.fetch(ctx, hashes, nil); err != nil {
		return nil, err
	}
	for _, h := range hashes {
		for _, it := range w.found(h) {
			if it.HostID == to.ID && !it.deleted {
				return it, nil
			}
		}
	}
	return nil, nil //nolint:nilnil // there is none
}

// hang brings the relations by which two like items hang on their hosts in line with who says so.
func (w *work) hang(ctx context.Context, twin, to, d, from *item) error {
	for _, pair := range [][2]*item{{twin, to}, {d, from}} {
		part, host := pair[0], pair[1]
		r := w.model.Class(part.Class).Rule()
		k := relKey{host.ID, part.ID, r.Relation}
		if r.Host == class.ChildEnd {
			k.parent, k.child = k.child, k.parent
		}
		if err := w.loadRelations(ctx, []*relKey{&k}); err != nil {
			return err
		}
		rel := w.rels[k]
		if part.deleted {
			continue // its relations went with it
		}
		if rel == nil || rel.deleted {
			rel = &relation{isNew: true, relationRow: relationRow{ParentID: k.parent, ChildID: k.child, Type: k.typ, ID: db.NewID(), CreatedBy: w.by}}
			w.rels[k] = rel
			w.logRelation(k, "insert")
		}
		rel.sources, rel.FirstDiscovered, rel.LastDiscovered, rel.dirty = map[string]int64{}, 0, 0, true
		for _, c := range part.claims {
			if c.Host != host.ID {
				continue
			}
			rel.sources[c.Source] = max(rel.sources[c.Source], c.Last)
			rel.LastDiscovered = max(rel.LastDiscovered, c.Last)
			if rel.FirstDiscovered == 0 || c.First < rel.FirstDiscovered {
				rel.FirstDiscovered = c.First
			}
		}
	}
	return nil
}
