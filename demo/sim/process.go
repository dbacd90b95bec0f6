package sim

import (
	"math"
	"net/http"
	"time"

	"github.com/picketmon/picket/demo"
	"github.com/picketmon/picket/demo/series"
)

// process is a service's process in the past, with all it counted. Its tables stay valid when it starts anew.
type process struct {
	demo.Host
	up      bool
	version string
	started time.Time
	http    *httpPast

	rate                   float64 // of the load generator
	cpu, resident          float64
	inFlight               float64
	info, warnings, errors float64 // log lines
	taken, value           float64 // orders
	gets, puts             float64 // at the store
	written, writtenBefore float64
	wal                    float64
}

// httpPast is the requests of a process by route and code.
type httpPast struct {
	routes  []Route
	codes   []string
	counts  [][]float64 // route, code
	buckets [][]float64 // route, bound; the last bound is infinite
	sums    []float64
	total   float64
	before  float64
	waiting float64 // seconds spent in requests since the last account
}

func newProcess(h demo.Host, started time.Time) *process {
	p := &process{Host: h, up: true, version: h.Version, started: started, info: 1}
	switch h.Service {
	case demo.Load:
		p.http = newHTTPPast(WebRoutes(), "200", "502")
	case demo.Web:
		p.http = newHTTPPast(WebRoutes(), "200", "502")
	case demo.App:
		p.http = newHTTPPast(AppRoutes(h.Version), "200", "503")
	case demo.Store:
		p.http = newHTTPPast(StoreRoutes(), "200", "204")
	}
	return p
}

func newHTTPPast(routes []Route, codes ...string) *httpPast {
	h := &httpPast{routes: routes, codes: codes, sums: make([]float64, len(routes))}
	for range routes {
		h.counts = append(h.counts, make([]float64, len(codes)))
		h.buckets = append(h.buckets, make([]float64, len(Buckets())+1))
	}
	return h
}

// add counts n requests of a route.
func (h *httpPast) add(route int, code string, n float64, took Work) {
	for i, c := range h.codes {
		if c == code {
			h.counts[route][i] += n
		}
	}
	for i, bound := range append(Buckets(), math.Inf(1)) {
		h.buckets[route][i] += n * took.within(bound)
	}
	h.sums[route] += n * took.mean()
	h.waiting += n * took.mean()
	h.total += n
}

// fresh returns the requests since it was asked last.
func (h *httpPast) fresh() float64 {
	n := h.total - h.before
	h.before = h.total
	return n
}

// orders counts what comes of n requests of a route.
func (p *process) orders(r Route, n float64, failed bool) {
	if r.Path != "/api/order" || failed {
		return
	}
	p.taken += n
	p.value += n * meanOrder
	p.info += n
}

// operations counts what n requests of an app's route do at the store.
func (p *process) operations(r Route, n float64) {
	get, put := storeWork()
	gets, puts := n*float64(r.Gets), n*float64(r.Puts)
	p.gets += gets
	p.puts += puts
	if gets > 0 {
		p.http.add(0, "200", gets, get)
	}
	if puts > 0 {
		p.http.add(1, "204", puts, put)
	}
	p.written += puts * 170
	if p.wal += puts * 170; p.wal > 4<<20 {
		p.wal = 6e5
	}
}

