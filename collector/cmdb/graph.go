package cmdb

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/picketmon/picket/collector/cmdb/class"
)

// graph holds all relations in memory: walking ten thousand of them in the database takes a hundred times longer. It is read from the
// database when it is first asked for, and follows what this process writes; when others wrote, another one is read.
type graph struct {
	mu     sync.RWMutex
	last   string // the newest change of a relation that it knows
	number map[ItemID]int32
	ids    []ItemID
	types  []*class.RelationType
	typeNo map[string]uint8
	named  map[ItemID]named  // names and classes of items
	needs  map[ItemID]string // of items that can spare some of what they need
	below  [][]edge          // what an item, as parent, is related to
	above  [][]edge          // what it is related to as child
}

type named struct{ name, class string }

type edge struct {
	to  int32
	typ uint8
}

// node returns an item's number, and gives it one.
func (g *graph) node(id ItemID) int32 {
	n, ok := g.number[id]
	if !ok {
		n = int32(len(g.ids)) //nolint:gosec // fewer than 2^31 items fit into memory
		g.number[id] = n
		g.ids = append(g.ids, id)
		g.below, g.above = append(g.below, nil), append(g.above, nil)
	}
	return n
}

func (g *graph) add(k relKey) {
	t, ok := g.typeNo[k.typ]
	if !ok {
		return // a type that the model has no more
	}
	p, c := g.node(k.parent), g.node(k.child)
	if !slices.Contains(g.below[p], edge{c, t}) {
		g.below[p] = append(g.below[p], edge{c, t})
		g.above[c] = append(g.above[c], edge{p, t})
	}
}

func (g *graph) remove(k relKey) {
	t, ok := g.typeNo[k.typ]
	p, known := g.number[k.parent]
	c, both := g.number[k.child]
	if !ok || !known || !both {
		return
	}
	g.below[p] = slices.DeleteFunc(g.below[p], func(e edge) bool { return e == edge{c, t} })
	g.above[c] = slices.DeleteFunc(g.above[c], func(e edge) bool { return e == edge{p, t} })
}

// follow brings the graph in line with relations that were just written.
func (g *graph) follow(w *work) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range w.relLog {
		g.last = max(g.last, c.ID)
	}
	for k, r := range w.rels {
		switch {
		case r.deleted:
			g.remove(k)
		case r.isNew:
			g.add(k)
		}
	}
	for _, it := range w.changed {
		g.named[it.ID] = named{it.Name, it.Class}
		if needs := it.values["needs"]; needs != "" {
			g.needs[it.ID] = needs
		} else {
			delete(g.needs, it.ID)
		}
	}
	for _, it := range w.deleted {
		delete(g.named, it.ID)
		n, ok := g.number[it.ID]
		if !ok {
			continue
		}
		for _, e := range slices.Clone(g.below[n]) {
			g.remove(relKey{it.ID, g.ids[e.to], g.types[e.typ].Name})
		}
		for _, e := range slices.Clone(g.above[n]) {
			g.remove(relKey{g.ids[e.to], it.ID, g.types[e.typ].Name})
		}
	}
}

// relationGraph returns the graph as it is now.
func (s *Store) relationGraph(ctx context.Context) (*graph, error) {
	s.writing.Lock() // nobody writes what this does not see
	defer s.writing.Unlock()
	var newest []string
	if err := s.db.NewSelect().Model((*relationChangeRow)(nil)).Column("id").OrderExpr("id DESC").Limit(1).Scan(ctx, &newest); err != nil {
		return nil, fmt.Errorf("read the last change of a relation: %w", err)
	}
	last := ""
	if len(newest) > 0 {
		last = newest[0]
	}
	if s.graph != nil && s.graph.last >= last {
		return s.graph, nil
	}
	next := &graph{last: last, number: map[ItemID]int32{}, typeNo: map[string]uint8{}, needs: map[ItemID]string{}, named: map[ItemID]named{}}
	for i, t := range s.model.RelationTypes() {
		next.types = append(next.types, t)
		next.typeNo[t.Name] = uint8(i) //nolint:gosec // there are a few dozen
	}
	if err := s.readEdges(ctx, next); err != nil {
		return nil, err
	}
	if err := s.readNames(ctx, next); err != nil {
		return nil, err
	}
	s.graph = next
	return next, nil
}

