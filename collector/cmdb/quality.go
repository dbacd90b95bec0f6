package cmdb

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/cmdb/class"
	"github.com/picketmon/picket/internal/errs"
)

// Defect is something that is wrong with an item as a record.
type Defect string

// The defects.
const (
	Incomplete Defect = "incomplete" // lacks an attribute that its class recommends
	Stale      Defect = "stale"      // nobody has seen it for a week, and nobody said that it is no more
	Orphan     Defect = "orphan"     // hangs on nothing, and nothing on it
	Duplicate  Defect = "duplicate"
	Unowned    Defect = "unowned" // no support group
)

// Defects lists all defects.
func Defects() []Defect { return []Defect{Incomplete, Stale, Orphan, Duplicate, Unowned} }

// staleAfter is how long an item may be unseen.
const staleAfter = 7 * 24 * time.Hour

// Quality is how many items of one class there are, without those that are absent or retired, and how many have which defect.
type Quality struct {
	Class   string
	Items   int64
	Defects map[Defect]int64
}

// alive leaves out what is no more: absent and retired items.
const alive = `merged_into = '' AND attributes NOT LIKE '%"install_status":"100"%' AND attributes NOT LIKE '%"install_status":"7"%'`

// defective narrows a query on items to those with a defect.
func (s *Store) defective(q *bun.SelectQuery, d Defect) (*bun.SelectQuery, error) {
	q = q.Where(alive)
	switch d {
	case Incomplete:
		return s.incomplete(q), nil
	case Stale:
		return q.Where("last_discovered < ?", s.now().Add(-staleAfter).UnixMilli()).
			Where("discovery_source NOT IN ?", bun.Tuple(append(s.model.TellChanges(), byHand))), nil
	case Orphan:
		return q.Where("host_id = ''").Where("NOT EXISTS (SELECT 1 FROM relations AS r WHERE r.parent_id = items.id)").
			Where("NOT EXISTS (SELECT 1 FROM relations AS r WHERE r.child_id = items.id)"), nil
	case Duplicate:
		return q.Where("duplicate_of <> ''"), nil
	case Unowned: // what hangs on another has its owner
		return q.Where("host_id = ''").Where(`attributes NOT LIKE '%"support_group":%'`), nil
	}
	return nil, errs.New(errs.Invalid, "defect %.100q is none of %v", string(d), Defects())
}

// incomplete selects items that lack something their class recommends.
func (s *Store) incomplete(q *bun.SelectQuery) *bun.SelectQuery {
	return q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
		some := false
		for _, c := range s.model.Classes() {
			for _, name := range c.Recommended() {
				q = q.WhereOr("class = ? AND attributes NOT LIKE ?", c.Name, `%"`+name+`":%`)
				some = true
			}
		}
		if !some {
			return q.Where("1 = 0")
		}
		return q
	})
}

// Quality returns the quality of the records by class, classes without items left out, in order of name. It reads all items.
func (s *Store) Quality(ctx context.Context) ([]Quality, error) {
	byClass := map[string]*Quality{}
	count := func(q *bun.SelectQuery, note func(q *Quality, n int64)) error {
		var rows []struct {
			Class string
			N     int64
		}
		if err := q.Model((*itemRow)(nil)).ColumnExpr("class, COUNT(*) AS n").GroupExpr("class").Scan(ctx, &rows); err != nil {
			return fmt.Errorf("count items by class: %w", err)
		}
		for _, r := range rows {
			if byClass[r.Class] == nil {
				byClass[r.Class] = &Quality{Class: r.Class, Defects: map[Defect]int64{}}
			}
			note(byClass[r.Class], r.N)
		}
		return nil
	}
	if err := count(s.db.NewSelect().Where(alive), func(q *Quality, n int64) { q.Items = n }); err != nil {
		return nil, err
	}
	for _, d := range Defects() {
		sel, err := s.defective(s.db.NewSelect(), d)
		if err != nil {
			return nil, err
		}
		if err := count(sel, func(q *Quality, n int64) { q.Defects[d] = n }); err != nil {
			return nil, err
		}
	}
	list := make([]Quality, 0, len(byClass))
	for _, q := range byClass {
		list = append(list, *q)
	}
	slices.SortFunc(list, func(a, b Quality) int { return strings.Compare(a.Class, b.Class) })
	return list, nil
}

// measure sets the metrics of quality.
func (s *Store) measure(ctx context.Context) error {
	list, err := s.Quality(ctx)
	if err != nil {
		return err
	}
	s.metrics.present.Reset()
	s.metrics.defects.Reset()
	for _, q := range list {
		s.metrics.present.WithLabelValues(q.Class).Set(float64(q.Items))
		for _, d := range Defects() {
			s.metrics.defects.WithLabelValues(q.Class, string(d)).Set(float64(q.Defects[d]))
		}
	}
	return nil
}

// Info is what series about an item are labelled with.
type Info struct {
	ID          ItemID
	NativeKey   string
	Name        string
	Class       string
	Owner       string // the support group
	Environment string
	Criticality string
	Services    []string // that need it, in order of name
}

// Infos returns what is known of the items that a source knows by native keys of one word, such as the agents' hosts, in order of native
// key. Merged items and those that the source says are gone are left out.
func (s *Store) Infos(ctx context.Context, source string) ([]Info, error) {
	var rows []struct {
		itemRow   `bun:",extend"`
		NativeKey string
	}
	err := s.db.NewSelect().TableExpr("item_claims AS c").Join("JOIN items ON items.id = c.item_id").
		ColumnExpr("items.id, items.name, items.class, items.attributes, c.native_key").
		Where("c.source = ?", source).Where("c.native_key <> ''").Where("c.native_key NOT LIKE '%/%'").Where(alive).OrderExpr("c.native_key").Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read items of %s: %w", source, err)
	}
	list := make([]Info, len(rows))
	for i, r := range rows {
		values, err := r.decode()
		if err != nil {
			return nil, err
		}
		list[i] = Info{
			ID: r.ID, NativeKey: r.NativeKey, Name: r.Name, Class: r.Class, Owner: values["support_group"], Environment: values["environment"],
			Criticality: values["business_criticality"],
		}
	}
	return list, s.servicesOf(ctx, list)
}

// servicesOf adds the services that need each of the items.
func (s *Store) servicesOf(ctx context.Context, list []Info) error {
	g, err := s.relationGraph(ctx)
	if err != nil {
		return err
	}
	service := s.model.Class("cmdb_ci_service")
	g.mu.RLock()
	defer g.mu.RUnlock()
	for i := range list {
		n, ok := g.number[list[i].ID]
		if !ok {
			continue // without relations
		}
		w := walk{g: g, up: true, limit: mostOfOne}
		w.run(n)
		for _, m := range w.order[1:] {
			at := g.named[g.ids[m]]
			if c := s.model.Class(at.class); isBelow(c, service) && !slices.Contains(list[i].Services, at.name) {
				list[i].Services = append(list[i].Services, at.name)
			}
		}
		slices.Sort(list[i].Services)
	}
	return nil
}

// mostOfOne bounds the walk from one item of many.
const mostOfOne = 1000

func isBelow(c, d *class.Class) bool { return c != nil && d != nil && c.Is(d) }
