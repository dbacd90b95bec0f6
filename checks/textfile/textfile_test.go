package textfile

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/checktest"
)

// spec is the check of the folder textfile in dir, whose files are all of one age.
func spec(dir string) checks.Spec {
	files, _ := filepath.Glob(filepath.Join(dir, "textfile", "*"))
	for _, f := range files {
		if err := os.Chtimes(f, time.Time{}, time.UnixMilli(1_699_999_999_500)); err != nil {
			panic(err)
		}
	}
	return Spec(Options{Dir: filepath.Join(dir, "textfile")})
}

func TestGolden(t *testing.T) { checktest.Golden(t, spec) }

func TestSuite(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "textfile"), "one.prom", "# TYPE a_total counter\na_total{x=\"1\"} 1\nb 2\n")
	checktest.Suite(t, checktest.Subject{Spec: spec(dir), Empty: Spec(Options{})})
}

func write(t testing.TB, dir, name, text string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	temporary := filepath.Join(dir, "."+name)
	if err := os.WriteFile(temporary, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temporary, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// run is one run of the check: its series without those of the check itself, and its error.
func run(t testing.TB, c checks.Check) (text string, err error) {
	t.Helper()
	rec := checktest.NewRecorder(time.Now())
	err = c.Run(t.Context(), rec)
	for _, p := range rec.Problems() {
		t.Error(p)
	}
	var kept strings.Builder
	for line := range strings.Lines(rec.Text()) {
		if !strings.Contains(line, "node_textfile_") {
			kept.WriteString(line)
		}
	}
	failed, _ := rec.Value("node_textfile_scrape_error")
	if (err != nil) != (failed == 1) {
		t.Errorf("node_textfile_scrape_error is %v, the error %v", failed, err)
	}
	return kept.String(), err
}

// TestFilesComeAndGo follows a folder through a day: nothing, files, other values, other series, a mistake, its repair.
func TestFilesComeAndGo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "textfile")
	c := &check{dir: dir}
	if _, err := run(t, c); err == nil {
		t.Error("no error without the folder")
	}
	step := func(want, wantErr string) {
		t.Helper()
		for range 2 { // the second time out of what was kept
			got, err := run(t, c)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if (wantErr == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), wantErr) {
				t.Errorf("error %v, want %q", err, wantErr)
			}
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	step("", "")
	write(t, dir, "b.prom", "b 1\n")
	step("untyped b 1\n", "")
	write(t, dir, "b.prom", "b 2\n")
	step("untyped b 2\n", "")
	write(t, dir, "b.prom", "b 2\nb_more 3\n")
	step("untyped b 2\nuntyped b_more 3\n", "")
	write(t, dir, "b.prom", "b {x=\"1\"} 3\n")
	step("untyped b{x=\"1\"} 3\n", "")
	write(t, dir, "b.prom", "# TYPE b gauge\nb{x=\"1\"} 4\n")
	step("gauge b{x=\"1\"} 4\n", "")
	write(t, dir, "a.prom", "# TYPE b gauge\nb{x=\"1\"} 5\n")
	step("gauge b{x=\"1\"} 5\n", "b.prom: series b{x=\"1\"} is in another file too")
	write(t, dir, "a.prom", "oops\n")
	step("gauge b{x=\"1\"} 4\n", "a.prom line 1: the value is missing")
	write(t, dir, "a.prom", "a 7\n")
	step("gauge b{x=\"1\"} 4\nuntyped a 7\n", "")
	if err := os.Remove(filepath.Join(dir, "b.prom")); err != nil {
		t.Fatal(err)
	}
	step("untyped a 7\n", "")
	if _, ok := c.Describe("b"); ok {
		t.Error("knows a metric of a file that is gone")
	}
}

func TestWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "good.prom", "good 1\n")
	if err := os.Mkdir(filepath.Join(dir, "folder.prom"), 0o755); err != nil {
		t.Fatal(err)
	}
	c := &check{dir: dir}
	if got, err := run(t, c); got != "untyped good 1\n" || err != nil {
		t.Errorf("with a folder: %q, %v", got, err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "link.prom")); err != nil {
		t.Fatal(err)
	}
	if got, err := run(t, c); got != "untyped good 1\n" || err == nil {
		t.Errorf("with a link to nowhere: %q, %v", got, err)
	}
}

func TestBounds(t *testing.T) {
	dir := t.TempDir()
	var many strings.Builder
	for i := range maxSeries - 1 {
		fmt.Fprintf(&many, "a{n=\"%d\"} 1\n", i)
	}
	write(t, dir, "a.prom", many.String())
	write(t, dir, "b.prom", "b 1\n")
	write(t, dir, "c.prom", "c 1\n")
	write(t, dir, "d.prom", strings.Repeat("# much\n", maxBytes/7+1))
	c := &check{dir: dir}
	got, err := run(t, c)
	if n := strings.Count(got, "\n"); n != maxSeries || !strings.Contains(got, "untyped b 1\n") {
		t.Errorf("%d series", n)
	}
	if err == nil || !strings.Contains(err.Error(), "c.prom is left out") || !strings.Contains(err.Error(), "1 more") {
		t.Error(err)
	}
	files := t.TempDir()
	for i := range maxFiles + 1 {
		write(t, files, fmt.Sprintf("%04d.prom", i), fmt.Sprintf("a{n=\"%d\"} 1\n", i))
	}
	got, err = run(t, &check{dir: files})
	if n := strings.Count(got, "\n"); n != maxFiles || err == nil || !strings.Contains(err.Error(), "more than 1000 text files") {
		t.Errorf("%d series, %v", n, err)
	}
}

