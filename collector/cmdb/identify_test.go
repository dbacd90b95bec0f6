package cmdb_test

import (
	"slices"
	"testing"

	"github.com/picketmon/picket/collector/cmdb"
	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
)

func serial(number, kind string) cmdb.PayloadLookup {
	return cmdb.PayloadLookup{Class: "cmdb_serial_number", Values: values{"serial_number": number, "serial_number_type": kind}}
}

func with(i cmdb.PayloadItem, l ...cmdb.PayloadLookup) cmdb.PayloadItem {
	i.Lookup = l
	return i
}

// Each row: what is there (reported by Discovery, a minute apart), what is reported then, and which of them is meant: an index, or new.
func TestIdentify(t *testing.T) {
	const isNew = -1
	full := with(server(values{"name": "web1", "serial_number": "S1"}), serial("S1", "system"), serial("U1", "uuid"))
	tests := []struct {
		name     string
		there    []cmdb.PayloadItem
		reported cmdb.PayloadItem
		want     int
		attempts []cmdb.AttemptResult
	}{
		{"nothing there", nil, full, isNew, []cmdb.AttemptResult{"NO_MATCH", "NO_MATCH", "NO_MATCH", "SKIPPED"}},
		{"serial number table first", []cmdb.PayloadItem{server(values{"name": "web2"}), full}, with(server(values{"name": "web2"}), serial("U1", "uuid")), 1, []cmdb.AttemptResult{"MATCHED"}},
		{"all rows must lead to the same item", []cmdb.PayloadItem{full}, with(server(values{"name": "web9"}), serial("U1", "uuid"), serial("C9", "chassis")), isNew, []cmdb.AttemptResult{"NO_MATCH", "SKIPPED", "NO_MATCH", "SKIPPED"}},
		{"type of serial number counts", []cmdb.PayloadItem{full}, with(server(values{"name": "web9"}), serial("U1", "chassis")), isNew, nil},
		{"serial number, then name", []cmdb.PayloadItem{server(values{"name": "web1", "serial_number": "S1"}), server(values{"name": "web2", "serial_number": "S2"})}, server(values{"name": "web2", "serial_number": "s1 "}), 0, []cmdb.AttemptResult{"SKIPPED", "MATCHED"}},
		{"name when the serial number leads nowhere", []cmdb.PayloadItem{server(values{"name": "web1"})}, server(values{"name": "WEB1", "serial_number": "S1"}), 0, []cmdb.AttemptResult{"SKIPPED", "NO_MATCH", "MATCHED"}},
		{"a placeholder identifies nothing", []cmdb.PayloadItem{server(values{"name": "web1", "serial_number": "Default string"})}, server(values{"name": "web2", "serial_number": "Default string"}), isNew, []cmdb.AttemptResult{"SKIPPED", "SKIPPED", "NO_MATCH", "SKIPPED"}},
		{
			"network adapter at last",
			[]cmdb.PayloadItem{with(server(values{"name": "web1"}), cmdb.PayloadLookup{Class: "cmdb_ci_network_adapter", Values: values{"mac_address": "52-54-0-0-0-1", "ip_address": "10.0.0.1"}})},
			with(server(values{"name": "web9"}), cmdb.PayloadLookup{Class: "cmdb_ci_network_adapter", Values: values{"mac_address": "52:54:00:00:00:01", "ip_address": "10.0.0.1"}}), 0,
			[]cmdb.AttemptResult{"SKIPPED", "SKIPPED", "NO_MATCH", "MATCHED"},
		},
		{
			"docker's address identifies nothing",
			[]cmdb.PayloadItem{with(server(values{"name": "web1"}), cmdb.PayloadLookup{Class: "cmdb_ci_network_adapter", Values: values{"mac_address": "02:42:00:00:00:01", "ip_address": "172.17.0.1"}})},
			with(server(values{"name": "web9"}), cmdb.PayloadLookup{Class: "cmdb_ci_network_adapter", Values: values{"mac_address": "02:42:00:00:00:01", "ip_address": "172.17.0.1"}}), isNew, nil,
		},
		{"native key before all", []cmdb.PayloadItem{native(server(values{"name": "web1", "serial_number": "S1"}), "k1"), server(values{"name": "web2", "serial_number": "S2"})}, native(server(values{"name": "web3", "serial_number": "S3"}), "k1"), 0, nil},
		{"an unknown native key says nothing", []cmdb.PayloadItem{native(server(values{"name": "web1", "serial_number": "S1"}), "k1")}, native(server(values{"name": "web1", "serial_number": "S1"}), "k2"), 0, []cmdb.AttemptResult{"SKIPPED", "MATCHED"}},
		{"another class under the same rule", []cmdb.PayloadItem{{Class: "cmdb_ci_computer", Values: values{"name": "web1"}}}, server(values{"name": "web1"}), 0, nil},
		{"another rule", []cmdb.PayloadItem{{Class: "cmdb_ci_cluster", Values: values{"name": "web1"}}}, server(values{"name": "web1"}), isNew, nil},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				f := open(t, dbOf(t, d))
				var ids []cmdb.ItemID
				for i, there := range tt.there {
					ids = append(ids, f.report("Discovery", at(i), there)[0].ID)
				}
				got := f.report("Discovery", at(10), tt.reported)[0]
				switch {
				case tt.want == isNew && got.Operation != cmdb.Insert:
					t.Errorf("%s, want a new item", got.Operation)
				case tt.want != isNew && got.ID != ids[tt.want]:
					t.Errorf("matched %d, want %d", slices.Index(ids, got.ID), tt.want)
				}
				var attempts []cmdb.AttemptResult
				for _, a := range got.Attempts {
					attempts = append(attempts, a.Result)
				}
				if tt.attempts != nil && !slices.Equal(attempts, tt.attempts) {
					t.Errorf("attempts %v, want %v", attempts, tt.attempts)
				}
				if again := f.report("Discovery", at(10), tt.reported)[0]; again.Operation != cmdb.NoChange || again.ID != got.ID {
					t.Errorf("the same again: %s", again.Operation)
				}
			})
		}
	})
}

