package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"

	"github.com/picketmon/picket/internal/errs"
)

// day is some time ago, far beyond the out-of-order window.
var day = time.Now().Add(-14*24*time.Hour).UTC().Truncate(24*time.Hour).Unix() + 6*3600

// at replaces @n by the second n of the day.
func at(text string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "@")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		end := 0
		for end < len(rest) && (rest[end] >= '0' && rest[end] <= '9') {
			end++
		}
		var n int64
		_, _ = fmt.Sscan(rest[:end], &n) // digits
		fmt.Fprint(&b, day+n)
		text = rest[end:]
	}
}

func importAt(t testing.TB, s *Store, text string, o ImportOptions) (ImportResult, error) {
	t.Helper()
	return s.Import(t.Context(), strings.NewReader(at(text)), o)
}

// seconds makes samples with times counted from the day.
func seconds(all ...sample) []sample {
	for i := range all {
		all[i].T = (day + all[i].T) * 1000
	}
	return all
}

const small = `# TYPE node_load1 gauge
# HELP node_load1 1m load average.
node_load1{instance="a"} 0.5 @0
node_load1{instance="a"} 0.75 @60
node_load1{instance="b"} 1e3 @60 # {trace="x"} 1 @60
# TYPE http_requests counter
# UNIT http_requests requests
http_requests_total{instance="a"} 7 @518400
# EOF
`

