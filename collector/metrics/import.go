package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/shirou/gopsutil/v3/disk"

	"github.com/picketmon/picket/internal/errs"
)

// ImportOptions configures one import. The zero value of every field is its default.
type ImportOptions struct {
	// Labels are set on every series, in place of labels of the same name.
	Labels map[string]string
	// MaxBytes bounds the text; default 4 GiB.
	MaxBytes int64
	// MaxSeries bounds the series of the text, each of which takes about 400 bytes of memory and what its labels are long;
	// default 500,000, and never more than the Store may have in memory.
	MaxSeries int
	// Catalog takes what the text says about its metrics; nil drops it.
	Catalog *Catalog
	// Confirm is called when the text is good and all is ready, before anything of it becomes visible. Its error ends the
	// import without a trace.
	Confirm func(ImportResult) error

	sortSamples, pieceBytes int // tests only
}

const (
	defaultImportBytes  = 4 << 30
	defaultImportSeries = 500_000
)

func (o ImportOptions) withDefaults(s *Store) ImportOptions {
	if o.MaxBytes <= 0 {
		o.MaxBytes = defaultImportBytes
	}
	if o.MaxSeries <= 0 {
		o.MaxSeries = defaultImportSeries
	}
	if s.opts.MaxSeries > 0 {
		o.MaxSeries = min(o.MaxSeries, s.opts.MaxSeries)
	}
	if o.sortSamples == 0 {
		o.sortSamples = importSort
	}
	if o.pieceBytes == 0 {
		o.pieceBytes = importPiece
	}
	return o
}

// ImportResult says what an import did.
type ImportResult struct {
	Samples int       // stored
	Series  int       // of these samples
	Blocks  int       // made for them
	MinTime time.Time // of these samples; zero without any
	MaxTime time.Time

	TooOld     int // samples older than the retention, which were left out
	Duplicates int // samples that were there twice in the text
	Exemplars  int // left out: exemplars are not stored
	Metadata   int // metrics with a type, help or unit
}

// Import stores what an OpenMetrics text says, whatever its samples' age: each needs a timestamp, and the last line is # EOF.
// Either all of it is stored and visible when Import returns, or nothing, also when the process is killed. The order of
// samples does not matter, and what is stored already may come again.
//
// The text is read once. Samples go to disk, are sorted there by block, series and time, and become blocks. The memory this
// takes is bounded, see importSort, and so are text, series and disk space.
//
// Kinds: Invalid for a text that is wrong, with the first hundred problems by their lines; TooLarge; Conflict while another
// import runs; Unavailable when the disk or the store's limit has no room.
func (s *Store) Import(ctx context.Context, text io.Reader, o ImportOptions) (ImportResult, error) {
	if err := s.enter(); err != nil {
		return ImportResult{}, errs.Wrap(errs.Unavailable, err, "the collector is stopping")
	}
	defer s.readers.Done()
	if !s.importing.TryLock() {
		return ImportResult{}, errs.New(errs.Conflict, "another import is running: try again when it is done")
	}
	defer s.importing.Unlock()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-s.failedc:
			cancel(errs.Wrap(errs.Unavailable, *s.failure.Load(), "the time-series store is not writable"))
		case <-ctx.Done():
		}
	}()
	i := &importer{store: s, opts: o.withDefaults(s), dir: filepath.Join(s.opts.Dir, importDir), started: time.Now()}
	result, err := i.run(ctx, text)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	s.self.tookIn(result, err)
	return result, err
}

// importDir is where an import works, inside the data folder: blocks are moved from there into their place.
const importDir = "import"

// What an import holds beside its series: importSort samples to be sorted (16 MiB), two pieces of text, a
// buffer for each sorted run (with the default of 4 GiB of text at most some 550: 9 MiB), and the engine's buffers for one
// block (20 MiB); so it stays below 64 MiB, however long the text is, and as much again until it is collected. The block that
// is being written adds 56 bytes for each 120 samples of one series.
const (
	importSort   = 1 << 19
	importPiece  = 1 << 20
	importBuffer = 16 << 10
)

// importer is one import.
type importer struct {
	store   *Store
	opts    ImportOptions
	dir     string
	started time.Time
	result  ImportResult
}

