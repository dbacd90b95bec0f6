package api_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/picketmon/picket/collector/metrics"
)

func TestMetricNames(t *testing.T) {
	b := newBench(t)
	app := b.store.Appender(context.Background())
	for _, name := range []string{"node_load1", "node_load15", "node_cpu_seconds_total", "up"} {
		_, err := app.Append(0, labels.FromStrings("__name__", name), time.Now().UnixMilli(), 1)
		check(t, err)
	}
	_, err := app.Commit()
	check(t, err)
	b.catalog.Set("node_load1", metrics.Metadata{Kind: "gauge", Help: "1m load average.", Unit: ""})
	b.catalog.Set("node_cpu_seconds", metrics.Metadata{Kind: "counter", Help: "Time.", Unit: "seconds"})

	r := b.must(http.StatusOK, "viewer", "GET", "/api/v1/metric-names?search=load&limit=1", "")
	same(t, "one of two", map[string]any{
		"items": []any{map[string]any{"name": "node_load1", "type": "gauge", "help": "1m load average."}}, "total": 2.0,
	}, r.body)
	r = b.must(http.StatusOK, "viewer", "GET", "/api/v1/metric-names?search=CPU%20node", "")
	same(t, "the family's metadata", []any{
		map[string]any{"name": "node_cpu_seconds_total", "type": "counter", "help": "Time.", "unit": "seconds"},
	}, r.item("items"))
	r = b.must(http.StatusOK, "viewer", "GET", "/api/v1/metric-names", "")
	same(t, "all", []string{"node_cpu_seconds_total", "node_load1", "node_load15", "up"}, r.names("name"))
	r = b.must(http.StatusOK, "viewer", "GET", "/api/v1/metric-names?search=zzz", "")
	same(t, "none", map[string]any{"items": []any{}, "total": 0.0}, r.body)
	for _, bad := range []string{"limit=0", "limit=1001", "search=" + strings.Repeat("x", 201), "search=1+2+3+4+5+6+7+8+9", "metric=up"} {
		b.must(http.StatusBadRequest, "viewer", "GET", "/api/v1/metric-names?"+bad, "")
	}
}
