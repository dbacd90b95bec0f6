package cmdb

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/internal/errs"
)

// Unmerge parts two items that were merged: the other gets back what sources said of it, its relations and what hung on it. What was
// reported since stays with main, unless it came under a key of the other. Kinds: NotFound, Conflict.
func (s *Store) Unmerge(ctx context.Context, task, by string) error {
	return s.write(ctx, byHand, by, func(ctx context.Context, w *work) error {
		row, err := w.task(ctx, task)
		if err != nil {
			return err
		}
		if row.State != TaskMerged {
			return errs.New(errs.Conflict, "the set of duplicates is %s, there is nothing to part", row.State)
		}
		var u mergeUndo
		if err := json.Unmarshal([]byte(row.Undo), &u); err != nil {
			return fmt.Errorf("decode how to part item %s: %w", row.MainID, err)
		}
		if err := w.part(ctx, u); err != nil {
			return err
		}
		row.State, row.Undo, row.UpdatedAt, row.UpdatedBy = TaskDismissed, "{}", w.now, by
		w.tasks[row.Members] = row
		return nil
	})
}

func (w *work) part(ctx context.Context, u mergeUndo) error {
	if err := w.load(ctx, append([]ItemID{u.Main.ID, u.Other.ID}, u.Dependents...)); err != nil {
		return err
	}
	main, other := w.items[u.Main.ID], w.items[u.Other.ID]
	if main == nil || other == nil || main.MergedInto != "" || other.MergedInto != main.ID {
		return errs.New(errs.Conflict, "the items were merged further or deleted since")
	}
	main.give(other, u)
	other.MergedInto = ""
	for _, id := range u.Dependents {
		it := w.items[id]
		if it == nil || it.MergedInto != "" || it.HostID != main.ID {
			continue
		}
		for _, c := range it.claims {
			if c.Host == main.ID {
				c.Host, c.dirty = other.ID, true
			}
		}
		it.HostID, it.changed = other.ID, true
		w.settle(it)
	}
	for _, it := range []*item{main, other} {
		w.settle(it)
		it.changed = true
	}
	return w.partRelations(ctx, u)
}

// give returns to other the claims that were its own.
func (it *item) give(other *item, u mergeUndo) {
	mine := map[[2]string]undoClaim{}
	for _, c := range u.Main.Claims {
		mine[[2]string{c.Source, c.Key}] = c
	}
	for _, c := range u.Other.Claims {
		key := [2]string{c.Source, c.Key}
		back := &claim{Source: c.Source, Key: c.Key, NativeKey: c.NativeKey, First: c.First, Last: c.Last, body: c.Body, isNew: true, dirty: true}
		for i, now := range it.claims {
			if now.Source != c.Source || now.Key != c.Key {
				continue
			}
			if before, both := mine[key]; both {
				now.First, now.Last, now.body, now.dirty = before.First, before.Last, before.Body, true
				break
			}
			back.Last, back.body = now.Last, now.body // reports since then were about it
			it.claims = append(it.claims[:i], it.claims[i+1:]...)
			it.reclaim = true
			break
		}
		other.claims = append(other.claims, back)
	}
}

// partRelations restores the relations that other had.
func (w *work) partRelations(ctx context.Context, u mergeUndo) error {
	var keys []*relKey
	for _, r := range u.Relations {
		old := relKey{r.Parent, r.Child, r.Type}
		keys = append(keys, &old, new(old.moved(u.Other.ID, u.Main.ID)))
	}
	if err := w.loadMoved(ctx, keys); err != nil {
		return err
	}
	for i, r := range u.Relations {
		if w.items[r.Parent] == nil || w.items[r.Child] == nil {
			continue // deleted since
		}
		first, last := w.now, int64(0)
		for _, at := range r.Sources {
			first, last = min(first, at), max(last, at)
		}
		w.joinRelation(*keys[2*i], &relation{sources: r.Sources, relationRow: relationRow{ID: db.NewID(), FirstDiscovered: first, LastDiscovered: last, CreatedBy: w.by}})
		if moved := w.rels[*keys[2*i+1]]; moved != nil && !moved.deleted && !r.Had {
			w.dropRelation(moved)
		}
	}
	return nil
}
