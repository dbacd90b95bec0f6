package cmdb_test

import (
	"slices"
	"testing"

	"github.com/picketmon/picket/collector/cmdb"
	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
	"github.com/picketmon/picket/internal/errs"
)

func disk(name string, v values) cmdb.PayloadItem {
	if v == nil {
		v = values{}
	}
	v["name"] = name
	return cmdb.PayloadItem{Class: "cmdb_ci_disk", Values: v}
}

// A report that names two items by different identifiers shows that they are one: with what hangs on them. And it can be undone.
func TestBridge(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := open(t, d)
		owns := func(n int) []cmdb.PayloadRelation {
			var list []cmdb.PayloadRelation
			for i := range n {
				list = append(list, related(0, i+1, "Owns::Owned by"))
			}
			return list
		}
		a := f.send(cmdb.Payload{
			Source: "Import", Time: at(0), By: "test", Relations: owns(2),
			Items: []cmdb.PayloadItem{server(values{"name": "old", "serial_number": "S"}), disk("sda", values{"size_bytes": 1}), disk("sdb", nil)},
		})
		b := f.send(cmdb.Payload{
			Source: "Discovery", Time: at(1), By: "test", Relations: owns(2),
			Items: []cmdb.PayloadItem{server(values{"name": "web1", "os": "Linux"}), disk("SDA", values{"device_id": "x"}), disk("sdc", nil)},
		})
		if a.HasError || b.HasError {
			t.Fatalf("%+v %+v", a, b)
		}
		got := f.report("Import", at(2), server(values{"name": "web1", "serial_number": "S"}))[0]
		servers, disks := f.all("cmdb_ci_server"), f.all("cmdb_ci_disk")
		if len(servers) != 1 || servers[0].ID != got.ID || servers[0].Attributes["os"] != "Linux" || len(disks) != 3 {
			t.Fatalf("%d servers, %d disks after the bridge: %+v", len(servers), len(disks), disks)
		}
		for _, x := range disks {
			if x.Host != got.ID {
				t.Errorf("disk %s hangs on %s", x.Name, x.Host)
			}
		}
		if n := f.relations(got.ID); n != 3 {
			t.Errorf("%d relations, want 3", n)
		}
		// Under the other's name it is still found.
		if again := f.report("Discovery", at(3), server(values{"name": "web1", "os": "Linux 6"}))[0]; again.ID != got.ID {
			t.Error("the merged item is not found")
		}
		tasks, err := f.Tasks(t.Context(), cmdb.TaskMerged, 10)
		if err != nil || len(tasks) != 2 {
			t.Fatalf("%+v, %v", tasks, err)
		}
		for _, task := range tasks { // the newest first: the servers before the disks that they made one
			if err := f.Unmerge(t.Context(), task.ID, "eve"); err != nil {
				t.Fatal(err)
			}
		}
		servers, disks = f.all("cmdb_ci_server"), f.all("cmdb_ci_disk")
		if len(servers) != 2 || len(disks) != 4 {
			t.Fatalf("%d servers, %d disks after the undoing", len(servers), len(disks))
		}
		if n, m := f.relations(a.Items[0].ID), f.relations(b.Items[0].ID); n != 2 || m != 2 {
			t.Errorf("%d and %d relations after the undoing", n, m)
		}
		if err := f.Unmerge(t.Context(), tasks[0].ID, "eve"); !errs.Is(err, errs.Conflict) {
			t.Errorf("undone twice: %v", err)
		}
	})
}

// What waits for a name, or for its host, comes with the report that brings it; in a plain payload it is an error and forgotten.
func TestPartials(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := open(t, d)
		r := f.send(cmdb.Payload{
			Source: "Import", Time: at(0), By: "test", Enhanced: true,
			Items:     []cmdb.PayloadItem{server(values{"serial_number": "S", "asset_tag": "7"}), disk("sda", values{"size_bytes": 10})},
			Relations: []cmdb.PayloadRelation{related(0, 1, "Owns::Owned by")},
		})
		for i, x := range r.Items {
			if x.Operation != cmdb.InsertAsPartial {
				t.Errorf("item %d: %+v", i, x)
			}
		}
		if !slices.Equal(codes(r.Items[1].Errors), []string{cmdb.DependencyMissing}) || len(f.all("")) != 0 {
			t.Fatalf("%+v", r)
		}
		id := f.report("Discovery", at(1), server(values{"serial_number": "S", "name": "web1"}))[0].ID
		if it := f.item(id); it.Attributes["asset_tag"] != "7" || !it.FirstDiscovered.Equal(at(0)) {
			t.Errorf("%+v", it)
		}
		if disks := f.all("cmdb_ci_disk"); len(disks) != 1 || disks[0].Host != id || disks[0].Attributes["size_bytes"] != "10" {
			t.Errorf("disks %+v", disks)
		}
		if n, err := d.NewSelect().Table("item_partials").Count(t.Context()); n != 0 || err != nil {
			t.Errorf("%d partial items are left, %v", n, err)
		}
	})
}

func TestByHand(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := open(t, d)
		_, err := f.Create(t.Context(), "cmdb_ci_server", values{"ram": "much", "colour": "red"}, "", "eve")
		if fields := errs.Fields(err); len(fields) != 2 || !errs.Is(err, errs.Invalid) {
			t.Errorf("all that is wrong at once: %v", err)
		}
		a, err := f.Create(t.Context(), "cmdb_ci_server", values{"name": "web1", "ram": 512}, "", "eve")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Create(t.Context(), "cmdb_ci_disk", values{"name": "sda"}, "", "eve"); !errs.Is(err, errs.Invalid) {
			t.Errorf("a disk of nothing: %v", err)
		}
		sda, err := f.Create(t.Context(), "cmdb_ci_disk", values{"name": "sda"}, a, "eve")
		if err != nil || f.relations(a) != 1 {
			t.Fatalf("%d relations, %v", f.relations(a), err)
		}
		b, err := f.Create(t.Context(), "cmdb_ci_server", values{"name": "web2"}, "", "eve")
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Merge(t.Context(), b, []cmdb.ItemID{a}, "eve"); err != nil {
			t.Fatal(err)
		}
		if it := f.item(b); it.Attributes["ram"] != "512" || f.item(a).MergedInto != b || f.item(sda).Host != b {
			t.Errorf("%+v", it)
		}
		if err := f.Merge(t.Context(), b, []cmdb.ItemID{sda}, "eve"); !errs.Is(err, errs.Conflict) {
			t.Errorf("a disk merged into a server: %v", err)
		}
		if err := f.Delete(t.Context(), b, "eve"); err != nil || len(f.all("")) != 0 || f.relations(b) != 0 {
			t.Errorf("deleted: %v, %d items", err, len(f.all("")))
		}
	})
}
