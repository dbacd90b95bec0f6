package test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/picketmon/picket/demo"
	"github.com/picketmon/picket/demo/sim"
)

// What the demo invents of the past is what picket import takes: every sample is there, marked, and tells of the outage.
func TestDemoHistoryIsImported(t *testing.T) {
	c := newCollector(t)
	c.start()
	defer c.stop()
	c.waitReady()

	to := time.Now().Truncate(time.Minute)
	past := sim.Past{From: to.Add(-3 * time.Hour), To: to, Deploy: to.Add(-2 * time.Hour), OutageBegin: to.Add(-time.Hour), OutageEnd: to.Add(-35 * time.Minute)}
	file := filepath.Join(t.TempDir(), "past.om")
	labels := func(host string) []string { return []string{"instance", host, "job", "node"} }
	samples, err := sim.WritePast(past, 1, 3*time.Hour, labels, func(time.Time, time.Time) (io.WriteCloser, error) { return os.Create(file) })
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary("picket"), "import", "openmetrics", file)
	cmd.Env = append(os.Environ(), "PICKET_URL=http://"+c.http, "PICKET_USER=admin", "PICKET_PASSWORD="+adminPassword)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	value := func(expr string) string {
		t.Helper()
		answer, err := c.query(expr)
		if err != nil {
			t.Fatal(err)
		}
		if len(answer) != 1 {
			t.Fatalf("%s: %d series", expr, len(answer))
		}
		return fmt.Sprint(answer[0].Value[1])
	}
	if n := value(`sum(count_over_time({demo="true"}[4h]))`); n != fmt.Sprint(samples) {
		t.Errorf("%s of %d samples are there", n, samples)
	}
	if n := value(`count(count by (instance) (node_uname_info{demo="true",job="node"}))`); n != fmt.Sprint(len(demo.Hosts())) {
		t.Errorf("%s hosts", n)
	}
	during, after := past.OutageEnd.Add(-time.Minute).Unix(), to.Unix()
	if n := value(fmt.Sprintf(`sum(increase(shop_orders_total[20m] @ %d))`, during)); n != "0" {
		t.Errorf("%s orders while the store was down", n)
	}
	if n := value(fmt.Sprintf(`sum(increase(shop_orders_total[20m] @ %d)) > bool 0`, after)); n != "1" {
		t.Error("no orders after the outage")
	}
	if n := value(`sum(shop_http_requests_total{service="shop-web",code="502"}) > bool 0`); n != "1" {
		t.Error("the web never failed")
	}
}
