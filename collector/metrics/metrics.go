// Package metrics is the time-series noun: it stores samples and answers for them.
//
// In flow samples with their series (from agents through ingest, from others through remote write) and the metadata of
// metric names; out flow PromQL answers, through the engine made by NewPromQL over the Store.
//
//	ingest, remote write ──Append/Commit──▶ Store ──▶ prometheus/tsdb: WAL, out-of-order WAL, head, blocks
//	                                          ▲                ▲
//	                  PromQL ──Querier────────┘                └── Run: fsync once a second, free-disk watch
//
// Durable means: what Commit has accepted survives kill -9 of the process; power loss costs at most the last second.
//
// It knows nothing of agents, HTTP or the wire; it sets no labels and writes no series of its own.
package metrics

import (
	"context"
	"math"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
)

// Ref names a series inside one run of the engine; 0 is unknown. A Ref becomes invalid when its series leaves the
// engine's memory, which Append tells by ErrUnknownSeries or mends by itself when it is given the labels.
type Ref = storage.SeriesRef

// Engine is what ingest needs of a time-series database. Store is the only implementation.
type Engine interface {
	// Appender begins a transaction. It is cheap; take one per commit and do not share it between goroutines.
	Appender(ctx context.Context) Appender
	// Run keeps the durability promise until ctx ends. It returns an error only when samples can no longer be
	// stored safely and the engine must be opened anew.
	Run(ctx context.Context) error
	// Close waits for running queries and frees the data folder. Appends after it are refused.
	Close() error
}

// Appender collects samples and stores them together. It must end with Commit or Rollback and is useless afterwards.
type Appender interface {
	// Append adds one sample; tMilli is in Unix milliseconds. Labels must be sorted by name; they are used only when
	// ref is 0 or no longer known, and may be empty otherwise. It returns the ref to use next time.
	//
	// The error is nil when the sample is accepted; a *Refusal when it can never be stored (the batch goes on, the
	// sample is counted); ErrUnknownSeries when ref is not known and no labels were given (call again with labels);
	// anything else is a failure of the storage, after which the batch must be rolled back.
	//
	// An exact resend of a stored sample is accepted and changes nothing.
	Append(ref Ref, l labels.Labels, tMilli int64, v float64) (Ref, error)
	// AppendHistogram is Append for a native histogram: exactly one of h and fh is set.
	AppendHistogram(ref Ref, l labels.Labels, tMilli int64, h *histogram.Histogram, fh *histogram.FloatHistogram) (Ref, error)
	// Commit makes all accepted samples durable and visible. When it returns an error nothing may be acknowledged.
	Commit() (Outcome, error)
	// Rollback forgets the batch.
	Rollback() error
}

// StaleMarker returns the value that ends a series at its timestamp.
func StaleMarker() float64 { return math.Float64frombits(value.StaleNaN) }
