package cmdb

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/cmdb/class"
	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/internal/errs"
)

// Item returns an item. Kinds: NotFound.
func (s *Store) Item(ctx context.Context, id ItemID) (Item, error) {
	var row itemRow
	err := s.db.NewSelect().Model(&row).Where("id = ?", id).Scan(ctx)
	if db.IsNoRows(err) {
		return Item{}, errs.New(errs.NotFound, "there is no item %s", id)
	}
	if err != nil {
		return Item{}, fmt.Errorf("read item %s: %w", id, err)
	}
	return row.item()
}

// Word is what one source says of one attribute.
type Word struct {
	Value     string
	Source    string
	NativeKey string
	Time      time.Time // when it said so last
	Counts    bool      // it is the item's value
}

// Words returns what all sources say of an item, by attribute, what counts first.
func (s *Store) Words(ctx context.Context, id ItemID) (map[string][]Word, error) {
	it, err := s.Item(ctx, id)
	if err != nil {
		return nil, err
	}
	var rows []claimRow
	if err := s.db.NewSelect().Model(&rows).Where("item_id = ?", id).OrderExpr("source, claim_key").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read what sources say of item %s: %w", id, err)
	}
	var claims []*claim
	for _, r := range rows {
		c := &claim{Source: r.Source, Key: r.Key, NativeKey: r.NativeKey, First: r.First, Last: r.Last}
		if err := json.Unmarshal([]byte(r.Body), &c.body); err != nil {
			return nil, fmt.Errorf("decode what %s says of item %s: %w", r.Source, id, err)
		}
		claims = append(claims, c)
	}
	won := map[string]word{}
	if c := s.model.Class(it.Class); c != nil {
		won = resolve(s.model, c, claims)
	}
	words := map[string][]Word{}
	if c := s.model.Class(it.Class); c != nil {
		values := make(map[string]string, len(won))
		for name, w := range won {
			values[name] = w.Value
		}
		for name, rule := range s.model.Assigned(c, values) {
			words[name] = append(words[name], Word{Value: values[name], Source: "rule " + rule, Time: it.UpdatedAt, Counts: true})
		}
	}
	for _, c := range claims {
		for name, v := range c.Values {
			w := Word{Value: v.Value, Source: c.Source, NativeKey: c.NativeKey, Time: db.Time(c.at(v))}
			w.Counts = won[name] == word{v.Value, c.Source, c.at(v)}
			words[name] = append(words[name], w)
		}
	}
	for _, list := range words {
		slices.SortStableFunc(list, func(a, b Word) int {
			if a.Counts != b.Counts {
				if a.Counts {
					return -1
				}
				return 1
			}
			return b.Time.Compare(a.Time)
		})
	}
	return words, nil
}

// Query says which items to list.
type Query struct {
	// Class selects items of the class and of those below; empty means all.
	Class string
	// Text selects items whose name, address, serial number or the like has each of its words in it, in any case.
	Text string
	// Host selects what hangs on an item.
	Host ItemID
	// Attributes selects items by values, in any case.
	Attributes map[string]string
	// Duplicates selects items marked as duplicates.
	Duplicates bool
	// Defect selects items with a defect.
	Defect Defect
	// After is the cursor that the page before returned; Limit the most items of a page, 0 means 100, the most is 1000.
	After string
	Limit int
	// WithoutTotal spares counting, for those who read page after page.
	WithoutTotal bool
}

const (
	defaultPage = 100
	maxPage     = 1000
)

func (s *Store) completeQuery(q *Query) (*class.Class, error) {
	var p errs.Problems
	if q.Limit == 0 {
		q.Limit = defaultPage
	}
	if q.Limit < 1 || q.Limit > maxPage {
		p.Add("limit", "must be 1 to %d", maxPage)
	}
	if len(q.Text) > maxName {
		p.Add("search", "has more than %d bytes", maxName)
	}
	c := s.model.Class(q.Class)
	if q.Class != "" && c == nil {
		p.Add("class", "there is no class %.100q", q.Class)
	}
	for name := range q.Attributes {
		if !attributeName(name) {
			p.Add("attributes", "%.100q is no attribute", name)
		}
	}
	return c, p.Err()
}

