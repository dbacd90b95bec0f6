package cmdb_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/picketmon/picket/collector/cmdb"
	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
)

type said struct {
	source string
	minute int
	values values
}

// Each row: rules, what sources say of one server, and what it has afterwards, in whatever order they say it.
func TestReconcile(t *testing.T) {
	const (
		discoveryFirst = "reconciliation:\n  - {class: cmdb_ci_computer, source: Discovery, priority: 10, attributes: [os, ram]}\n  - {class: cmdb_ci_computer, source: Import, priority: 20, attributes: [os, ram]}\n"
		stale          = discoveryFirst + "refresh:\n  - {class: cmdb_ci_computer, source: Discovery, after: 60m}\n"
		staleAtOnce    = discoveryFirst + "refresh:\n  - {class: cmdb_ci_computer, source: Discovery, after: 0s}\n"
		withNull       = "reconciliation:\n  - {class: cmdb_ci_computer, source: Discovery, priority: 10, attributes: [os], update_with_null: [os]}\n"
		r1             = "  - {class: cmdb_ci_computer, source: Discovery, priority: 10, attributes: [short_description]}\n"
		r2             = "  - {class: cmdb_ci_linux_server, source: ServiceWatch, priority: 10, attributes: [short_description]}\n"
		r3             = "  - {class: cmdb_ci_linux_server, source: ServiceWatch, priority: 10}\n"
		wide           = "reconciliation:\n  - {class: cmdb_ci_computer, source: Discovery, priority: 1}\n  - {class: cmdb_ci_computer, source: Import, priority: 99, attributes: [os]}\nrefresh:\n  - {class: cmdb_ci_computer, source: Import, after: 60m}\n"
	)
	v := func(os string) values { return values{"os": os} }
	tests := []struct {
		name  string
		rules string
		says  []said
		want  map[string]string
	}{
		{"no rule: the latest word counts", "", []said{{"Discovery", 1, v("A")}, {"Import", 2, v("B")}}, map[string]string{"os": "B"}},
		{"of the same time the source's name decides", "", []said{{"Import", 1, v("B")}, {"Discovery", 1, v("A")}}, map[string]string{"os": "A"}},
		{"older than the same source's last word changes nothing", "", []said{{"Discovery", 5, v("B")}, {"Discovery", 1, v("A")}}, map[string]string{"os": "B"}},
		{"the stronger source counts", discoveryFirst, []said{{"Discovery", 1, v("A")}, {"Import", 9, v("B")}}, map[string]string{"os": "A"}},
		{"the weaker one fills what is empty", discoveryFirst, []said{{"Discovery", 1, v("A")}, {"Import", 2, values{"os": "B", "ram": 512}}}, map[string]string{"os": "A", "ram": "512"}},
		{"a source without a rule fills what is empty", discoveryFirst, []said{{"ServiceNow", 9, values{"os": "Z", "ram": 1}}, {"Import", 1, v("B")}}, map[string]string{"os": "B", "ram": "1"}},
		{"an attribute without a rule is anyone's", discoveryFirst, []said{{"Discovery", 1, values{"asset_tag": "1"}}, {"ServiceNow", 2, values{"asset_tag": "2"}}}, map[string]string{"asset_tag": "2"}},
		{"not stale yet", stale, []said{{"Discovery", 0, v("A")}, {"Import", 59, v("B")}}, map[string]string{"os": "A"}},
		{"stale: the weaker source takes over", stale, []said{{"Discovery", 0, v("A")}, {"Import", 60, v("B")}}, map[string]string{"os": "B"}},
		{"the stronger one comes back", stale, []said{{"Discovery", 0, v("A")}, {"Import", 60, v("B")}, {"Discovery", 61, v("C")}}, map[string]string{"os": "C"}},
		{"stale at once", staleAtOnce, []said{{"Discovery", 1, v("A")}, {"Import", 2, v("B")}}, map[string]string{"os": "B"}},
		{"nulls never overwrite", "", []said{{"Discovery", 1, v("A")}, {"Discovery", 2, v("")}, {"Import", 3, values{"os": nil}}}, map[string]string{"os": "A"}},
		{"unless the rule says so", withNull, []said{{"Discovery", 1, v("A")}, {"Discovery", 2, v("")}}, map[string]string{}},
		{"R1 and R3: Discovery alone writes it", "reconciliation:\n" + r1 + r3, []said{{"Discovery", 1, values{"short_description": "D", "os": "D"}}, {"ServiceWatch", 2, values{"short_description": "S", "os": "S"}}}, map[string]string{"short_description": "D", "os": "S"}},
		{"R1, R2 and R3: ServiceWatch on Linux servers", "reconciliation:\n" + r1 + r2 + r3, []said{{"ServiceWatch", 1, values{"short_description": "S", "os": "S"}}, {"Discovery", 2, values{"short_description": "D", "os": "D"}}}, map[string]string{"short_description": "S", "os": "S"}},
		{"even when stale a rule for all never beats one for the attribute", wide, []said{{"Import", 0, v("I")}, {"Discovery", 500, v("D")}}, map[string]string{"os": "I"}},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				for _, backwards := range []bool{false, true} {
					f := open(t, dbOf(t, d), tt.rules)
					says := slices.Clone(tt.says)
					if backwards {
						slices.Reverse(says)
					}
					var id cmdb.ItemID
					for _, s := range says {
						item := values{"name": "web1"}
						maps.Copy(item, s.values)
						id = f.report(s.source, at(s.minute), server(item))[0].ID
					}
					got := f.item(id).Attributes
					for _, name := range []string{"os", "ram", "asset_tag", "short_description"} {
						if got[name] != tt.want[name] {
							t.Errorf("backwards %v: %s is %q, want %q", backwards, name, got[name], tt.want[name])
						}
					}
				}
			})
		}
	})
}

