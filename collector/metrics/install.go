package metrics

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/oklog/ulid/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"github.com/picketmon/picket/internal/errs"
)

// commitMark is a file that stands in the folder of an import from when its blocks are whole until they are in their place.
const commitMark = "commit"

// recoverImport ends what an import began before the process ended: it moves the blocks into their place when they were whole,
// and removes everything otherwise.
func recoverImport(dir string, logger *slog.Logger) error {
	work := filepath.Join(dir, importDir)
	_, err := os.Stat(filepath.Join(work, commitMark))
	switch {
	case err == nil:
		moved, err := moveBlocks(work, dir)
		if err != nil {
			return fmt.Errorf("end an import: %w", err)
		}
		logger.Info("ended an import that was interrupted", "blocks", len(moved))
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("look for an import: %w", err)
	}
	if err := os.RemoveAll(work); err != nil {
		return fmt.Errorf("remove what an import left: %w", err)
	}
	return nil
}

// moveBlocks moves all blocks of an import's folder to dir: all of them or, with an error, none.
func moveBlocks(work, dir string) (moved []ulid.ULID, err error) {
	from := filepath.Join(work, importBlocks)
	entries, err := os.ReadDir(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() {
		if err == nil {
			return
		}
		for _, id := range moved {
			err = errors.Join(err, os.Rename(filepath.Join(dir, id.String()), filepath.Join(from, id.String())))
		}
		moved = nil
	}()
	for _, e := range entries {
		id, err := ulid.ParseStrict(e.Name())
		if err != nil {
			return moved, fmt.Errorf("%s is no block: %w", filepath.Join(from, e.Name()), err)
		}
		if err := os.Rename(filepath.Join(from, e.Name()), filepath.Join(dir, e.Name())); err != nil {
			return moved, err
		}
		moved = append(moved, id)
	}
	return moved, syncDir(dir)
}

// installer is the engine's compactor, which also puts blocks of imports into their place. The engine compacts blocks alone and
// loads what comes of it at once, so that no query sees some of the blocks and not the others.
type installer struct {
	tsdb.Compactor
	dir string

	mu   sync.Mutex
	job  *installJob // nil when none waits
	busy bool        // with an installation: nothing else is planned
}

type installJob struct {
	work   string
	blocks []ulid.ULID
	done   bool
}

// installPlan is a plan that names no block.
const installPlan = "\x00install"

// newInstaller is a tsdb.NewCompactorFunc.
func (s *Store) newInstaller(ctx context.Context, r prometheus.Registerer, l *slog.Logger, ranges []int64, pool chunkenc.Pool, o *tsdb.Options) (tsdb.Compactor, error) {
	c, err := tsdb.NewLeveledCompactorWithOptions(ctx, r, l, ranges, pool, tsdb.LeveledCompactorOptions{
		MaxBlockChunkSegmentSize: o.MaxBlockChunkSegmentSize, EnableOverlappingCompaction: o.EnableOverlappingCompaction,
		PD: o.PostingsDecoderFactory, UseUncachedIO: o.UseUncachedIO, BlockExcludeFilter: o.BlockCompactionExcludeFunc,
		FloatChunkEncoding: func() chunkenc.Encoding { return o.FloatChunkEncoding },
	})
	if err != nil {
		return nil, fmt.Errorf("make compactor: %w", err)
	}
	// By now the folder is locked, so nobody else works in it, and no block of it is loaded.
	if err := recoverImport(s.opts.Dir, s.opts.Logger); err != nil {
		return nil, err
	}
	s.installer = &installer{Compactor: c, dir: s.opts.Dir}
	return s.installer, nil
}

// Plan implements tsdb.Compactor.
func (c *installer) Plan(dir string) ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.job != nil && !c.job.done:
		return []string{installPlan}, nil
	case c.busy:
		return nil, nil
	}
	return c.Compactor.Plan(dir)
}

// Compact implements tsdb.Compactor.
func (c *installer) Compact(dest string, dirs []string, open []*tsdb.Block) ([]ulid.ULID, error) {
	if !slices.Contains(dirs, installPlan) {
		return c.Compactor.Compact(dest, dirs, open)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.job.done = true
	var err error
	c.job.blocks, err = moveBlocks(c.job.work, c.dir)
	return c.job.blocks, err
}

// install makes the blocks of an import's folder part of the database: after an error none of them is, and none appears later.
func (s *Store) install(ctx context.Context, work string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := syncDir(filepath.Join(work, importBlocks)); err != nil {
		return fmt.Errorf("write imported blocks to disk: %w", err)
	}
	if err := writeSynced(filepath.Join(work, commitMark), nil); err != nil {
		return fmt.Errorf("write imported blocks to disk: %w", err)
	}
	if err := errors.Join(syncDir(work), syncDir(s.opts.Dir)); err != nil {
		return fmt.Errorf("write imported blocks to disk: %w", err)
	}
	err := s.installBlocks(context.WithoutCancel(ctx), work) // half of it would be worse than what takes long
	// Before the folder: without the mark nothing in it counts.
	return errors.Join(err, os.Remove(filepath.Join(work, commitMark)))
}

func (s *Store) installBlocks(ctx context.Context, work string) error {
	s.db.DisableCompactions() // waits for one that runs, and keeps others from taking the job
	defer s.db.EnableCompactions()
	job := &installJob{work: work}
	s.installer.begin(job)
	defer s.installer.begin(nil)
	const attempts = 3 // memory that is due to be written goes first, and keeps the engine from blocks once
	for range attempts {
		if err := s.db.Compact(ctx); err != nil {
			return fmt.Errorf("load imported blocks: %w", err)
		}
		if job.done {
			return s.loaded(job.blocks)
		}
	}
	return errs.New(errs.Unavailable, "the time-series store is busy or stopping, try again")
}

func (c *installer) begin(job *installJob) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.job, c.busy = job, job != nil
}

// loaded returns an error when a block is not part of the database although it is in its place.
func (s *Store) loaded(blocks []ulid.ULID) error {
	there := map[ulid.ULID]bool{}
	for _, m := range s.db.BlockMetas() {
		there[m.ULID] = true
	}
	for _, id := range blocks {
		if there[id] {
			continue
		}
		if _, err := os.Stat(filepath.Join(s.opts.Dir, id.String())); !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(fmt.Errorf("imported block %s could not be loaded", id), err)
		}
		s.opts.Logger.Warn("an imported block was too old or too large for the retention and is deleted already", "block", id)
	}
	return nil
}
