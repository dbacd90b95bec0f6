package cmdb

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/internal/errs"
)

// Relation is one relation as readers see it.
type Relation struct {
	ID              string
	Parent          ItemID
	Child           ItemID
	Type            string
	ParentName      string
	ParentClass     string
	ChildName       string
	ChildClass      string
	Sources         map[string]time.Time // when each source saw it last
	FirstDiscovered time.Time
	LastDiscovered  time.Time
}

// RelationQuery says which relations to list.
type RelationQuery struct {
	// Item selects relations with this item at either end, Parent and Child those with it at that end.
	Item, Parent, Child ItemID
	Type                string
	// After is the cursor that the page before returned; Limit the most relations of a page, 0 means 100, the most is 1000.
	After string
	Limit int
}

// Relations returns a page of relations in order of id and the cursor of the next page, empty at the end. Kinds: Invalid.
func (s *Store) Relations(ctx context.Context, q RelationQuery) (page []Relation, next string, err error) {
	if q.Limit == 0 {
		q.Limit = defaultPage
	}
	if q.Limit < 1 || q.Limit > maxPage {
		return nil, "", errs.New(errs.Invalid, "limit must be 1 to %d", maxPage)
	}
	var rows []relationRow
	sel := s.db.NewSelect().Model(&rows).OrderExpr("id").Limit(int64(q.Limit) + 1)
	for where, v := range map[string]string{"parent_id = ?": string(q.Parent), "child_id = ?": string(q.Child), "type = ?": q.Type, "id > ?": q.After} {
		if v != "" {
			sel = sel.Where(where, v)
		}
	}
	if q.Item != "" {
		sel = sel.Where("(parent_id = ? OR child_id = ?)", q.Item, q.Item)
	}
	if err := sel.Scan(ctx); err != nil {
		return nil, "", fmt.Errorf("read relations: %w", err)
	}
	if len(rows) > q.Limit {
		rows = rows[:q.Limit]
		next = rows[q.Limit-1].ID
	}
	page, err = s.named(ctx, rows)
	return page, next, err
}

// named adds the names and classes of both ends.
func (s *Store) named(ctx context.Context, rows []relationRow) ([]Relation, error) {
	ends := map[ItemID]itemRow{}
	for part := range slices.Chunk(rows, portion) {
		var ids []ItemID
		for _, r := range part {
			ids = append(ids, r.ParentID, r.ChildID)
		}
		var items []itemRow
		if err := s.db.NewSelect().Model(&items).Column("id", "name", "class").Where("id IN ?", bun.Tuple(ids)).Scan(ctx); err != nil {
			return nil, fmt.Errorf("read the ends of relations: %w", err)
		}
		for _, it := range items {
			ends[it.ID] = it
		}
	}
	list := make([]Relation, len(rows))
	for i, r := range rows {
		x, err := r.open()
		if err != nil {
			return nil, err
		}
		p, c := ends[r.ParentID], ends[r.ChildID]
		list[i] = Relation{
			ID: r.ID, Parent: r.ParentID, Child: r.ChildID, Type: r.Type, ParentName: p.Name, ParentClass: p.Class, ChildName: c.Name, ChildClass: c.Class,
			Sources: map[string]time.Time{}, FirstDiscovered: db.Time(r.FirstDiscovered), LastDiscovered: db.Time(r.LastDiscovered),
		}
		for source, at := range x.sources {
			list[i].Sources[source] = db.Time(at)
		}
	}
	return list, nil
}

// Relate makes a relation by hand, or notes that it is there. Kinds: Invalid, NotFound.
func (s *Store) Relate(ctx context.Context, parent, child ItemID, kind, by string) (id string, err error) {
	if s.model.RelationType(kind) == nil {
		return "", errs.New(errs.Invalid, "there is no relation type %.100q", kind)
	}
	if parent == child {
		return "", errs.New(errs.Invalid, "an item cannot have a relation to itself")
	}
	err = s.write(ctx, byHand, by, func(ctx context.Context, w *work) error {
		for _, end := range []ItemID{parent, child} {
			if _, err := w.present(ctx, end); err != nil {
				return err
			}
		}
		k := relKey{parent, child, kind}
		if err := w.loadRelations(ctx, []*relKey{&k}); err != nil {
			return err
		}
		r, _ := w.report(k, w.now)
		id = r.ID
		return nil
	})
	return id, err
}

// Unrelate deletes a relation. Kinds: NotFound.
func (s *Store) Unrelate(ctx context.Context, id, by string) error {
	return s.write(ctx, byHand, by, func(ctx context.Context, w *work) error {
		var row relationRow
		err := w.tx.NewSelect().Model(&row).Where("id = ?", id).Scan(ctx)
		if db.IsNoRows(err) {
			return errs.New(errs.NotFound, "there is no relation %s", id)
		}
		if err != nil {
			return fmt.Errorf("read relation %s: %w", id, err)
		}
		if err := w.openRelations([]relationRow{row}); err != nil {
			return err
		}
		w.dropRelation(w.rels[row.key()])
		return nil
	})
}
