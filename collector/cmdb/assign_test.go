package cmdb_test

import (
	"testing"

	"github.com/picketmon/picket/collector/cmdb"
	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
)

// Rules give owners to what nobody owns; what a source says goes before. Other rules work all items out anew.
func TestAssignments(t *testing.T) {
	const rules = `assign:
  - name: databases
    when: is("cmdb_ci_server") && item.name startsWith "db-"
    set: {support_group: dba, environment: production}
  - name: all servers
    when: is("cmdb_ci_server")
    set: {support_group: linux}
`
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := open(t, d, rules)
		got := f.report("Discovery", t0, server(values{"name": "db-1"}), server(values{"name": "web-1"}), server(values{"name": "db-2", "support_group": "night"}), cmdb.PayloadItem{Class: "cmdb_ci_cluster", Values: values{"name": "db-3"}})
		want := [][2]string{{"dba", "production"}, {"linux", ""}, {"night", "production"}, {"", ""}}
		for i, r := range got {
			if a := f.item(r.ID).Attributes; a["support_group"] != want[i][0] || a["environment"] != want[i][1] {
				t.Errorf("%s: group %q, environment %q", a["name"], a["support_group"], a["environment"])
			}
		}
		words, err := f.Words(t.Context(), got[0].ID)
		if err != nil || len(words["support_group"]) != 1 || words["support_group"][0].Source != "rule databases" || !words["support_group"][0].Counts {
			t.Errorf("%+v, %v", words["support_group"], err)
		}
		g := open(t, d, "assign:\n  - {name: one, when: 'item.name == \"db-1\"', set: {support_group: new}}\n")
		n, err := g.Refresh(t.Context())
		if err != nil || n != 3 {
			t.Errorf("%d items changed, %v", n, err)
		}
		if a := f.item(got[0].ID).Attributes; a["support_group"] != "new" || a["environment"] != "" {
			t.Errorf("after other rules: %v", a)
		}
		if again, err := g.Refresh(t.Context()); again != 0 || err != nil {
			t.Errorf("%d items changed again, %v", again, err)
		}
	})
}
