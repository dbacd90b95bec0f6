package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/tsdb/tsdbutil"
)

func logger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func open(t testing.TB, o Options) *Store {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	o.Logger = logger(t)
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func waitFor(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline, tick := time.After(20*time.Second), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}

// now is the present, without the milliseconds.
func now() int64 { return time.Now().Truncate(time.Second).UnixMilli() }

type sample struct {
	T int64
	V float64
}

// put stores samples of one series in one batch and returns what came of them.
func put(t testing.TB, s *Store, l labels.Labels, samples ...sample) (Outcome, []error) {
	t.Helper()
	a := s.Appender(t.Context())
	var errs []error
	for _, x := range samples {
		if _, err := a.Append(0, l, x.T, x.V); err != nil {
			errs = append(errs, err)
		}
	}
	out, err := a.Commit()
	if err != nil {
		t.Fatal(err)
	}
	return out, errs
}

// raw returns every stored sample that a query sees, by series.
func raw(t testing.TB, s *Store, selector string) map[string][]sample {
	t.Helper()
	engine, err := NewPromQL(PromQLOptions{Logger: logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	q, err := engine.NewInstantQuery(t.Context(), s, nil, selector+"[100d]", time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	res := q.Exec(t.Context())
	if res.Err != nil {
		t.Fatal(res.Err)
	}
	got := map[string][]sample{}
	for _, series := range res.Value.(promql.Matrix) {
		for _, p := range series.Floats {
			got[series.Metric.String()] = append(got[series.Metric.String()], sample{p.T, p.F})
		}
	}
	return got
}

func series(name string, kv ...string) labels.Labels {
	return labels.FromStrings(append([]string{labels.MetricName, name}, kv...)...)
}

func TestAppendAndQuery(t *testing.T) {
	s := open(t, Options{})
	t0 := now()
	a := s.Appender(t.Context())
	ref, err := a.Append(0, series("load", "instance", "a"), t0-10_000, 1)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := a.Append(ref, labels.EmptyLabels(), t0, 2); err != nil || again != ref {
		t.Fatalf("append by ref: %d, %v, want %d", again, err, ref)
	}
	out, err := a.Commit()
	if err != nil || out.Stored != 2 || out.RefusedTotal() != 0 {
		t.Fatalf("commit: %+v, %v", out, err)
	}
	want := map[string][]sample{`{__name__="load", instance="a"}`: {{t0 - 10_000, 1}, {t0, 2}}}
	if d := cmp.Diff(want, raw(t, s, "load")); d != "" {
		t.Error(d)
	}
	if s.Series() != 1 {
		t.Errorf("%d series, want 1", s.Series())
	}
}

func TestRollback(t *testing.T) {
	s := open(t, Options{})
	a := s.Appender(t.Context())
	if _, err := a.Append(0, series("gone"), now(), 1); err != nil {
		t.Fatal(err)
	}
	if err := a.Rollback(); err != nil {
		t.Fatal(err)
	}
	if got := raw(t, s, "gone"); len(got) != 0 {
		t.Errorf("rolled back, yet there is %v", got)
	}
}

func TestRefusals(t *testing.T) {
	t0 := now()
	day := 24 * time.Hour.Milliseconds()
	wide := make([]string, 0, 200)
	for i := range 70 {
		wide = append(wide, fmt.Sprintf("l%02d", i), "v")
	}
	for name, c := range map[string]struct {
		labels labels.Labels
		sample sample
		want   Reason
	}{
		"future":         {series("x"), sample{t0 + 11*60_000, 1}, ReasonFuture},
		"too old":        {series("x"), sample{t0 - 26*day/24 - 1000, 1}, ReasonTooOld},
		"duplicate":      {series("x"), sample{t0, 2}, ReasonDuplicate},
		"no name":        {labels.FromStrings("a", "b"), sample{t0, 1}, ReasonInvalidLabels},
		"no labels":      {labels.EmptyLabels(), sample{t0, 1}, ReasonInvalidLabels},
		"not UTF-8":      {series("x", "a", "\xff"), sample{t0, 1}, ReasonInvalidUTF8},
		"many labels":    {series("x", wide...), sample{t0, 1}, ReasonLimitLabels},
		"long name":      {series("x", strings.Repeat("n", 257), "v"), sample{t0, 1}, ReasonLimitLabelName},
		"long value":     {series("x", "a", strings.Repeat("v", 4097)), sample{t0, 1}, ReasonLimitLabelValue},
		"too many in db": {series("third"), sample{t0, 1}, ReasonLimitSeries},
	} {
		t.Run(name, func(t *testing.T) {
			reg := prometheus.NewRegistry()
			s := open(t, Options{Registerer: reg, MaxSeries: 2})
			put(t, s, series("x"), sample{t0, 1})
			put(t, s, series("y"), sample{t0, 1})
			out, errs := put(t, s, c.labels, c.sample)
			if len(errs) != 1 {
				t.Fatalf("errors %v, want one refusal", errs)
			}
			var r *Refusal
			if !errors.As(errs[0], &r) || r.Reason != c.want {
				t.Fatalf("refused as %v, want %s", errs[0], c.want)
			}
			if out.Stored != 0 || out.Refused[c.want] != 1 || out.RefusedTotal() != 1 {
				t.Errorf("outcome %+v", out)
			}
			for reason, counter := range s.self.dropped {
				if n := testutil.ToFloat64(counter); (Reason(reason) == c.want) != (n == 1) {
					t.Errorf("counted %v as %s", n, Reason(reason))
				}
			}
			if d := cmp.Diff(map[string][]sample{`{__name__="x"}`: {{t0, 1}}}, raw(t, s, "x")); d != "" {
				t.Errorf("other samples are touched: %s", d)
			}
		})
	}
}

// One refused sample must not hinder its neighbours.
func TestRefusalKeepsBatch(t *testing.T) {
	s := open(t, Options{})
	t0 := now()
	out, errs := put(t, s, series("x"), sample{t0 - 1000, 1}, sample{t0 + 24*3600_000, 9}, sample{t0, 2})
	if out.Stored != 2 || out.Refused[ReasonFuture] != 1 || len(errs) != 1 {
		t.Fatalf("%+v, %v", out, errs)
	}
	want := map[string][]sample{`{__name__="x"}`: {{t0 - 1000, 1}, {t0, 2}}}
	if d := cmp.Diff(want, raw(t, s, "x")); d != "" {
		t.Error(d)
	}
}

// Agents resend what was not acknowledged: in order, behind the newest sample, and after the engine has put the first
// copy into a closed chunk, where it no longer sees the repetition.
func TestResendIsHarmless(t *testing.T) {
	s := open(t, Options{})
	l, t0 := series("x"), now()
	var want []sample
	for i := range int64(500) {
		want = append(want, sample{t0 - (500-i)*10_000, float64(i)})
	}
	recent, old := want[300:], want[:300]
	for range 2 {
		if out, errs := put(t, s, l, recent...); len(errs) != 0 || out.RefusedTotal() != 0 {
			t.Fatalf("in order: %+v %v", out, errs)
		}
	}
	for range 3 {
		if out, errs := put(t, s, l, old...); len(errs) != 0 || out.RefusedTotal() != 0 {
			t.Fatalf("backfill: %+v %v", out, errs)
		}
	}
	check := func(when string) {
		t.Helper()
		if d := cmp.Diff(map[string][]sample{`{__name__="x"}`: want}, raw(t, s, "x")); d != "" {
			t.Errorf("%s: %s", when, d)
		}
	}
	check("in memory")
	if err := s.db.CompactOOOHead(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("compacted")
	put(t, s, l, old...)
	check("resent after compaction")
	if err := s.db.CompactOOOHead(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("compacted again")
}

func TestUnknownRef(t *testing.T) {
	s := open(t, Options{})
	t0 := now()
	a := s.Appender(t.Context())
	if _, err := a.Append(4711, labels.EmptyLabels(), t0, 1); !errors.Is(err, ErrUnknownSeries) {
		t.Fatalf("got %v, want ErrUnknownSeries", err)
	}
	ref, err := a.Append(4711, series("x"), t0, 1)
	if err != nil || ref == 0 || ref == 4711 {
		t.Fatalf("ref %d, %v", ref, err)
	}
	if out, err := a.Commit(); err != nil || out.Stored != 1 || out.RefusedTotal() != 0 {
		t.Fatalf("%+v, %v", out, err)
	}
}

// A series leaves memory when it has had no sample for hours; refs held by streams must then be refused or mended.
func TestRefAfterHeadGC(t *testing.T) {
	s := open(t, Options{})
	t0 := now()
	a := s.Appender(t.Context())
	stale, err := a.Append(0, series("stale"), t0-12*3600_000, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Append(0, series("live"), t0, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := s.db.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	a = s.Appender(t.Context())
	if _, err := a.Append(stale, labels.EmptyLabels(), t0, 2); !errors.Is(err, ErrUnknownSeries) {
		t.Fatalf("got %v, want ErrUnknownSeries", err)
	}
	if _, err := a.Append(stale, series("stale"), t0, 2); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Commit(); err != nil {
		t.Fatal(err)
	}
	want := map[string][]sample{`{__name__="stale"}`: {{t0 - 12*3600_000, 1}, {t0, 2}}}
	if d := cmp.Diff(want, raw(t, s, "stale")); d != "" {
		t.Error(d)
	}
}

func TestStaleMarkerEndsSeries(t *testing.T) {
	s := open(t, Options{})
	t0 := now() - 60_000
	put(t, s, series("x"), sample{t0, 1}, sample{t0 + 10_000, StaleMarker()})
	engine, err := NewPromQL(PromQLOptions{Logger: logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[int64]int{t0 + 9_000: 1, t0 + 11_000: 0} {
		q, err := engine.NewInstantQuery(t.Context(), s, nil, "x", time.UnixMilli(at))
		if err != nil {
			t.Fatal(err)
		}
		v, err := q.Exec(t.Context()).Vector()
		if err != nil || len(v) != want {
			t.Errorf("%d series %d ms after the start, want %d (%v)", len(v), at-t0, want, err)
		}
		q.Close()
	}
}

func TestHistogram(t *testing.T) {
	s := open(t, Options{})
	t0 := now()
	a := s.Appender(t.Context())
	if _, err := a.AppendHistogram(0, series("h"), t0, tsdbutil.GenerateTestHistogram(3), nil); err != nil {
		t.Fatal(err)
	}
	bad := tsdbutil.GenerateTestHistogram(3)
	bad.Count = 0
	var r *Refusal
	if _, err := a.AppendHistogram(0, series("bad"), t0, bad, nil); !errors.As(err, &r) || r.Reason != ReasonInvalidHistogram {
		t.Errorf("got %v, want an invalid histogram", err)
	}
	if _, err := a.AppendHistogram(0, series("f"), t0, nil, &histogram.FloatHistogram{}); err != nil {
		t.Error(err)
	}
	if out, err := a.Commit(); err != nil || out.Stored != 2 || out.Refused[ReasonInvalidHistogram] != 1 {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestSurvivesReopen(t *testing.T) {
	dir, t0 := t.TempDir(), now()
	s := open(t, Options{Dir: dir})
	put(t, s, series("x"), sample{t0, 1})
	put(t, s, series("x"), sample{t0 - 3600_000, 7})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	want := map[string][]sample{`{__name__="x"}`: {{t0 - 3600_000, 7}, {t0, 1}}}
	if d := cmp.Diff(want, raw(t, open(t, Options{Dir: dir}), "x")); d != "" {
		t.Error(d)
	}
}

func TestClose(t *testing.T) {
	s := open(t, Options{})
	q, err := s.Querier(0, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	waitFor(t, "Close to begin", func() bool { return s.unavailable() != nil })
	select {
	case <-closed:
		t.Error("closed under a running query")
	default:
	}
	if _, err := s.Appender(t.Context()).Append(0, series("x"), now(), 1); !errors.Is(err, ErrStopped) {
		t.Errorf("append after close: %v", err)
	}
	if _, err := s.Querier(0, 1); err == nil {
		t.Error("query after close is answered")
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err != nil {
		t.Errorf("Run of a closed store: %v", err)
	}
}

func TestSelfMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, Registerer: reg})
	put(t, s, series("x"), sample{now(), 1})
	n, err := testutil.GatherAndCount(reg, "prometheus_tsdb_head_series", "picket_metrics_accepting")
	if err != nil || n != 2 {
		t.Errorf("%d families, %v", n, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := testutil.GatherAndCount(reg, "prometheus_tsdb_head_series"); err != nil || n != 0 {
		t.Errorf("engine's metrics outlive it: %d, %v", n, err)
	}
}

func TestOptions(t *testing.T) {
	day := 24 * time.Hour
	for name, c := range map[string]struct {
		in               Options
		retention, block time.Duration
		window           time.Duration
	}{
		"defaults":        {Options{}, 30 * day, 3 * day, 25 * time.Hour},
		"a year":          {Options{RetentionTime: 365 * day}, 365 * day, 31 * day, 25 * time.Hour},
		"short":           {Options{RetentionTime: 6 * time.Hour}, 6 * time.Hour, 2 * time.Hour, 25 * time.Hour},
		"for ever":        {Options{RetentionTime: -1}, 0, 31 * day, 25 * time.Hour},
		"chosen block":    {Options{MaxBlockDuration: 6 * time.Hour}, 30 * day, 6 * time.Hour, 25 * time.Hour},
		"no out of order": {Options{OutOfOrderWindow: -1}, 30 * day, 3 * day, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c.in.Dir, c.in.Logger = filepath.Join(t.TempDir(), "x"), logger(t)
			o, err := c.in.withDefaults()
			if err != nil {
				t.Fatal(err)
			}
			e := o.engine()
			got := []int64{e.RetentionDuration, e.MaxBlockDuration, e.OutOfOrderTimeWindow}
			want := []int64{c.retention.Milliseconds(), c.block.Milliseconds(), c.window.Milliseconds()}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
	for _, o := range []Options{{Dir: "x"}, {Logger: logger(t)}} {
		if _, err := Open(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}

func TestQuerySlots(t *testing.T) {
	q := newQuerySlots(1, 1)
	if _, err := q.Insert(t.Context(), "first"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	second := make(chan error)
	go func() { _, err := q.Insert(ctx, "second"); second <- err }()
	waitFor(t, "the second query to queue", func() bool { return q.waiting.Load() == 1 })
	var full promql.ErrQueryTimeout
	if _, err := q.Insert(t.Context(), "third"); !errors.As(err, &full) {
		t.Errorf("third query: %v, want a timeout", err)
	}
	cancel()
	if err := <-second; !errors.Is(err, context.Canceled) {
		t.Errorf("second query: %v", err)
	}
	q.Delete(0)
	if _, err := q.Insert(t.Context(), "fourth"); err != nil {
		t.Error(err)
	}
}
