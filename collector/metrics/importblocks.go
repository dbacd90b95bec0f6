package metrics

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/oklog/ulid/v2"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/tsdb/index"
	"github.com/prometheus/prometheus/tsdb/tombstones"
)

const (
	importBlocks = "blocks"
	// blockGrowth is the factor between the lengths of blocks that the engine compacts to.
	blockGrowth = 3
	// samplesPerChunk is what the engine's own chunks have.
	samplesPerChunk = 120
)

// importedBlocks writes samples, which come by block, series and time, into blocks one after the other.
type importedBlocks struct {
	ctx     context.Context // of the call that made it
	dir     string
	text    *importText
	symbols []string // of all series: the engine's blocks, too, may have more than they need

	block   *blockFiles // nil between blocks
	written []bool      // series that have a sample
	last    importSample

	samples, blocks, duplicates int
	minTime, maxTime            int64
}

func newImportBlocks(ctx context.Context, dir string, t *importText) *importedBlocks {
	return &importedBlocks{
		ctx: ctx, dir: dir, text: t, symbols: symbolsOf(t.series.labels), written: make([]bool, len(t.series.labels)), minTime: math.MaxInt64,
	}
}

// symbolsOf returns all names and values in order.
func symbolsOf(series []labels.Labels) []string {
	set := map[string]struct{}{}
	for _, l := range series {
		l.Range(func(one labels.Label) { set[one.Name], set[one.Value] = struct{}{}, struct{}{} })
	}
	return slices.Sorted(maps.Keys(set))
}

// writeAll writes all samples. Once two contradict each other it only looks for more of those.
func (b *importedBlocks) writeAll(from *sortedSamples, i *importer) error {
	const lookEvery = 1 << 20
	for n := 1; ; n++ {
		x, err := from.next()
		if errors.Is(err, io.EOF) {
			return b.finish()
		}
		if err != nil {
			return err
		}
		if n%lookEvery == 0 {
			if b.ctx.Err() != nil {
				return context.Cause(b.ctx)
			}
			if err := i.space(b.ctx, 0); err != nil {
				return err
			}
		}
		if n > 1 && x.series == b.last.series && x.t == b.last.t {
			b.again(x)
			continue
		}
		if len(b.text.problems.all) == 0 {
			err = b.add(x)
		}
		if err != nil {
			return err
		}
		b.last = x
	}
}

// again looks at a sample whose time its series has already.
func (b *importedBlocks) again(x importSample) {
	if x.v == b.last.v || math.IsNaN(x.v) && math.IsNaN(b.last.v) {
		b.duplicates++
		return
	}
	if !b.text.problems.full() {
		b.text.problems.add(int(x.line), "has another value than line %d for the same series and time", b.last.line)
	}
}

func (b *importedBlocks) add(x importSample) error {
	if b.block == nil || x.block != b.last.block {
		if err := b.finish(); err != nil {
			return err
		}
		if err := b.begin(); err != nil {
			return err
		}
	}
	f := b.block
	if f.series != x.series || f.app == nil {
		if err := f.endSeries(); err != nil {
			return err
		}
		f.series, f.labels = x.series, b.text.series.labels[x.series]
	}
	b.written[x.series] = true
	b.samples++
	b.minTime, b.maxTime = min(b.minTime, x.t), max(b.maxTime, x.t)
	return f.add(x.t, x.v)
}

func (b *importedBlocks) begin() (err error) {
	b.block, err = createBlock(b.ctx, b.dir, b.symbols)
	return err
}

// finish ends the block that is being written.
func (b *importedBlocks) finish() error {
	if b.block == nil {
		return nil
	}
	f := b.block
	b.block = nil
	b.blocks++
	return f.close()
}

// abort closes what is open; the files are removed with their folder.
func (b *importedBlocks) abort() {
	if b.block != nil {
		_ = b.block.closeFiles()
	}
}

func (b *importedBlocks) seriesWritten() (n int) {
	for _, w := range b.written {
		if w {
			n++
		}
	}
	return n
}

// blockFiles is one block that is being written.
type blockFiles struct {
	dir    string
	meta   tsdb.BlockMeta
	chunks *chunks.Writer
	index  *index.Writer

	series uint32
	labels labels.Labels
	metas  []chunks.Meta // of the series' chunks that are written
	chunk  *chunkenc.XORChunk
	app    chunkenc.Appender // nil without a chunk
	begin  int64
	end    int64
	count  int
}

