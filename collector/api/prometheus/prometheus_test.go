package prometheus

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	promapi "github.com/prometheus/client_golang/api"
	apiv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/picketmon/picket/collector/metrics"
)

func logger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// site is the API over a real store, mounted on a real server.
type site struct {
	*httptest.Server
	store   *metrics.Store
	catalog *metrics.Catalog
	reg     *client.Registry
	writer  *write
	audited []string
}

type siteOptions struct {
	store metrics.Options
	query metrics.PromQLOptions
	write WriteOptions
}

func newSite(t testing.TB, o siteOptions) *site {
	t.Helper()
	s := &site{reg: client.NewRegistry()}
	o.store.Dir, o.store.Logger = t.TempDir(), logger(t)
	var err error
	if s.store, err = metrics.Open(o.store); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.store.Close(); err != nil {
			t.Error(err)
		}
	})
	o.query.Logger = logger(t)
	engine, err := metrics.NewPromQL(o.query)
	if err != nil {
		t.Fatal(err)
	}
	s.catalog, err = metrics.NewCatalog(t.Context(), metrics.CatalogOptions{Rows: noRows{}, Logger: logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for _, r := range Routes(Options{
		Engine: engine, Store: s.store, Catalog: s.catalog, Logger: logger(t), Registerer: s.reg, Version: "1.2.3",
		Started: time.Now(), Retention: "30d", Lookback: 5 * time.Minute, Timeout: 2 * time.Minute, Write: o.write, Audit: s.audit,
	}) {
		mux.Handle(r.Method+" "+r.Pattern, r.Handler)
		if w, ok := r.Handler.(*write); ok {
			s.writer = w
		}
	}
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *site) audit(_ context.Context, action string, detail map[string]any) error {
	text, err := json.Marshal(detail)
	s.audited = append(s.audited, action+" "+string(text))
	return err
}

type noRows struct{}

func (noRows) Load(context.Context, int) (map[string]metrics.Metadata, error) {
	return map[string]metrics.Metadata{}, nil
}
func (noRows) Save(context.Context, map[string]metrics.Metadata) error { return nil }

// start is where the samples of these tests begin.
var start = time.Now().Add(-10 * time.Minute).Truncate(time.Minute)

// fill stores up{instance="a"} and {instance="b"}: 1, 2, 3 and 10, 20, 30 at start and every 10 s.
func (s *site) fill(t testing.TB) {
	t.Helper()
	a := s.store.Appender(t.Context())
	for i := range 3 {
		for k, instance := range []string{"a", "b"} {
			l := labels.FromStrings("__name__", "up", "instance", instance)
			v := float64(i+1) * []float64{1, 10}[k]
			if _, err := a.Append(0, l, start.Add(time.Duration(i)*10*time.Second).UnixMilli(), v); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := a.Commit(); err != nil {
		t.Fatal(err)
	}
}

// ask sends a request and returns the answer's status and body.
func (s *site) ask(t testing.TB, method, path string, form url.Values, header ...string) (*http.Response, string) {
	t.Helper()
	target, body := s.URL+"/prometheus/api/v1"+path, ""
	if method == http.MethodGet {
		target += "?" + form.Encode()
	} else {
		body = form.Encode()
	}
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("Accept-Encoding", "identity")
	for kv := range slices.Chunk(header, 2) {
		req.Header.Set(kv[0], kv[1])
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(answer)
}

// same compares JSON texts. TIME in want stands for start plus the seconds after it, as in TIME+10.
func same(t testing.TB, want, got string) {
	t.Helper()
	for i := range 60 {
		want = strings.ReplaceAll(want, "TIME+"+strconv.Itoa(i)+",", strconv.FormatInt(start.Unix()+int64(i), 10)+",")
	}
	var w, g any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("%v in the wanted %s", err, want)
	}
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Fatalf("%v in %s", err, got)
	}
	if d := cmp.Diff(w, g); d != "" {
		t.Errorf("answer differs: %s", d)
	}
}

func TestAnswers(t *testing.T) {
	s := newSite(t, siteOptions{})
	s.fill(t)
	s.catalog.Set("up", metrics.Metadata{Kind: "gauge", Help: "Whether it answers.", Unit: ""})
	s.catalog.Set("node_load1", metrics.Metadata{Kind: "gauge", Help: "Load.", Unit: ""})
	at := strconv.FormatInt(start.Unix()+20, 10)
	from := strconv.FormatInt(start.Unix(), 10)
	span := url.Values{"start": {from}, "end": {at}}
	with := func(kv ...string) url.Values {
		form := url.Values{}
		maps.Copy(form, span)
		for p := range slices.Chunk(kv, 2) {
			form.Add(p[0], p[1])
		}
		return form
	}
	series := `{"status":"success","data":[{"__name__":"up","instance":"a"},{"__name__":"up","instance":"b"}]}`
	for name, c := range map[string]struct {
		path string
		form url.Values
		post bool
		code int
		want string
	}{
		"instant": {
			path: "/query", form: url.Values{"query": {`sum(up)`}, "time": {at}}, post: true, code: 200,
			want: `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[TIME+20,"33"]}]}}`,
		},
		"range": {
			path: "/query_range", form: with("query", `up{instance="b"}`, "step", "10"), post: true, code: 200,
			want: `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"up","instance":"b"},
				"values":[[TIME+0,"10"],[TIME+10,"20"],[TIME+20,"30"]]}]}}`,
		},
		"several names": {
			path: "/query", form: url.Values{"query": {`max_over_time({__name__=~"up|down"}[1m])`}, "time": {at}}, code: 200,
			want: `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"instance":"a"},"value":[TIME+20,"3"]},
				{"metric":{"instance":"b"},"value":[TIME+20,"30"]}]}}`,
		},
		"wrong query": {
			path: "/query", form: url.Values{"query": {`sum(`}}, code: 400,
			want: `{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": 1:5: parse error: unclosed left parenthesis"}`,
		},
		"series":        {path: "/series", form: with("match[]", "up"), post: true, code: 200, want: series},
		"labels":        {path: "/labels", form: span, post: true, code: 200, want: `{"status":"success","data":["__name__","instance"]}`},
		"label values":  {path: "/label/instance/values", form: span, code: 200, want: `{"status":"success","data":["a","b"]}`},
		"no exemplars":  {path: "/query_exemplars", form: with("query", "up"), post: true, code: 200, want: `{"status":"success","data":[]}`},
		"format":        {path: "/format_query", form: url.Values{"query": {"up+1"}}, post: true, code: 200, want: `{"status":"success","data":"up + 1"}`},
		"no rules":      {path: "/rules", code: 200, want: `{"status":"success","data":{"groups":[]}}`},
		"no alerts":     {path: "/alerts", code: 200, want: `{"status":"success","data":{"alerts":[]}}`},
		"metadata":      {path: "/metadata", form: url.Values{"metric": {"up"}}, code: 200, want: `{"status":"success","data":{"up":[{"type":"gauge","help":"Whether it answers.","unit":""}]}}`},
		"some metadata": {path: "/metadata", form: url.Values{"limit": {"1"}, "limit_per_metric": {"1"}}, code: 200, want: `{"status":"success","data":{"node_load1":[{"type":"gauge","help":"Load.","unit":""}]}}`},
		"no metadata":   {path: "/metadata", form: url.Values{"metric": {"down"}}, code: 200, want: `{"status":"success","data":{}}`},
		"wrong limit":   {path: "/metadata", form: url.Values{"limit": {"x"}}, code: 400, want: `{"status":"error","errorType":"bad_data","error":"limit must be a number"}`},
	} {
		t.Run(name, func(t *testing.T) {
			methods := []string{http.MethodGet}
			if c.post {
				methods = append(methods, http.MethodPost)
			}
			for _, method := range methods {
				resp, body := s.ask(t, method, c.path, c.form)
				if resp.StatusCode != c.code {
					t.Errorf("%s: status %d, want %d", method, resp.StatusCode, c.code)
				}
				same(t, c.want, body)
			}
		})
	}
}

func TestStatus(t *testing.T) {
	s := newSite(t, siteOptions{})
	s.fill(t)
	for path, want := range map[string]string{
		"/status/buildinfo":   `"version":"1.2.3"`,
		"/status/runtimeinfo": `"storageRetention":"30d"`,
		"/status/tsdb":        `"numSeries":2`,
		"/status/flags":       `"data":{}`,
		"/status/config":      `"yaml":`,
		"/parse_query":        `"type":"vectorSelector"`,
	} {
		resp, body := s.ask(t, http.MethodGet, path, url.Values{"query": {"up"}})
		if resp.StatusCode != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s, want %s", path, resp.StatusCode, body, want)
		}
	}
}

// Prometheus' API serves more than we mount; none of it may be reachable.
func TestNothingElse(t *testing.T) {
	s := newSite(t, siteOptions{})
	for _, path := range []string{
		"/admin/tsdb/snapshot", "/read", "/otlp/v1/metrics", "/targets",
		"/targets/metadata", "/scrape_pools", "/alertmanagers", "/notifications", "/notifications/live", "/status/walreplay",
		"/status/tsdb/blocks", "/status/self_metrics", "/features", "/openapi.yaml", "/search/metric_names", "/query_cost", "/federate", "/",
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut} {
			if resp, _ := s.ask(t, method, path, nil); resp.StatusCode != http.StatusNotFound {
				t.Errorf("%s %s: %d", method, path, resp.StatusCode)
			}
		}
	}
	if resp, _ := s.ask(t, http.MethodOptions, "/query", nil); resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("OPTIONS: %d", resp.StatusCode)
	}
}

