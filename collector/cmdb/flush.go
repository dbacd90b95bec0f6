package cmdb

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
)

// flush writes what the work changed: items before what refers to them, and what goes before what comes.
func (w *work) flush(ctx context.Context) error {
	for _, f := range w.follow {
		if err := w.moveFollowers(ctx, f[0].ID, f[1]); err != nil {
			return err
		}
	}
	var touched []*item
	for _, id := range slices.Sorted(maps.Keys(w.items)) {
		switch it := w.items[id]; {
		case it.deleted && it.isNew: // it never was
		case it.deleted:
			w.deleted = append(w.deleted, it)
		case it.changed || it.isNew:
			w.changed = append(w.changed, it)
		case it.touched:
			touched = append(touched, it)
		}
	}
	if err := w.deleteItems(ctx, w.deleted); err != nil {
		return err
	}
	for _, step := range []func(context.Context, []*item) error{w.writeItems, w.dropClaims, w.writeClaims, w.writeKeys} {
		if err := step(ctx, w.changed); err != nil {
			return err
		}
	}
	if err := w.touch(ctx, touched); err != nil {
		return err
	}
	if err := w.writeClaims(ctx, touched); err != nil {
		return err
	}
	if err := w.writeKeys(ctx, touched); err != nil {
		return err
	}
	if err := w.writeRelations(ctx); err != nil {
		return err
	}
	return w.writeTasks(ctx)
}

// deleteItems deletes items; what was theirs goes with them, and their last values stay in the history.
func (w *work) deleteItems(ctx context.Context, list []*item) error {
	ids := make([]ItemID, len(list))
	log := make([]changeRow, len(list))
	for i, it := range list {
		it.was, it.before = it.values, itemRow{Class: it.Class, HostID: it.HostID}
		last := *it
		last.values, last.Class, last.HostID, last.DuplicateOf, last.MergedInto = nil, "", "", "", ""
		raw, err := json.Marshal(last.differences())
		if err != nil {
			return fmt.Errorf("encode the end of item %s: %w", it.ID, err)
		}
		ids[i] = it.ID
		log[i] = changeRow{ID: db.NewID(), ItemID: it.ID, Time: w.now, Op: "delete", Source: w.source, By: w.by, Changes: string(raw)}
	}
	for part := range slices.Chunk(ids, portion) {
		if _, err := w.tx.NewDelete().Model((*itemRow)(nil)).Where("id IN ?", bun.Tuple(part)).Exec(ctx); err != nil {
			return fmt.Errorf("delete items: %w", err)
		}
	}
	return insertAll(ctx, w.tx, log, "write history of items")
}

func (w *work) writeItems(ctx context.Context, list []*item) error {
	var rows []itemRow
	var log []changeRow
	for _, it := range list {
		if d := it.differences(); len(d) > 0 || it.isNew {
			it.ModCount++
			it.UpdatedAt, it.UpdatedBy = w.now, w.by
			raw, err := json.Marshal(d)
			if err != nil {
				return fmt.Errorf("encode changes of item %s: %w", it.ID, err)
			}
			log = append(log, changeRow{ID: db.NewID(), ItemID: it.ID, Time: w.now, Op: it.op(), Source: w.source, By: w.by, Changes: string(raw)})
		}
		raw, err := json.Marshal(it.values)
		if err != nil {
			return fmt.Errorf("encode attributes of item %s: %w", it.ID, err)
		}
		it.Attributes = string(raw)
		rows = append(rows, it.itemRow)
	}
	for part := range slices.Chunk(rows, portion) {
		q := w.tx.NewInsert().Model(&part).On("CONFLICT (id) DO UPDATE")
		for _, c := range []string{
			"class", "name", "host_id", "attributes", "discovery_source", "first_discovered", "last_discovered", "duplicate_of", "merged_into",
			"search", "updated_at", "updated_by", "mod_count",
		} {
			q = q.Set(c + " = EXCLUDED." + c)
		}
		if _, err := q.Exec(ctx); err != nil {
			return fmt.Errorf("write items: %w", err)
		}
	}
	return insertAll(ctx, w.tx, log, "write history of items")
}

