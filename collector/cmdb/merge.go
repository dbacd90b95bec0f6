package cmdb

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/picketmon/picket/collector/db"
)

// merge makes other a part of main: its claims, relations and what hangs on it move there. Its row stays, says where it went, and keeps
// what is needed to part the two again.
func (w *work) merge(ctx context.Context, main, other *item, reason string) error {
	task := db.NewID() // before those of what hangs on it: merges are undone in the reverse order of their ids
	undo := mergeUndo{Main: snapshot(main), Other: snapshot(other)}
	for _, c := range other.claims {
		main.takeClaim(c)
	}
	other.claims = nil
	other.MergedInto, other.DuplicateOf, other.changed = main.ID, "", true
	other.settled, other.reclaim = []keyed{}, true
	main.changed = true
	w.settle(main)
	w.index(main)
	var err error
	if undo.Relations, err = w.moveRelations(ctx, other.ID, main.ID); err != nil {
		return err
	}
	if undo.Dependents, err = w.moveDependents(ctx, main, other); err != nil {
		return err
	}
	if err := w.moveFollowers(ctx, other.ID, main); err != nil {
		return err
	}
	w.settle(main)
	w.index(main)
	return w.merged(task, main, other, reason, undo)
}

// takeClaim moves a claim of another item here. When the same source has one under the same key, both are put together: of each
// value the youngest word stays.
func (it *item) takeClaim(c *claim) {
	for _, mine := range it.claims {
		if mine.Source == c.Source && mine.Key == c.Key {
			mine.combine(c)
			return
		}
	}
	moved := *c
	moved.isNew, moved.dirty = true, true
	it.claims = append(it.claims, &moved)
}

func (c *claim) combine(d *claim) {
	last := max(c.Last, d.Last)
	all := map[string]said{}
	for _, from := range []*claim{c, d} {
		for name, s := range from.Values {
			next := said{s.Value, from.at(s)}
			old, ok := all[name]
			if !ok || next.Time > old.Time || next.Time == old.Time && next.Value > old.Value {
				all[name] = next
			}
		}
	}
	for name, s := range all {
		if s.Time == last {
			all[name] = said{Value: s.Value}
		}
	}
	for _, from := range []*claim{c, d} { // a claim's only class has no last time of its own
		if len(from.Classes) == 1 {
			for name, span := range from.Classes {
				from.Classes[name] = [2]int64{span[0], from.Last}
			}
		}
	}
	for name, span := range d.Classes {
		if mine, ok := c.Classes[name]; ok {
			span = [2]int64{min(mine[0], span[0]), max(mine[1], span[1])}
		}
		c.Classes[name] = span
	}
	if d.LookupsAt > c.LookupsAt {
		c.Lookups, c.LookupsAt = d.Lookups, d.LookupsAt
	}
	if d.HostAt > c.HostAt {
		c.Host, c.HostAt = d.Host, d.HostAt
	}
	c.Values, c.First, c.Last, c.dirty = all, min(c.First, d.First), last, true
}

// moveRelations re-points the relations of one item to another and returns the former ones.
func (w *work) moveRelations(ctx context.Context, from, to ItemID) (moved []undoRelation, err error) {
	if err := w.loadRelationsOf(ctx, from); err != nil {
		return nil, err
	}
	var touching []*relation
	for _, k := range slices.SortedFunc(maps.Keys(w.rels), relKey.compare) {
		if r := w.rels[k]; !r.deleted && (k.parent == from || k.child == from) {
			touching = append(touching, r)
		}
	}
	var wanted []*relKey
	for _, r := range touching {
		k := r.key()
		wanted = append(wanted, new(k.moved(from, to)))
	}
	if err := w.loadMoved(ctx, wanted); err != nil {
		return nil, err
	}
	for i, r := range touching {
		k := *wanted[i]
		there := w.rels[k]
		moved = append(moved, undoRelation{r.ParentID, r.ChildID, r.Type, r.sources, there != nil && !there.deleted})
		w.dropRelation(r)
		if k.parent != k.child {
			w.joinRelation(k, r)
		}
	}
	return moved, nil
}

func (k relKey) moved(from, to ItemID) relKey {
	if k.parent == from {
		k.parent = to
	}
	if k.child == from {
		k.child = to
	}
	return k
}

// loadMoved loads relations whose ends may not be loaded themselves.
func (w *work) loadMoved(ctx context.Context, keys []*relKey) error {
	var ids []ItemID
	for _, k := range keys {
		ids = append(ids, k.parent, k.child)
	}
	if err := w.load(ctx, ids); err != nil {
		return err
	}
	return w.loadRelations(ctx, keys)
}

