package metrics

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/prometheus/prometheus/tsdb/wlog"
	"github.com/shirou/gopsutil/v3/disk"
)

// Run syncs the logs to disk once a second while samples arrive and watches the free space, until ctx ends. It returns
// an error when a write or sync failed: what is stored can still be read, but nothing more is taken until the Store is
// opened anew.
func (s *Store) Run(ctx context.Context) error {
	logs := []*logSync{
		{dir: filepath.Join(s.opts.Dir, "wal"), segment: -1},
		{dir: filepath.Join(s.opts.Dir, wlog.WblDirName), segment: -1},
	}
	tick := time.NewTicker(fsyncInterval)
	defer tick.Stop()
	for {
		s.watchSpace(ctx)
		if err := s.syncLogs(logs); err != nil {
			s.stop(fmt.Errorf("%w: %w", ErrStopped, err))
		}
		select {
		case <-ctx.Done():
			return s.syncLogs(logs)
		case <-s.failedc:
			cause := *s.failure.Load()
			if errors.Is(cause, errClosed) {
				return nil
			}
			return cause
		case <-tick.C:
		}
	}
}

func (s *Store) syncLogs(logs []*logSync) error {
	start, synced := time.Now(), false
	for _, l := range logs {
		wrote, err := l.sync()
		if err != nil {
			return fmt.Errorf("sync log %s: %w", l.dir, err)
		}
		synced = synced || wrote
	}
	if synced {
		s.self.fsyncs.Observe(time.Since(start).Seconds())
	}
	return nil
}

// watchSpace stops taking samples while the disk is nearly full: the engine survives failing writes badly.
func (s *Store) watchSpace(ctx context.Context) {
	if s.opts.MinFreeBytes < 0 {
		return
	}
	usage, err := disk.UsageWithContext(ctx, s.opts.Dir)
	if err != nil {
		return // the file system does not tell; a failing write will
	}
	s.self.free.Set(float64(usage.Free))
	short := usage.Free < uint64(s.opts.MinFreeBytes)
	if s.noSpace.Swap(short) == short || s.failure.Load() != nil {
		return
	}
	if short {
		s.self.accepting.Set(0)
		s.opts.Logger.Error("disk nearly full, refusing samples", "dir", s.opts.Dir, "free_bytes", usage.Free, "min_free_bytes", s.opts.MinFreeBytes)
		return
	}
	s.self.accepting.Set(1)
	s.opts.Logger.Info("disk space is back, taking samples", "dir", s.opts.Dir, "free_bytes", usage.Free)
}

// logSync brings one segmented log to disk from outside: the engine itself syncs a segment only when it is full.
type logSync struct {
	dir     string
	segment int   // newest segment synced, -1 before the first time
	size    int64 // its size then
}

// sync fsyncs whatever grew since the last call and tells whether anything did.
func (l *logSync) sync() (bool, error) {
	first, last, err := wlog.Segments(l.dir)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && last < 0) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	wrote := false
	for i := max(first, l.segment); i <= last; i++ {
		size, err := l.syncSegment(i)
		if errors.Is(err, fs.ErrNotExist) {
			continue // truncated after a compaction
		}
		if err != nil {
			return wrote, err
		}
		wrote = wrote || size >= 0
	}
	return wrote, nil
}

// syncSegment fsyncs segment i and returns its size, or -1 when it has not grown.
func (l *logSync) syncSegment(i int) (int64, error) {
	f, err := os.OpenFile(wlog.SegmentName(l.dir, i), os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }() // read only, in effect
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if i == l.segment && info.Size() == l.size {
		return -1, nil
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	if i != l.segment {
		if err := syncDir(l.dir); err != nil {
			return 0, err
		}
	}
	l.segment, l.size = i, info.Size()
	return info.Size(), nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	return d.Sync()
}

// wblFailure is the engine's message for a failed write of the out-of-order log, which it swallows although the samples
// are then only in memory. TestOutOfOrderLogFailure holds that it still reads so.
const wblFailure = "Failed to log out of order samples into the WAL"

// watchLog returns a logger that sets fault when the engine reports wblFailure.
func watchLog(l *slog.Logger, fault *atomic.Bool) *slog.Logger {
	return slog.New(&watcher{Handler: l.Handler(), fault: fault})
}

type watcher struct {
	slog.Handler
	fault *atomic.Bool
}

func (w *watcher) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelError || w.Handler.Enabled(ctx, level)
}

func (w *watcher) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == wblFailure {
		w.fault.Store(true)
	}
	if !w.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return w.Handler.Handle(ctx, r)
}

func (w *watcher) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &watcher{w.Handler.WithAttrs(attrs), w.fault}
}

func (w *watcher) WithGroup(name string) slog.Handler {
	return &watcher{w.Handler.WithGroup(name), w.fault}
}
