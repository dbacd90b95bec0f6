package db

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// walSync flushes SQLite's write-ahead log to disk once per interval while it changes. It lives from startWALSync to stop.
type walSync struct {
	wal    string
	logger *slog.Logger
	done   chan struct{}
	once   sync.Once
	err    error
	wg     sync.WaitGroup

	size    int64
	changed time.Time
	settled bool // flushed since the last change was seen
	dir     bool // the folder's entry of the log was flushed
}

func startWALSync(path string, every time.Duration, logger *slog.Logger) *walSync {
	s := &walSync{wal: path + "-wal", logger: logger, done: make(chan struct{})}
	s.wg.Go(func() { s.loop(every) })
	return s
}

// stop ends the flushing after a last flush, whose error it returns.
func (s *walSync) stop() error {
	s.once.Do(func() {
		close(s.done)
		s.wg.Wait()
		s.err = s.flush()
	})
	return s.err
}

func (s *walSync) loop(every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	broken := false
	for {
		select {
		case <-s.done:
			return
		case <-tick.C:
		}
		err := s.flush()
		if err != nil && !broken {
			s.logger.Error("flush write-ahead log; power loss may cost more than a second", "err", err)
		}
		broken = err != nil
	}
}

// flush flushes the log if it changed. File times are coarse, so the log is flushed once more after the last change seen.
func (s *walSync) flush() error {
	info, err := os.Stat(s.wal)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at write-ahead log: %w", err)
	}
	same := info.Size() == s.size && info.ModTime().Equal(s.changed)
	if same && s.settled {
		return nil
	}
	if err := syncPath(s.wal); err != nil {
		return err
	}
	if !s.dir {
		if err := syncPath(filepath.Dir(s.wal)); err != nil {
			return err
		}
	}
	s.dir, s.settled, s.size, s.changed = true, same, info.Size(), info.ModTime()
	return nil
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open %s to flush it: %w", path, err)
	}
	if err := f.Sync(); err != nil {
		return errors.Join(fmt.Errorf("flush %s: %w", path, err), f.Close())
	}
	return f.Close()
}