func (it *item) op() string {
	switch {
	case it.isNew:
		return "insert"
	case it.MergedInto != it.before.MergedInto:
		return "merge"
	}
	return "update"
}

// touch writes when items were seen last, all of the same time at once.
func (w *work) touch(ctx context.Context, list []*item) error {
	type seen struct {
		at     int64
		source string
		first  int64
	}
	groups := map[seen][]ItemID{}
	for _, it := range list {
		if it.itemRow == it.before {
			continue
		}
		k := seen{at: it.LastDiscovered, source: it.DiscoverySource}
		if it.FirstDiscovered != it.before.FirstDiscovered {
			k.first = it.FirstDiscovered
		}
		groups[k] = append(groups[k], it.ID)
	}
	for k, ids := range groups {
		for part := range slices.Chunk(ids, portion) {
			q := w.tx.NewUpdate().Model((*itemRow)(nil)).Set("last_discovered = ?", k.at).Set("discovery_source = ?", k.source).Where("id IN ?", bun.Tuple(part))
			if k.first != 0 {
				q = q.Set("first_discovered = ?", k.first)
			}
			if _, err := q.Exec(ctx); err != nil {
				return fmt.Errorf("note when items were seen: %w", err)
			}
		}
	}
	return nil
}

// dropClaims deletes the claims of items that gave some away; those that stay are written anew.
func (w *work) dropClaims(ctx context.Context, list []*item) error {
	for _, it := range list {
		if !it.reclaim {
			continue
		}
		if _, err := w.tx.NewDelete().Model((*claimRow)(nil)).Where("item_id = ?", it.ID).Exec(ctx); err != nil {
			return fmt.Errorf("move what sources say of item %s: %w", it.ID, err)
		}
		for _, c := range it.claims {
			c.dirty = true
		}
	}
	return nil
}

func (w *work) writeClaims(ctx context.Context, list []*item) error {
	var rows []claimRow
	type seen struct {
		source string
		last   int64
	}
	touched := map[seen][]*claimRow{}
	for _, it := range list {
		for _, c := range it.claims {
			row := claimRow{ItemID: it.ID, Source: c.Source, Key: c.Key, NativeKey: c.NativeKey, First: c.First, Last: c.Last}
			switch {
			case c.dirty || c.isNew:
				body, err := c.encode()
				if err != nil {
					return err
				}
				row.Body = body
				rows = append(rows, row)
			case c.touched:
				k := seen{c.Source, c.Last}
				touched[k] = append(touched[k], &row)
			}
		}
	}
	for part := range slices.Chunk(rows, portion) {
		_, err := w.tx.NewInsert().Model(&part).On("CONFLICT (item_id, source, claim_key) DO UPDATE").
			Set("first_seen = EXCLUDED.first_seen").Set("last_seen = EXCLUDED.last_seen").Set("body = EXCLUDED.body").Exec(ctx)
		if err != nil {
			return fmt.Errorf("write what sources say of items: %w", err)
		}
	}
	for k, group := range touched {
		if err := w.touchClaims(ctx, k.source, k.last, group); err != nil {
			return err
		}
	}
	return nil
}

// touchClaims notes when a source spoke last of items. Native keys are unique within it; what has none is named one by one.
func (w *work) touchClaims(ctx context.Context, source string, last int64, rows []*claimRow) error {
	var natives []string
	update := func() *bun.UpdateQuery {
		return w.tx.NewUpdate().Model((*claimRow)(nil)).Set("last_seen = ?", last).Where("source = ?", source)
	}
	for _, r := range rows {
		if r.NativeKey != "" {
			natives = append(natives, r.NativeKey)
		} else if _, err := update().Where("item_id = ?", r.ItemID).Where("claim_key = ?", r.Key).Exec(ctx); err != nil {
			return fmt.Errorf("note when %s spoke of item %s: %w", source, r.ItemID, err)
		}
	}
	for part := range slices.Chunk(natives, portion) {
		if _, err := update().Where("native_key <> ''").Where("native_key IN ?", bun.Tuple(part)).Exec(ctx); err != nil {
			return fmt.Errorf("note when sources spoke of items: %w", err)
		}
	}
	return nil
}

