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

// Counts returns how many items there are of each class itself; with a host, how many of them hang on it.
func (s *Store) Counts(ctx context.Context, host ItemID) (map[string]int64, error) {
	var rows []struct {
		Class string
		N     int64
	}
	q := s.db.NewSelect().Table("items").Column("class").ColumnExpr("count(*) AS n").Where("merged_into = ''").GroupExpr("class")
	if host != "" {
		q = q.Where("host_id = ?", host)
	}
	if err := q.Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("count items by class: %w", err)
	}
	counts := make(map[string]int64, len(rows))
	for _, r := range rows {
		counts[r.Class] = r.N
	}
	return counts, nil
}

// Brief is the little about an item that others show beside what refers to it.
type Brief struct {
	ID         ItemID
	Name       string
	Class      string
	MergedInto ItemID
}

// Briefs returns what there is of some items.
func (s *Store) Briefs(ctx context.Context, ids []ItemID) (map[ItemID]Brief, error) {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	found := map[ItemID]Brief{}
	for part := range slices.Chunk(slices.Compact(ids), portion) {
		var rows []itemRow
		if err := s.db.NewSelect().Model(&rows).Column("id", "name", "class", "merged_into").Where("id IN ?", bun.Tuple(part)).Scan(ctx); err != nil {
			return nil, fmt.Errorf("read names of items: %w", err)
		}
		for _, r := range rows {
			found[r.ID] = Brief{ID: r.ID, Name: r.Name, Class: r.Class, MergedInto: r.MergedInto}
		}
	}
	return found, nil
}

// Report is how and when one source knows an item.
type Report struct {
	Source    string
	NativeKey string
	First     time.Time
	Last      time.Time
}

// Reports returns which sources know an item, the one that spoke last first.
func (s *Store) Reports(ctx context.Context, id ItemID) ([]Report, error) {
	var rows []claimRow
	err := s.db.NewSelect().Model(&rows).Column("source", "native_key", "first_seen", "last_seen").Where("item_id = ?", id).
		OrderExpr("last_seen DESC, source, native_key").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read who knows item %s: %w", id, err)
	}
	list := make([]Report, len(rows))
	for i, r := range rows {
		list[i] = Report{Source: r.Source, NativeKey: r.NativeKey, First: db.Time(r.First), Last: db.Time(r.Last)}
	}
	return list, nil
}

// Relation returns one relation. Kinds: NotFound.
func (s *Store) Relation(ctx context.Context, id string) (Relation, error) {
	var rows []relationRow
	if err := s.db.NewSelect().Model(&rows).Where("id = ?", id).Scan(ctx); err != nil {
		return Relation{}, fmt.Errorf("read relation %s: %w", id, err)
	}
	if len(rows) == 0 {
		return Relation{}, errs.New(errs.NotFound, "there is no relation %s", id)
	}
	list, err := s.named(ctx, rows)
	if err != nil {
		return Relation{}, err
	}
	return list[0], nil
}
