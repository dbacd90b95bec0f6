package filesystem

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/picketmon/picket/checks/checktest"
)

var at = time.UnixMilli(1_700_000_000_000)

// TestHungMountIsReported runs the whole check: the metric, the judgement, and its end.
func TestHungMountIsReported(t *testing.T) {
	dir := checktest.Extract(t, "testdata/laptop.txtar")
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		o := options(dir)
		o.Statfs, o.Timeout = h.statfs, 0
		check, err := newCheck(o)
		if err != nil {
			t.Fatal(err)
		}
		const series = `node_filesystem_device_error{device="nas:/export",fstype="nfs4",mountpoint="/srv/nas"}`
		run := func(after time.Duration, device float64, results ...string) {
			t.Helper()
			rec := checktest.NewRecorder(at.Add(after))
			if err := check.Run(t.Context(), rec); err != nil {
				t.Fatal(err)
			}
			if v, ok := rec.Value(series); !ok || v != device {
				t.Errorf("device error is %v, %v; want %v", v, ok, device)
			}
			_, sized := rec.Value(strings.Replace(series, "device_error", "size_bytes", 1))
			if sized != (device == 0) {
				t.Errorf("size reported: %v", sized)
			}
			var got []string
			for _, res := range rec.Results() {
				if res.Resource == "/srv/nas" {
					got = append(got, res.Status.String()+": "+res.Output)
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(results) {
				t.Errorf("results %q, want %q", got, results)
			}
		}
		run(0, 0, "ok: file system answers")
		h.hang("/srv/nas")
		run(10*time.Second, 1, "critical: file system nas:/export on /srv/nas (nfs4) has not answered for 800ms")
		run(20*time.Second, 1)
		h.heal("/srv/nas")
		synctest.Wait()
		run(30*time.Second, 0, "ok: file system answers")
	})
}
