package hostfs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, f *hostfs.File, at time.Time) string {
	t.Helper()
	data, err := f.Acquire(at)
	defer f.Release()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestFileIsReadOncePerCycle(t *testing.T) {
	dir := t.TempDir()
	view := hostfs.New(hostfs.Options{Proc: dir})
	t.Cleanup(func() { _ = view.Close() })
	path := filepath.Join(dir, "stat")
	write(t, path, "one")
	at := time.UnixMilli(1000)
	a, b := view.Proc("stat"), view.Proc("stat")
	if a != b {
		t.Fatal("two files for one name")
	}
	if got := read(t, a, at); got != "one" {
		t.Fatalf("got %q", got)
	}
	write(t, path, "second")
	if got := read(t, b, at); got != "one" {
		t.Errorf("read again within the cycle: %q", got)
	}
	if got := read(t, b, at.Add(time.Second)); got != "second" {
		t.Errorf("next cycle reads %q", got)
	}
	write(t, path, "3")
	if got := read(t, b, time.Time{}); got != "3" {
		t.Errorf("the zero time reads %q", got)
	}
}

func TestFileGrowsAndShrinks(t *testing.T) {
	dir := t.TempDir()
	view := hostfs.New(hostfs.Options{Proc: dir})
	t.Cleanup(func() { _ = view.Close() })
	f := view.Proc("x")
	for _, n := range []int{0, 1, 511, 512, 513, 1024, 100_000, 3} {
		want := strings.Repeat("x", n)
		write(t, f.Path(), want)
		if got := read(t, f, time.Time{}); got != want {
			t.Errorf("%d bytes: got %d", n, len(got))
		}
	}
	write(t, f.Path(), strings.Repeat("x", 9<<20))
	_, err := f.Acquire(time.Time{})
	f.Release()
	if err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("9 MB: %v", err)
	}
}

func TestFileThatComesAndGoes(t *testing.T) {
	dir := t.TempDir()
	view := hostfs.New(hostfs.Options{Sys: dir})
	f := view.Sys("class/x")
	_, err := f.Acquire(time.Time{})
	f.Release()
	if !errors.Is(err, fs.ErrNotExist) || !errors.Is(hostfs.NoData(err), checks.ErrNoData) {
		t.Errorf("missing file: %v", err)
	}
	write(t, f.Path(), "1")
	if got := read(t, f, time.Time{}); got != "1" {
		t.Errorf("after it came: %q", got)
	}
	if err := view.Forget(f); err != nil {
		t.Fatal(err)
	}
	if again := view.Sys("class/x"); again == f {
		t.Error("forgotten file is still in the view")
	}
	if err := view.Close(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, f, time.Time{}); got != "1" {
		t.Errorf("after Close: %q", got)
	}
}

func TestFileFromManyGoroutines(t *testing.T) {
	dir := t.TempDir()
	view := hostfs.New(hostfs.Options{Proc: dir})
	t.Cleanup(func() { _ = view.Close() })
	write(t, filepath.Join(dir, "stat"), strings.Repeat("7", 5000))
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 50 {
				f := view.Proc("stat")
				data, err := f.Acquire(time.UnixMilli(int64(g * i)))
				if err != nil || string(data) != strings.Repeat("7", 5000) {
					t.Errorf("got %d bytes, %v", len(data), err)
				}
				f.Release()
			}
		})
	}
	wg.Wait()
}

