package metrics

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

// appender is one transaction. It passes no labels to the engine with a known ref, so that a ref that has become
// unknown comes back as an error and the series is created here, where limits are checked.
type appender struct {
	store  *Store
	app    storage.AppenderV2
	newest int64 // no sample may be later, Unix milliseconds
	err    error // why nothing is taken
	out    Outcome
}

// Appender begins a transaction, see Engine.
func (s *Store) Appender(ctx context.Context) Appender {
	if err := s.unavailable(); err != nil {
		return &appender{err: err}
	}
	// The head's own appender: the database's wrapper around it costs 3 % to find that a compaction is due, which the
	// engine finds by itself within a minute.
	return &appender{
		store:  s,
		app:    s.db.Head().AppenderV2(ctx),
		newest: time.Now().Add(s.opts.MaxAhead).UnixMilli(),
	}
}

// Append adds one sample, see Appender.
func (a *appender) Append(ref Ref, l labels.Labels, t int64, v float64) (Ref, error) {
	if ref == 0 || a.err != nil || t > a.newest {
		return a.appendSlowly(ref, l, t, v, nil, nil)
	}
	got, err := a.app.Append(ref, labels.EmptyLabels(), 0, t, v, nil, nil, storage.AOptions{})
	if err == nil {
		a.out.Stored++
		return got, nil
	}
	return a.settle(ref, l, t, v, nil, nil, err)
}

// AppendHistogram adds one native histogram, see Appender.
func (a *appender) AppendHistogram(ref Ref, l labels.Labels, t int64, h *histogram.Histogram, fh *histogram.FloatHistogram) (Ref, error) {
	return a.appendSlowly(ref, l, t, 0, h, fh)
}

func (a *appender) appendSlowly(ref Ref, l labels.Labels, t int64, v float64, h *histogram.Histogram, fh *histogram.FloatHistogram) (Ref, error) {
	if a.err != nil {
		return 0, a.err
	}
	if t > a.newest {
		return ref, a.refuse(refusedFuture)
	}
	known := labels.EmptyLabels()
	if ref == 0 {
		if refusal := a.store.opts.Limits.Check(l); refusal != nil {
			return 0, a.refuse(refusal)
		}
		known = l
	}
	got, err := a.app.Append(ref, known, 0, t, v, h, fh, storage.AOptions{})
	if err == nil {
		a.out.Stored++
		return got, nil
	}
	return a.settle(ref, l, t, v, h, fh, err)
}

// settle finds out what an error of the engine means for the sample.
func (a *appender) settle(ref Ref, l labels.Labels, t int64, v float64, h *histogram.Histogram, fh *histogram.FloatHistogram, err error) (Ref, error) {
	if ref != 0 && errors.Is(err, tsdb.ErrInvalidSample) {
		if l.IsEmpty() {
			return 0, ErrUnknownSeries
		}
		return a.appendSlowly(0, l, t, v, h, fh)
	}
	if refusal := refusalFor(err); refusal != nil {
		return ref, a.refuse(refusal)
	}
	return 0, fmt.Errorf("append sample: %w", err)
}

func (a *appender) refuse(r *Refusal) error {
	a.out.Refused[r.Reason]++
	return r
}

// Commit stores the batch, see Appender.
func (a *appender) Commit() (Outcome, error) {
	if a.err != nil {
		return Outcome{}, a.err
	}
	if err := a.app.Commit(); err != nil {
		// The log may end in half a record now: whatever came after it would be lost by the next replay.
		a.store.stop(fmt.Errorf("%w: %w", ErrStopped, err))
		return Outcome{}, fmt.Errorf("commit samples: %w", err)
	}
	if a.store.logFault.Load() {
		a.store.stop(fmt.Errorf("%w: out-of-order log could not be written", ErrStopped))
	}
	if cause := a.store.failure.Load(); cause != nil {
		return Outcome{}, fmt.Errorf("commit samples: %w", *cause)
	}
	a.store.self.count(&a.out)
	return a.out, nil
}

// Rollback forgets the batch, see Appender.
func (a *appender) Rollback() error {
	if a.err != nil {
		return nil
	}
	if err := a.app.Rollback(); err != nil {
		// Series made by this batch stay in memory; if the log does not know them their samples are lost by a replay.
		a.store.stop(fmt.Errorf("%w: %w", ErrStopped, err))
		return fmt.Errorf("roll samples back: %w", err)
	}
	a.store.self.count(&a.out)
	return nil
}

// The refusals that say all in their reason are made once: an agent with a wrong clock causes thousands a second.
var (
	refusedFuture      = &Refusal{ReasonFuture, "timestamp is too far ahead of the collector's clock"}
	refusedTooOld      = &Refusal{ReasonTooOld, "timestamp is older than the out-of-order window"}
	refusedOutOfBounds = &Refusal{ReasonOutOfBounds, "timestamp is before the oldest that can be stored"}
	refusedOutOfOrder  = &Refusal{ReasonOutOfOrder, "timestamp is older than the series' newest sample"}
	refusedDuplicate   = &Refusal{ReasonDuplicate, "another value is stored at this timestamp"}
	refusedSeries      = &Refusal{ReasonLimitSeries, "the engine holds as many series as it may"}
)

// refusalFor returns nil when err is a failure of the storage.
func refusalFor(err error) *Refusal {
	switch {
	case errors.Is(err, storage.ErrTooOldSample):
		return refusedTooOld
	case errors.Is(err, storage.ErrOutOfBounds):
		return refusedOutOfBounds
	case errors.Is(err, storage.ErrOutOfOrderSample):
		return refusedOutOfOrder
	case errors.Is(err, storage.ErrDuplicateSampleForTimestamp):
		return refusedDuplicate
	case errors.Is(err, errSeriesLimit):
		return refusedSeries
	case errors.Is(err, tsdb.ErrInvalidSample):
		return &Refusal{ReasonInvalidLabels, err.Error()}
	}
	if h, ok := errors.AsType[histogram.Error](err); ok {
		return &Refusal{ReasonInvalidHistogram, h.Error()}
	}
	return nil
}
