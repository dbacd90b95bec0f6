package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/schollz/progressbar/v3"
)

const aText = "# TYPE a gauge\na 1 1\na 2 2\n# EOF\n"

// importer is a collector that takes one text.
type importer struct {
	*httptest.Server
	status         int
	answer         string
	query, headers string
	text           string
}

func newImporter(t *testing.T, status int, answer string) *importer {
	t.Helper()
	i := &importer{status: status, answer: answer}
	i.Server = httptest.NewServer(i)
	t.Cleanup(i.Close)
	return i
}

// ServeHTTP implements http.Handler.
func (i *importer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.query = r.Method + " " + r.URL.Path + "?" + r.URL.RawQuery
	i.headers = fmt.Sprintf("%s %s %d", r.Header.Get("Content-Type"), r.Header.Get("Content-Encoding"), r.ContentLength)
	if i.status != http.StatusForbidden {
		body, _ := io.ReadAll(r.Body)
		i.text = string(body)
	}
	w.WriteHeader(i.status)
	_, _ = io.WriteString(w, i.answer)
}

const anImport = `{"samples":2,"series":1,"blocks":1,"min_time":"2026-11-01T10:00:00Z","max_time":"2026-11-02T10:30:00Z","too_old":3,"duplicates":1,"exemplars":4,"metadata":1}`

func TestImport(t *testing.T) {
	file := filepath.Join(t.TempDir(), "text")
	check(t, os.WriteFile(file, []byte(aText), 0o600))
	i := newImporter(t, 200, anImport)
	u := newUser(t, i.URL)
	stdout, stderr := u.must("import", "openmetrics", file, "--label", "demo=true", "--label", "a=b=c")
	same(t, "text", aText, i.text)
	same(t, "query", "POST "+importPath+"?label=demo%3Dtrue&label=a%3Db%3Dc", i.query)
	same(t, "headers", fmt.Sprintf("application/openmetrics-text; version=1.0.0; charset=utf-8  %d", len(aText)), i.headers)
	same(t, "stdout", "stored 2 samples of 1 series, 2026-11-01 11:00 to 2026-11-02 11:30\n"+
		"left out 3 samples: older than the collector keeps samples\nleft out 1 sample: twice in the text\nleft out 4 exemplars: they are not stored\n", stdout)
	same(t, "stderr", "sent all, 33 B, 2 samples; the collector is storing it\n", stderr)

	stdout, _ = u.must("import", "openmetrics", file, "-o", "json")
	var got, want any
	check(t, json.Unmarshal([]byte(stdout), &got))
	check(t, json.Unmarshal([]byte(anImport), &want))
	same(t, "JSON", want, got)

	// Standard input, and a packed file.
	u.stdin = aText
	u.must("import", "openmetrics", "-")
	same(t, "text of standard input", aText, i.text)
	same(t, "headers of standard input", "application/openmetrics-text; version=1.0.0; charset=utf-8  -1", i.headers)
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, err := io.WriteString(w, aText)
	check(t, err)
	check(t, w.Close())
	check(t, os.WriteFile(file, zipped.Bytes(), 0o600))
	_, stderr = u.must("import", "openmetrics", file)
	same(t, "packed text", zipped.String(), i.text)
	if !strings.Contains(i.headers, " gzip ") || strings.Contains(stderr, "samples") {
		t.Errorf("packed: %s, %s", i.headers, stderr)
	}

	i.answer = `{"samples":0,"series":0,"blocks":0,"too_old":2}`
	stdout, _ = u.must("import", "openmetrics", file)
	same(t, "nothing", "nothing was stored: the text has no samples that are young enough\nleft out 2 samples: older than the collector keeps samples\n", stdout)
}

