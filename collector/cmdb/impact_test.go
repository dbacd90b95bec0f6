package cmdb_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picketmon/picket/collector/cmdb"
	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
)

// landscape makes a business service above a shop behind a load balancer with two web servers, and a database that both need, and returns
// ids by name.
func (f *fixture) landscape() map[string]cmdb.ItemID {
	f.t.Helper()
	items := []cmdb.PayloadItem{
		{Class: "cmdb_ci_service_business", Values: values{"name": "Sales"}},
		{Class: "cmdb_ci_service_auto", Values: values{"name": "shop"}},
		{Class: "cmdb_ci_cluster", Values: values{"name": "web", "needs": "1"}},
		server(values{"name": "h1"}), server(values{"name": "h2"}), server(values{"name": "h3"}),
		{Class: "cmdb_ci_nginx_web_server", Values: values{"name": "nginx1"}},
		{Class: "cmdb_ci_nginx_web_server", Values: values{"name": "nginx2"}},
		{Class: "cmdb_ci_db_postgresql_instance", Values: values{"name": "pg"}},
		disk("sda", nil),
	}
	r := f.send(cmdb.Payload{Source: "Discovery", Time: t0, By: "test", Items: items, Relations: []cmdb.PayloadRelation{
		related(0, 1, "Depends on::Used by"), related(1, 2, "Depends on::Used by"), related(1, 8, "Depends on::Used by"),
		related(2, 6, "Members::Member of"), related(2, 7, "Members::Member of"),
		related(6, 3, "Runs on::Runs"), related(7, 4, "Runs on::Runs"), related(8, 5, "Runs on::Runs"), related(5, 9, "Owns::Owned by"),
	}})
	if r.HasError {
		f.t.Fatalf("%+v", r)
	}
	ids := map[string]cmdb.ItemID{}
	for i, x := range r.Items {
		ids[fmt.Sprint(items[i].Values["name"])] = x.ID
	}
	return ids
}

func reached(list []cmdb.Affected) string {
	var names []string
	for _, a := range list {
		names = append(names, a.Name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func TestImpact(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := open(t, d)
		ids := f.landscape()
		impact := func(name string, at time.Time) cmdb.Impact {
			t.Helper()
			i, err := f.Impact(t.Context(), ids[name], at)
			if err != nil {
				t.Fatal(err)
			}
			return i
		}
		i := impact("sda", time.Time{})
		if got := reached(i.Items); got != "Sales h3 pg shop" {
			t.Errorf("a disk of the database's host reaches %s", got)
		}
		if len(i.Services) != 2 || i.Services[0].Name != "shop" || i.Services[1].Name != "Sales" {
			t.Fatalf("services %+v", i.Services)
		}
		var way []string
		for _, s := range i.Services[1].Path {
			way = append(way, s.Relation+" "+s.Name)
		}
		if got := strings.Join(way, ", "); got != " sda, Owns::Owned by h3, Runs on::Runs pg, Depends on::Used by shop, Depends on::Used by Sales" {
			t.Errorf("the way: %s", got)
		}
		if got := reached(impact("h1", time.Time{}).Items); got != "nginx1" {
			t.Errorf("one web server of two, of which one is needed, reaches %s", got)
		}
		if err := f.Update(t.Context(), ids["web"], values{"needs": "60%"}, "eve"); err != nil {
			t.Fatal(err)
		}
		if got := reached(impact("h1", time.Time{}).Items); got != "Sales nginx1 shop web" {
			t.Errorf("one web server of two, of which 60%% are needed, reaches %s", got)
		}
		below, _, err := f.Below(t.Context(), ids["Sales"], time.Time{})
		if got := reached(below); err != nil || got != "h1 h2 h3 nginx1 nginx2 pg sda shop web" {
			t.Errorf("below Sales: %s, %v", got, err)
		}
	})
}

// What hung together then is told of then, also when it was deleted since.
func TestImpactThen(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := open(t, d)
		ids := f.landscape()
		then := f.clock.Add(time.Second)
		if _, err := f.Impact(t.Context(), ids["pg"], time.Time{}); err != nil { // the graph is in memory from here on
			t.Fatal(err)
		}
		*f.clock = f.clock.Add(time.Hour)
		relations, _, err := f.Relations(t.Context(), cmdb.RelationQuery{Parent: ids["shop"], Child: ids["pg"]})
		if err != nil || len(relations) != 1 {
			t.Fatal(relations, err)
		}
		if err := f.Unrelate(t.Context(), relations[0].ID, "eve"); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Relate(t.Context(), ids["Sales"], ids["pg"], "Depends on::Used by", "eve"); err != nil {
			t.Fatal(err)
		}
		if err := f.Delete(t.Context(), ids["web"], "eve"); err != nil {
			t.Fatal(err)
		}
		now, err := f.Impact(t.Context(), ids["pg"], time.Time{})
		if got := reached(now.Items); err != nil || got != "Sales" {
			t.Errorf("now: %s, %v", got, err)
		}
		if now, err = f.Impact(t.Context(), ids["nginx1"], time.Time{}); err != nil || len(now.Items) != 0 {
			t.Errorf("now: %+v, %v", now, err)
		}
		past, err := f.Impact(t.Context(), ids["pg"], then)
		if got := reached(past.Items); err != nil || got != "Sales shop" || past.Services[1].Hops != 2 {
			t.Errorf("then: %s, %v", got, err)
		}
	})
}

// What a transaction wrote that did not come to its end reaches nothing.
func TestImpactAfterRollback(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := open(t, d)
		ids := f.landscape()
		reach := func() string {
			t.Helper()
			i, err := f.Impact(t.Context(), ids["h3"], time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			return reached(i.Items)
		}
		before := reach()
		broken := errors.New("the rest could not be written")
		err := f.Together(t.Context(), func(ctx context.Context) error {
			if _, err := f.Relate(ctx, ids["web"], ids["h3"], "Depends on::Used by", "eve"); err != nil {
				return err
			}
			if err := f.Delete(ctx, ids["Sales"], "eve"); err != nil {
				return err
			}
			return broken
		})
		if !errors.Is(err, broken) {
			t.Fatal(err)
		}
		if after := reach(); after != before {
			t.Errorf("reached %s before, %s after", before, after)
		}
	})
}

// BenchmarkImpact walks over 10,000 dependants.
func BenchmarkImpact(b *testing.B) {
	d := dbtest.Open(b)
	f := open(b, d)
	id, err := f.Create(b.Context(), "cmdb_ci_linux_server", values{"name": "heart"}, "", "bench")
	if err != nil {
		b.Fatal(err)
	}
	parents := []cmdb.ItemID{id}
	for n := range 20 {
		var items []cmdb.PayloadItem
		for i := range 500 {
			items = append(items, cmdb.PayloadItem{Class: "cmdb_ci_service_auto", Values: values{"name": fmt.Sprint("service ", n*500+i)}})
		}
		for i, r := range f.report("Discovery", t0, items...) {
			if _, err := f.Relate(b.Context(), r.ID, parents[(n*500+i)/10], "Depends on::Used by", "bench"); err != nil {
				b.Fatal(err)
			}
			parents = append(parents, r.ID)
		}
	}
	b.ResetTimer()
	for b.Loop() {
		i, err := f.Impact(b.Context(), id, time.Time{})
		if err != nil || len(i.Services) != 10_000 {
			b.Fatal(len(i.Services), err)
		}
	}
}
