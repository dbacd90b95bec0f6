package metrics

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunks"
)

// Store is the embedded engine: prometheus/tsdb with the write-ahead log on, out-of-order samples and larger blocks.
// All methods may be called from many goroutines.
type Store struct {
	opts     Options
	db       *tsdb.DB
	registry *prometheus.Registry // the engine's own metrics
	self     *selfMetrics

	noSpace  atomic.Bool
	failure  atomic.Pointer[error] // first failed write; no sample is taken after it
	failedc  chan struct{}
	logFault atomic.Bool // a write to the out-of-order log failed, see watchLog

	installer *installer
	importing sync.Mutex // held by the import that runs

	readers sync.WaitGroup
	gate    sync.Mutex // guards closed and readers.Add
	closed  bool
}

var _ Engine = (*Store)(nil)

// Open opens the data folder, replays and if need be repairs its logs, and starts the engine. It can take seconds for
// each ten million samples in the logs. Run must be called for the fsync promise to hold, Close at the end.
func Open(o Options) (*Store, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Store{opts: o, failedc: make(chan struct{}), self: newSelfMetrics(o.Registerer)}
	if err := s.open(); err != nil {
		return nil, err
	}
	if s.repaired() {
		// After a torn log the engine repairs the file but goes on without the out-of-order log's samples, and would
		// later delete them as compacted. A second opening reads everything.
		o.Logger.Warn("write-ahead log was torn and is repaired, opening again", "dir", o.Dir)
		if err := s.db.Close(); err != nil {
			return nil, fmt.Errorf("close repaired time-series database %s: %w", o.Dir, err)
		}
		if err := s.open(); err != nil {
			return nil, err
		}
	}
	if o.Registerer != nil {
		if err := o.Registerer.Register(engineCollector{s}); err != nil {
			return nil, errors.Join(fmt.Errorf("register metrics of the time-series engine: %w", err), s.db.Close())
		}
	}
	return s, nil
}

func (s *Store) open() error {
	s.registry = prometheus.NewRegistry()
	limit := &seriesLimit{max: uint64(s.opts.MaxSeries)}
	eo := s.opts.engine()
	eo.SeriesLifecycleCallback = limit
	ahead := new(aheadOfOrder)
	eo.BlockCompactionExcludeFunc = ahead.exclude
	eo.NewCompactorFunc = s.newInstaller
	db, err := tsdb.Open(s.opts.Dir, watchLog(s.opts.Logger.With("component", "tsdb"), &s.logFault), s.registry, eo, nil)
	if err != nil {
		return fmt.Errorf("open time-series database %s: %w", s.opts.Dir, err)
	}
	ahead.db.Store(db)
	if s.opts.MaxSeries > 0 {
		limit.head.Store(db.Head())
	}
	s.db = db
	return nil
}

// repaired tells whether the opening just done found a damaged log.
func (s *Store) repaired() bool {
	families, err := s.registry.Gather()
	if err != nil {
		return false
	}
	for _, f := range families {
		if f.GetName() == "prometheus_tsdb_wal_corruptions_total" {
			return f.GetMetric()[0].GetCounter().GetValue() > 0
		}
	}
	return false
}

// Close waits for running queries and closes the engine. It may be called twice.
func (s *Store) Close() error {
	s.gate.Lock()
	if s.closed {
		s.gate.Unlock()
		return nil
	}
	s.closed = true
	s.gate.Unlock()
	s.stop(errClosed)
	s.readers.Wait()
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close time-series database %s: %w", s.opts.Dir, err)
	}
	return nil
}

// stop refuses samples from now on and ends Run.
func (s *Store) stop(cause error) {
	if s.failure.CompareAndSwap(nil, &cause) {
		s.self.accepting.Set(0)
		close(s.failedc)
	}
}

// unavailable returns why no samples are taken, or nil.
func (s *Store) unavailable() error {
	if cause := s.failure.Load(); cause != nil {
		return *cause
	}
	if s.noSpace.Load() {
		return ErrDiskFull
	}
	return nil
}

func (s *Store) enter() error {
	s.gate.Lock()
	defer s.gate.Unlock()
	if s.closed {
		return tsdb.ErrNotReady
	}
	s.readers.Add(1)
	return nil
}

// Querier returns a reader of the samples from mint to maxt (Unix milliseconds, inclusive). It must be closed.
func (s *Store) Querier(mint, maxt int64) (storage.Querier, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	q, err := s.db.Querier(mint, maxt)
	if err != nil {
		s.readers.Done()
		return nil, err
	}
	return &querier{Querier: q, leave: sync.OnceFunc(s.readers.Done)}, nil
}

// ChunkQuerier returns a reader of encoded chunks from mint to maxt (Unix milliseconds, inclusive). It must be closed.
func (s *Store) ChunkQuerier(mint, maxt int64) (storage.ChunkQuerier, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	q, err := s.db.ChunkQuerier(mint, maxt)
	if err != nil {
		s.readers.Done()
		return nil, err
	}
	return &chunkQuerier{ChunkQuerier: q, leave: sync.OnceFunc(s.readers.Done)}, nil
}

// ExemplarQuerier returns a reader that finds no exemplars: they are not stored.
func (s *Store) ExemplarQuerier(ctx context.Context) (storage.ExemplarQuerier, error) {
	return s.db.ExemplarQuerier(ctx)
}

// Stats returns figures about the series in memory, the most frequent first and at most limit of a kind. It is expensive.
func (s *Store) Stats(byLabel string, limit int) (*tsdb.Stats, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.readers.Done()
	return s.db.Head().Stats(byLabel, limit), nil
}

// Series returns the number of series in memory.
func (s *Store) Series() int { return int(s.db.Head().NumSeries()) }

// Gatherer returns the engine's own metrics, which Options.Registerer shows too.
func (s *Store) Gatherer() prometheus.Gatherer { return s.registry }

// querier counts as a reader until it is closed, because closing the engine unmaps what it reads.
type querier struct {
	storage.Querier
	leave func()
}

// Close frees the querier.
func (q *querier) Close() error {
	defer q.leave()
	return q.Querier.Close()
}

type chunkQuerier struct {
	storage.ChunkQuerier
	leave func()
}

// Close frees the querier.
func (q *chunkQuerier) Close() error {
	defer q.leave()
	return q.ChunkQuerier.Close()
}

// errSeriesLimit is what the engine hands back when seriesLimit refuses a series.
var errSeriesLimit = errors.New("series limit reached")

// seriesLimit refuses new series when the head holds enough. The check and the creation are not one step, so concurrent
// appenders may exceed it by one series each.
type seriesLimit struct {
	max  uint64
	head atomic.Pointer[tsdb.Head] // nil during the replay, which must not be refused
}

// PreCreation refuses a series beyond the limit.
func (l *seriesLimit) PreCreation(labels.Labels) error {
	if h := l.head.Load(); h != nil && h.NumSeries() >= l.max {
		return errSeriesLimit
	}
	return nil
}

// PostCreation does nothing.
func (*seriesLimit) PostCreation(labels.Labels) {}

// PostDeletion does nothing.
func (*seriesLimit) PostDeletion(map[chunks.HeadSeriesRef]labels.Labels) {}
