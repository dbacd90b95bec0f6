package metrics

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/tsdb/tombstones"
)

// Delete deletes the samples from mint to maxt (Unix milliseconds, inclusive) of the series that all matchers match. No query
// sees them afterwards, and series of which nothing is left are gone. On disk they stay, and their labels with them, until
// their block is compacted or CleanTombstones is called. It is whole per block only: after an error some may be deleted.
func (s *Store) Delete(ctx context.Context, mint, maxt int64, matchers ...*labels.Matcher) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.readers.Done()
	if err := s.unavailable(); err != nil {
		return err
	}
	// The engine deletes nothing from the out-of-order samples in memory, so they go into blocks first.
	if head := s.db.Head(); head.MinOOOTime() <= maxt && mint <= head.MaxOOOTime() {
		if err := s.db.CompactOOOHead(ctx); err != nil {
			return fmt.Errorf("write out-of-order samples into blocks: %w", err)
		}
	}
	if err := s.db.Delete(ctx, mint, maxt, matchers...); err != nil {
		return fmt.Errorf("delete samples: %w", err)
	}
	return s.dropEmpty(ctx, matchers)
}

// CleanTombstones frees the disk space of deleted samples: it writes the blocks that hold some anew.
func (s *Store) CleanTombstones() error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.readers.Done()
	if err := s.unavailable(); err != nil {
		return err
	}
	if err := s.db.CleanTombstones(); err != nil {
		return fmt.Errorf("clean tombstones: %w", err)
	}
	return nil
}

// dropEmpty takes series out of the memory all of whose samples there are deleted. The engine itself would list them for
// hours. One that gets a sample meanwhile stays, or the sample goes into a block.
func (s *Store) dropEmpty(ctx context.Context, matchers []*labels.Matcher) error {
	refs, err := s.emptySeries(ctx, matchers)
	if err != nil {
		return fmt.Errorf("look for deleted series: %w", err)
	}
	if err := s.db.CompactSelectedSeries(refs); err != nil {
		return fmt.Errorf("take deleted series out of memory: %w", err)
	}
	return nil
}

// emptySeries returns the series in memory that match and of which all samples are deleted.
func (s *Store) emptySeries(ctx context.Context, matchers []*labels.Matcher) (refs []storage.SeriesRef, err error) {
	head := s.db.Head()
	stones, err := head.Tombstones()
	if err != nil {
		return nil, err
	}
	series, err := head.Index()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, series.Close()) }()
	values, err := head.Chunks()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, values.Close()) }()
	postings, err := tsdb.PostingsForMatchers(ctx, series, matchers...)
	if err != nil {
		return nil, err
	}
	e := emptiness{series: series, values: values}
	for postings.Next() {
		deleted, err := stones.Get(postings.At())
		if err != nil {
			return nil, err
		}
		if len(deleted) == 0 {
			continue
		}
		empty, err := e.of(postings.At(), deleted)
		if err != nil {
			return nil, err
		}
		if empty {
			refs = append(refs, postings.At())
		}
	}
	return refs, postings.Err()
}

// emptiness judges one series after the other.
type emptiness struct {
	series tsdb.IndexReader
	values tsdb.ChunkReader

	builder labels.ScratchBuilder
	chunks  []chunks.Meta
	iter    chunkenc.Iterator
}

func (e *emptiness) of(ref storage.SeriesRef, deleted tombstones.Intervals) (bool, error) {
	err := e.series.Series(ref, &e.builder, &e.chunks)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, meta := range e.chunks {
		chunk, _, err := e.values.ChunkOrIterable(meta)
		if errors.Is(err, storage.ErrNotFound) {
			return false, nil // it is on its way into a block
		}
		if err != nil {
			return false, err
		}
		e.iter = chunk.Iterator(e.iter)
		for e.iter.Next() != chunkenc.ValNone {
			if at := e.iter.AtT(); !(tombstones.Interval{Mint: at, Maxt: at}).IsSubrange(deleted) {
				return false, nil
			}
		}
		if err := e.iter.Err(); err != nil {
			return false, err
		}
	}
	return true, nil
}

// hiddenNames returns the metric names that stand in the index of a block but have no sample any more, neither there nor
// anywhere else.
func (s *Store) hiddenNames(ctx context.Context, q storage.Querier) (map[string]bool, error) {
	hidden := map[string]bool{}
	for _, b := range s.db.Blocks() {
		if err := deletedFrom(b, hidden); err != nil && !errors.Is(err, tsdb.ErrClosing) {
			return nil, err
		}
	}
	hints := &storage.SelectHints{Start: math.MinInt64, End: math.MaxInt64, Func: "series"}
	for name := range hidden {
		set := q.Select(ctx, false, hints, labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, name))
		if set.Next() {
			delete(hidden, name)
		}
		if err := set.Err(); err != nil {
			return nil, err
		}
	}
	return hidden, nil
}

// deletedFrom adds the names of series of which a block has deleted samples.
func deletedFrom(b *tsdb.Block, names map[string]bool) (err error) {
	stones, err := b.Tombstones()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stones.Close()) }()
	series, err := b.Index()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, series.Close()) }()
	var builder labels.ScratchBuilder
	return stones.Iter(func(ref storage.SeriesRef, _ tombstones.Intervals) error {
		if err := series.Series(ref, &builder, nil); err != nil {
			return err
		}
		// The strings point into the block.
		if name := builder.Labels().Get(model.MetricNameLabel); !names[name] {
			names[strings.Clone(name)] = true
		}
		return nil
	})
}
