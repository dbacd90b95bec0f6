package cmdb

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/picketmon/picket/collector/cmdb/class"
)

// Impact is what an item's trouble reaches.
type Impact struct {
	// Items are all items above it that trouble reaches, the nearest first.
	Items []Affected
	// Services are those among them of class cmdb_ci_service and below, each with the way there.
	Services []Affected
	// Truncated says that there are more than were looked at.
	Truncated bool
}

// Affected is an item that trouble reaches, with a shortest way: from the item in trouble to this one, both included; of more
// than 500 items the farther ones have none.
type Affected struct {
	ID    ItemID
	Name  string
	Class string
	Hops  int
	Path  []Step
}

// Step is one item on the way, and the relation by which trouble came to it; blank for the first.
type Step struct {
	ID       ItemID
	Name     string
	Class    string
	Relation string
}

// mostAffected bounds a walk.
const mostAffected = 100_000

// walk is a breadth-first walk over the graph, along or against the ways of trouble.
type walk struct {
	g     *graph
	up    bool // from what is in trouble to what it reaches
	then  *past
	limit int
	from  map[int32]hop
	order []int32
	cut   bool
}

type hop struct {
	by   int32
	typ  uint8
	hops int32
}

// next calls yield for each neighbour that trouble reaches from n, or, downwards, from which it reaches n.
func (w *walk) next(n int32, yield func(to int32, typ uint8)) {
	with, against := class.ChildToParent, class.ParentToChild
	if !w.up {
		with, against = against, with
	}
	for _, e := range w.then.edges(w.g.above[n], n, false) {
		if w.g.types[e.typ].Impact == with {
			yield(e.to, e.typ)
		}
	}
	for _, e := range w.then.edges(w.g.below[n], n, true) {
		if w.g.types[e.typ].Impact == against {
			yield(e.to, e.typ)
		}
	}
}

func (w *walk) run(start int32) {
	w.from = map[int32]hop{start: {by: -1}}
	w.order = []int32{start}
	lost := map[int32]int{}
	for i := 0; i < len(w.order); i++ {
		n := w.order[i]
		w.next(n, func(to int32, typ uint8) {
			if _, seen := w.from[to]; seen || w.up && w.stands(to, typ, lost) {
				return
			}
			if len(w.order) > w.limit {
				w.cut = true
				return
			}
			w.from[to] = hop{by: n, typ: typ, hops: w.from[n].hops + 1}
			w.order = append(w.order, to)
		})
	}
}

// stands reports whether an item stands the loss of one more of those that it can spare some of: its attribute needs says how many of
// them it must have, as a number or a percentage.
func (w *walk) stands(n int32, typ uint8, lost map[int32]int) bool {
	needs, ok := w.g.needs[w.g.ids[n]]
	if !ok || !w.g.types[typ].Redundant {
		return false
	}
	lost[n]++
	all := 0
	down := walk{g: w.g, then: w.then}
	down.next(n, func(_ int32, t uint8) {
		if w.g.types[t].Redundant {
			all++
		}
	})
	return all-lost[n] >= atLeast(needs, all)
}

// atLeast returns how many of all a text like 2 or 60% means, rounded up; 0 of what it cannot read.
func atLeast(needs string, all int) int {
	if percent, ok := strings.CutSuffix(needs, "%"); ok {
		n, _ := strconv.Atoi(strings.TrimSpace(percent))
		return (n*all + 99) / 100
	}
	n, _ := strconv.Atoi(strings.TrimSpace(needs))
	return n
}

// Impact returns what trouble of an item reaches, at a time; the zero time is now. An item that can spare some of what it needs is
// reached only when more than that is lost. Kinds: NotFound.
func (s *Store) Impact(ctx context.Context, id ItemID, at time.Time) (Impact, error) {
	w, err := s.walk(ctx, id, at, true)
	if err != nil {
		return Impact{}, err
	}
	items, err := s.affected(ctx, w)
	if err != nil {
		return Impact{}, err
	}
	r := Impact{Items: items, Truncated: w.cut}
	service := s.model.Class("cmdb_ci_service")
	for _, a := range items {
		if c := s.model.Class(a.Class); c != nil && service != nil && c.Is(service) {
			r.Services = append(r.Services, a)
		}
	}
	return r, nil
}

// Below returns everything that an item needs, at a time, the nearest first; the zero time is now. Kinds: NotFound.
func (s *Store) Below(ctx context.Context, id ItemID, at time.Time) (list []Affected, truncated bool, err error) {
	w, err := s.walk(ctx, id, at, false)
	if err != nil {
		return nil, false, err
	}
	list, err = s.affected(ctx, w)
	return list, w.cut, err
}

func (s *Store) walk(ctx context.Context, id ItemID, at time.Time, up bool) (*walk, error) {
	if _, err := s.AsOf(ctx, id, orNow(at, s.now())); err != nil {
		return nil, err
	}
	g, err := s.relationGraph(ctx)
	if err != nil {
		return nil, err
	}
	then, err := s.past(ctx, at)
	if err != nil {
		return nil, err
	}
	g.mu.Lock() // an item without relations gets a number
	defer g.mu.Unlock()
	start := g.node(id)
	if then != nil {
		then.number(g)
	}
	w := &walk{g: g, up: up, then: then, limit: mostAffected}
	w.run(start)
	return w, nil
}

func orNow(at, now time.Time) time.Time {
	if at.IsZero() {
		return now
	}
	return at
}

// affected names the items of a walk, the first one left out.
func (s *Store) affected(ctx context.Context, w *walk) ([]Affected, error) {
	w.g.mu.RLock()
	defer w.g.mu.RUnlock()
	names, err := s.names(ctx, w)
	if err != nil {
		return nil, err
	}
	list := make([]Affected, 0, len(w.order)-1)
	for i, n := range w.order[1:] {
		id := w.g.ids[n]
		a := Affected{ID: id, Name: names[id].name, Class: names[id].class, Hops: int(w.from[n].hops)}
		if i < mostPaths {
			a.Path = w.path(n, names)
		}
		list = append(list, a)
	}
	slices.SortStableFunc(list, func(a, b Affected) int {
		return cmp.Or(cmp.Compare(a.Hops, b.Hops), strings.Compare(a.Name, b.Name))
	})
	return list, nil
}

// names returns the names of a walk's items; those that were deleted since are read from the history.
func (s *Store) names(ctx context.Context, w *walk) (map[ItemID]named, error) {
	if w.then == nil {
		return w.g.named, nil
	}
	names := make(map[ItemID]named, len(w.order))
	for _, n := range w.order {
		id := w.g.ids[n]
		now, ok := w.g.named[id]
		if !ok {
			it, err := s.AsOf(ctx, id, w.then.at)
			if err != nil {
				return nil, err
			}
			now = named{it.Name, it.Class}
		}
		names[id] = now
	}
	return names, nil
}

func (w *walk) path(n int32, names map[ItemID]named) []Step {
	var way []Step
	for at := n; at >= 0; at = w.from[at].by {
		id := w.g.ids[at]
		st := Step{ID: id, Name: names[id].name, Class: names[id].class}
		if w.from[at].by >= 0 {
			st.Relation = w.g.types[w.from[at].typ].Name
		}
		way = append(way, st)
	}
	slices.Reverse(way)
	return way
}

// mostPaths is for how many items of a walk the way is told, the nearest: nobody reads ten thousand ways.
const mostPaths = 500
