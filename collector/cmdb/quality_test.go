package cmdb_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picketmon/picket/collector/cmdb"
	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
)

func TestQuality(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := open(t, d)
		whole := values{"name": "a", "os": "Linux", "os_version": "12", "cpu_count": 1, "ram": 1, "serial_number": "S", "manufacturer": "M", "model_id": "X", "environment": "test", "support_group": "linux"}
		f.send(cmdb.Payload{Source: "Discovery", Time: *f.clock, By: "test", Items: []cmdb.PayloadItem{server(whole), disk("sda", nil)}, Relations: []cmdb.PayloadRelation{related(0, 1, "Owns::Owned by")}})
		f.report("Discovery", f.clock.Add(-8*24*time.Hour), server(values{"name": "b"}))
		f.report("Picket agent", *f.clock, native(server(values{"name": "c", "support_group": "x"}), "agent-c"))
		f.send(cmdb.Payload{Source: "Picket agent", Time: f.clock.Add(time.Minute), Gone: []string{"agent-c"}})
		named := func(defect cmdb.Defect) string {
			list, _, _, err := f.Items(t.Context(), cmdb.Query{Defect: defect})
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, it := range list {
				names = append(names, it.Name)
			}
			return strings.Join(names, " ")
		}
		for defect, want := range map[cmdb.Defect]string{cmdb.Incomplete: "b", cmdb.Stale: "b", cmdb.Orphan: "b", cmdb.Duplicate: "", cmdb.Unowned: "b"} {
			if got := named(defect); got != want {
				t.Errorf("%s: %q, want %q", defect, got, want)
			}
		}
		list, err := f.Quality(t.Context())
		i := slices.IndexFunc(list, func(q cmdb.Quality) bool { return q.Class == "cmdb_ci_linux_server" })
		if err != nil || i < 0 || list[i].Items != 2 || list[i].Defects[cmdb.Unowned] != 1 {
			t.Errorf("%+v, %v", list, err)
		}
	})
}

func TestInfos(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := open(t, d)
		ids := f.landscape()
		f.report("Picket agent", t0, native(server(values{"name": "h3", "support_group": "dba", "environment": "production"}), "agent-3"))
		f.report("Picket agent", t0, native(server(values{"name": "h9"}), "agent-9"))
		list, err := f.Infos(t.Context(), "Picket agent")
		if err != nil || len(list) != 2 {
			t.Fatalf("%+v, %v", list, err)
		}
		got := list[0]
		if got.ID != ids["h3"] || got.NativeKey != "agent-3" || got.Owner != "dba" || got.Environment != "production" || !slices.Equal(got.Services, []string{"Sales", "shop"}) {
			t.Errorf("%+v", got)
		}
	})
}