func (w *work) loadRelationsOf(ctx context.Context, id ItemID) error {
	if it := w.items[id]; it != nil && it.isNew {
		return nil
	}
	var rows []relationRow
	if err := w.tx.NewSelect().Model(&rows).Where("parent_id = ? OR child_id = ?", id, id).Scan(ctx); err != nil {
		return fmt.Errorf("read relations of item %s: %w", id, err)
	}
	return w.openRelations(rows)
}

func (w *work) dropRelation(r *relation) {
	r.deleted = true
	w.logRelation(r.key(), "delete")
}

// joinRelation adds what is known of a relation to another.
func (w *work) joinRelation(k relKey, from *relation) {
	to := w.rels[k]
	if to == nil || to.deleted {
		to = &relation{isNew: true, sources: map[string]int64{}, relationRow: relationRow{
			ParentID: k.parent, ChildID: k.child, Type: k.typ, ID: db.NewID(), FirstDiscovered: from.FirstDiscovered, LastDiscovered: from.LastDiscovered, CreatedBy: from.CreatedBy,
		}}
		w.rels[k] = to
		w.logRelation(k, "insert")
	}
	for source, at := range from.sources {
		to.sources[source] = max(to.sources[source], at)
	}
	to.FirstDiscovered, to.LastDiscovered = min(to.FirstDiscovered, from.FirstDiscovered), max(to.LastDiscovered, from.LastDiscovered)
	to.dirty = true
}

// moveDependents lets what hangs on other hang on main; what both have is merged. It returns what moved.
func (w *work) moveDependents(ctx context.Context, main, other *item) (moved []ItemID, err error) {
	var ids []ItemID
	err = w.tx.NewSelect().Model((*itemRow)(nil)).Column("id").Where("host_id IN (?, ?)", main.ID, other.ID).Where("merged_into = ''").OrderExpr("id").Scan(ctx, &ids)
	if err != nil {
		return nil, fmt.Errorf("read what hangs on item %s: %w", other.ID, err)
	}
	if err := w.load(ctx, ids); err != nil {
		return nil, err
	}
	var theirs []*item
	for _, id := range slices.Sorted(maps.Keys(w.items)) {
		switch it := w.items[id]; {
		case it.MergedInto != "":
		case it.HostID == other.ID:
			theirs = append(theirs, it)
		case it.HostID == main.ID:
			w.index(it)
		}
	}
	for _, it := range theirs {
		for _, c := range it.claims {
			if c.Host == other.ID {
				c.Host, c.dirty = main.ID, true
			}
		}
		it.HostID = main.ID
		w.settle(it)
		it.changed = true
		moved = append(moved, it.ID)
		w.index(it)
		if err := w.mergeTwins(ctx, it); err != nil {
			return nil, err
		}
	}
	return moved, nil
}

// mergeTwins merges an item with those that have an identifier of it, under the same host.
func (w *work) mergeTwins(ctx context.Context, it *item) error {
	for n, k := range it.keysByRank(w.model) {
		for _, h := range k.hashes {
			for _, twin := range w.found(h) {
				if twin == it || w.apart(it, twin) || !sameRule(w.model, it, twin) || contradicts(w.model, it, twin, n) {
					continue
				}
				main, rest := it, twin
				if older(twin, it) < 0 {
					main, rest = twin, it
				}
				if err := w.merge(ctx, main, rest, "what they hang on was merged, and "+k.entry.Name+" is the same"); err != nil {
					return err
				}
				return w.mergeTwins(ctx, main)
			}
		}
	}
	return nil
}

// moveFollowers lets duplicates of an item follow the item that it was merged into.
func (w *work) moveFollowers(ctx context.Context, from ItemID, main *item) error {
	var ids []ItemID
	if err := w.tx.NewSelect().Model((*itemRow)(nil)).Column("id").Where("duplicate_of = ?", from).Scan(ctx, &ids); err != nil {
		return fmt.Errorf("read duplicates of item %s: %w", from, err)
	}
	if err := w.load(ctx, ids); err != nil {
		return err
	}
	for _, id := range ids {
		if it := w.items[id]; it != main {
			it.DuplicateOf, it.changed = main.ID, true
		}
	}
	if main.DuplicateOf == from {
		main.DuplicateOf, main.changed = "", true
	}
	return nil
}

// setDuplicate marks an item as a duplicate. It never is one of itself nor of another duplicate, and those that followed it follow main.
func (w *work) setDuplicate(it, main *item) {
	if main.DuplicateOf != "" && w.items[main.DuplicateOf] != nil {
		main = w.items[main.DuplicateOf]
	}
	if it == main {
		return
	}
	it.DuplicateOf, it.changed = main.ID, true
	w.follow = append(w.follow, [2]*item{it, main})
}
