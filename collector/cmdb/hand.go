package cmdb

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/picketmon/picket/collector/cmdb/class"
	"github.com/picketmon/picket/internal/errs"
)

// byHand is the source of what people write.
const byHand = "Manual Entry"

// Create makes an item by hand, without looking for one that it may be. Kinds: Invalid.
func (s *Store) Create(ctx context.Context, className string, values map[string]any, host ItemID, by string) (ItemID, error) {
	var id ItemID
	err := s.write(ctx, byHand, by, func(ctx context.Context, w *work) error {
		x, err := w.subject(ctx, className, values, host)
		if err != nil {
			return err
		}
		if x.class.Rule() != nil && x.class.Rule().Kind == class.Dependent && x.host == nil {
			return errs.New(errs.Invalid, "an item of class %s hangs on another: say which", className)
		}
		for _, a := range x.class.Attributes() {
			if a.Required && x.values[a.Name] == "" {
				return errs.New(errs.Invalid, "%s: class %s requires it", a.Name, className)
			}
		}
		x.item = w.add(x.class)
		id = x.item.ID
		w.write(x)
		return nil
	})
	return id, err
}

// Update writes values of an item by hand; null and blank take a value away as far as people gave it. Kinds: Invalid, NotFound.
func (s *Store) Update(ctx context.Context, id ItemID, values map[string]any, by string) error {
	return s.write(ctx, byHand, by, func(ctx context.Context, w *work) error {
		it, err := w.present(ctx, id)
		if err != nil {
			return err
		}
		x, err := w.subject(ctx, it.Class, values, "")
		if err != nil {
			return err
		}
		x.item = it
		w.write(x)
		return nil
	})
}

// Delete deletes an item with its relations and what hangs on it; its history stays. An item that has duplicates cannot be deleted.
// Kinds: NotFound, Conflict.
func (s *Store) Delete(ctx context.Context, id ItemID, by string) error {
	return s.write(ctx, byHand, by, func(ctx context.Context, w *work) error {
		it, err := w.present(ctx, id)
		if err != nil {
			return err
		}
		return w.remove(ctx, it)
	})
}

func (w *work) present(ctx context.Context, id ItemID) (*item, error) {
	if err := w.load(ctx, []ItemID{id}); err != nil {
		return nil, err
	}
	it := w.items[id]
	if it == nil || it.MergedInto != "" {
		return nil, errs.New(errs.NotFound, "there is no item %s", id)
	}
	return it, nil
}

// subject reads what people write: unlike in a report, everything that is wrong is an error.
func (w *work) subject(ctx context.Context, className string, in map[string]any, host ItemID) (*subject, error) {
	c := w.model.Class(className)
	if c == nil {
		return nil, errs.New(errs.Invalid, "there is no class %.100q", className)
	}
	x := &subject{class: c, source: byHand, time: w.now, values: map[string]string{}}
	var problems errs.Problems
	for _, name := range slices.Sorted(maps.Keys(in)) {
		a := c.Attribute(name)
		if a == nil {
			problems.Add(name, "class %s has no such attribute", className)
			continue
		}
		v, ok, err := a.Canonical(in[name])
		switch {
		case err != nil:
			problems.Add(name, "%s", err.Error())
		case !ok && strings.TrimSpace(fmt.Sprint(in[name])) != "" && in[name] != nil:
			problems.Add(name, "is not of type %s", a.Type)
		case !ok:
			x.nulls = append(x.nulls, name)
		default:
			x.values[name] = v
		}
	}
	if host != "" {
		if err := w.load(ctx, []ItemID{host}); err != nil {
			return nil, err
		}
		if x.host = w.items[host]; x.host == nil || x.host.MergedInto != "" {
			problems.Add("host", "there is no item %s", host)
		}
	}
	return x, problems.Err()
}

// write puts what people say into their claim on the item.
func (w *work) write(x *subject) {
	c := x.item.claimOf(x)
	if c.isNew {
		c.reportClass(x.item.Class, x.time)
	}
	for _, name := range x.nulls { // people take back what they said
		if _, ok := c.Values[name]; ok {
			delete(c.Values, name)
			c.dirty = true
		}
	}
	x.nulls = nil
	c.report(x, func(string) class.Authority { return class.Authority{} })
	w.settle(x.item)
	x.item.note(c)
	if x.host != nil {
		if r := x.class.Rule(); r != nil && r.Kind == class.Dependent {
			k := relKey{x.host.ID, x.item.ID, r.Relation}
			if r.Host == class.ChildEnd {
				k.parent, k.child = k.child, k.parent
			}
			w.report(k, x.time)
		}
	}
}

// remove deletes an item and what hangs on it, hosts last.
func (w *work) remove(ctx context.Context, it *item) error {
	followers, err := w.tx.NewSelect().Model((*itemRow)(nil)).Where("duplicate_of = ?", it.ID).Count(ctx)
	if err != nil {
		return fmt.Errorf("count duplicates of item %s: %w", it.ID, err)
	}
	if followers > 0 {
		return errs.New(errs.Conflict, "item %s has %d duplicates: merge or dismiss them first", it.ID, followers)
	}
	var ids []ItemID
	if err := w.tx.NewSelect().Model((*itemRow)(nil)).Column("id").Where("host_id = ?", it.ID).Scan(ctx, &ids); err != nil {
		return fmt.Errorf("read what hangs on item %s: %w", it.ID, err)
	}
	if err := w.load(ctx, slices.Clone(ids)); err != nil {
		return err
	}
	for _, id := range ids {
		if d := w.items[id]; d != nil && !d.deleted {
			if err := w.remove(ctx, d); err != nil {
				return err
			}
		}
	}
	if err := w.loadRelationsOf(ctx, it.ID); err != nil {
		return err
	}
	for _, k := range slices.SortedFunc(maps.Keys(w.rels), relKey.compare) {
		if r := w.rels[k]; !r.deleted && (k.parent == it.ID || k.child == it.ID) {
			w.dropRelation(r)
		}
	}
	it.deleted = true
	return nil
}