// Browsers send an Origin; Prometheus' handler would follow a nil pointer.
func TestOtherOrigin(t *testing.T) {
	s := newSite(t, siteOptions{})
	resp, _ := s.ask(t, http.MethodPost, "/query", url.Values{"query": {"1"}}, "Origin", "https://elsewhere.example")
	if resp.StatusCode != http.StatusOK {
		t.Errorf("status %d", resp.StatusCode)
	}
	for name := range resp.Header {
		if strings.HasPrefix(name, "Access-Control") {
			t.Errorf("answered with %s", name)
		}
	}
}

func TestCompression(t *testing.T) {
	s := newSite(t, siteOptions{})
	s.fill(t)
	form := url.Values{"query": {"up"}, "start": {strconv.FormatInt(start.Unix(), 10)}, "end": {strconv.FormatInt(start.Unix()+120, 10)}, "step": {"1"}}
	_, plain := s.ask(t, http.MethodGet, "/query_range", form)
	for accept, decode := range map[string]func(io.Reader) (io.Reader, error){
		"gzip": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"zstd": func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r, zstd.WithDecoderConcurrency(1)) },
	} {
		resp, body := s.ask(t, http.MethodGet, "/query_range", form, "Accept-Encoding", accept)
		if got := resp.Header.Get("Content-Encoding"); got != accept || len(body) >= len(plain)/2 {
			t.Errorf("asked for %s, got %q with %d of %d bytes", accept, got, len(body), len(plain))
			continue
		}
		r, err := decode(strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := io.ReadAll(r)
		if err != nil || string(decoded) != plain {
			t.Errorf("%s: another answer than uncompressed (%v)", accept, err)
		}
	}
	if resp, _ := s.ask(t, http.MethodGet, "/labels", nil, "Accept-Encoding", "gzip"); resp.Header.Get("Content-Encoding") != "" {
		t.Error("a short answer is compressed")
	}
}