func TestErrorsOfItems(t *testing.T) {
	tests := []struct {
		name   string
		source string
		item   cmdb.PayloadItem
		want   []string
	}{
		{"class", "Discovery", cmdb.PayloadItem{Class: "cmdb_ci_door", Values: values{"name": "x"}}, []string{cmdb.InvalidInput}},
		{"no rule", "Discovery", cmdb.PayloadItem{Class: "cmdb_ci", Values: values{"name": "x"}}, []string{cmdb.RuleMissing}},
		{"no identifier", "Discovery", server(values{"os": "Linux"}), []string{cmdb.MatchingMissing}},
		{"no name", "Discovery", server(values{"serial_number": "S1"}), []string{cmdb.RequiredEmpty}},
		{"no host", "Discovery", cmdb.PayloadItem{Class: "cmdb_ci_appl", Values: values{"name": "nginx"}}, []string{cmdb.DependencyMissing}},
		{"no such sys_id", "Discovery", server(values{"sys_id": "0123456789abcdef0123456789abcdef"}), []string{cmdb.InvalidInput}},
		{"source of the item", "Discovery", cmdb.PayloadItem{Class: "cmdb_ci_server", Values: values{"name": "x"}, SourceInfo: &cmdb.SourceInfo{Name: "Nobody"}}, []string{cmdb.InvalidInput}},
		{"may not insert", "Import", server(values{"name": "x"}), []string{cmdb.InsertNotAllowed}},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := open(t, d, "no_insert:\n  - {class: cmdb_ci_hardware, source: Import}\n")
		for _, tt := range tests {
			r := f.send(cmdb.Payload{Source: tt.source, Time: t0, Items: []cmdb.PayloadItem{tt.item}})
			if got := codes(r.Items[0].Errors); !slices.Equal(got, tt.want) || !r.HasError {
				t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
			}
		}
		if n := len(f.all("")); n != 0 {
			t.Errorf("%d items were made", n)
		}
	})
}