func TestImport(t *testing.T) {
	dir := t.TempDir()
	s, c := open(t, Options{Dir: dir}), newCatalog(t)
	put(t, s, series("node_load1", "instance", "a"), sample{now(), 9})
	c.Set("node_load1", Metadata{Unit: "load"})
	var confirmed ImportResult
	_, err := importAt(t, s, small, ImportOptions{Labels: map[string]string{"demo": "true", "instance": "z"}, Catalog: c})
	if err == nil || !strings.Contains(err.Error(), "line 5: has another value than line 4") {
		t.Fatalf("two series became one: %v", err)
	}
	result, err := importAt(t, s, small, ImportOptions{
		Labels: map[string]string{"demo": "true"}, Catalog: c, Confirm: func(r ImportResult) error { confirmed = r; return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	want := ImportResult{
		Samples: 4, Series: 3, Blocks: 2, MinTime: time.Unix(day, 0).UTC(), MaxTime: time.Unix(day+518400, 0).UTC(), Exemplars: 1, Metadata: 2,
	}
	if diff := cmp.Diff(want, result); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(result, confirmed); diff != "" {
		t.Errorf("told before it was done: %s", diff)
	}
	check := func(s *Store) {
		t.Helper()
		got := raw(t, s, `{demo="true"}`)
		if diff := cmp.Diff(map[string][]sample{
			series("node_load1", "demo", "true", "instance", "a").String():          seconds(sample{0, 0.5}, sample{60, 0.75}),
			series("node_load1", "demo", "true", "instance", "b").String():          seconds(sample{60, 1000}),
			series("http_requests_total", "demo", "true", "instance", "a").String(): seconds(sample{518400, 7}),
		}, got); diff != "" {
			t.Error(diff)
		}
		if got := raw(t, s, `node_load1{demo=""}`); len(got) != 1 {
			t.Errorf("what was there is %v", got)
		}
	}
	check(s)
	if diff := cmp.Diff(map[string]Metadata{
		"node_load1": {"gauge", "1m load average.", "load"}, "http_requests": {"counter", "", "requests"},
	}, c.All()); diff != "" {
		t.Error(diff)
	}
	// The same again changes nothing, not even after the blocks were merged.
	if again, err := importAt(t, s, small, ImportOptions{Labels: map[string]string{"demo": "true"}}); err != nil || again.Samples != 4 {
		t.Fatalf("%+v, %v", again, err)
	}
	check(s)
	put(t, s, series("later"), sample{now(), 1})
	intoBlocks(t, s) // now samples in order reach further than the import
	if err := s.db.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(s.db.Blocks()); n != 3 {
		t.Errorf("%d blocks, want 3", n)
	}
	check(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	check(open(t, Options{Dir: dir}))
	if _, err := os.Stat(filepath.Join(dir, importDir)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder of the import: %v", err)
	}
}

// Samples that come in order while old ones are imported survive a restart: imported blocks never count as in order.
func TestImportUpToNowAndRestart(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	steady, sec := series("steady"), time.Now().Unix()
	for n := int64(-300); n < 0; n++ {
		put(t, s, steady, sample{(sec + n) * 1000, float64(n)})
	}
	text := fmt.Sprintf("new 1 %d\nnew 2 %d\nnew 3 %d\n# EOF\n", sec-5, sec, sec+300)
	if r, err := s.Import(t.Context(), strings.NewReader(text), ImportOptions{}); err != nil || r.Samples != 3 {
		t.Fatal(r, err)
	}
	if err := s.db.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: dir})
	if n := len(raw(t, s, "steady")[steady.String()]); n != 300 {
		t.Errorf("%d samples after the restart", n)
	}
	if n := len(raw(t, s, "new")[series("new").String()]); n != 3 {
		t.Errorf("%d imported samples after the restart", n)
	}
	// And samples still come.
	if out, refused := put(t, s, steady, sample{(sec + 1) * 1000, 1}); out.Stored != 1 {
		t.Error(refused)
	}
}

func TestImportProblems(t *testing.T) {
	long := strings.Repeat("x", 300)
	for name, tc := range map[string]struct {
		text string
		want []string // parts of the problems, each with its line
	}{
		"no end":               {"a 1 @0\n", []string{"line 1: is the last line and not # EOF"}},
		"no end, no line feed": {"a 1 @0\nb", []string{`line 2: expected value after metric`, "line 2: is the last line and not # EOF"}},
		"nothing":              {"", []string{"line 1: is the last line and not # EOF"}},
		"cut in the end":       {"a 1 @0\n# EO", []string{"line 2: is a comment", "line 2: is the last line"}},
		"more after the end":   {"a 1 @0\n# EOF\nb 1 @0\n# EOF\n", []string{"line 2: there is more after # EOF"}},
		"two ends":             {"a 1 @0\n# EOF\n# EOF\n", []string{"line 2: there is more after # EOF"}},
		"an empty line":        {"a 1 @0\n\nb 1 @0\n# EOF\n", []string{"line 2: is empty"}},
		"a comment":            {"# made by hand\na 1 @0\n# EOF\n", []string{`line 1: is a comment; OpenMetrics has only`}},
		"carriage returns":     {"a 1 @0\r\n# EOF\n", []string{"line 1: ends with a carriage return"}},
		"no timestamp":         {"a 1\nb 1 @0\nc{x=\"y\"} 3\n# EOF\n", []string{"line 1: has no timestamp", "line 3: has no timestamp"}},
		"the future":           {"a 1 99999999999\n# EOF\n", []string{"line 1: lies in the future"}},
		"milliseconds":         {fmt.Sprintf("a 1 %d\n# EOF\n", day*1000), []string{"line 1: lies in the future: is its time in milliseconds?"}},
		"nanoseconds":          {fmt.Sprintf("a 1 %d000000000\n# EOF\n", day), []string{"line 1: lies in the future"}},
		"a huge time":          {"a 1 1e300\n# EOF\n", []string{"line 1: lies in the future"}},
		"no time":              {"a 1 NaN\n# EOF\n", []string{"line 1: invalid timestamp"}},
		"no number":            {"a one @0\n# EOF\n", []string{"line 1: "}},
		"a native histogram":   {`h {count:17,sum:324789.3,schema:3,zero_threshold:1e-4} @0` + "\n# EOF\n", []string{"line 1: has a native histogram"}},
		"one with labels":      {`h{a="b"} {count:17,sum:324789.3} @0` + "\n# EOF\n", []string{"line 1: has a native histogram"}},
		"a label twice":        {`a{x="1",x="2"} 1 @0` + "\n# EOF\n", []string{`line 1: has the label "x" twice`}},
		"no name":              {`{x="1"} 1 @0` + "\n# EOF\n", []string{"line 1: metric name not set"}},
		"a long label name":    {`a{` + long + `="1"} 1 @0` + "\n" + `a{` + long + `="1"} 2 @1` + "\n# EOF\n", []string{"line 1: label name"}},
		"no UTF-8":             {"a{x=\"\xff\"} 1 @0\n# EOF\n", []string{"line 1: invalid UTF-8"}},
		"an open quote":        {"a{x=\"1} 1 @0\nb 1 @0\n# EOF\n", []string{"line 1: "}},
		"a name of two lines":  {"{\"a\nb\"} 1 @0\n# EOF\n", []string{"line 1: ", "line 2: "}},
		"an unknown type":      {"# TYPE a colour\na 1 @0\n# EOF\n", []string{`line 1: invalid metric type "colour"`}},
		"a wrong unit":         {"# UNIT a seconds\na 1 @0\n# EOF\n", []string{`line 1: unit "seconds" not a suffix`}},
		"all kinds at once": {
			"a 1 @0\n\nb\nc 1\nd 1 99999999999\n# nothing\ne 1 @0\n", []string{
				"line 2: is empty", "line 3: expected value", "line 4: has no timestamp", "line 5: lies in the future", "line 6: is a comment",
				"line 7: is the last line",
			},
		},
		"contradictions": {
			"a 1 @0\na 2 @0\nb 1 @0\na 1 @1\na 3 @1\n# EOF\n", []string{
				"line 2: has another value than line 1", "line 5: has another value than line 4",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, Options{})
			_, err := importAt(t, s, tc.text, ImportOptions{})
			fields := errs.Fields(err)
			for i := range max(len(fields), len(tc.want)) {
				switch {
				case i >= len(tc.want):
					t.Errorf("also %s: %s", fields[i].Name, fields[i].Message)
				case i >= len(fields):
					t.Errorf("missing: %s", tc.want[i])
				case !strings.HasPrefix(fields[i].Name+": "+fields[i].Message, tc.want[i]):
					t.Errorf("%s: %s, want %s", fields[i].Name, fields[i].Message, tc.want[i])
				}
			}
			if got := raw(t, s, `{__name__!=""}`); len(got) != 0 || !errs.Is(err, errs.Invalid) {
				t.Errorf("stored %v, error %v", got, err)
			}
			left, err := filepath.Glob(filepath.Join(s.opts.Dir, importDir))
			if err != nil || len(left) != 0 {
				t.Errorf("left %v, %v", left, err)
			}
		})
	}
}

func TestImportTellsTheFirstHundredProblems(t *testing.T) {
	var b strings.Builder
	for n := range 300_000 {
		fmt.Fprintf(&b, "a 1 @%d\n", n)
		if n%3 == 0 {
			b.WriteString("a 1\n")
		}
	}
	_, err := importAt(t, open(t, Options{}), b.String(), ImportOptions{})
	fields := errs.Fields(err)
	if len(fields) != maxImportProblems+1 || fields[99].Name != "line 398" || fields[100].Message != "reading ended with the first 100 problems" {
		t.Errorf("%d problems, the last are %v", len(fields), fields[max(0, len(fields)-2):])
	}
}

func TestImportOptions(t *testing.T) {
	s := open(t, Options{RetentionTime: 20 * 24 * time.Hour})
	old := fmt.Sprintf("a 1 %d\na 2 %d\na 3 @0\n# EOF\n", day-30*86400, -5)
	if r, err := importAt(t, s, old, ImportOptions{}); err != nil || r.Samples != 1 || r.TooOld != 2 {
		t.Errorf("older than the retention: %+v, %v", r, err)
	}
	if r, err := importAt(t, s, "# EOF", ImportOptions{}); err != nil || r != (ImportResult{}) {
		t.Errorf("an empty text: %+v, %v", r, err)
	}
	if r, err := importAt(t, s, "b NaN @0\nb NaN @0\nb 1 @1\nb 1 @1\n# EOF\n", ImportOptions{}); err != nil || r.Samples != 2 || r.Duplicates != 2 {
		t.Errorf("twice the same: %+v, %v", r, err)
	}
	for name, bad := range map[string]ImportOptions{
		"no value": {Labels: map[string]string{"a": ""}}, "no name": {Labels: map[string]string{"": "x"}},
		"the metric's name": {Labels: map[string]string{model.MetricNameLabel: "x"}}, "no UTF-8": {Labels: map[string]string{"\xff": "x"}},
		"too long": {Labels: map[string]string{"a": strings.Repeat("x", 5000)}},
	} {
		if _, err := importAt(t, s, small, bad); !errs.Is(err, errs.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := importAt(t, s, small, ImportOptions{MaxBytes: 50}); !errs.Is(err, errs.TooLarge) {
		t.Errorf("too many bytes: %v", err)
	}
	if _, err := importAt(t, s, small, ImportOptions{MaxSeries: 1}); !errs.Is(err, errs.Invalid) || !strings.Contains(err.Error(), "one series too many, the limit is 1") {
		t.Errorf("too many series: %v", err)
	}
	if r, err := importAt(t, open(t, Options{MaxSeries: 3}), small, ImportOptions{}); err != nil || r.Series != 3 {
		t.Errorf("just as many series: %+v, %v", r, err)
	}
	no := errors.New("no")
	if _, err := importAt(t, s, small, ImportOptions{Confirm: func(ImportResult) error { return no }}); !errors.Is(err, no) || len(raw(t, s, "node_load1")) != 0 {
		t.Errorf("not confirmed: %v", err)
	}
	tight := open(t, Options{RetentionBytes: 100})
	if _, err := importAt(t, tight, small, ImportOptions{}); !errs.Is(err, errs.Unavailable) || len(raw(t, tight, "node_load1")) != 0 {
		t.Errorf("no room: %v", err)
	}
	full := open(t, Options{MinFreeBytes: math.MaxInt64 / 4})
	if _, err := importAt(t, full, small, ImportOptions{}); !errs.Is(err, errs.Unavailable) {
		t.Errorf("full disk: %v", err)
	}
}

// Times are rounded to milliseconds, not cut: whoever exports and imports again has the same times.
func TestImportKeepsMilliseconds(t *testing.T) {
	s := open(t, Options{})
	var b strings.Builder
	for ms := range 1000 {
		fmt.Fprintf(&b, "a{x=\"y\"} %d @%d.%03d # {t=\"x\"} 1 1\n", ms, 0, ms)
	}
	if r, err := importAt(t, s, b.String()+"# EOF\n", ImportOptions{}); err != nil || r.Samples != 1000 || r.Exemplars != 1000 {
		t.Fatalf("%+v, %v", r, err)
	}
	for i, x := range raw(t, s, "a")[series("a", "x", "y").String()] {
		if x.T != day*1000+int64(i) {
			t.Fatalf("sample %d is at %d", i, x.T-day*1000)
		}
	}
}

// The parser's memory of the type reaches over the ends of pieces.
func TestImportPieces(t *testing.T) {
	s := open(t, Options{})
	var b strings.Builder
	b.WriteString("# TYPE h histogram\n")
	const n = 40_000 // some pieces
	for i := range n {
		fmt.Fprintf(&b, "h_bucket{le=\"%d\",pad=\"%s\"} %d @%d\n", i%3, strings.Repeat("p", 20), i, i/3)
	}
	r, err := importAt(t, s, b.String()+"# EOF\n", ImportOptions{})
	if err != nil || r.Samples != n || r.Series != 3 || r.Blocks != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	got := raw(t, s, "h_bucket")
	for le := range 3 {
		all := got[series("h_bucket", "le", fmt.Sprintf("%d.0", le), "pad", strings.Repeat("p", 20)).String()]
		for i, x := range all {
			if x != (sample{(day + int64(i)) * 1000, float64(3*i + le)}) {
				t.Fatalf("le %d, sample %d: %v", le, i, x)
			}
		}
		if len(all) < n/3 {
			t.Errorf("le %d: %d samples", le, len(all))
		}
	}
	long := `a{x="` + strings.Repeat("y", importPiece) + `"} 1 @0`
	if _, err := importAt(t, s, "a 1 @0\n"+long+"\n# EOF\n", ImportOptions{}); err == nil || !strings.HasPrefix(err.Error(), "line 2: is longer than") {
		t.Errorf("a long line: %v", err)
	}
}

// failing is a text that ends with an error.
type failing struct {
	text string
	err  error
}

func (f *failing) Read(b []byte) (int, error) {
	if f.text == "" {
		return 0, f.err
	}
	n := copy(b, f.text)
	f.text = f.text[n:]
	return n, nil
}

func TestImportThatBreaksOff(t *testing.T) {
	s := open(t, Options{})
	if _, err := s.Import(t.Context(), &failing{at("a 1 @0\n"), io.ErrUnexpectedEOF}, ImportOptions{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Import(ctx, strings.NewReader(at(small)), ImportOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	// Whoever waits for the text does not hold up the end.
	r, w := io.Pipe()
	done := make(chan error)
	go func() {
		_, err := s.Import(context.Background(), r, ImportOptions{})
		done <- err
	}()
	if _, err := io.WriteString(w, at("a 1 @0\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := importAt(t, s, small, ImportOptions{}); !errs.Is(err, errs.Conflict) {
		t.Errorf("a second one: %v", err)
	}
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	<-s.failedc
	go func() { _, _ = io.WriteString(w, at("a 1 @1\n# EOF\n")); _ = w.Close() }()
	if err := <-done; !errs.Is(err, errs.Unavailable) {
		t.Errorf("while closing: %v", err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if _, err := importAt(t, s, small, ImportOptions{}); !errs.Is(err, errs.Unavailable) {
		t.Errorf("when closed: %v", err)
	}
}
