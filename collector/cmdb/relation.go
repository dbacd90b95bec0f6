package cmdb

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
)

type relKey struct {
	parent, child ItemID
	typ           string
}

type relationRow struct {
	bun.BaseModel   `bun:"table:relations,alias:relations"`
	ParentID        ItemID `bun:"parent_id,pk"`
	ChildID         ItemID `bun:"child_id,pk"`
	Type            string `bun:"type,pk"`
	ID              string `bun:"id"`
	Sources         string `bun:"sources"`
	FirstDiscovered int64  `bun:"first_discovered"`
	LastDiscovered  int64  `bun:"last_discovered"`
	CreatedBy       string `bun:"created_by"`
}

// relation is a relation inside a transaction. Sources says who reported it, and when last.
type relation struct {
	relationRow
	sources               map[string]int64
	isNew, dirty, deleted bool
}

func (r relationRow) key() relKey { return relKey{r.ParentID, r.ChildID, r.Type} }

func (r relationRow) open() (*relation, error) {
	x := &relation{relationRow: r, sources: map[string]int64{}}
	if err := json.Unmarshal([]byte(r.Sources), &x.sources); err != nil {
		return nil, fmt.Errorf("decode sources of relation %s: %w", r.ID, err)
	}
	return x, nil
}

// relate writes the payload's relations.
func (w *work) relate(ctx context.Context, p *Payload, list []*subject, r *Result) error {
	keys := make([]*relKey, len(p.Relations))
	for i, rel := range p.Relations {
		out := RelationResult{Class: "cmdb_rel_ci", Inputs: []int{i}}
		parent, child, _ := p.ends(rel)
		a, b := list[parent], list[child]
		switch {
		case a.item == nil || b.item == nil || a.failed() || b.failed():
			out.Errors = append(out.Errors, Problem{InvalidInput, "one of its items could not be taken"})
		default:
			keys[i] = &relKey{a.item.current(w).ID, b.item.current(w).ID, rel.Type}
			if keys[i].parent == keys[i].child {
				out.Errors, keys[i] = append(out.Errors, Problem{InvalidInput, "both ends are the same item"}), nil
			}
		}
		r.HasError = r.HasError || len(out.Errors) > 0
		r.Relations = append(r.Relations, out)
	}
	if err := w.loadRelations(ctx, keys); err != nil {
		return err
	}
	for i, k := range keys {
		if k == nil {
			continue
		}
		rel, op := w.report(*k, max(list[endOf(p, i, 0)].time, list[endOf(p, i, 1)].time))
		r.Relations[i].ID, r.Relations[i].Operation = rel.ID, op
	}
	return nil
}

func endOf(p *Payload, i, end int) int {
	parent, child, _ := p.ends(p.Relations[i])
	return [2]int{parent, child}[end]
}

// report notes that the work's source saw a relation.
func (w *work) report(k relKey, at int64) (*relation, Operation) {
	r := w.rels[k]
	if r == nil || r.deleted {
		r = &relation{isNew: true, sources: map[string]int64{}, relationRow: relationRow{
			ParentID: k.parent, ChildID: k.child, Type: k.typ, ID: db.NewID(), FirstDiscovered: at, LastDiscovered: at, CreatedBy: w.by,
		}}
		r.sources[w.source] = at
		w.rels[k] = r
		w.logRelation(k, "insert")
		return r, Insert
	}
	if at < r.FirstDiscovered {
		r.FirstDiscovered, r.dirty = at, true
	}
	if last, ok := r.sources[w.source]; ok && last >= at {
		return r, NoChange
	}
	r.sources[w.source] = at
	r.LastDiscovered, r.dirty = max(r.LastDiscovered, at), true
	return r, NoChange
}

func (w *work) logRelation(k relKey, op string) {
	w.relLog = append(w.relLog, relationChangeRow{
		ID: db.NewID(), ParentID: k.parent, ChildID: k.child, Type: k.typ, Time: w.now, Op: op, Source: w.source, By: w.by,
	})
}

// loadRelations reads those of the relations that exist.
func (w *work) loadRelations(ctx context.Context, keys []*relKey) error {
	var ask []relKey
	for _, k := range keys {
		if k == nil {
			continue
		}
		a, b := w.items[k.parent], w.items[k.child]
		if _, here := w.rels[*k]; !here && !a.isNew && !b.isNew {
			ask = append(ask, *k)
		}
	}
	slices.SortFunc(ask, relKey.compare)
	for part := range slices.Chunk(slices.Compact(ask), portion) {
		var rows []relationRow
		values := make([]string, len(part))
		args := make([]any, 0, 3*len(part))
		for i, k := range part {
			values[i] = "(?, ?, ?)"
			args = append(args, k.parent, k.child, k.typ)
		}
		where := "(parent_id, child_id, type) IN (VALUES " + strings.Join(values, ", ") + ")"
		if err := w.tx.NewSelect().Model(&rows).Where(where, args...).Scan(ctx); err != nil {
			return fmt.Errorf("read relations: %w", err)
		}
		if err := w.openRelations(rows); err != nil {
			return err
		}
	}
	return nil
}

func (w *work) openRelations(rows []relationRow) error {
	for _, row := range rows {
		if w.rels[row.key()] != nil {
			continue
		}
		r, err := row.open()
		if err != nil {
			return err
		}
		w.rels[row.key()] = r
	}
	return nil
}

func (k relKey) compare(l relKey) int {
	if n := strings.Compare(string(k.parent), string(l.parent)); n != 0 {
		return n
	}
	if n := strings.Compare(string(k.child), string(l.child)); n != 0 {
		return n
	}
	return strings.Compare(k.typ, l.typ)
}
