package prometheus

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/picketmon/picket/collector/metrics"
	"github.com/picketmon/picket/internal/errs"
)

const form = "application/x-www-form-urlencoded"

// count returns the number of samples of up that queries see.
func (s *site) count(t testing.TB) (n int) {
	t.Helper()
	_, body := s.ask(t, http.MethodGet, "/query", url.Values{"query": {"up[1h]"}})
	for _, l := range decodeMatrix(t, body) {
		n += len(l.points)
	}
	return n
}

func TestDeleteSeries(t *testing.T) {
	second := func(n int) string { return start.Add(time.Duration(n) * time.Second).Format(time.RFC3339) }
	for name, tc := range map[string]struct {
		method string
		values url.Values
		left   int
	}{
		"one series":    {"POST", url.Values{"match[]": {`up{instance="a"}`}}, 3},
		"two selectors": {"PUT", url.Values{"match[]": {`up{instance="a"}`, `{instance="b"}`}}, 0},
		"from a time":   {"POST", url.Values{"match[]": {"up"}, "start": {second(10)}}, 2},
		"up to a time":  {"POST", url.Values{"match[]": {"up"}, "end": {second(10)}}, 2},
		"a range":       {"POST", url.Values{"match[]": {"up"}, "start": {second(10)}, "end": {second(10)}}, 4},
		"nothing fits":  {"POST", url.Values{"match[]": {"down"}}, 6},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, siteOptions{})
			s.fill(t)
			resp, body := s.ask(t, tc.method, "/admin/tsdb/delete_series", tc.values, "Content-Type", form)
			if resp.StatusCode != http.StatusNoContent || body != "" || len(s.audited) != 1 {
				t.Errorf("%d %s, audited %q", resp.StatusCode, body, s.audited)
			}
			if n := s.count(t); n != tc.left {
				t.Errorf("%d samples are left, want %d", n, tc.left)
			}
		})
	}
}

func TestDeleteSeriesRefuses(t *testing.T) {
	s := newSite(t, siteOptions{})
	s.fill(t)
	for name, tc := range map[string]struct {
		method string
		values url.Values
		status int
		text   string
	}{
		"no selector":      {"POST", url.Values{}, 400, "match[]: is missing"},
		"one is wrong":     {"POST", url.Values{"match[]": {"up", "{up"}}, 400, "{up: 1:4: parse error"},
		"everything":       {"POST", url.Values{"match[]": {"up", `{instance=~".*"}`}}, 400, "selects everything"},
		"empty braces":     {"POST", url.Values{"match[]": {"{}"}}, 400, "selects everything"},
		"times are wrong":  {"POST", url.Values{"match[]": {"up"}, "start": {"soon"}, "end": {"1e300"}}, 400, "end: \\\"1e300\\\" is no time"},
		"times are turned": {"POST", url.Values{"match[]": {"up"}, "start": {"2"}, "end": {"1"}}, 400, "start: is after end"},
		"a query":          {"GET", url.Values{"match[]": {"up"}}, 405, ""},
	} {
		resp, body := s.ask(t, tc.method, "/admin/tsdb/delete_series", tc.values, "Content-Type", form)
		if resp.StatusCode != tc.status || !strings.Contains(body, tc.text) {
			t.Errorf("%s: %d %s, want %d and %q", name, resp.StatusCode, body, tc.status, tc.text)
		}
	}
	if n := s.count(t); n != 6 || len(s.audited) != 0 {
		t.Errorf("%d samples are left, audited %q", n, s.audited)
	}
}

func TestDeleteSeriesByQueryParameters(t *testing.T) {
	s := newSite(t, siteOptions{})
	s.fill(t)
	q := url.Values{"match[]": {`up{instance="a"}`}, "start": {"0"}}
	if resp, body := s.ask(t, http.MethodPost, "/admin/tsdb/delete_series?"+q.Encode(), nil); resp.StatusCode != http.StatusNoContent || s.count(t) != 3 {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if resp, body := s.ask(t, http.MethodPut, "/admin/tsdb/clean_tombstones", nil); resp.StatusCode != http.StatusNoContent || body != "" || s.count(t) != 3 {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	want := []string{`series.delete {"match":["up{instance=\"a\"}"],"start":"0"}`, "series.clean null"}
	if diff := cmp.Diff(want, s.audited); diff != "" {
		t.Error(diff)
	}
}

// What can not be audited is not done.
func TestDeleteNeedsTheAuditLog(t *testing.T) {
	s := newSite(t, siteOptions{})
	s.fill(t)
	d := deletion{store: s.store, logger: logger(t), parser: parser.NewParser(parser.Options{}), audit: func(context.Context, string, map[string]any) error {
		return errs.New(errs.Unavailable, "no audit log")
	}}
	w := httptest.NewRecorder()
	d.deleteSeries(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/?match[]=up", nil))
	if w.Code != http.StatusServiceUnavailable || s.count(t) != 6 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestStorageError(t *testing.T) {
	plain := errors.New("plain")
	for err, want := range map[error]errs.Code{metrics.ErrDiskFull: errs.Unavailable, metrics.ErrStopped: errs.Unavailable, plain: errs.Internal} {
		if got := errs.Kind(storageError(err)); got != want {
			t.Errorf("%v is %s, want %s", err, got, want)
		}
	}
}