func (s *Store) readEdges(ctx context.Context, next *graph) error {
	rows, err := s.db.QueryContext(ctx, "SELECT parent_id, child_id, type FROM relations")
	if err != nil {
		return fmt.Errorf("read all relations: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var k relKey
		if err := rows.Scan(&k.parent, &k.child, &k.typ); err != nil {
			return fmt.Errorf("read all relations: %w", err)
		}
		t, ok := next.typeNo[k.typ]
		if !ok {
			continue
		}
		p, c := next.node(k.parent), next.node(k.child)
		next.below[p], next.above[c] = append(next.below[p], edge{c, t}), append(next.above[c], edge{p, t})
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read all relations: %w", err)
	}
	return nil
}

func (s *Store) readNames(ctx context.Context, g *graph) error {
	all, err := s.db.QueryContext(ctx, "SELECT id, name, class FROM items")
	if err != nil {
		return fmt.Errorf("read the names of items: %w", err)
	}
	defer func() { _ = all.Close() }()
	for all.Next() {
		var id ItemID
		var n named
		if err := all.Scan(&id, &n.name, &n.class); err != nil {
			return fmt.Errorf("read the names of items: %w", err)
		}
		g.named[id] = n
	}
	if err := all.Err(); err != nil {
		return fmt.Errorf("read the names of items: %w", err)
	}
	return s.readNeeds(ctx, g)
}

func (s *Store) readNeeds(ctx context.Context, g *graph) error {
	var rows []itemRow
	err := s.db.NewSelect().Model(&rows).Column("id", "attributes").Where("attributes LIKE ?", `%"needs":%`).Scan(ctx)
	if err != nil {
		return fmt.Errorf("read what can be spared: %w", err)
	}
	for _, r := range rows {
		values, err := r.decode()
		if err != nil {
			return err
		}
		if values["needs"] != "" {
			g.needs[r.ID] = values["needs"]
		}
	}
	return nil
}

// past is how relations at a time differ from the present ones.
type past struct {
	at          time.Time
	gone, there []relKey // that were there then and are not now, and the other way round
	hidden      map[[3]int32]bool
	above       map[int32][]edge
	below       map[int32][]edge
}

// past reads what happened to relations since a time; nil for the present.
func (s *Store) past(ctx context.Context, at time.Time) (*past, error) {
	if at.IsZero() {
		return nil, nil //nolint:nilnil // nothing differs
	}
	var rows []relationChangeRow
	if err := s.db.NewSelect().Model(&rows).Where("time > ?", at.UnixMilli()).OrderExpr("id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read history of relations: %w", err)
	}
	p := &past{at: at}
	seen := map[relKey]bool{}
	for _, r := range rows { // the first change since then tells what was
		k := relKey{r.ParentID, r.ChildID, r.Type}
		if seen[k] {
			continue
		}
		seen[k] = true
		if r.Op == "delete" {
			p.gone = append(p.gone, k)
		} else {
			p.there = append(p.there, k)
		}
	}
	return p, nil
}

// number translates ids to the graph's numbers, whose lock the caller holds.
func (p *past) number(g *graph) {
	p.hidden, p.above, p.below = map[[3]int32]bool{}, map[int32][]edge{}, map[int32][]edge{}
	for _, k := range p.there {
		p.hidden[[3]int32{g.node(k.parent), g.node(k.child), int32(g.typeNo[k.typ])}] = true
	}
	for _, k := range p.gone {
		t, ok := g.typeNo[k.typ]
		if !ok {
			continue
		}
		a, b := g.node(k.parent), g.node(k.child)
		if slices.Contains(g.below[a], edge{b, t}) {
			continue // it came back
		}
		p.below[a], p.above[b] = append(p.below[a], edge{b, t}), append(p.above[b], edge{a, t})
	}
}

// edges returns the edges of n as they were; parent says that n is at their parent's end.
func (p *past) edges(now []edge, n int32, parent bool) []edge {
	if p == nil {
		return now
	}
	then := slices.DeleteFunc(slices.Clone(now), func(e edge) bool {
		if parent {
			return p.hidden[[3]int32{n, e.to, int32(e.typ)}]
		}
		return p.hidden[[3]int32{e.to, n, int32(e.typ)}]
	})
	if parent {
		return append(then, p.below[n]...)
	}
	return append(then, p.above[n]...)
}
