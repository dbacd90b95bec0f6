package metrics

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// PromQLOptions bounds the queries of one engine. Logger is required; zero fields take the defaults.
type PromQLOptions struct {
	Timeout    time.Duration // longest query, waiting included; default 2 minutes
	MaxSamples int           // samples one query may hold in memory; default 50 million
	MaxSeries  int           // series one query may read; default 1 million
	Concurrent int           // queries that run at once; default 4 per processor
	Queued     int           // queries that may wait for a slot, later ones are answered "timed out" at once; default 100
	Lookback   time.Duration // how long a sample stands for its series; default 5 minutes
	Logger     *slog.Logger
	Registerer prometheus.Registerer // nil registers nothing; one engine per Registerer
}

// NewPromQL returns the engine that answers PromQL over a Store, for the API and for rules. Names stay on series until
// the end of a query, so that functions over several names do not fail.
func NewPromQL(o PromQLOptions) (*promql.Engine, error) {
	if o.Logger == nil {
		return nil, errors.New("metrics: PromQLOptions.Logger is nil")
	}
	if o.Timeout <= 0 {
		o.Timeout = 2 * time.Minute
	}
	if o.MaxSamples <= 0 {
		o.MaxSamples = 50_000_000
	}
	if o.MaxSeries <= 0 {
		o.MaxSeries = 1_000_000
	}
	if o.Concurrent <= 0 {
		o.Concurrent = 4 * runtime.GOMAXPROCS(0)
	}
	if o.Queued <= 0 {
		o.Queued = 100
	}
	if o.Lookback <= 0 {
		o.Lookback = 5 * time.Minute
	}
	engine := promql.NewEngine(promql.EngineOpts{
		Logger:                   o.Logger.With("component", "promql"),
		Reg:                      o.Registerer,
		MaxSamples:               o.MaxSamples,
		Timeout:                  o.Timeout,
		ActiveQueryTracker:       newQuerySlots(o.Concurrent, o.Queued),
		LookbackDelta:            o.Lookback,
		NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
		EnableAtModifier:         true,
		EnableNegativeOffset:     true,
		EnableDelayedNameRemoval: true,
		EnableQueryCost:          true, // this is what enforces MaxSeries
		Parser:                   parser.NewParser(parser.Options{}),
	})
	engine.SetQueryLimits(uint64(o.MaxSeries), 0, 0)
	return engine, nil
}

// querySlots bounds the running and the waiting queries. It implements promql.QueryTracker.
type querySlots struct {
	running    chan struct{}
	waiting    atomic.Int64
	maxWaiting int64
}

func newQuerySlots(concurrent, queued int) *querySlots {
	return &querySlots{running: make(chan struct{}, concurrent), maxWaiting: int64(queued)}
}

// GetMaxConcurrent returns the number of slots.
func (q *querySlots) GetMaxConcurrent() int { return cap(q.running) }

// Insert waits for a slot until ctx ends, or not at all when too many wait already.
func (q *querySlots) Insert(ctx context.Context, _ string) (int, error) {
	select {
	case q.running <- struct{}{}:
		return 0, nil
	default:
	}
	defer q.waiting.Add(-1)
	if q.waiting.Add(1) > q.maxWaiting {
		return 0, promql.ErrQueryTimeout("query queue: too many queries are waiting")
	}
	select {
	case q.running <- struct{}{}:
		return 0, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// Delete frees a slot.
func (q *querySlots) Delete(int) { <-q.running }

// Close does nothing.
func (q *querySlots) Close() error { return nil }