// Items that are the same under their identifiers are errors in a plain payload, and one item in an enhanced one.
func TestEqualItemsInAPayload(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := open(t, d)
		items := []cmdb.PayloadItem{server(values{"name": "web1", "os": "Linux"}), server(values{"name": "Web1", "ram": 2048})}
		r := f.send(cmdb.Payload{Source: "Discovery", Time: t0, Items: items})
		for i, x := range r.Items {
			if !slices.Equal(codes(x.Errors), []string{cmdb.DuplicateInPayload}) {
				t.Errorf("item %d of the plain payload: %v", i, x.Errors)
			}
		}
		both := f.report("Discovery", t0, items...)
		if both[0].ID != both[1].ID {
			t.Error("the enhanced payload made two items")
		}
		if it := f.item(both[0].ID); it.Attributes["os"] != "Linux" || it.Attributes["ram"] != "2048" {
			t.Errorf("attributes %v", it.Attributes)
		}
	})
}

// Hosts that were cloned with their serial number stay apart: each native key of the agents is one host.
func TestClonesStayApart(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := open(t, d)
		one := f.report("Picket agent", at(0), native(server(values{"name": "vm1", "serial_number": "S"}), "a1"))[0].ID
		two := f.report("Picket agent", at(1), native(server(values{"name": "vm2", "serial_number": "S"}), "a2"))[0].ID
		if one == two {
			t.Fatal("two hosts became one")
		}
		// Who knows no native key is told apart by the name.
		got := f.report("Import", at(2), server(values{"name": "vm2", "serial_number": "S", "asset_tag": "A2"}))[0]
		if got.ID != two {
			t.Errorf("the import met another item")
		}
		r := f.send(cmdb.Payload{Source: "Import", Time: at(3), Items: []cmdb.PayloadItem{server(values{"name": "vm3", "serial_number": "S"})}})
		if !slices.Equal(codes(r.Items[0].Warnings), []string{cmdb.MultipleMatches}) || r.Items[0].ID != one {
			t.Errorf("an import that cannot be told apart: %+v", r.Items[0])
		}
	})
}

// Of several items that match, which only hands can make, the oldest is meant; the others are its duplicates.
func TestSeveralMatches(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := open(t, d)
		var ids []cmdb.ItemID
		for i, name := range []string{"b", "a", "c"} {
			ids = append(ids, f.report("Discovery", at(2-i), server(values{"name": name}))[0].ID)
		}
		for _, id := range ids {
			f.report("Manual Entry", at(5), server(values{"sys_id": string(id), "serial_number": "S"}))
		}
		got := f.report("Discovery", at(10), server(values{"name": "x", "serial_number": "S", "os": "Linux"}))[0]
		if got.ID != ids[2] || got.Attempts[1].Result != cmdb.MultiMatch {
			t.Fatalf("%+v", got)
		}
		for _, id := range ids[:2] {
			if it := f.item(id); it.DuplicateOf != ids[2] {
				t.Errorf("%s is a duplicate of %q", it.Name, it.DuplicateOf)
			}
		}
		tasks, err := f.Tasks(t.Context(), cmdb.TaskOpen, 10)
		if err != nil || len(tasks) != 1 || len(tasks[0].Items) != 3 || tasks[0].Main != ids[2] {
			t.Fatalf("tasks %+v, %v", tasks, err)
		}
		// Again: the same set makes no second task, and duplicates are no candidates.
		if again := f.report("Discovery", at(11), server(values{"name": "x", "serial_number": "S"}))[0]; again.ID != ids[2] || again.Attempts[1].Result != cmdb.Matched {
			t.Errorf("again: %+v", again)
		}
		r := f.send(cmdb.Payload{Source: "Discovery", Time: at(12), Items: []cmdb.PayloadItem{server(values{"sys_id": string(ids[0])})}})
		if !slices.Equal(codes(r.Items[0].Errors), []string{cmdb.InvalidInput}) {
			t.Errorf("a duplicate named by sys_id: %+v", r.Items[0])
		}
		if err := f.Dismiss(t.Context(), tasks[0].ID, "eve"); err != nil {
			t.Fatal(err)
		}
		if it := f.item(ids[0]); it.DuplicateOf != "" {
			t.Error("what was dismissed is still a duplicate")
		}
	})
}
