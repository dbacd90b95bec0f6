package shop

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.uber.org/goleak"

	"github.com/picketmon/picket/demo"
	"github.com/picketmon/picket/demo/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open starts the whole shop; it closes when the test ends.
func open(t *testing.T) demo.Dir {
	t.Helper()
	dir := demo.Dir(t.TempDir())
	p := demo.Plan{Seed: 1, Interval: 100 * time.Millisecond, Ports: map[string]int{}}
	for _, h := range demo.Hosts() {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		p.Ports[h.Name] = l.Addr().(*net.TCPAddr).Port
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(dir.Host(h.Name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := dir.WritePlan(p); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, h := range demo.Hosts() {
		wg.Go(func() {
			if err := Run(ctx, Options{Dir: dir, Host: h.Name}); err != nil {
				t.Errorf("%s: %v", h.Name, err)
			}
		})
	}
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		http.DefaultClient.CloseIdleConnections()
	})
	return dir
}

// breakIt begins a break; with heal it ends it.
func breakIt(t *testing.T, dir demo.Dir, b demo.Break, heal bool) {
	t.Helper()
	breaks, err := dir.ReadBreaks()
	if err != nil {
		t.Fatal(err)
	}
	if heal {
		breaks.Heal(b, time.Now())
	} else {
		breaks.Begin(b, time.Now().Add(-time.Hour)) // a disk has been filling for an hour
	}
	if err := dir.WriteBreaks(breaks); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
		<-tick.C
	}
}

