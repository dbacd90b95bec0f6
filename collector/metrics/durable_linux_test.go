package metrics

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/prometheus/prometheus/tsdb/wlog"
)

// breakLog makes every write to the newest segment in dir fail as on a full disk, until mend is called.
func breakLog(t *testing.T, dir string) (mend func()) {
	t.Helper()
	_, last, err := wlog.Segments(dir)
	if err != nil {
		t.Fatal(err)
	}
	segment := wlog.SegmentName(dir, last)
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join("/proc/self/fd", e.Name()))
		if err != nil || target != segment {
			continue
		}
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		saved, err := unix.Dup(fd)
		if err != nil {
			t.Fatal(err)
		}
		full, err := unix.Open("/dev/full", unix.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Dup3(full, fd, unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		unix.Close(full)
		return func() {
			if err := unix.Dup3(saved, fd, unix.O_CLOEXEC); err != nil {
				t.Error(err)
			}
			unix.Close(saved)
		}
	}
	t.Fatalf("no open file for %s", segment)
	return nil
}

// A batch whose log write failed is not acknowledged, and none after it, until the engine is opened anew.
func TestLogFailure(t *testing.T) {
	for name, c := range map[string]struct {
		log    string
		behind int64
	}{
		"write-ahead log":  {"wal", 0},
		"out-of-order log": {wlog.WblDirName, 3600_000},
	} {
		t.Run(name, func(t *testing.T) {
			dir, t0 := t.TempDir(), now()
			s := open(t, Options{Dir: dir})
			put(t, s, series("x"), sample{t0, 1})
			mend := breakLog(t, filepath.Join(dir, c.log))
			a := s.Appender(t.Context())
			if _, err := a.Append(0, series("x"), t0+1000-c.behind, 2); err != nil {
				t.Fatal(err)
			}
			if _, err := a.Commit(); err == nil {
				t.Error("commit reports success")
			}
			mend()
			if _, err := s.Appender(t.Context()).Append(0, series("x"), t0+2000, 3); !errors.Is(err, ErrStopped) {
				t.Errorf("append after the failure: %v, want ErrStopped", err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if err := s.Run(ctx); !errors.Is(err, ErrStopped) {
				t.Errorf("Run ended with %v, want ErrStopped", err)
			}
			if got := raw(t, s, "x"); len(got) != 1 {
				t.Errorf("queries see %v", got)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			again := open(t, Options{Dir: dir})
			put(t, again, series("x"), sample{t0 + 1000 - c.behind, 2})
			if got := raw(t, again, "x")[`{__name__="x"}`]; len(got) != 2 {
				t.Errorf("after opening anew and resending: %v", got)
			}
		})
	}
}
