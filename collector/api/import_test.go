package api_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

const importPath = "/api/v1/imports/openmetrics"

// header sets a header of a request.
func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func zipped(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, text)
	check(t, errors.Join(err, w.Close()))
	return b.String()
}

// stored returns the samples of all series, as name, demo, time and value.
func (b *bench) stored() (out []string) {
	b.t.Helper()
	q, err := b.store.Querier(0, math.MaxInt64)
	check(b.t, err)
	defer q.Close()
	set := q.Select(context.Background(), true, nil, labels.MustNewMatcher(labels.MatchNotEqual, model.MetricNameLabel, ""))
	for set.Next() {
		l := set.At().Labels()
		for it := set.At().Iterator(nil); it.Next() != 0; {
			at, v := it.At()
			out = append(out, fmt.Sprintf("%s %s %d %g", l.Get(model.MetricNameLabel), l.Get("demo"), at/1000, v))
		}
	}
	check(b.t, set.Err())
	return out
}

func TestImport(t *testing.T) {
	b := newBench(t)
	at := time.Now().Add(-7 * 24 * time.Hour).Unix()
	text := fmt.Sprintf("# TYPE a gauge\n# HELP a What.\na{x=\"y\"} 1 %d\na{x=\"y\"} 2 %d\nb 3 %d # {t=\"u\"} 1\nb 3 %d\n# EOF\n", at, at+60, at, at)
	old := strings.Replace(text, "# EOF\n", fmt.Sprintf("b 4 %d\n# EOF\n", at-100*86400), 1)

	r := b.must(http.StatusOK, "operator", "POST", importPath+"?label=demo%3Dtrue", old, header("Content-Type", "application/openmetrics-text; version=1.0.0"))
	same(t, "result", map[string]any{
		"samples": 3.0, "series": 2.0, "blocks": 1.0, "too_old": 1.0, "duplicates": 1.0, "exemplars": 1.0, "metadata": 1.0,
		"min_time": time.Unix(at, 0).UTC().Format(time.RFC3339), "max_time": time.Unix(at+60, 0).UTC().Format(time.RFC3339),
	}, r.body)
	want := []string{fmt.Sprintf("a true %d 1", at), fmt.Sprintf("a true %d 2", at+60), fmt.Sprintf("b true %d 3", at)}
	same(t, "stored", want, b.stored())
	found := b.must(http.StatusOK, "viewer", "GET", "/api/v1/metric-names?search=a", "")
	same(t, "metadata", any(map[string]any{"name": "a", "type": "gauge", "help": "What."}), found.item("items").([]any)[0])

	b.must(http.StatusOK, "operator", "POST", importPath+"?label=demo=true", zipped(t, text), header("Content-Encoding", "gzip"))
	same(t, "stored once more", want, b.stored())

	log := b.must(http.StatusOK, "admin", "GET", "/api/v1/audit-log?action=metric.import", "")
	same(t, "who imported", []string{"operator", "operator"}, log.names("actor_name"))
	detail := log.item("items").([]any)[1].(map[string]any)["detail"].(map[string]any)
	same(t, "what", []any{map[string]any{"demo": "true"}, 3.0, 1.0}, []any{detail["labels"], detail["samples"], detail["too_old"]})
}

func TestImportRefuses(t *testing.T) {
	b := newBench(t)
	at := time.Now().Unix() - 3600
	good := fmt.Sprintf("a 1 %d\n# EOF\n", at)
	for name, tc := range map[string]struct {
		query, body string
		change      func(*http.Request)
		status      int
		fields      []string
		text        string
	}{
		"problems":           {"", "a 1\n\nb 1\n", nil, 400, []string{"line 1", "line 2", "line 3", "line 3"}, "has no timestamp"},
		"nothing":            {"", "", nil, 400, []string{"line 1"}, "# EOF"},
		"no label":           {"?label=x", good, nil, 400, []string{"label"}, "is not name=value"},
		"a label twice":      {"?label=x=1&label=x=2", good, nil, 400, []string{"label"}, "given twice"},
		"the metric's name":  {"?label=__name__=x", good, nil, 400, nil, "cannot be set"},
		"another parameter":  {"?labels=x", good, nil, 400, []string{"labels"}, "unknown query parameter"},
		"OpenMetrics 2":      {"", good, header("Content-Type", "application/openmetrics-text; version=2.0.0"), 400, nil, "only 1.0"},
		"a form":             {"", good, header("Content-Type", "multipart/form-data; boundary=x"), 400, nil, "not a form"},
		"another encoding":   {"", good, header("Content-Encoding", "zstd"), 400, nil, `"zstd" is not known`},
		"no gzip":            {"", good, header("Content-Encoding", "gzip"), 400, nil, "gzip stream is broken"},
		"half a gzip":        {"", zipped(t, good)[:20], header("Content-Encoding", "gzip"), 400, nil, "gzip stream is broken"},
		"too large":          {"", strings.Repeat("x", 1<<20) + "\n", nil, 413, nil, "larger than 1048576"},
		"too large unpacked": {"", zipped(t, strings.Repeat("a 1 1\n", 1<<18)), header("Content-Encoding", "gzip"), 413, nil, "longer than 1048576"},
	} {
		var change []func(*http.Request)
		if tc.change != nil {
			change = append(change, tc.change)
		}
		r := b.must(tc.status, "operator", "POST", importPath+tc.query, tc.body, change...)
		_, fields := r.kind()
		if !strings.Contains(strings.ReplaceAll(r.text, `\"`, `"`), tc.text) {
			t.Errorf("%s: %s, want %q", name, r.text, tc.text)
		}
		same(t, name, tc.fields, fields)
	}
	same(t, "stored", []string(nil), b.stored())
	same(t, "audited", 0, len(b.must(http.StatusOK, "admin", "GET", "/api/v1/audit-log?action=metric.import", "").names("id")))
}

// While one text comes in, another is refused; a text that breaks off leaves nothing and makes room.
func TestImportOneAtATime(t *testing.T) {
	b := newBench(t)
	at := time.Now().Unix() - 3600
	in, out := io.Pipe()
	slow, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+importPath, in)
	check(t, err)
	slow.SetBasicAuth("operator", password)
	done := make(chan error, 1)
	go func() {
		res, err := http.DefaultTransport.RoundTrip(slow)
		if err == nil {
			err = fmt.Errorf("status %d", res.StatusCode)
			res.Body.Close()
		}
		done <- err
	}()
	_, err = fmt.Fprintf(out, "a 1 %d\n", at)
	check(t, err)
	good := fmt.Sprintf("b 1 %d\n# EOF\n", at)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range tick.C { // until the server has begun with the first one
		if r := b.do("operator", "POST", importPath, good); r.status == http.StatusConflict {
			break
		} else if r.status != http.StatusOK {
			t.Fatalf("%d %s", r.status, r.text)
		}
	}
	check(t, out.CloseWithError(errors.New("gone")))
	if err := <-done; err == nil {
		t.Error("the first one was answered")
	}
	for range tick.C {
		if r := b.do("operator", "POST", importPath, good); r.status == http.StatusOK {
			break
		} else if r.status != http.StatusConflict {
			t.Fatalf("%d %s", r.status, r.text)
		}
	}
	same(t, "stored", []string{fmt.Sprintf("b  %d 1", at)}, b.stored())
}