// measured reads the metrics of a host's service; there may be none yet.
func measured(t *testing.T, dir demo.Dir, host string) map[string]*dto.MetricFamily {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir.Textfile(host), "shop.prom"))
	if err != nil {
		return nil
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// sum adds up the series that have all the labels, given as name=value.
func sum(f *dto.MetricFamily, labels ...string) float64 {
	total := 0.0
	for _, m := range f.GetMetric() {
		left := len(labels)
		for _, l := range m.Label {
			if slices.Contains(labels, l.GetName()+"="+l.GetValue()) {
				left--
			}
		}
		if left == 0 {
			total += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return total
}

// buy checks out at the web and returns the status.
func buy(t *testing.T, dir demo.Dir) int {
	t.Helper()
	p, err := dir.ReadPlan()
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post("http://"+p.Address("shop-web-1")+"/checkout", "application/json", strings.NewReader(`{"visitor":1,"product":2}`))
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func TestShop(t *testing.T) {
	dir := open(t)
	eventually(t, "an order is taken", func() bool { return buy(t, dir) == http.StatusOK })
	eventually(t, "visitors, web, both apps and store count requests", func() bool {
		apps := sum(measured(t, dir, "shop-app-1")["shop_http_requests_total"]) * sum(measured(t, dir, "shop-app-2")["shop_http_requests_total"])
		return sum(measured(t, dir, "shop-load-1")["shop_load_requests_total"], "code=200") > 0 && apps > 0 &&
			sum(measured(t, dir, "shop-web-1")["shop_http_requests_total"], "code=200", "demo=true") > 0 &&
			sum(measured(t, dir, "shop-store-1")["shop_store_operations_total"], "op=put", "result=ok") > 0
	})
	for _, h := range demo.Hosts() {
		if sum(measured(t, dir, h.Name)["process_start_time_seconds"], "demo=true") == 0 {
			t.Errorf("%s does not say when its process started", h.Name)
		}
		r, err := dir.ReadReport(h.Name)
		if err != nil || r.PID != os.Getpid() {
			t.Errorf("%s reports %+v, %v", h.Name, r, err)
		}
	}
	access, err := os.ReadFile(filepath.Join(dir.Logs("shop-web-1"), "access.log"))
	if err != nil || !bytes.Contains(access, []byte(`"POST /checkout HTTP/1.1" 200`)) {
		t.Errorf("%v, access log:\n%s", err, access)
	}
	samePast(t, dir)
}

// samePast holds the invented past to what the services measure: every series of it has a family with the same labels.
func samePast(t *testing.T, dir demo.Dir) {
	t.Helper()
	tables := sim.NewRun(sim.PastOf(time.Now()), 1).Tables(func(string) []string { return []string{"demo", "true"} })
	for i, h := range demo.Hosts() {
		real := measured(t, dir, h.Name)
		for _, f := range tables[2*i+1].Families() {
			live := real[f.Name]
			if live == nil || strings.ToLower(live.GetType().String()) != string(f.Kind) || live.GetHelp() != f.Help {
				t.Errorf("%s: %s is a %s in the past (%q), live it is %v %q", h.Name, f.Name, f.Kind, f.Help, live.GetType(), live.GetHelp())
				continue
			}
			if want, got := labelNames(live), namesIn(f.Series()[0]); !slices.Equal(want, got) {
				t.Errorf("%s: labels of %s in the past are %v, live %v", h.Name, f.Name, got, want)
			}
		}
	}
}

func labelNames(f *dto.MetricFamily) (names []string) {
	for _, l := range f.Metric[0].Label {
		names = append(names, l.GetName())
	}
	slices.Sort(names)
	return names
}

func namesIn(series string) (names []string) {
	_, labels, _ := strings.Cut(strings.TrimSuffix(series, "}"), "{")
	for pair := range strings.SplitSeq(labels, ",") {
		if name, _, _ := strings.Cut(pair, "="); name != "le" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func TestStoreBreaks(t *testing.T) {
	dir := open(t)
	eventually(t, "an order is taken", func() bool { return buy(t, dir) == http.StatusOK })
	breakIt(t, dir, demo.BreakStore, false)
	eventually(t, "orders fail", func() bool { return buy(t, dir) == http.StatusBadGateway })
	eventually(t, "an app counts 503", func() bool {
		return sum(measured(t, dir, "shop-app-1")["shop_http_requests_total"], "code=503") > 0
	})
	eventually(t, "the web counts 502", func() bool {
		return sum(measured(t, dir, "shop-web-1")["shop_http_requests_total"], "code=502") > 0
	})
	breakIt(t, dir, demo.BreakStore, true)
	eventually(t, "orders are taken again", func() bool { return buy(t, dir) == http.StatusOK })
}

func TestDiskBreaks(t *testing.T) {
	dir := open(t)
	eventually(t, "an order is taken", func() bool { return buy(t, dir) == http.StatusOK })
	breakIt(t, dir, demo.BreakDisk, false)
	eventually(t, "orders fail", func() bool { return buy(t, dir) == http.StatusBadGateway })
	eventually(t, "the store's writes fail, its reads do not", func() bool {
		ops := measured(t, dir, "shop-store-1")["shop_store_operations_total"]
		return sum(ops, "op=put", "result=error") > 0 && sum(ops, "op=get", "result=error") == 0
	})
}

func TestLatencyBreaks(t *testing.T) {
	dir := open(t)
	eventually(t, "an order is taken", func() bool { return buy(t, dir) == http.StatusOK })
	breakIt(t, dir, demo.BreakLatency, false)
	var wg sync.WaitGroup
	defer wg.Wait()
	eventually(t, "an app's connections to the store are in use", func() bool {
		wg.Go(func() { buy(t, dir) })
		return sum(measured(t, dir, "shop-app-1")["shop_pool_in_use"]) >= appPool
	})
	if n := sum(measured(t, dir, "shop-app-2")["shop_pool_in_use"]); n >= appPool {
		t.Errorf("the other app has %v connections in use too", n)
	}
}

func TestNoiseAndLeak(t *testing.T) {
	dir := open(t)
	eventually(t, "an order is taken", func() bool { return buy(t, dir) == http.StatusOK })
	breakIt(t, dir, demo.BreakNoise, false)
	breakIt(t, dir, demo.BreakLeak, false)
	eventually(t, "the web warns", func() bool {
		return sum(measured(t, dir, "shop-web-1")["shop_log_lines_total"], "level=warning") >= 3
	})
	leaked := func(host string) uint64 {
		r, err := dir.ReadReport(host)
		if err != nil {
			t.Fatal(err)
		}
		return r.Leaked
	}
	eventually(t, "an app's memory grows", func() bool { return leaked("shop-app-2") > 1<<20 })
	if n := leaked("shop-app-1"); n > 0 {
		t.Errorf("the other app leaks %d bytes too", n)
	}
	if code := buy(t, dir); code != http.StatusOK {
		t.Errorf("an order was answered with %d", code)
	}
	breakIt(t, dir, demo.BreakLeak, true)
	eventually(t, "the memory is given back", func() bool { return leaked("shop-app-2") == 0 })
}

func TestKVSurvives(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wal.log")
	openKVs := func() *kv {
		k, err := openKV(path, func(int) {})
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	k := openKVs()
	for i := range 3000 { // much written, little kept
		if err := k.put(fmt.Sprint("key-", i%30), fmt.Sprint(i, strings.Repeat("x", 2000))); err != nil {
			t.Fatal(err)
		}
	}
	keys, before, err := k.settle()
	if err != nil || keys != 30 || before > maxWAL {
		t.Errorf("%d keys, %d bytes, %v", keys, before, err)
	}
	if err := k.close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"k":"key-1","v":"half a li`); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	again := openKVs()
	if v, ok := again.get("key-29"); !ok || !strings.HasPrefix(v, "2999x") {
		t.Errorf("%.10s, %v", v, ok)
	}
	if v, _ := again.get("key-1"); !strings.HasPrefix(v, "2971x") {
		t.Errorf("%.10s", v)
	}
	if err := again.close(); err != nil {
		t.Fatal(err)
	}
}