func (i *importer) run(ctx context.Context, text io.Reader) (_ ImportResult, err error) {
	if err := i.space(ctx, 0); err != nil {
		return ImportResult{}, err
	}
	if err := os.RemoveAll(i.dir); err != nil {
		return ImportResult{}, fmt.Errorf("remove what an import left: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(i.dir, importBlocks), 0o777); err != nil {
		return ImportResult{}, fmt.Errorf("make folder for an import: %w", err)
	}
	defer func() {
		if rm := os.RemoveAll(i.dir); rm != nil {
			err = errors.Join(err, fmt.Errorf("remove folder of an import: %w", rm))
		}
	}()
	t, err := i.read(ctx, text)
	if err != nil {
		return ImportResult{}, err
	}
	if err := i.build(ctx, t); err != nil {
		return ImportResult{}, err
	}
	if err := i.fits(); err != nil {
		return ImportResult{}, err
	}
	if i.opts.Confirm != nil {
		if err := i.opts.Confirm(i.result); err != nil {
			return ImportResult{}, err
		}
	}
	if i.result.Blocks > 0 {
		if err := i.store.install(ctx, i.dir); err != nil {
			return ImportResult{}, err
		}
	}
	if i.opts.Catalog != nil {
		for name, m := range t.families {
			i.opts.Catalog.fill(name, m)
		}
	}
	i.store.opts.Logger.Info("imported samples", "samples", i.result.Samples, "series", i.result.Series, "blocks", i.result.Blocks,
		"min_time", i.result.MinTime, "max_time", i.result.MaxTime, "took", time.Since(i.started))
	return i.result, nil
}

// read spools the samples of the text.
func (i *importer) read(ctx context.Context, text io.Reader) (*importText, error) {
	spool, err := createSpool(filepath.Join(i.dir, "samples"))
	if err != nil {
		return nil, err
	}
	t := newImportText(i, spool)
	err = t.read(ctx, text)
	if err = errors.Join(err, spool.close()); err != nil {
		return nil, err
	}
	i.result.TooOld, i.result.Exemplars, i.result.Metadata = t.tooOld, t.exemplars, len(t.families)
	return t, t.problems.Err()
}

// build makes blocks of the spooled samples.
func (i *importer) build(ctx context.Context, t *importText) error {
	order, err := i.sort(ctx, t)
	if err != nil {
		return err
	}
	defer order.close()
	b := newImportBlocks(ctx, filepath.Join(i.dir, importBlocks), t)
	defer b.abort()
	if err := b.writeAll(order, i); err != nil {
		return err
	}
	r := &i.result
	r.Samples, r.Series, r.Blocks, r.Duplicates = b.samples, b.seriesWritten(), b.blocks, b.duplicates
	if b.samples > 0 {
		r.MinTime, r.MaxTime = time.UnixMilli(b.minTime).UTC(), time.UnixMilli(b.maxTime).UTC()
	}
	return t.problems.Err()
}

// space returns an error when less than twice the free space is left at which the Store refuses samples, beside what is
// about to be written: an import must not stop what is going on.
func (i *importer) space(ctx context.Context, more int64) error {
	if i.store.opts.MinFreeBytes < 0 {
		return nil
	}
	usage, err := disk.UsageWithContext(ctx, i.store.opts.Dir)
	if err != nil {
		return nil //nolint:nilerr // the file system does not tell; a failing write will
	}
	if need := 2*i.store.opts.MinFreeBytes + more; usage.Free < uint64(need) {
		return errs.New(errs.Unavailable, "not enough disk space: %d MiB are free, the import needs %d MiB now", usage.Free>>20, need>>20)
	}
	return nil
}

// fits returns an error when the blocks would make the Store larger than it may be: the oldest blocks would be deleted, which
// may be these.
func (i *importer) fits() error {
	limit := i.store.opts.RetentionBytes
	if limit <= 0 {
		return nil
	}
	size := i.store.db.Head().Size()
	for _, b := range i.store.db.Blocks() {
		size += b.Size()
	}
	more, err := dirSize(filepath.Join(i.dir, importBlocks))
	if err != nil {
		return fmt.Errorf("measure imported blocks: %w", err)
	}
	if size+more > limit {
		return errs.New(errs.Unavailable, "no room: samples may take %d MiB (metrics.retention-bytes), %d MiB are used, and the import needs %d MiB",
			limit>>20, size>>20, (more+1<<20-1)>>20)
	}
	return nil
}

// oldest returns the time before which samples are not stored, because the retention would delete them.
func (i *importer) oldest() int64 {
	if i.store.opts.RetentionTime <= 0 {
		return math.MinInt64
	}
	return i.started.Add(-i.store.opts.RetentionTime).UnixMilli()
}

func (i *importer) newest() int64 { return i.started.Add(i.store.opts.MaxAhead).UnixMilli() }

// blockRange returns the length of the blocks to make: the longest that the engine's own compaction makes, so that there are
// few of them.
func (i *importer) blockRange() int64 {
	length := shortestBlock.Milliseconds()
	for longest := i.store.opts.MaxBlockDuration.Milliseconds(); length*blockGrowth <= longest; {
		length *= blockGrowth
	}
	return length
}

func dirSize(dir string) (sum int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			sum += info.Size()
		}
		return err
	})
	return sum, err
}
