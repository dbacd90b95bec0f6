package cmdb

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/cmdb/class"
	"github.com/picketmon/picket/collector/db"
)

// ItemID names an item: 32 lower-case hex digits, also its sys_id.
type ItemID string

// itemRow is an item as the database has it.
type itemRow struct {
	bun.BaseModel   `bun:"table:items,alias:items"`
	ID              ItemID `bun:"id,pk"`
	Class           string `bun:"class"`
	Name            string `bun:"name"`
	HostID          ItemID `bun:"host_id"`
	Attributes      string `bun:"attributes"`
	DiscoverySource string `bun:"discovery_source"`
	FirstDiscovered int64  `bun:"first_discovered"`
	LastDiscovered  int64  `bun:"last_discovered"`
	DuplicateOf     ItemID `bun:"duplicate_of"`
	MergedInto      ItemID `bun:"merged_into"`
	Search          string `bun:"search"`
	CreatedAt       int64  `bun:"created_at"`
	CreatedBy       string `bun:"created_by"`
	UpdatedAt       int64  `bun:"updated_at"`
	UpdatedBy       string `bun:"updated_by"`
	ModCount        int64  `bun:"mod_count"`
}

// item is an item inside a transaction.
type item struct {
	itemRow
	claims []*claim
	values map[string]string

	before  itemRow           // as the database has it; zero for a new item
	was     map[string]string // the values then
	stored  map[string]bool   // hashes in the database
	settled []keyed           // what it is found by; nil until somebody asks
	isNew   bool
	changed bool // the row, and the history, have something new
	touched bool // only the time of the last report has moved
	reclaim bool // claims went to another item
	deleted bool
}

func (r itemRow) decode() (map[string]string, error) {
	values := map[string]string{}
	if err := json.Unmarshal([]byte(r.Attributes), &values); err != nil {
		return nil, fmt.Errorf("decode attributes of item %s: %w", r.ID, err)
	}
	return values, nil
}

// claimOf returns the claim that a subject adds to, and makes it when there is none yet.
func (it *item) claimOf(x *subject) *claim {
	for _, c := range it.claims {
		if c.Source == x.source && c.Key == x.key {
			return c
		}
	}
	c := newClaim(x)
	it.claims = append(it.claims, c)
	return c
}

// settle works out what follows from the item's claims: its class, values, host, keys and times.
func (w *work) settle(it *item) {
	m := w.model
	c := resolveClass(m, it.claims)
	if c == nil {
		c = m.Class(it.Class)
	}
	it.values = map[string]string{}
	if c != nil {
		it.Class = c.Name
		for name, w := range resolve(m, c, it.claims) {
			it.values[name] = w.Value
		}
		for _, a := range c.Defaults() {
			if it.values[a.Name] == "" {
				it.values[a.Name] = a.Default
			}
		}
	}
	if c != nil {
		m.Assigned(c, it.values)
	}
	w.age(it)
	it.Name = clip(it.values["name"], maxName)
	it.times()
	it.settled = it.keysNow(m)
	it.Search = searchText(it.values)
}

func (it *item) times() {
	var hostAt int64 = -1
	it.FirstDiscovered, it.LastDiscovered = 0, 0
	for _, c := range it.claims {
		if it.FirstDiscovered == 0 || c.First < it.FirstDiscovered {
			it.FirstDiscovered = c.First
		}
		if c.Last > it.LastDiscovered || c.Last == it.LastDiscovered && c.Source < it.DiscoverySource {
			it.LastDiscovered, it.DiscoverySource = c.Last, c.Source
		}
		if c.Host != "" && (c.HostAt > hostAt || c.HostAt == hostAt && c.Host < it.HostID) {
			it.HostID, hostAt = c.Host, c.HostAt
		}
	}
}

// searchText is what a search looks through: the values people know an item by, in lower case.
func searchText(values map[string]string) string {
	var parts []string
	for _, name := range []string{"name", "fqdn", "host_name", "ip_address", "mac_address", "serial_number", "asset_tag", "object_id", "short_description"} {
		if v := values[name]; v != "" && !slices.Contains(parts, strings.ToLower(v)) {
			parts = append(parts, strings.ToLower(v))
		}
	}
	return clip(strings.Join(parts, " "), 2000)
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

// change is one attribute's old and new value; blank is none.
type change [2]string

// differences returns what is new about the item since it was loaded, beside times.
func (it *item) differences() map[string]change {
	d := map[string]change{}
	for name, v := range it.values {
		if it.was[name] != v {
			d[name] = change{it.was[name], v}
		}
	}
	for name, v := range it.was {
		if _, ok := it.values[name]; !ok {
			d[name] = change{v, ""}
		}
	}
	b := it.before
	for name, c := range map[string]change{
		"sys_class_name": {b.Class, it.Class}, "duplicate_of": {string(b.DuplicateOf), string(it.DuplicateOf)},
		"merged_into": {string(b.MergedInto), string(it.MergedInto)}, "host": {string(b.HostID), string(it.HostID)},
	} {
		if c[0] != c[1] {
			d[name] = c
		}
	}
	return d
}

// keysByRank returns what the item is found by, in the order of its class's entries.
func (it *item) keysByRank(m *class.Model) []keyed {
	if it.settled == nil {
		it.settled = it.keysNow(m)
	}
	return it.settled
}

// hasKey reports whether the item is found by the hash.
func (it *item) hasKey(h string) bool {
	if it.settled == nil { // as it was loaded
		return it.stored[h]
	}
	for _, k := range it.settled {
		if slices.Contains(k.hashes, h) {
			return true
		}
	}
	return false
}

// older orders items by age: the first to be discovered, then the smaller id.
func older(a, b *item) int {
	if a.FirstDiscovered != b.FirstDiscovered {
		if a.FirstDiscovered < b.FirstDiscovered {
			return -1
		}
		return 1
	}
	return strings.Compare(string(a.ID), string(b.ID))
}

// Item is an item as readers see it.
type Item struct {
	ID              ItemID
	Class           string
	Name            string
	Host            ItemID // what it hangs on; empty for independent items
	Attributes      map[string]string
	DiscoverySource string
	FirstDiscovered time.Time
	LastDiscovered  time.Time
	DuplicateOf     ItemID
	MergedInto      ItemID // the item it is part of since a merge; it is in no list then
	CreatedAt       time.Time
	CreatedBy       string
	UpdatedAt       time.Time
	UpdatedBy       string
	ModCount        int64
}

func (r itemRow) item() (Item, error) {
	values, err := r.decode()
	if err != nil {
		return Item{}, err
	}
	return Item{
		ID: r.ID, Class: r.Class, Name: r.Name, Host: r.HostID, Attributes: maps.Clone(values), DiscoverySource: r.DiscoverySource,
		FirstDiscovered: db.Time(r.FirstDiscovered), LastDiscovered: db.Time(r.LastDiscovered), DuplicateOf: r.DuplicateOf, MergedInto: r.MergedInto,
		CreatedAt: db.Time(r.CreatedAt), CreatedBy: r.CreatedBy, UpdatedAt: db.Time(r.UpdatedAt), UpdatedBy: r.UpdatedBy, ModCount: r.ModCount,
	}, nil
}
