package metrics

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/picketmon/picket/internal/errs"
)

// spread is a text of one series with samples in many blocks.
func spread(blocks int) string {
	var b strings.Builder
	for n := range blocks {
		fmt.Fprintf(&b, "spread{x=\"y\"} %d @%d\n", n, n*7200)
	}
	return at(b.String() + "# EOF\n")
}

// twoHours makes blocks as short as they can be.
var twoHours = Options{MaxBlockDuration: shortestBlock}

// count returns the number of samples of the series in all blocks.
func count(s *Store, name string) (n int, err error) {
	q, err := s.Querier(0, time.Now().UnixMilli())
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	set := q.Select(context.Background(), false, nil, labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, name))
	for set.Next() {
		it := set.At().Iterator(nil)
		for it.Next() != 0 {
			n++
		}
	}
	return n, set.Err()
}

// Every query sees all of an import or nothing.
func TestImportBecomesVisibleAtOnce(t *testing.T) {
	s := open(t, twoHours)
	const blocks = 12
	stop := make(chan struct{})
	var wg sync.WaitGroup
	seen := map[int]int{}
	wg.Go(func() {
		for {
			n, err := count(s, "spread")
			if err != nil {
				t.Error(err)
				return
			}
			seen[n]++
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	r, err := s.Import(t.Context(), strings.NewReader(spread(blocks)), ImportOptions{})
	if err != nil || r.Blocks != blocks {
		t.Fatal(r, err)
	}
	if n, err := count(s, "spread"); n != blocks {
		t.Errorf("%d samples when the import had returned, %v", n, err)
	}
	close(stop)
	wg.Wait()
	delete(seen, blocks)
	delete(seen, 0)
	if len(seen) > 0 {
		t.Errorf("half an import was seen: samples to queries %v", seen)
	}
}

// When the blocks cannot be moved, none of them stays, and the next import works.
func TestImportThatCannotBeMoved(t *testing.T) {
	s := open(t, twoHours)
	_, err := s.Import(t.Context(), strings.NewReader(spread(5)), ImportOptions{Confirm: func(ImportResult) error {
		return os.Mkdir(filepath.Join(s.opts.Dir, importDir, importBlocks, "ZZZ is no block"), 0o700) // the last in order
	}})
	if err == nil || !strings.Contains(err.Error(), "is no block") {
		t.Errorf("error %v", err)
	}
	if err := s.db.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(s.db.Blocks()); n != 0 {
		t.Errorf("%d blocks", n)
	}
	if found, err := filepath.Glob(filepath.Join(s.opts.Dir, "0*")); err != nil || len(found) != 0 {
		t.Errorf("left %v, %v", found, err)
	}
	if r, err := s.Import(t.Context(), strings.NewReader(spread(5)), ImportOptions{}); err != nil || r.Blocks != 5 {
		t.Error(r, err)
	}
}

// A block that cannot be loaded takes the others with it.
func TestImportThatCannotBeLoaded(t *testing.T) {
	s := open(t, twoHours)
	_, err := s.Import(t.Context(), strings.NewReader(spread(5)), ImportOptions{Confirm: func(ImportResult) error {
		found, err := filepath.Glob(filepath.Join(s.opts.Dir, importDir, importBlocks, "*", "index"))
		return errors.Join(err, os.Truncate(found[2], 10))
	}})
	if err == nil || !strings.Contains(err.Error(), "load imported blocks") {
		t.Errorf("error %v", err)
	}
	if found, err := filepath.Glob(filepath.Join(s.opts.Dir, "0*")); err != nil || len(found) != 0 || len(s.db.Blocks()) != 0 {
		t.Errorf("left %v, %v", found, err)
	}
	if err := s.db.Compact(t.Context()); err != nil {
		t.Error(err)
	}
}

// A process that ends while blocks are moved has them all when it starts again; one that ends before has none.
func TestImportIsEndedAtTheNextStart(t *testing.T) {
	for name, tc := range map[string]struct {
		committed bool
		moved     int
		want      int
	}{
		"before the mark": {false, 0, 0}, "with the mark": {true, 0, 5}, "some moved": {true, 3, 5}, "all moved": {true, 5, 5},
	} {
		t.Run(name, func(t *testing.T) {
			made := open(t, twoHours)
			dir := t.TempDir()
			stop := errors.New("stop")
			_, err := made.Import(t.Context(), strings.NewReader(spread(5)), ImportOptions{Confirm: func(ImportResult) error {
				return errors.Join(stop, os.CopyFS(filepath.Join(dir, importDir), os.DirFS(filepath.Join(made.opts.Dir, importDir))))
			}})
			if !errors.Is(err, stop) {
				t.Fatal(err)
			}
			if tc.committed {
				check(t, writeSynced(filepath.Join(dir, importDir, commitMark), nil))
			}
			blocks, err := filepath.Glob(filepath.Join(dir, importDir, importBlocks, "*"))
			check(t, err)
			for _, b := range blocks[:tc.moved] {
				check(t, os.Rename(b, filepath.Join(dir, filepath.Base(b))))
			}
			o := twoHours
			o.Dir = dir
			s := open(t, o)
			if n, err := count(s, "spread"); n != tc.want || err != nil {
				t.Errorf("%d samples, want %d, %v", n, tc.want, err)
			}
			if _, err := os.Stat(filepath.Join(dir, importDir)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the folder is left: %v", err)
			}
		})
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// importOnce is the child of TestImportAndKill.
func importOnce(dir string) int {
	s, err := Open(Options{Dir: dir, Logger: slog.New(slog.DiscardHandler), MaxBlockDuration: shortestBlock})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("begin")
	if _, err := s.Import(context.Background(), strings.NewReader(os.Getenv("PICKET_METRICS_TEST_TEXT")), ImportOptions{sortSamples: 10}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("end")
	select {} // until it is killed
}

// Whenever the process is killed, all of an import is there or nothing, and what was told to be there is.
func TestImportAndKill(t *testing.T) {
	const blocks, rounds = 5, 11
	none, all := 0, 0
	var whole time.Duration // how long an import takes
	for round := range rounds {
		dir := t.TempDir()
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
		cmd.Env = append(os.Environ(), "PICKET_METRICS_TEST_IMPORTER="+dir, "PICKET_METRICS_TEST_TEXT="+spread(blocks))
		cmd.Stderr = t.Output()
		out, err := cmd.StdoutPipe()
		check(t, err)
		check(t, cmd.Start())
		told := bufio.NewScanner(out)
		told.Scan()
		begun := time.Now()
		if round == 0 {
			told.Scan() // of the end
			whole = time.Since(begun)
		} else {
			// The later ones meet the moving of the blocks.
			<-time.After(whole * time.Duration(round) / (rounds - 3))
		}
		check(t, cmd.Process.Kill())
		_ = cmd.Wait() // it was killed
		o := twoHours
		o.Dir = dir
		s := open(t, o)
		n, err := count(s, "spread")
		check(t, err)
		switch {
		case n == blocks:
			all++
		case n == 0 && round > 0:
			none++
		default:
			t.Errorf("round %d: %d of %d samples", round, n, blocks)
		}
		if _, err := os.Stat(filepath.Join(dir, importDir)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("round %d: the folder is left: %v", round, err)
		}
		check(t, s.Close())
	}
	t.Logf("nothing there in %d rounds, all in %d", none, all)
}

func TestImportBesideCompaction(t *testing.T) {
	s := open(t, twoHours)
	// Memory that is due to be written goes first.
	for n := range int64(5 * 60) {
		put(t, s, series("live"), sample{now() - (5*60-n)*60_000, 1})
	}
	if !s.db.Head().OverlapsClosedInterval(now()-4*3_600_000, now()) {
		t.Fatal("nothing in memory")
	}
	if r, err := s.Import(t.Context(), strings.NewReader(spread(3)), ImportOptions{}); err != nil || r.Blocks != 3 {
		t.Error(r, err)
	}
	if n, err := count(s, "live"); n != 300 || err != nil {
		t.Errorf("%d live samples, %v", n, err)
	}
	if n, err := count(s, "spread"); n != 3 || err != nil {
		t.Errorf("%d imported samples, %v", n, err)
	}
	// Afterwards compaction goes on.
	s.installer.mu.Lock()
	busy := s.installer.busy
	s.installer.mu.Unlock()
	if busy {
		t.Error("compaction is still held up")
	}
}

func TestImportOfManyRuns(t *testing.T) {
	s := open(t, Options{})
	var b strings.Builder
	const perSeries, all = 400, 7
	for n := range perSeries {
		for x := range all { // by time, the later ones first
			fmt.Fprintf(&b, "m{x=\"%d\"} %d @%d\n", x, n*all+x, (perSeries-n)*600)
		}
	}
	r, err := s.Import(t.Context(), strings.NewReader(at(b.String()+"# EOF\n")), ImportOptions{sortSamples: 100})
	if err != nil || r.Samples != perSeries*all || r.Series != all || r.Blocks < 2 {
		t.Fatal(r, err)
	}
	got := raw(t, s, "m")
	for x := range all {
		samples := got[series("m", "x", strconv.Itoa(x)).String()]
		if len(samples) != perSeries {
			t.Fatalf("%d samples of %d", len(samples), x)
		}
		for i, y := range samples {
			if want := (sample{(day + int64(i+1)*600) * 1000, float64((perSeries-1-i)*all + x)}); y != want {
				t.Fatalf("sample %d of %d is %v, want %v", i, x, y, want)
			}
		}
	}
	contradiction := at("m{x=\"0\"} 77 @600\n") + at(b.String()) + "# EOF\n"
	if _, err := s.Import(t.Context(), strings.NewReader(contradiction), ImportOptions{sortSamples: 100}); !errs.Is(err, errs.Invalid) || !strings.Contains(err.Error(), "than line 1 ") {
		t.Errorf("a contradiction in different runs: %v", err)
	}
}
