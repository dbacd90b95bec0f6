package cmdb_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/picketmon/picket/collector/cmdb"
	"github.com/picketmon/picket/collector/cmdb/class"
	"github.com/picketmon/picket/collector/db"
)

// t0 is when the first report of a test was collected.
var t0 = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func at(minutes int) time.Time { return t0.Add(time.Duration(minutes) * time.Minute) }

type fixture struct {
	*cmdb.Store
	t testing.TB
	// clock is what the store takes for the present.
	clock *time.Time
}

func open(t testing.TB, d *db.DB, rules ...string) *fixture {
	t.Helper()
	files := class.Builtin()
	for _, r := range rules {
		files = append(files, class.File{Name: "rules.yaml", Text: []byte(r)})
	}
	m, err := class.Load(files...)
	if err != nil {
		t.Fatal(err)
	}
	now := t0.Add(30 * 24 * time.Hour)
	s, err := cmdb.New(cmdb.Options{DB: d, Model: m, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	return &fixture{Store: s, t: t, clock: &now}
}

type values = map[string]any

func server(v values) cmdb.PayloadItem {
	return cmdb.PayloadItem{Class: "cmdb_ci_linux_server", Values: v}
}

func native(i cmdb.PayloadItem, key string) cmdb.PayloadItem {
	i.SourceInfo = &cmdb.SourceInfo{NativeKey: key}
	return i
}

// report commits items of a source, and expects no error.
func (f *fixture) report(source string, at time.Time, items ...cmdb.PayloadItem) []cmdb.ItemResult {
	f.t.Helper()
	r := f.send(cmdb.Payload{Source: source, Time: at, By: "test", Items: items, Enhanced: true})
	if r.HasError {
		f.t.Fatalf("report of %s: %+v", source, r.Items)
	}
	return r.Items
}

func (f *fixture) send(p cmdb.Payload) cmdb.Result {
	f.t.Helper()
	r, err := f.Commit(context.Background(), p)
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}

func (f *fixture) item(id cmdb.ItemID) cmdb.Item {
	f.t.Helper()
	it, err := f.Item(context.Background(), id)
	if err != nil {
		f.t.Fatal(err)
	}
	return it
}

func (f *fixture) all(class string) []cmdb.Item {
	f.t.Helper()
	list, _, _, err := f.Items(context.Background(), cmdb.Query{Class: class, Limit: 1000})
	if err != nil {
		f.t.Fatal(err)
	}
	return list
}

func codes(list []cmdb.Problem) (c []string) {
	for _, p := range list {
		c = append(c, p.Code)
	}
	slices.Sort(c)
	return c
}

func related(parent, child int, kind string) cmdb.PayloadRelation {
	return cmdb.PayloadRelation{Parent: &parent, Child: &child, Type: kind}
}

// dbOf empties the tables of the CMDB, so that one database serves a whole table of cases.
func dbOf(t testing.TB, d *db.DB) *db.DB {
	t.Helper()
	for _, table := range []string{"relations", "item_keys", "item_claims", "items", "item_changes", "relation_changes", "item_partials", "duplicate_tasks"} {
		if _, err := d.ExecContext(context.Background(), "DELETE FROM "+table); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// relations returns how many relations an item has.
func (f *fixture) relations(id cmdb.ItemID) int {
	f.t.Helper()
	list, _, err := f.Relations(context.Background(), cmdb.RelationQuery{Item: id, Limit: 1000})
	if err != nil {
		f.t.Fatal(err)
	}
	return len(list)
}
