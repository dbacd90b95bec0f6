package cmdb

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/internal/errs"
)

type changeRow struct {
	bun.BaseModel `bun:"table:item_changes,alias:item_changes"`
	ID            string `bun:"id,pk"`
	ItemID        ItemID `bun:"item_id"`
	Time          int64  `bun:"time"`
	Op            string `bun:"op"`
	Source        string `bun:"source"`
	By            string `bun:"by_whom"`
	Changes       string `bun:"changes"`
}

type relationChangeRow struct {
	bun.BaseModel `bun:"table:relation_changes,alias:relation_changes"`
	ID            string `bun:"id,pk"`
	ParentID      ItemID `bun:"parent_id"`
	ChildID       ItemID `bun:"child_id"`
	Type          string `bun:"type"`
	Time          int64  `bun:"time"`
	Op            string `bun:"op"`
	Source        string `bun:"source"`
	By            string `bun:"by_whom"`
}

// Change is one entry in an item's history.
type Change struct {
	ID     string
	Time   time.Time // when it was written here
	Op     string    // insert, update, merge, delete
	Source string
	By     string
	// Attributes has the old and the new value of what changed; blank is none. sys_class_name, host, duplicate_of and merged_into stand
	// among them.
	Attributes map[string][2]string
}

func (r changeRow) change() (Change, error) {
	c := Change{ID: r.ID, Time: db.Time(r.Time), Op: r.Op, Source: r.Source, By: r.By}
	if err := json.Unmarshal([]byte(r.Changes), &c.Attributes); err != nil {
		return Change{}, fmt.Errorf("decode change %s: %w", r.ID, err)
	}
	return c, nil
}

// History returns an item's changes, the newest first, those before the cursor when it is not blank.
func (s *Store) History(ctx context.Context, id ItemID, before string, limit int64) ([]Change, error) {
	var rows []changeRow
	q := s.db.NewSelect().Model(&rows).Where("item_id = ?", id).OrderExpr("id DESC").Limit(limit)
	if before != "" {
		q = q.Where("id < ?", before)
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("read history of item %s: %w", id, err)
	}
	list := make([]Change, len(rows))
	for i, r := range rows {
		var err error
		if list[i], err = r.change(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// AsOf returns an item as it stood here at a time: its present values with all later changes taken back. Kinds: NotFound, when it did
// not exist then.
func (s *Store) AsOf(ctx context.Context, id ItemID, at time.Time) (Item, error) {
	it, err := s.Item(ctx, id)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return Item{}, err
	}
	if err != nil {
		it = Item{ID: id, Attributes: map[string]string{}}
	}
	var rows []changeRow
	if err := s.db.NewSelect().Model(&rows).Where("item_id = ?", id).Where("time > ?", at.UnixMilli()).OrderExpr("id DESC").Scan(ctx); err != nil {
		return Item{}, fmt.Errorf("read history of item %s: %w", id, err)
	}
	if err != nil && len(rows) == 0 {
		return Item{}, err // neither is there now nor was then
	}
	for _, r := range rows {
		c, err := r.change()
		if err != nil {
			return Item{}, err
		}
		if c.Op == "insert" {
			return Item{}, errs.New(errs.NotFound, "item %s did not exist at %s", id, at.UTC().Format(time.RFC3339))
		}
		it.takeBack(c)
	}
	it.Name = it.Attributes["name"]
	return it, nil
}

func (it *Item) takeBack(c Change) {
	it.Attributes = maps.Clone(it.Attributes)
	for name, v := range c.Attributes {
		switch name {
		case "sys_class_name":
			it.Class = v[0]
		case "host":
			it.Host = ItemID(v[0])
		case "duplicate_of":
			it.DuplicateOf = ItemID(v[0])
		case "merged_into":
			it.MergedInto = ItemID(v[0])
		default:
			if v[0] == "" {
				delete(it.Attributes, name)
			} else {
				it.Attributes[name] = v[0]
			}
		}
	}
}

// Difference returns what is different about an item at two times: attributes with the earlier and the later value.
func (s *Store) Difference(ctx context.Context, id ItemID, from, to time.Time) (map[string][2]string, error) {
	a, err := s.AsOf(ctx, id, from)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return nil, err
	}
	b, err := s.AsOf(ctx, id, to)
	if err != nil {
		return nil, err
	}
	d := map[string][2]string{}
	for name, v := range b.flat() {
		if was := a.flat()[name]; was != v {
			d[name] = [2]string{was, v}
		}
	}
	for name, v := range a.flat() {
		if _, ok := b.flat()[name]; !ok {
			d[name] = [2]string{v, ""}
		}
	}
	return d, nil
}

func (it Item) flat() map[string]string {
	m := maps.Clone(it.Attributes)
	if m == nil {
		m = map[string]string{}
	}
	for name, v := range map[string]string{"sys_class_name": it.Class, "host": string(it.Host), "duplicate_of": string(it.DuplicateOf), "merged_into": string(it.MergedInto)} {
		if v != "" {
			m[name] = v
		}
	}
	return m
}
