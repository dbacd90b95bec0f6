package metrics

import (
	"errors"
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
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
	return labels.FromStrings(append([]string{model.MetricNameLabel, name}, kv...)...)
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
	case err := <-closed:
		t.Errorf("closed under a running query: %v", err)
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