func TestReadDoesNotAllocate(t *testing.T) {
	f := hostfs.New(hostfs.Options{}).Proc("self/stat")
	if _, err := os.Stat(f.Path()); err != nil {
		t.Skip(err)
	}
	read(t, f, time.Time{})
	if n := testing.AllocsPerRun(20, func() {
		if _, err := f.Acquire(time.Time{}); err != nil {
			t.Error(err)
		}
		f.Release()
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestPaths(t *testing.T) {
	view := hostfs.New(hostfs.Options{})
	for got, want := range map[string]string{
		view.ProcPath("stat"): "/proc/stat", view.SysPath("class"): "/sys/class",
		view.RunPath("udev"): "/run/udev", view.Root(): "/",
	} {
		if filepath.ToSlash(got) != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestLinesAndFields(t *testing.T) {
	for name, c := range map[string]struct {
		data string
		want string
	}{
		"empty":      {"", ""},
		"plain":      {"a b\nc\n", "1[a b]2[c]"},
		"no newline": {"a\n b\t\tc ", "1[a]2[b c]"},
		"blank":      {"\n \nx", "1[]2[]3[x]"},
	} {
		lines := hostfs.Lines{Data: []byte(c.data)}
		var got strings.Builder
		for {
			line, ok := lines.Next()
			if !ok {
				break
			}
			var fields [3][]byte
			n := hostfs.Fields(fields[:], line)
			var words []string
			for _, f := range fields[:n] {
				words = append(words, string(f))
			}
			fmt.Fprintf(&got, "%d[%s]", lines.N, strings.Join(words, " "))
		}
		if got.String() != c.want {
			t.Errorf("%s: got %s, want %s", name, got.String(), c.want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]float64{
		"0": 0, "12": 12, "18446744073709551615": 18446744073709551615, "0.28": 0.28, "-1": -1, "+3": 3, "1e3": 1000,
		"99999999999999999999999": 99999999999999999999999, "0007": 7,
	} {
		if got, ok := hostfs.Float([]byte(text)); !ok || got != want {
			t.Errorf("Float(%q) = %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", " ", "x", "1x", "0x10", "inf", "nan", "1_000", "1e999", "--1", "1 "} {
		if got, ok := hostfs.Float([]byte(text)); ok {
			t.Errorf("Float(%q) = %v", text, got)
		}
	}
	if v, ok := hostfs.Uint([]byte("18446744073709551615")); !ok || v != 1<<64-1 {
		t.Errorf("largest: %d, %v", v, ok)
	}
	for _, text := range []string{"", "18446744073709551616", "99999999999999999999", "-1", "1.0", "a"} {
		if got, ok := hostfs.Uint([]byte(text)); ok {
			t.Errorf("Uint(%q) = %v", text, got)
		}
	}
}

func FuzzNumbers(f *testing.F) {
	for _, s := range []string{"0", "18446744073709551615", "18446744073709551616", "-1.5e3", "0x1", "..", "1e"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		u, okUint := hostfs.Uint(b)
		v, okFloat := hostfs.Float(b)
		if okUint && (!okFloat || v != float64(u)) {
			t.Errorf("%q: Uint %d, Float %v %v", b, u, v, okFloat)
		}
	})
}

func TestCache(t *testing.T) {
	c := hostfs.Cache[int]{Max: 3}
	for i, k := range []string{"a", "b", "c"} {
		c.Put([]byte(k), i)
	}
	if v, ok := c.Get([]byte("b")); !ok || v != 1 {
		t.Errorf("b is %d, %v", v, ok)
	}
	c.Put([]byte("d"), 3)
	if _, ok := c.Get([]byte("a")); ok {
		t.Error("a full cache grew")
	}
	if v, ok := c.Get([]byte("d")); !ok || v != 3 {
		t.Errorf("d is %d, %v", v, ok)
	}

	var many hostfs.Cache[int]
	for i := range 300 {
		many.Put([]byte{byte(i), byte(i >> 8)}, i)
	}
	if many.Sweep(200); !has(&many, 0) {
		t.Error("swept entries that are in use")
	}
	if many.Sweep(2); has(&many, 0) {
		t.Error("did not sweep entries that are gone")
	}
}

func has(c *hostfs.Cache[int], i int) bool {
	_, ok := c.Get([]byte{byte(i), byte(i >> 8)})
	return ok
}

func TestStrings(t *testing.T) {
	var s hostfs.Strings
	if got := s.Get([]byte("eth\xff0")); got != "eth�0" {
		t.Errorf("invalid UTF-8 became %q", got)
	}
	name := []byte("eth0")
	s.Get(name)
	if n := testing.AllocsPerRun(10, func() { s.Get(name) }); n > 0 {
		t.Errorf("%v allocations for a known string", n)
	}
}

func TestProblems(t *testing.T) {
	var p hostfs.Problems
	p.Add(nil)
	if p.Err() != nil {
		t.Fatal(p.Err())
	}
	p.Line("/proc/stat", 3, "want a number", []byte(strings.Repeat("x", 100)))
	want := `parse /proc/stat line 3: want a number: "` + strings.Repeat("x", 60) + `"`
	if got := p.Err().Error(); got != want {
		t.Errorf("got %s", got)
	}
	p.Line("/proc/stat", 4, "want a number", nil)
	p.Add(errors.New("other"))
	var line *hostfs.LineError
	if err := p.Err(); !errors.As(err, &line) || line.Line != 3 || !strings.HasSuffix(err.Error(), "(and 2 more)") {
		t.Errorf("got %v", err)
	}
}