func createBlock(ctx context.Context, parent string, symbols []string) (*blockFiles, error) {
	id, err := ulid.New(ulid.Now(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make id of a block: %w", err)
	}
	f := &blockFiles{dir: filepath.Join(parent, id.String())}
	f.meta = tsdb.BlockMeta{ULID: id, MinTime: math.MaxInt64, Version: 1}
	f.meta.Compaction.Level, f.meta.Compaction.Sources = 1, []ulid.ULID{id}
	f.meta.Compaction.SetOutOfOrder() // or its end would count as the end of what came in order, see aheadOfOrder
	if f.chunks, err = chunks.NewWriter(filepath.Join(f.dir, "chunks")); err != nil {
		return nil, fmt.Errorf("write chunks: %w", err)
	}
	if f.index, err = index.NewWriter(ctx, filepath.Join(f.dir, "index")); err != nil {
		return nil, errors.Join(fmt.Errorf("write index: %w", err), f.chunks.Close())
	}
	for _, symbol := range symbols {
		if err := f.index.AddSymbol(symbol); err != nil {
			return nil, errors.Join(fmt.Errorf("write symbols: %w", err), f.closeFiles())
		}
	}
	return f, nil
}

func (f *blockFiles) add(t int64, v float64) error {
	if f.app == nil || f.count == samplesPerChunk {
		if err := f.endChunk(); err != nil {
			return err
		}
		f.chunk = chunkenc.NewXORChunk()
		app, err := f.chunk.Appender()
		if err != nil {
			return fmt.Errorf("begin chunk: %w", err)
		}
		f.app, f.begin = app, t
	}
	f.app.Append(0, t, v)
	f.end = t
	f.count++
	return nil
}

func (f *blockFiles) endChunk() error {
	if f.app == nil {
		return nil
	}
	m := []chunks.Meta{{Chunk: f.chunk, MinTime: f.begin, MaxTime: f.end}}
	if err := f.chunks.WriteChunks(m...); err != nil {
		return fmt.Errorf("write chunk: %w", err)
	}
	m[0].Chunk = nil
	f.metas = append(f.metas, m[0])
	s := &f.meta.Stats
	s.NumChunks++
	s.NumSamples += uint64(f.count)
	s.NumFloatSamples += uint64(f.count)
	f.meta.MinTime, f.meta.MaxTime = min(f.meta.MinTime, f.begin), max(f.meta.MaxTime, f.end+1)
	f.app, f.count = nil, 0
	return nil
}

func (f *blockFiles) endSeries() error {
	if err := f.endChunk(); err != nil || len(f.metas) == 0 {
		return err
	}
	if err := f.index.AddSeries(storage.SeriesRef(f.meta.Stats.NumSeries), f.labels, f.metas...); err != nil {
		return fmt.Errorf("write series: %w", err)
	}
	f.meta.Stats.NumSeries++
	f.metas = f.metas[:0]
	return nil
}

func (f *blockFiles) closeFiles() error { return errors.Join(f.chunks.Close(), f.index.Close()) }

// close writes what remains; the block is whole on disk when it returns.
func (f *blockFiles) close() error {
	if err := f.endSeries(); err != nil {
		return errors.Join(err, f.closeFiles())
	}
	if err := f.closeFiles(); err != nil {
		return fmt.Errorf("write block: %w", err)
	}
	if _, err := tombstones.WriteFile(slog.New(slog.DiscardHandler), f.dir, tombstones.NewMemTombstones()); err != nil {
		return fmt.Errorf("write tombstones: %w", err)
	}
	text, err := json.MarshalIndent(f.meta, "", "\t")
	if err != nil {
		return fmt.Errorf("encode meta data of a block: %w", err)
	}
	if err := writeSynced(filepath.Join(f.dir, "meta.json"), text); err != nil {
		return fmt.Errorf("write meta data of a block: %w", err)
	}
	return syncDir(f.dir)
}

// writeSynced writes a file to disk.
func writeSynced(file string, text []byte) (err error) {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(text); err != nil {
		return err
	}
	return f.Sync()
}
