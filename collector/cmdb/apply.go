package cmdb

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/picketmon/picket/collector/cmdb/class"
)

// apply writes what a subject says into the item that it means, or into a new one.
func (w *work) apply(ctx context.Context, x *subject) error {
	if x.failed() {
		return nil
	}
	fresh := x.item == nil
	if fresh {
		if w.mayInsert(x); x.failed() {
			return nil
		}
		x.item = w.add(x.class)
	}
	it := x.item
	former := w.model.Class(it.Class)
	c := it.claimOf(x)
	w.reclass(x, c, former)
	c.report(x, func(attribute string) class.Authority { return w.model.Authority(former, attribute) })
	w.settle(it)
	changed := it.note(c)
	if it.DuplicateOf != "" && changed && !fresh { // someone still speaks of it by itself
		it.DuplicateOf = ""
	}
	w.index(it)
	x.result.Operation = operation(fresh, changed, former, w.model.Class(it.Class))
	if c.isNew && c.identity(w.model) {
		if err := w.resettle(ctx, it, x); err != nil {
			return err
		}
	}
	return w.bridge(ctx, x)
}

// note sees to it that what changed is written, and reports whether any value changed.
func (it *item) note(c *claim) bool {
	changed := len(it.differences()) > 0
	it.changed = it.changed || changed
	it.touched = it.touched || c.touched || c.dirty || c.isNew
	return changed
}

func operation(fresh, changed bool, former, now *class.Class) Operation {
	switch {
	case fresh:
		return Insert
	case now != former && now.Is(former):
		return UpdateWithUpgrade
	case now != former && former.Is(now):
		return UpdateWithDowngrade
	case now != former:
		return UpdateWithSwitch
	case changed:
		return Update
	}
	return NoChange
}

// mayInsert notes what stands in the way of a new item.
func (w *work) mayInsert(x *subject) {
	if !w.model.MayInsert(x.class, x.source) {
		x.fail(InsertNotAllowed, "source "+x.source+" may not make items of class "+x.class.Name)
	}
	if x.class.Rule().Kind == class.Dependent && x.host == nil {
		x.fail(DependencyMissing, fmt.Sprintf("items of class %s hang on another by %q, and the payload has no such relation to an item that exists or could be made", x.class.Name, x.class.Rule().Relation))
	}
	var missing []string
	for _, a := range x.class.Attributes() {
		if a.Required && a.Default == "" && x.values[a.Name] == "" {
			missing = append(missing, a.Name)
		}
	}
	if len(missing) > 0 {
		x.fail(RequiredEmpty, "class "+x.class.Name+" requires "+strings.Join(missing, ", "))
	}
}

// reclass notes the class that a subject gives, unless its settings say to keep the item's.
func (w *work) reclass(x *subject, c *claim, former *class.Class) {
	to, s := x.class, x.in.Settings
	skip := ""
	switch {
	case to == former || c.isNew && len(x.item.claims) == 1 && x.item.isNew:
	case to.Is(former) && (s.WithoutUpgrade || w.model.Reclassified(former, to) == former):
		skip = SkippedUpgrade
	case former.Is(to) && (s.WithoutDowngrade || w.model.Reclassified(former, to) == former):
		skip = SkippedDowngrade
	case !to.Is(former) && !former.Is(to) && (s.WithoutSwitch || w.model.Reclassified(former, to) == former):
		skip = SkippedSwitch
	}
	if skip != "" {
		x.result.Info = append(x.result.Info, Problem{skip, "the item stays of class " + former.Name + ", reported as " + to.Name})
	}
	// What the model skips now is noted all the same: an older report may come that makes sense of it.
	told := s.WithoutUpgrade && to.Is(former) || s.WithoutDowngrade && former.Is(to) || s.WithoutSwitch && !to.Is(former) && !former.Is(to)
	if !told || to == former {
		c.reportClass(to.Name, x.time)
	}
}

// bridge finds other items that the subject's identifiers lead to: reports that came before this one, and knew less, made several items
// of one thing. Where no stronger identifier contradicts they are merged.
func (w *work) bridge(ctx context.Context, x *subject) error {
	if x.failed() || len(x.result.Attempts) == 0 && x.native == "" {
		return nil
	}
	it := x.item
	for n, k := range x.keys(w.model) {
		if ambiguous(k.entry) {
			continue
		}
		for _, other := range w.candidates(x, k) {
			if other == it || w.apart(it, other) || !sameRule(w.model, it, other) || contradicts(w.model, it, other, n) {
				continue
			}
			if err := w.merge(ctx, it, other, "a report of "+x.source+" names both by "+k.entry.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// ambiguous reports whether an entry is too weak to merge items by it alone.
func ambiguous(e *class.Entry) bool { return e.Lookup != "" && !e.ExactCount }

func sameRule(m *class.Model, a, b *item) bool {
	c, d := m.Class(a.Class), m.Class(b.Class)
	return c != nil && d != nil && c.Rule() == d.Rule() && a.HostID == b.HostID
}

// contradicts reports whether an entry stronger than the nth says that the two are different things: both have its values, and share none.
func contradicts(m *class.Model, a, b *item, nth int) bool {
	ours, theirs := a.keysByRank(m), b.keysByRank(m)
	for i := range min(nth, len(ours), len(theirs)) {
		x, y := ours[i].hashes, theirs[i].hashes
		if len(x) > 0 && len(y) > 0 && !slices.ContainsFunc(x, func(h string) bool { return slices.Contains(y, h) }) {
			return true
		}
	}
	return false
}