// writeKeys brings what items are found by up to date.
func (w *work) writeKeys(ctx context.Context, list []*item) error {
	var add []keyRow
	for _, it := range list {
		now := map[string]bool{}
		for _, k := range it.keysByRank(w.model) {
			for _, h := range k.hashes {
				if !now[h] && !it.stored[h] {
					add = append(add, keyRow{Hash: h, ItemID: it.ID})
				}
				now[h] = true
			}
		}
		var gone []string
		for h := range it.stored {
			if !now[h] {
				gone = append(gone, h)
			}
		}
		if len(gone) > 0 {
			if _, err := w.tx.NewDelete().Model((*keyRow)(nil)).Where("item_id = ?", it.ID).Where("hash IN ?", bun.Tuple(gone)).Exec(ctx); err != nil {
				return fmt.Errorf("delete identifiers of item %s: %w", it.ID, err)
			}
		}
	}
	slices.SortFunc(add, func(a, b keyRow) int {
		if a.Hash < b.Hash {
			return -1
		}
		return 1
	})
	return insertAll(ctx, w.tx, add, "write identifiers of items")
}

func (w *work) writeRelations(ctx context.Context) error {
	var rows []relationRow
	for _, k := range slices.SortedFunc(maps.Keys(w.rels), relKey.compare) {
		r := w.rels[k]
		switch {
		case r.deleted && !r.isNew:
			if _, err := w.tx.NewDelete().Model(&r.relationRow).WherePK().Exec(ctx); err != nil {
				return fmt.Errorf("delete relation %s: %w", r.ID, err)
			}
		case !r.deleted && (r.isNew || r.dirty):
			raw, err := json.Marshal(r.sources)
			if err != nil {
				return fmt.Errorf("encode sources of relation %s: %w", r.ID, err)
			}
			r.Sources = string(raw)
			rows = append(rows, r.relationRow)
		}
	}
	for part := range slices.Chunk(rows, portion) {
		_, err := w.tx.NewInsert().Model(&part).On("CONFLICT (parent_id, child_id, type) DO UPDATE").
			Set("sources = EXCLUDED.sources").Set("first_discovered = EXCLUDED.first_discovered").Set("last_discovered = EXCLUDED.last_discovered").Exec(ctx)
		if err != nil {
			return fmt.Errorf("write relations: %w", err)
		}
	}
	return insertAll(ctx, w.tx, w.relLog, "write history of relations")
}

func (w *work) writeTasks(ctx context.Context) error {
	for _, m := range slices.Sorted(maps.Keys(w.tasks)) {
		row := w.tasks[m]
		q := w.tx.NewInsert().Model(row)
		if row.State == TaskOpen { // once per set
			q = q.On("CONFLICT (members) DO NOTHING")
		} else {
			q = q.On("CONFLICT (members) DO UPDATE").Set("reason = EXCLUDED.reason").Set("state = EXCLUDED.state").Set("main_id = EXCLUDED.main_id").
				Set("undo = EXCLUDED.undo").Set("updated_at = EXCLUDED.updated_at").Set("updated_by = EXCLUDED.updated_by")
		}
		if _, err := q.Exec(ctx); err != nil {
			return fmt.Errorf("write set of duplicates: %w", err)
		}
	}
	return nil
}

func insertAll[T any](ctx context.Context, tx bun.IDB, rows []T, what string) error {
	for part := range slices.Chunk(rows, portion) {
		if _, err := tx.NewInsert().Model(&part).Exec(ctx); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return nil
}