func attributeName(s string) bool {
	return s != "" && len(s) <= 80 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// Items returns a page of items by name, the cursor of the next page, empty at the end, and how many there are in all. Kinds: Invalid.
func (s *Store) Items(ctx context.Context, q Query) (page []Item, next string, total int64, err error) {
	c, err := s.completeQuery(&q)
	if err != nil {
		return nil, "", 0, err
	}
	var rows []itemRow
	sel := s.db.NewSelect().Model(&rows).Where("merged_into = ''")
	if c != nil {
		sel = sel.Where("class IN ?", bun.Tuple(s.model.Below(c)))
	}
	for word := range strings.FieldsSeq(strings.ToLower(q.Text)) {
		sel = sel.Where("search LIKE ? ESCAPE '!'", "%"+escapeLike(word)+"%")
	}
	if q.Host != "" {
		sel = sel.Where("host_id = ?", q.Host)
	}
	if q.Duplicates {
		sel = sel.Where("duplicate_of <> ''")
	}
	if q.Defect != "" {
		if sel, err = s.defective(sel, q.Defect); err != nil {
			return nil, "", 0, err
		}
	}
	for name, v := range q.Attributes {
		sel = sel.Where("LOWER("+s.attribute(name)+") = ?", strings.ToLower(v))
	}
	if !q.WithoutTotal {
		if total, err = sel.Count(ctx); err != nil {
			return nil, "", 0, fmt.Errorf("count items: %w", err)
		}
	}
	if q.After != "" {
		name, id, ok := strings.Cut(q.After, "\x00")
		if !ok {
			return nil, "", 0, errs.New(errs.Invalid, "cursor: is not one that a page returned")
		}
		sel = sel.Where("(name, id) > (?, ?)", name, id)
	}
	if err := sel.OrderExpr("name, id").Limit(int64(q.Limit) + 1).Scan(ctx); err != nil {
		return nil, "", 0, fmt.Errorf("read items: %w", err)
	}
	if len(rows) > q.Limit {
		rows = rows[:q.Limit]
		next = rows[q.Limit-1].Name + "\x00" + string(rows[q.Limit-1].ID)
	}
	page = make([]Item, len(rows))
	for i, r := range rows {
		if page[i], err = r.item(); err != nil {
			return nil, "", 0, err
		}
	}
	return page, next, total, nil
}

// attribute returns SQL for the value of an attribute, whose name was checked.
func (s *Store) attribute(name string) string {
	if s.db.Postgres() {
		return "(attributes::jsonb ->> '" + name + "')"
	}
	return "json_extract(attributes, '$." + name + "')"
}

func escapeLike(s string) string {
	return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(s)
}

// NativeKeys returns the native keys that a source gave with a prefix, of items that it has not said to be gone, in order.
func (s *Store) NativeKeys(ctx context.Context, source, prefix string) ([]string, error) {
	var rows []claimRow
	err := s.db.NewSelect().Model(&rows).Where("source = ?", source).Where("native_key <> ''").Where("native_key >= ?", prefix).Where("native_key < ?", prefix+"\U0010FFFF").
		OrderExpr("native_key").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read native keys of %s: %w", source, err)
	}
	var keys []string
	for _, r := range rows {
		c := &claim{Source: r.Source, Key: r.Key, NativeKey: r.NativeKey, First: r.First, Last: r.Last}
		if err := json.Unmarshal([]byte(r.Body), &c.body); err != nil {
			return nil, fmt.Errorf("decode what %s says of item %s: %w", source, r.ItemID, err)
		}
		if !c.gone() && strings.HasPrefix(r.NativeKey, prefix) {
			keys = append(keys, r.NativeKey)
		}
	}
	return keys, nil
}
