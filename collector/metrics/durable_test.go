package metrics

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/tsdb/wlog"
)

// writeUntilKilled is the child of TestKill: it commits and tells on stdout what it may acknowledge.
func writeUntilKilled(dir string) int {
	s, err := Open(Options{Dir: dir, Logger: slog.New(slog.DiscardHandler), walSegmentBytes: 128 << 10})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	first, err := strconv.ParseInt(os.Getenv("PICKET_METRICS_TEST_FIRST"), 10, 64)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for i := first; ; i++ {
		a := s.Appender(context.Background())
		for n := range int64(50) {
			l := series("x", "n", strconv.FormatInt(n, 10))
			// Every third batch is an hour behind, so both logs are written.
			if _, err := a.Append(0, l, testTime(i), float64(i)); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
		}
		if _, err := a.Commit(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		fmt.Println(i)
	}
}

var testStart = time.Now().Truncate(time.Hour).Add(-2 * time.Hour).UnixMilli()

func testTime(i int64) int64 {
	start, err := strconv.ParseInt(os.Getenv("PICKET_METRICS_TEST_START"), 10, 64)
	if err != nil {
		start = testStart
	}
	if i%3 == 2 {
		return start - 3600_000 + i
	}
	return start + i
}

// What Commit has accepted is there after kill -9, whatever the kill interrupts.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	acked := int64(-1)
	for round := range 5 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
		cmd.Env = append(os.Environ(), "PICKET_METRICS_TEST_WRITER="+dir,
			"PICKET_METRICS_TEST_FIRST="+strconv.FormatInt(acked+1, 10),
			"PICKET_METRICS_TEST_START="+strconv.FormatInt(testStart, 10))
		cmd.Stderr = t.Output()
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		stop := acked + 200 + int64(round)*37
		killed := false
		for lines.Scan() {
			n, err := strconv.ParseInt(lines.Text(), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			acked = n
			if n >= stop && !killed {
				killed = true
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil || !killed {
			t.Fatalf("writer ended by itself: %v", err)
		}
		// The batch after the last acknowledged may or may not be there; the next writer resends it.
		checkAcked(t, dir, acked)
	}
}

func checkAcked(t *testing.T, dir string, acked int64) {
	t.Helper()
	s := open(t, Options{Dir: dir})
	defer s.Close()
	got := raw(t, s, "x")
	if len(got) != 50 {
		t.Fatalf("%d series, want 50", len(got))
	}
	for name, samples := range got {
		at := map[int64]float64{}
		for _, x := range samples {
			at[x.T] = x.V
		}
		for i := range acked + 1 {
			if v, ok := at[testTime(i)]; !ok || v != float64(i) {
				t.Fatalf("%s: acknowledged sample %d of %d is lost or wrong (%v, %v)", name, i, acked, v, ok)
			}
		}
		if extra := len(samples) - int(acked+1); extra < 0 || extra > 1 {
			t.Fatalf("%s: %d samples more than acknowledged", name, extra)
		}
	}
}

// A kill in the middle of a write leaves half a record. The engine alone would then forget the out-of-order log.
func TestTornLog(t *testing.T) {
	for _, which := range []string{"wal", wlog.WblDirName} {
		t.Run(which, func(t *testing.T) {
			dir, t0 := t.TempDir(), now()
			s := open(t, Options{Dir: dir})
			put(t, s, series("x"), sample{t0, 1})
			put(t, s, series("x"), sample{t0 - 3600_000, 2})
			copied := t.TempDir() // as a kill would leave it: not closed
			if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			_, last, err := wlog.Segments(filepath.Join(copied, which))
			if err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(wlog.SegmentName(filepath.Join(copied, which), last), os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Write([]byte{1, 0, 50, 1, 2, 3, 4, 5, 6}); err != nil {
				t.Fatal(err)
			}
			f.Close()
			if err := os.Remove(filepath.Join(copied, "lock")); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			want := map[string][]sample{`{__name__="x"}`: {{t0 - 3600_000, 2}, {t0, 1}}}
			again := open(t, Options{Dir: copied})
			if d := cmp.Diff(want, raw(t, again, "x")); d != "" {
				t.Error(d)
			}
			put(t, again, series("x"), sample{t0 + 1000, 3}, sample{t0 - 1800_000, 4})
			again.Close()
			want = map[string][]sample{`{__name__="x"}`: {{t0 - 3600_000, 2}, {t0 - 1800_000, 4}, {t0, 1}, {t0 + 1000, 3}}}
			if d := cmp.Diff(want, raw(t, open(t, Options{Dir: copied}), "x")); d != "" {
				t.Errorf("after another start: %s", d)
			}
		})
	}
}

func TestLogSync(t *testing.T) {
	s := open(t, Options{walSegmentBytes: 32 << 10})
	l := &logSync{dir: filepath.Join(s.opts.Dir, "wal"), segment: -1}
	step := func(want bool) {
		t.Helper()
		if got, err := l.sync(); err != nil || got != want {
			t.Fatalf("synced %v, %v, want %v", got, err, want)
		}
	}
	step(true)
	step(false)
	put(t, s, series("x"), sample{now(), 1})
	step(true)
	step(false)
	before := l.segment
	for i := range 500 {
		put(t, s, series("x", "i", strconv.Itoa(i), "pad", fmt.Sprintf("%0200d", i*7919)), sample{now(), 1})
	}
	step(true)
	if l.segment <= before {
		t.Errorf("still at segment %d: newer ones are not synced", l.segment)
	}
	step(false)
	if _, err := (&logSync{dir: filepath.Join(s.opts.Dir, "nothing"), segment: -1}).sync(); err != nil {
		t.Errorf("missing log: %v", err)
	}
}

func TestDiskNearlyFull(t *testing.T) {
	s := open(t, Options{MinFreeBytes: 1 << 60})
	put(t, s, series("x"), sample{now(), 1})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	waitFor(t, "the store to see the disk", func() bool { return s.unavailable() != nil })
	a := s.Appender(t.Context())
	if _, err := a.Append(0, series("x"), now(), 1); !errors.Is(err, ErrDiskFull) {
		t.Errorf("append: %v, want ErrDiskFull", err)
	}
	if _, err := a.Commit(); !errors.Is(err, ErrDiskFull) {
		t.Errorf("commit: %v, want ErrDiskFull", err)
	}
	if len(raw(t, s, "x")) != 1 {
		t.Error("queries are not answered")
	}
	s.opts.MinFreeBytes = 1
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	s.watchSpace(t.Context())
	put(t, s, series("x"), sample{now(), 1})
}