func TestDescribe(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.prom", "# HELP x_seconds How long.\n# TYPE x_seconds histogram\nx_seconds_bucket{le=\"+Inf\"} 1\nx_seconds_sum 1\nx_seconds_count 1\n"+
		"# UNIT y furlongs\ny 1\n")
	c := &check{dir: dir}
	if _, err := run(t, c); err != nil {
		t.Fatal(err)
	}
	for _, want := range []checks.Metric{
		{Name: "x_seconds_sum", Kind: checks.KindCounter, Unit: "seconds", Help: "How long."},
		{Name: "x_seconds_count", Kind: checks.KindCounter, Help: "How long."},
		{Name: "y", Unit: "furlongs", Help: "Metric read from " + filepath.Join(dir, "a.prom")},
	} {
		got, ok := c.Describe(want.Name)
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("%s (-want +got):\n%s", want.Name, diff)
		}
	}
}

// TestSteadyFilesCostLittle keeps the promise that new values of the same series make next to nothing for the garbage collector.
func TestSteadyFilesCostLittle(t *testing.T) {
	dir := t.TempDir()
	var text strings.Builder
	for i := range 500 {
		if i%10 == 0 {
			fmt.Fprintf(&text, "# HELP m%d Help.\n# TYPE m%d gauge\n", i/10, i/10)
		}
		fmt.Fprintf(&text, "m%d{device=\"sda\",mode=\"%d\"} 1\n", i/10, i)
	}
	write(t, dir, "a.prom", text.String())
	c := &check{dir: dir}
	d := &checktest.Discard{At: time.Now()}
	if err := c.Run(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(20, func() { _ = c.Run(t.Context(), d) }); n > 100 {
		t.Errorf("%v allocations for %d series", n, d.Series/22)
	}
}

// FuzzParse holds the parser to Prometheus' own: what it takes, that takes too, with the same series and values.
func FuzzParse(f *testing.F) {
	for _, file := range checktest.Files(f, "testdata") {
		files, err := filepath.Glob(filepath.Join(checktest.Extract(f, file), "textfile", "*.prom"))
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range files {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p := parser{old: &file{}, path: "x.prom", limit: maxSeries}
		if p.parse(data) != nil {
			return
		}
		again := parser{old: &file{samples: p.samples, families: p.families}, path: "x.prom", limit: maxSeries}
		if err := again.parse(data); err != nil || again.differs {
			t.Errorf("the same once more: differs %v, %v", again.differs, err)
		}
		for i, s := range again.samples {
			if was := p.samples[i]; was.key() != s.key() || was.kind != s.kind || math.Float64bits(was.value) != math.Float64bits(s.value) {
				t.Errorf("the same once more: %v, then %v", was, s)
			}
		}
		compare(t, data, p.samples)
	})
}

func compare(t *testing.T, data []byte, ours []sample) {
	if bytes.Contains(data, []byte("TYPE")) {
		return // families of several series demand labels of their own
	}
	for _, blank := range []string{" ", "\t"} { // which may end a line here, and may not there
		for bytes.Contains(data, []byte(blank+"\n")) {
			data = bytes.ReplaceAll(data, []byte(blank+"\n"), []byte("\n"))
		}
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("we take what Prometheus refuses: %v", err)
	}
	theirs := map[string]float64{}
	for name, f := range families {
		for _, m := range f.Metric {
			s := sample{name: name}
			for _, l := range m.Label {
				if l.GetValue() != "" {
					s.labels = append(s.labels, l.GetName(), l.GetValue())
				}
			}
			theirs[checktest.Sample{Name: name, Labels: s.labels}.Series()] = m.Untyped.GetValue()
		}
	}
	if len(theirs) != len(ours) {
		t.Errorf("%d series, Prometheus finds %d", len(ours), len(theirs))
	}
	for _, s := range ours {
		if _, ok := theirs[checktest.Sample{Name: s.name, Labels: s.labels}.Series()]; !ok && len(s.labels) <= 2 {
			t.Errorf("Prometheus has no %v", s)
		}
	}
}

func BenchmarkTextfile(b *testing.B) {
	dir := b.TempDir()
	write(b, dir, "a.prom", strings.Repeat("# comment\n", 10)+"a 1\nb 2\nc{x=\"1\"} 3\n")
	checktest.Bench(b, Spec(Options{Dir: dir}))
}