// table returns the metrics of the process, which are those that the real service measures of itself. While the process does
// not run there are none.
func (p *process) table(labels ...string) *series.Table {
	t := series.New(labels...)
	own := []string{"service", p.Service}
	up := func(get func() float64) func() float64 {
		return func() float64 {
			if !p.up {
				return math.NaN()
			}
			return get()
		}
	}
	p.processTable(t, up)
	versions := []string{p.Version}
	if p.Service == demo.App {
		versions = append(versions, demo.FormerAppVersion)
	}
	for _, v := range versions {
		t.Gauge("shop_build_info", "The version that runs, always 1.", up(func() float64 {
			if p.version != v {
				return math.NaN()
			}
			return 1
		}), append(own, "version", v)...)
	}
	for _, l := range []struct {
		level string
		lines *float64
	}{{"error", &p.errors}, {"info", &p.info}, {"warning", &p.warnings}} {
		t.Counter("shop_log_lines_total", "Lines in the service's log.", up(whole(l.lines)), append(own, "level", l.level)...)
	}
	switch p.Service {
	case demo.Load:
		p.httpTable(t, up, own, "shop_load_requests_total", "shop_load_request_duration_seconds")
		t.Gauge("shop_load_wanted_requests_per_second", "How many requests the rhythm of the day asks for.", up(thousandths(&p.rate)), own...)
		t.Counter("shop_load_skipped_requests_total", "Requests not sent, as too many visitors waited.", up(constant(0)), own...)
		return t
	case demo.Web:
		p.poolTable(t, up, own, 16, "shop-app-1", "shop-app-2")
	case demo.App:
		p.poolTable(t, up, own, 4, "shop-store-1")
		t.Counter("shop_orders_total", "Orders taken.", up(whole(&p.taken)), own...)
		t.Counter("shop_orders_value_euros_total", "What the orders are worth.", up(hundredths(&p.value)), own...)
	case demo.Store:
		p.storeTable(t, up, own)
	}
	p.httpTable(t, up, own, "shop_http_requests_total", "shop_http_request_duration_seconds")
	t.Gauge("shop_http_requests_in_flight", "Requests that wait for their answer.", up(whole(&p.inFlight)), own...)
	return t
}

// guard lets a value be only while the process runs.
type guard func(func() float64) func() float64

func (p *process) processTable(t *series.Table, up guard) {
	t.Counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", up(hundredths(&p.cpu)))
	t.Gauge("process_resident_memory_bytes", "Resident memory size in bytes.", up(at(&p.resident, 4096)))
	t.Gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", up(func() float64 {
		return float64(p.started.Unix())
	}))
	t.Gauge("process_open_fds", "Number of open file descriptors.", up(func() float64 { return 14 + math.Floor(p.inFlight*2) }))
}

func (p *process) httpTable(t *series.Table, up guard, own []string, requests, duration string) {
	bounds := append(Buckets(), math.Inf(1))
	help := [2]string{"Requests answered.", "How long answers took."}
	if p.Service == demo.Load {
		help = [2]string{"Requests of visitors, code 0 when there was no answer.", "How long visitors waited."}
	}
	for i, r := range p.http.routes {
		of := append([]string{"route", r.Path, "method", r.Method}, own...)
		for c, code := range p.http.codes {
			if p.Service == demo.Store && (r.Method == http.MethodGet) != (code == "200") {
				continue
			}
			t.Counter(requests, help[0], up(func() float64 { return math.Floor(p.http.counts[i][c]) }), append(of, "code", code)...)
		}
		t.Histogram(duration, help[1], bounds,
			func(b int) float64 { return up(func() float64 { return math.Floor(p.http.buckets[i][b]) })() },
			up(func() float64 { return math.Floor(p.http.sums[i]*1e6) / 1e6 }), of...)
	}
}

func (p *process) poolTable(t *series.Table, up guard, own []string, size float64, pools ...string) {
	for _, pool := range pools {
		l := append([]string{"pool", pool}, own...)
		t.Gauge("shop_pool_size", "Connections that a pool may have.", up(constant(size)), l...)
		t.Gauge("shop_pool_in_use", "Connections of a pool that are in use.", up(func() float64 { return math.Floor(p.inFlight / float64(len(pools))) }), l...)
		t.Counter("shop_pool_wait_seconds_total", "Time spent waiting for a free connection.", up(constant(0)), l...)
		t.Counter("shop_pool_timeouts_total", "Requests that got no connection in time.", up(constant(0)), l...)
	}
}

func (p *process) storeTable(t *series.Table, up guard, own []string) {
	for _, op := range []struct {
		name, result string
		get          func() float64
	}{
		{"get", "ok", whole(&p.gets)},
		{"get", "error", constant(0)},
		{"put", "ok", whole(&p.puts)},
		{"put", "error", constant(0)},
	} {
		t.Counter("shop_store_operations_total", "Reads and writes by their result.", up(op.get), append([]string{"op", op.name, "result", op.result}, own...)...)
	}
	t.Gauge("shop_store_keys", "Keys that are kept.", up(func() float64 { return min(2701, 701+math.Floor(p.puts/2)) }), own...)
	t.Gauge("shop_store_wal_bytes", "Size of the write-ahead file.", up(whole(&p.wal)), own...)
}
