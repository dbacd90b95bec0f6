package cmdb

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/cmdb/class"
	"github.com/picketmon/picket/collector/db"
)

// work is what one payload reads and writes: items are loaded in large portions before they are asked for, changed in memory, and
// written in large portions at the end. All of it happens inside one transaction, while no other payload is worked on.
type work struct {
	tx     bun.IDB
	model  *class.Model
	now    int64
	source string
	by     string

	items   map[ItemID]*item
	byHash  map[string][]ItemID  // what is found by a hash, of all hashes asked for so far
	byClaim map[[2]string]ItemID // by source and native key, of all asked for so far
	asked   map[string]bool      // hashes
	natives map[[2]string]bool   // asked for
	rels    map[relKey]*relation // that the payload touches
	tasks   map[string]*taskRow  // by members
	follow  [][2]*item           // items that became duplicates, with their main
	relLog  []relationChangeRow

	changed, deleted []*item // known after flush
}

func newWork(tx bun.IDB, m *class.Model, now int64, source, by string) *work {
	return &work{
		tx: tx, model: m, now: now, source: source, by: by,
		items: map[ItemID]*item{}, byHash: map[string][]ItemID{}, byClaim: map[[2]string]ItemID{}, asked: map[string]bool{}, natives: map[[2]string]bool{},
		rels: map[relKey]*relation{}, tasks: map[string]*taskRow{},
	}
}

type claimRow struct {
	bun.BaseModel `bun:"table:item_claims,alias:item_claims"`
	ItemID        ItemID `bun:"item_id,pk"`
	Source        string `bun:"source,pk"`
	Key           string `bun:"claim_key,pk"`
	NativeKey     string `bun:"native_key"`
	First         int64  `bun:"first_seen"`
	Last          int64  `bun:"last_seen"`
	Body          string `bun:"body"`
}

type keyRow struct {
	bun.BaseModel `bun:"table:item_keys,alias:item_keys"`
	Hash          string `bun:"hash,pk"`
	ItemID        ItemID `bun:"item_id,pk"`
}

// portion is how many values one statement asks for or writes.
const portion = 500

// fetch loads all items that are found by the hashes or the native keys, in a few statements.
func (w *work) fetch(ctx context.Context, hashes []string, natives [][2]string) error {
	var ids []ItemID
	var ask []string
	for _, h := range hashes {
		if !w.asked[h] {
			w.asked[h] = true
			ask = append(ask, h)
		}
	}
	for part := range slices.Chunk(ask, portion) {
		var rows []keyRow
		if err := w.tx.NewSelect().Model(&rows).Where("hash IN ?", bun.Tuple(part)).Scan(ctx); err != nil {
			return fmt.Errorf("find items by their identifiers: %w", err)
		}
		for _, r := range rows {
			w.byHash[r.Hash] = append(w.byHash[r.Hash], r.ItemID)
			ids = append(ids, r.ItemID)
		}
	}
	found, err := w.fetchNatives(ctx, natives)
	if err != nil {
		return err
	}
	return w.load(ctx, append(ids, found...))
}

func (w *work) fetchNatives(ctx context.Context, natives [][2]string) (ids []ItemID, err error) {
	bySource := map[string][]string{}
	for _, n := range natives {
		if !w.natives[n] {
			w.natives[n] = true
			bySource[n[0]] = append(bySource[n[0]], n[1])
		}
	}
	for source, keys := range bySource {
		for part := range slices.Chunk(keys, portion) {
			var rows []claimRow
			err := w.tx.NewSelect().Model(&rows).Column("item_id", "source", "native_key").
				Where("source = ?", source).Where("native_key <> ''").Where("native_key IN ?", bun.Tuple(part)).Scan(ctx)
			if err != nil {
				return nil, fmt.Errorf("find items by their native keys: %w", err)
			}
			for _, r := range rows {
				w.byClaim[[2]string{r.Source, r.NativeKey}] = r.ItemID
				ids = append(ids, r.ItemID)
			}
		}
	}
	return ids, nil
}

// load reads items with their claims and keys, of those that are not here yet.
func (w *work) load(ctx context.Context, ids []ItemID) error {
	ids = slices.Clone(ids) // the caller's stay as they are
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	ids = slices.DeleteFunc(ids, func(id ItemID) bool { return w.items[id] != nil })
	for part := range slices.Chunk(ids, portion) {
		if err := w.loadPart(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

func (w *work) loadPart(ctx context.Context, ids []ItemID) error {
	var rows []itemRow
	if err := w.tx.NewSelect().Model(&rows).Where("id IN ?", bun.Tuple(ids)).Scan(ctx); err != nil {
		return fmt.Errorf("read items: %w", err)
	}
	for _, r := range rows {
		values, err := r.decode()
		if err != nil {
			return err
		}
		w.items[r.ID] = &item{itemRow: r, before: r, values: values, was: values, stored: map[string]bool{}}
	}
	var claims []claimRow
	if err := w.tx.NewSelect().Model(&claims).Where("item_id IN ?", bun.Tuple(ids)).Scan(ctx); err != nil {
		return fmt.Errorf("read what sources say of items: %w", err)
	}
	for _, r := range claims {
		c := &claim{Source: r.Source, Key: r.Key, NativeKey: r.NativeKey, First: r.First, Last: r.Last}
		if err := json.Unmarshal([]byte(r.Body), &c.body); err != nil {
			return fmt.Errorf("decode what %s says of item %s: %w", r.Source, r.ItemID, err)
		}
		if it := w.items[r.ItemID]; it != nil {
			it.claims = append(it.claims, c)
		}
	}
	var keys []keyRow
	if err := w.tx.NewSelect().Model(&keys).Where("item_id IN ?", bun.Tuple(ids)).Scan(ctx); err != nil {
		return fmt.Errorf("read identifiers of items: %w", err)
	}
	for _, k := range keys {
		if it := w.items[k.ItemID]; it != nil {
			it.stored[k.Hash] = true
		}
	}
	return nil
}

// found returns the items that an entry's hash leads to, neither duplicates nor merged ones, in order of age. The hash was fetched.
func (w *work) found(h string) []*item {
	var list []*item
	for _, id := range w.byHash[h] {
		it := w.items[id]
		if it != nil && it.DuplicateOf == "" && it.MergedInto == "" && !it.deleted && it.hasKey(h) && !slices.Contains(list, it) {
			list = append(list, it)
		}
	}
	slices.SortFunc(list, older)
	return list
}

// index makes an item findable by its present keys for what comes later in the payload.
func (w *work) index(it *item) {
	for _, k := range it.keysByRank(w.model) {
		for _, h := range k.hashes {
			if !slices.Contains(w.byHash[h], it.ID) {
				w.byHash[h] = append(w.byHash[h], it.ID)
			}
		}
	}
	for _, c := range it.claims {
		if c.NativeKey != "" {
			w.byClaim[[2]string{c.Source, c.NativeKey}] = it.ID
		}
	}
}

// add makes a new item without claims.
func (w *work) add(c *class.Class) *item {
	it := &item{isNew: true, changed: true, stored: map[string]bool{}, values: map[string]string{}, was: map[string]string{}}
	it.itemRow = itemRow{ID: ItemID(db.NewID()), Class: c.Name, CreatedAt: w.now, CreatedBy: w.by, UpdatedAt: w.now, UpdatedBy: w.by}
	w.items[it.ID] = it
	return it
}