func TestReclassify(t *testing.T) {
	tests := []struct {
		name, rules, from, to string
		settings              cmdb.Settings
		want                  string
		op                    cmdb.Operation
		info                  []string
	}{
		{"up", "", "cmdb_ci_computer", "cmdb_ci_linux_server", cmdb.Settings{}, "cmdb_ci_linux_server", cmdb.UpdateWithUpgrade, nil},
		{"up, but told not to", "", "cmdb_ci_computer", "cmdb_ci_linux_server", cmdb.Settings{WithoutUpgrade: true}, "cmdb_ci_computer", cmdb.Update, []string{cmdb.SkippedUpgrade}},
		{"up is off", "reclassify: {upgrade: false}\n", "cmdb_ci_computer", "cmdb_ci_linux_server", cmdb.Settings{}, "cmdb_ci_computer", cmdb.Update, []string{cmdb.SkippedUpgrade}},
		{"down is off", "", "cmdb_ci_linux_server", "cmdb_ci_computer", cmdb.Settings{}, "cmdb_ci_linux_server", cmdb.Update, []string{cmdb.SkippedDowngrade}},
		{"down", "reclassify: {downgrade: true}\n", "cmdb_ci_linux_server", "cmdb_ci_computer", cmdb.Settings{}, "cmdb_ci_computer", cmdb.UpdateWithDowngrade, nil},
		{"sideways is off", "", "cmdb_ci_linux_server", "cmdb_ci_win_server", cmdb.Settings{}, "cmdb_ci_linux_server", cmdb.Update, []string{cmdb.SkippedSwitch}},
		{"sideways", "reclassify: {switch: true}\n", "cmdb_ci_linux_server", "cmdb_ci_win_server", cmdb.Settings{}, "cmdb_ci_win_server", cmdb.UpdateWithSwitch, nil},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for _, tt := range tests {
			f := open(t, dbOf(t, d), tt.rules)
			f.report("Discovery", at(0), cmdb.PayloadItem{Class: tt.from, Values: values{"name": "h"}})
			got := f.report("Discovery", at(1), cmdb.PayloadItem{Class: tt.to, Values: values{"name": "h", "os": "x"}, Settings: tt.settings})[0]
			if c := f.item(got.ID).Class; c != tt.want || got.Operation != tt.op || !slices.Equal(codes(got.Info), tt.info) {
				t.Errorf("%s: class %s, %s, info %v", tt.name, c, got.Operation, got.Info)
			}
		}
	})
}

// An item knows when it was seen, by whom, and what it was at any time.
func TestHistory(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := open(t, d)
		step := func(minutes int) time.Time {
			*f.clock = f.clock.Add(time.Duration(minutes) * time.Minute)
			return *f.clock
		}
		first := *f.clock
		id := f.report("Discovery", at(0), server(values{"name": "web1", "os": "A"}))[0].ID
		second := step(10)
		f.report("Discovery", at(1), server(values{"name": "web1", "os": "B", "ram": 512}))
		step(10)
		f.report("Discovery", at(2), server(values{"name": "web1", "os": "B", "ram": 512})) // nothing new
		if err := f.Update(t.Context(), id, values{"support_group": "linux", "ram": ""}, "eve"); err != nil {
			t.Fatal(err)
		}
		it := f.item(id)
		if !it.FirstDiscovered.Equal(at(0)) || !it.LastDiscovered.Equal(*f.clock) || it.ModCount != 3 || it.UpdatedBy != "eve" {
			t.Errorf("%+v", it)
		}
		history, err := f.History(t.Context(), id, "", 10)
		if err != nil || len(history) != 3 {
			t.Fatalf("%d entries, %v", len(history), err)
		}
		if h := history[1]; h.Attributes["os"] != [2]string{"A", "B"} || h.Attributes["ram"] != [2]string{"", "512"} || h.By != "test" || h.Source != "Discovery" {
			t.Errorf("second entry %+v", h)
		}
		then, err := f.AsOf(t.Context(), id, first.Add(time.Minute))
		if err != nil || then.Attributes["os"] != "A" || then.Attributes["ram"] != "" || then.Attributes["support_group"] != "" {
			t.Errorf("at first %+v, %v", then, err)
		}
		if _, err := f.AsOf(t.Context(), id, first.Add(-time.Minute)); err == nil {
			t.Error("it existed before it was found")
		}
		diff, err := f.Difference(t.Context(), id, first.Add(time.Minute), second.Add(time.Minute))
		if err != nil || len(diff) != 2 || diff["os"] != [2]string{"A", "B"} {
			t.Errorf("difference %v, %v", diff, err)
		}
		words, err := f.Words(t.Context(), id)
		if err != nil || len(words["os"]) != 1 || words["os"][0].Source != "Discovery" || !words["os"][0].Time.Equal(at(2)) || !words["os"][0].Counts {
			t.Errorf("words %+v, %v", words["os"], err)
		}
		if err := f.Delete(t.Context(), id, "eve"); err != nil {
			t.Fatal(err)
		}
		gone, err := f.AsOf(t.Context(), id, second.Add(time.Minute))
		if err != nil || gone.Attributes["os"] != "B" || gone.Class != "cmdb_ci_linux_server" {
			t.Errorf("what was deleted, before that: %+v, %v", gone, err)
		}
	})
}
