package cmdb_test

import (
	"testing"
	"time"

	"github.com/picketmon/picket/collector/cmdb"
	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
	"github.com/picketmon/picket/internal/errs"
)

// What its source sees no more is absent, then retired, then deleted; what comes back in time is as before.
func TestLifecycle(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := open(t, d, "lifecycle:\n  - {class: cmdb_ci_server, retire_after: 24h, delete_after: 72h}\n")
		host := func() cmdb.PayloadItem { return native(server(values{"name": "h"}), "a1") }
		id := f.report("Picket agent", *f.clock, host())[0].ID
		leave := func() {
			t.Helper()
			f.send(cmdb.Payload{Source: "Picket agent", Time: *f.clock, Gone: []string{"a1"}})
		}
		expect := func(want string) {
			t.Helper()
			if _, _, err := f.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := f.item(id).Attributes["install_status"]; got != want {
				t.Errorf("install status %s, want %s", got, want)
			}
		}
		later := func(d time.Duration) { *f.clock = f.clock.Add(d) }
		later(time.Hour)
		leave()
		expect("100")
		later(23 * time.Hour)
		expect("100")
		f.report("Picket agent", *f.clock, host())
		expect("1")
		later(time.Hour)
		leave()
		later(24 * time.Hour)
		expect("7")
		f.report("Picket agent", *f.clock, host())
		expect("1")
		if err := f.Update(t.Context(), id, values{"install_status": "In Stock"}, "eve"); err != nil {
			t.Fatal(err)
		}
		later(time.Hour)
		leave()
		later(1000 * time.Hour)
		expect("6") // people have said what it is
		if err := f.Update(t.Context(), id, values{"install_status": ""}, "eve"); err != nil {
			t.Fatal(err)
		}
		if _, n, err := f.Sweep(t.Context()); n != 1 || err != nil {
			t.Errorf("%d deleted, %v", n, err)
		}
		if _, err := f.Item(t.Context(), id); !errs.Is(err, errs.NotFound) {
			t.Errorf("it is still there: %v", err)
		}
	})
}
