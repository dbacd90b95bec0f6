// Package prometheus answers what tools made for Prometheus ask: PromQL and the questions around it, under /prometheus/api/v1/,
// takes samples by remote write, and deletes series. In come HTTP requests that access has let pass, out go Prometheus' JSON answers, and samples
// to metrics. The read side is Prometheus' own API over our store, mounted endpoint by endpoint from one list; what is not in the
// list does not exist here. Remote write is our own, because Prometheus' costs three times as much.
package prometheus

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/picketmon/picket/collector/metrics"
)

const prefix = "/prometheus/api/v1"

// Store is what the API needs of the time-series store.
type Store interface {
	Querier(mint, maxt int64) (storage.Querier, error)
	ChunkQuerier(mint, maxt int64) (storage.ChunkQuerier, error)
	ExemplarQuerier(ctx context.Context) (storage.ExemplarQuerier, error)
	Stats(byLabel string, limit int) (*tsdb.Stats, error)
	Gatherer() client.Gatherer
	Appender(ctx context.Context) metrics.Appender
	Delete(ctx context.Context, mint, maxt int64, matchers ...*labels.Matcher) error
	CleanTombstones() error
}

// Options are what the routes are made of. Engine, Store, Catalog, Logger and Audit are required.
type Options struct {
	Engine     *promql.Engine
	Store      Store
	Catalog    *metrics.Catalog
	Logger     *slog.Logger
	Audit      AuditFunc
	Registerer client.Registerer // nil registers nothing
	Version    string
	Started    time.Time
	Retention  string
	Lookback   time.Duration // the engine's
	Timeout    time.Duration // the engine's
	Write      WriteOptions
}

// Use is what a request to an endpoint does.
type Use int

// The uses, from harmless to dangerous.
const (
	Read   Use = iota
	Write      // adds samples
	Delete     // deletes samples, which can take long
)

// Route is one endpoint.
type Route struct {
	Method, Pattern string
	Handler         http.Handler
	Use             Use
}

// reads are the endpoints of Prometheus' own API that exist here.
var reads = []struct {
	path    string
	methods []string
}{
	{"/query", []string{http.MethodGet, http.MethodPost}},
	{"/query_range", []string{http.MethodGet, http.MethodPost}},
	{"/query_exemplars", []string{http.MethodGet, http.MethodPost}},
	{"/format_query", []string{http.MethodGet, http.MethodPost}},
	{"/parse_query", []string{http.MethodGet, http.MethodPost}},
	{"/series", []string{http.MethodGet, http.MethodPost}},
	{"/labels", []string{http.MethodGet, http.MethodPost}},
	{"/label/{name}/values", []string{http.MethodGet}},
	{"/rules", []string{http.MethodGet}},  // no groups yet
	{"/alerts", []string{http.MethodGet}}, // none yet
	{"/status/buildinfo", []string{http.MethodGet}},
	{"/status/runtimeinfo", []string{http.MethodGet}},
	{"/status/tsdb", []string{http.MethodGet}},
	{"/status/flags", []string{http.MethodGet}},
	{"/status/config", []string{http.MethodGet}},
}

// Routes returns all endpoints in the order they are written here.
func Routes(o Options) []Route {
	api := compress(newAPI(o))
	var out []Route
	for _, read := range reads {
		for _, m := range read.methods {
			out = append(out, Route{Method: m, Pattern: prefix + read.path, Handler: api})
		}
	}
	out = append(out,
		Route{Method: http.MethodGet, Pattern: prefix + "/metadata", Handler: compress(metadata{o.Catalog})},
		Route{Method: http.MethodPost, Pattern: prefix + "/write", Handler: newWrite(o), Use: Write},
	)
	d := deletion{store: o.Store, audit: o.Audit, logger: o.Logger.With("component", "prometheus_api"), parser: parser.NewParser(parser.Options{})}
	for _, m := range []string{http.MethodPost, http.MethodPut} {
		out = append(out,
			Route{Method: m, Pattern: prefix + "/admin/tsdb/delete_series", Handler: http.HandlerFunc(d.deleteSeries), Use: Delete},
			Route{Method: m, Pattern: prefix + "/admin/tsdb/clean_tombstones", Handler: http.HandlerFunc(d.cleanTombstones), Use: Delete},
		)
	}
	return out
}
