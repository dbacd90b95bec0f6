package prometheus

import (
	"context"
	"net/http"
	"net/url"
	"runtime"
	"time"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/route"
	promconfig "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/features"
	"github.com/prometheus/prometheus/util/notifications"
	v1 "github.com/prometheus/prometheus/web/api/v1"

	"github.com/picketmon/picket/internal/errs"
)

// newAPI mounts Prometheus' own API, which has 44 parameters that change with each minor version: this is the only place that knows
// them. What it would ask of scraping, rules and alertmanagers is answered with nothing; nil would panic.
func newAPI(o Options) http.Handler {
	api := v1.NewAPI(
		o.Engine, queryable{o.Store}, nil, o.Store,
		func(context.Context) v1.ScrapePoolsRetriever { return nothing{} },
		func(context.Context) v1.TargetRetriever { return nothing{} },
		func(context.Context) v1.AlertmanagerRetriever { return nothing{} },
		func() promconfig.Config { return promconfig.DefaultConfig },
		map[string]string{},
		v1.GlobalURLOptions{},
		func(h http.HandlerFunc) http.HandlerFunc { return h },
		admin{o.Store}, "", false, false, 0,
		o.Logger,
		func(context.Context) v1.RulesRetriever { return nothing{} },
		0, 0, 0, false, nil, // compress hides other origins, for which nil would panic
		func() (v1.RuntimeInfo, error) { return runtimeInfo(o), nil },
		&v1.PrometheusVersion{Version: o.Version, GoVersion: runtime.Version()},
		func() []notifications.Notification { return nil },
		func() (<-chan notifications.Notification, func(), bool) { return nil, func() {}, false },
		o.Store.Gatherer(), client.NewRegistry(), nil,
		false, nil, false, false, false,
		o.Lookback, false, false, nil, features.NewRegistry(), v1.OpenAPIOptions{}, nil, false, o.Timeout,
	)
	router := route.New()
	api.Register(router)
	return http.StripPrefix(prefix, router)
}

func runtimeInfo(o Options) v1.RuntimeInfo {
	return v1.RuntimeInfo{
		StartTime: o.Started, ServerTime: time.Now(), GoroutineCount: runtime.NumGoroutine(),
		GOMAXPROCS: runtime.GOMAXPROCS(0), ReloadConfigSuccess: true, LastConfigTime: o.Started, StorageRetention: o.Retention,
	}
}

// queryable gives the embedded API the store's two kinds of queriers.
type queryable struct{ store Store }

func (q queryable) Querier(mint, maxt int64) (storage.Querier, error) {
	return q.store.Querier(mint, maxt)
}

func (q queryable) ChunkQuerier(mint, maxt int64) (storage.ChunkQuerier, error) {
	return q.store.ChunkQuerier(mint, maxt)
}

// admin answers for the store's statistics; what would change the store is refused and not mounted either, see deletion.
type admin struct{ store Store }

func (admin) CleanTombstones() error { return errs.New(errs.Denied, "not offered") }

func (admin) Delete(context.Context, int64, int64, ...*labels.Matcher) error {
	return errs.New(errs.Denied, "not offered")
}

func (admin) Snapshot(string, bool) error { return errs.New(errs.Denied, "not offered") }

func (a admin) Stats(byLabel string, limit int) (*tsdb.Stats, error) {
	return a.store.Stats(byLabel, limit)
}

func (admin) WALReplayStatus() (tsdb.WALReplayStatus, error) { return tsdb.WALReplayStatus{}, nil }

func (admin) BlockMetas() ([]tsdb.BlockMeta, error) { return nil, nil }

// nothing is what Picket has of scraping, rules and alertmanagers.
type nothing struct{}

func (nothing) ScrapePools() []string                       { return nil }
func (nothing) TargetsActive() map[string][]*scrape.Target  { return nil }
func (nothing) TargetsDropped() map[string][]*scrape.Target { return nil }
func (nothing) TargetsDroppedCounts() map[string]int        { return nil }
func (nothing) Alertmanagers() []*url.URL                   { return nil }
func (nothing) DroppedAlertmanagers() []*url.URL            { return nil }
func (nothing) RuleGroups() []*rules.Group                  { return nil }
func (nothing) AlertingRules() []*rules.AlertingRule        { return nil }
func (nothing) ScrapePoolConfig(string) (*promconfig.ScrapeConfig, error) {
	return nil, errs.New(errs.NotFound, "Picket scrapes nothing")
}
