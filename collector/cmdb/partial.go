package cmdb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
)

// partialFor is how long an item that lacks something waits for it.
const partialFor = 90 * 24 * time.Hour

type partialRow struct {
	bun.BaseModel `bun:"table:item_partials,alias:item_partials"`
	ID            string `bun:"id,pk"`
	Identity      string `bun:"identity"`
	Source        string `bun:"source"`
	Payload       string `bun:"payload"`
	Collected     int64  `bun:"collected"`
	UpdatedAt     int64  `bun:"updated_at"`
}

type partialKeyRow struct {
	bun.BaseModel `bun:"table:item_partial_keys,alias:item_partial_keys"`
	Hash          string `bun:"hash,pk"`
	PartialID     string `bun:"partial_id,pk"`
}

// nativeHash is the key of a native key among those of partials.
func nativeHash(source, native string) string { return hash("native", "", []string{source, native}) }

// waits reports whether what the subject lacks may come with another report.
func (x *subject) waits() bool {
	return x.failed() && !slices.ContainsFunc(x.result.Errors, func(p Problem) bool {
		return p.Code != MatchingMissing && p.Code != RequiredEmpty && p.Code != DependencyMissing && p.Code != InsertNotAllowed
	})
}

// keepPartials keeps the items of a payload that lack something, each with what it hangs on.
func (w *work) keepPartials(ctx context.Context, p *Payload, list []*subject) error {
	for i, x := range list {
		switch {
		case !x.failed():
		case !x.waits():
			x.result.Operation = InsertAsIncomplete
		default:
			if err := w.keepPartial(ctx, p, list, i); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *work) keepPartial(ctx context.Context, p *Payload, list []*subject, i int) error {
	x := list[i]
	part, keys := excerpt(w, p, list, i)
	if len(keys) == 0 {
		x.result.Operation = InsertAsIncomplete // nothing could ever be found to belong to it
		return nil
	}
	raw, err := json.Marshal(part)
	if err != nil {
		return fmt.Errorf("encode partial item: %w", err)
	}
	sum := sha256.Sum256(fmt.Append(nil, x.source, "\x00", x.class.Name, "\x00", x.identity(w.model), "\x00", keys))
	row := &partialRow{ID: db.NewID(), Identity: hex.EncodeToString(sum[:]), Source: x.source, Payload: string(raw), Collected: x.time, UpdatedAt: w.now}
	x.result.Operation = InsertAsPartial
	old := new(partialRow)
	err = w.tx.NewSelect().Model(old).Where("identity = ?", row.Identity).Scan(ctx)
	switch {
	case err == nil && old.Collected > row.Collected:
		return nil
	case err == nil:
		if _, err := w.tx.NewUpdate().Model(row).Column("payload", "collected", "updated_at").Where("id = ?", old.ID).Exec(ctx); err != nil {
			return fmt.Errorf("write partial item: %w", err)
		}
		return nil
	case !db.IsNoRows(err):
		return fmt.Errorf("read partial item: %w", err)
	}
	if _, err := w.tx.NewInsert().Model(row).Exec(ctx); err != nil {
		return fmt.Errorf("write partial item: %w", err)
	}
	rows := make([]partialKeyRow, len(keys))
	for n, k := range keys {
		rows[n] = partialKeyRow{Hash: k, PartialID: row.ID}
	}
	if _, err := w.tx.NewInsert().Model(&rows).Exec(ctx); err != nil {
		return fmt.Errorf("write identifiers of partial item: %w", err)
	}
	return nil
}

// excerpt returns the part of a payload that is about one item and what it hangs on, and the keys of items whose coming may complete it.
func excerpt(w *work, p *Payload, list []*subject, i int) (part Payload, keys []string) {
	index := map[int]int{}
	var add func(i int)
	add = func(i int) {
		if _, ok := index[i]; ok {
			return
		}
		x := list[i]
		in := x.in
		in.InternalID = ""
		in.SourceInfo = &SourceInfo{Name: x.source, NativeKey: x.native, Feed: x.feed, Recency: Instant{db.Time(x.time)}}
		index[i] = len(part.Items)
		part.Items = append(part.Items, in)
		if x.native != "" {
			keys = append(keys, nativeHash(x.source, x.native))
		}
		if x.class != nil && x.class.Rule() != nil && (x.class.Rule().Kind == "independent" || x.host != nil) {
			for _, k := range x.keys(w.model) {
				keys = append(keys, k.hashes...)
			}
		}
		for _, h := range x.hosts {
			add(h)
		}
	}
	add(i)
	for _, r := range p.Relations {
		parent, child, _ := p.ends(r)
		a, okA := index[parent]
		b, okB := index[child]
		if okA && okB {
			part.Relations = append(part.Relations, PayloadRelation{Parent: &a, Child: &b, Type: r.Type})
		}
	}
	slices.Sort(keys)
	return part, slices.Compact(keys)
}

// replay takes up partial items that what was just reported may complete.
func (s *Store) replay(ctx context.Context, w *work, list []*subject) error {
	if waiting, err := w.tx.NewSelect().Model((*partialRow)(nil)).Exists(ctx); err != nil || !waiting {
		return err
	}
	done := map[string]bool{}
	for range maxLevels + 1 {
		rows, err := w.partials(ctx, list)
		if err != nil {
			return err
		}
		rows = slices.DeleteFunc(rows, func(r partialRow) bool { return done[r.ID] })
		if len(rows) == 0 {
			return nil
		}
		for _, r := range rows {
			done[r.ID] = true
			more, err := s.retry(ctx, w, r)
			if err != nil {
				return err
			}
			list = append(list, more...)
		}
	}
	return nil
}

// retry works on one partial item again, and forgets it when it now is whole.
func (s *Store) retry(ctx context.Context, w *work, r partialRow) ([]*subject, error) {
	p := Payload{Source: r.Source, Time: db.Time(r.Collected), By: w.by}
	if err := json.Unmarshal([]byte(r.Payload), &p); err != nil {
		return nil, fmt.Errorf("decode partial item %s: %w", r.ID, err)
	}
	source := w.source
	w.source = r.Source
	defer func() { w.source = source }()
	list := s.prepare(&p, s.now())
	p.Enhanced = true // equal items are one
	if err := s.subjects(ctx, w, &p, list); err != nil {
		return nil, err
	}
	if err := w.relate(ctx, &p, list, &Result{}); err != nil {
		return nil, err
	}
	if list[0].failed() {
		return nil, nil
	}
	if _, err := w.tx.NewDelete().Model(&r).WherePK().Exec(ctx); err != nil {
		return nil, fmt.Errorf("delete partial item %s: %w", r.ID, err)
	}
	return list, nil
}

// partials returns the partial items that have a key of the subjects' items, the oldest report first.
func (w *work) partials(ctx context.Context, list []*subject) (all []partialRow, err error) {
	var keys []string
	for _, x := range list {
		if x.item == nil || x.failed() {
			continue
		}
		for _, k := range x.item.current(w).keysByRank(w.model) {
			keys = append(keys, k.hashes...)
		}
		if x.native != "" {
			keys = append(keys, nativeHash(x.source, x.native))
		}
	}
	slices.Sort(keys)
	seen := map[string]bool{}
	for part := range slices.Chunk(slices.Compact(keys), portion) {
		var rows []partialRow
		err := w.tx.NewSelect().Model(&rows).Distinct().
			Join("JOIN item_partial_keys AS k ON k.partial_id = item_partials.id").Where("k.hash IN ?", bun.Tuple(part)).
			OrderExpr("collected, id").Scan(ctx)
		if err != nil {
			return nil, fmt.Errorf("read partial items: %w", err)
		}
		for _, r := range rows {
			if !seen[r.ID] {
				seen[r.ID] = true
				all = append(all, r)
			}
		}
	}
	return all, nil
}

// PurgePartials forgets items that have waited for too long, and returns how many.
func (s *Store) PurgePartials(ctx context.Context) (int, error) {
	res, err := s.db.NewDelete().Model((*partialRow)(nil)).Where("updated_at < ?", s.now().Add(-partialFor).UnixMilli()).Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("purge partial items: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("purge partial items: %w", err)
	}
	return int(n), nil
}