func TestQueryLimits(t *testing.T) {
	for name, c := range map[string]struct {
		limits metrics.PromQLOptions
		code   int
		want   string
	}{
		"samples": {metrics.PromQLOptions{MaxSamples: 3}, 422, "too many samples"},
		"series":  {metrics.PromQLOptions{MaxSeries: 1}, 422, "series"},
		"time":    {metrics.PromQLOptions{Timeout: time.Nanosecond}, 503, "timed out"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, siteOptions{query: c.limits})
			s.fill(t)
			form := url.Values{"query": {"up"}, "start": {strconv.FormatInt(start.Unix(), 10)}, "end": {strconv.FormatInt(start.Unix()+60, 10)}, "step": {"10"}}
			resp, body := s.ask(t, http.MethodGet, "/query_range", form)
			if resp.StatusCode != c.code || !strings.Contains(body, c.want) {
				t.Errorf("%d %s, want %d and %q", resp.StatusCode, body, c.code, c.want)
			}
		})
	}
}

// Prometheus' own Go client understands the answers.
func TestGoClient(t *testing.T) {
	s := newSite(t, siteOptions{})
	s.fill(t)
	s.catalog.Set("up", metrics.Metadata{Kind: "gauge", Help: "Whether it answers."})
	c, err := promapi.NewClient(promapi.Config{Address: s.URL + "/prometheus", Client: s.Client()})
	if err != nil {
		t.Fatal(err)
	}
	api, end := apiv1.NewAPI(c), start.Add(20*time.Second)
	v, warnings, _, err := api.Query(t.Context(), "sum by (instance) (up)", end)
	if err != nil || len(warnings) != 0 {
		t.Fatal(err, warnings)
	}
	if got, ok := v.(model.Vector); !ok || len(got) != 2 || got[0].Value != 3 || got[1].Value != 30 {
		t.Errorf("query: %v", v)
	}
	v, _, _, err = api.QueryRange(t.Context(), "up", apiv1.Range{Start: start, End: end, Step: 10 * time.Second})
	if got, ok := v.(model.Matrix); err != nil || !ok || len(got) != 2 || len(got[0].Values) != 3 {
		t.Errorf("query range: %v, %v", v, err)
	}
	if got, _, _, err := api.Series(t.Context(), []string{"up"}, start, end); err != nil || len(got) != 2 {
		t.Errorf("series: %v, %v", got, err)
	}
	if got, _, _, err := api.LabelValues(t.Context(), "instance", nil, start, end); err != nil || len(got) != 2 {
		t.Errorf("label values: %v, %v", got, err)
	}
	if got, err := api.Metadata(t.Context(), "up", ""); err != nil || len(got["up"]) != 1 || got["up"][0].Type != apiv1.MetricTypeGauge {
		t.Errorf("metadata: %v, %v", got, err)
	}
	if got, err := api.Buildinfo(t.Context()); err != nil || got.Version != "1.2.3" {
		t.Errorf("build info: %v, %v", got, err)
	}
	if got, err := api.Rules(t.Context(), nil); err != nil || len(got.Groups) != 0 {
		t.Errorf("rules: %v, %v", got, err)
	}
	if got, err := api.Alerts(t.Context()); err != nil || len(got.Alerts) != 0 {
		t.Errorf("alerts: %v, %v", got, err)
	}
	if got, err := api.TSDB(t.Context()); err != nil || got.HeadStats.NumSeries != 2 {
		t.Errorf("tsdb: %v, %v", got, err)
	}
}