func TestImportFails(t *testing.T) {
	i := newImporter(t, 400, `{"error":{"kind":"invalid","message":"line 1: has no timestamp; line 7: is empty","fields":[`+
		`{"field":"line 1","message":"has no timestamp"},{"field":"line 7","message":"is \u001b[31mempty"}]}}`)
	u := newUser(t, i.URL)
	u.stdin = aText
	u.fails("nothing was stored, the collector refuses the text:\n  line 1: has no timestamp\n  line 7: is \uFFFD[31mempty", "import", "openmetrics", "-")
	i.status, i.answer = 409, `{"error":{"kind":"conflict","message":"another import is running: try again when it is done"}}`
	u.fails("another import is running", "import", "openmetrics", "-")
	// A refusal before the text is sent is told, too.
	i.status, i.answer, i.text = 403, `{"error":{"kind":"denied","message":"this needs the role operator"}}`, ""
	u.stdin = strings.Repeat(aText, 100_000)
	u.fails("not allowed: this needs the role operator", "import", "openmetrics", "-")
	same(t, "sent nevertheless", "", i.text)

	// A collector that goes away leaves nobody in doubt.
	i.Config.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.CopyN(io.Discard, r.Body, 1000)
		panic(http.ErrAbortHandler)
	})
	u.fails("All of the text is stored, or nothing", "import", "openmetrics", "-")

	u.fails("which file?", "import", "openmetrics")
	u.fails("is not name=value", "import", "openmetrics", "-", "--label", "x")
	u.fails("no such file", "import", "openmetrics", filepath.Join(t.TempDir(), "none"))
	u.fails("is a folder", "import", "openmetrics", t.TempDir())
}

func TestImportIsTheAPIs(t *testing.T) {
	raw, err := os.ReadFile("../../collector/api/testdata/openapi.json")
	check(t, err)
	var api struct {
		Paths      map[string]map[string]any
		Components struct {
			Schemas map[string]struct{ Properties map[string]any }
		}
	}
	check(t, json.Unmarshal(raw, &api))
	if api.Paths[importPath]["post"] == nil || api.Paths[agentsPath+"/{id}"]["delete"] == nil {
		t.Error("the API has no such operation")
	}
	fields := map[string]any{}
	text, err := json.Marshal(imported{})
	check(t, err)
	check(t, json.Unmarshal(text, &fields))
	for name := range fields {
		if _, ok := api.Components.Schemas["Import"].Properties[name]; !ok {
			t.Errorf("the API's Import has no %s", name)
		}
	}
}

// clock is a time that passes when it is asked for.
func clock(step time.Duration) func() time.Time {
	now := noon
	return func() time.Time {
		now = now.Add(step)
		return now
	}
}

func TestSendingInLines(t *testing.T) {
	var out bytes.Buffer
	s := newSending(&out, 4<<20, true, false)
	s.now = clock(2 * time.Second)
	line := strings.Repeat("a 1 1\n", 174_762) // about a MiB
	for range 4 {
		s.add([]byte("# HELP a b\n"))
		s.add([]byte(line[:5]))
		s.add([]byte(line[5:]))
	}
	s.all()
	s.all()
	s.end()
	first, _, _ := strings.Cut(out.String(), "\n")
	same(t, "first line", "sent 1.0 MiB of 4.0 MiB, 174762 samples, 17s left, 170.7 KiB/s", first)
	if !strings.HasSuffix(out.String(), "sent all, 4.0 MiB, 699048 samples; the collector is storing it\n") {
		t.Errorf("said %s", out.String())
	}
}

func TestSendingOnATerminal(t *testing.T) {
	var out bytes.Buffer
	s := newSending(&out, 1000, true, true)
	s.now = clock(time.Second)
	s.bar = newBar(&out, 1000, "sending", progressbar.OptionShowBytes(true), progressbar.OptionShowCount(), progressbar.OptionThrottle(0))
	s.add([]byte("a 1 1\nb 1 1\n"))
	s.add(bytes.Repeat([]byte("a 1 1\n"), 100))
	if text := out.String(); !strings.Contains(text, "61%") || !strings.Contains(text, "sending, 102 samples") || !strings.Contains(text, "(612 B/1.0 kB") {
		t.Errorf("drew %q", text)
	}
	s.end()
	whole := newSending(&out, -1, false, true)
	_, err := io.Copy(io.Discard, &sent{strings.NewReader(aText), whole})
	check(t, err)
	whole.end()
	whole.add([]byte("late"))
	if text := out.String(); !strings.Contains(text, "the collector is storing it") {
		t.Errorf("drew %q", text)
	}
}
