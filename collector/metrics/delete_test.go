package metrics

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

func matchers(t testing.TB, selector string) []*labels.Matcher {
	t.Helper()
	m, err := parser.NewParser(parser.Options{}).ParseMetricSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// listed is what a store says it has: names by label values, names of series, and names that the finder knows.
type listed struct{ Values, Series, Found []string }

func list(t testing.TB, s *Store) (l listed) {
	t.Helper()
	q, err := s.Querier(math.MinInt64, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	values, _, err := q.LabelValues(t.Context(), model.MetricNameLabel, nil)
	if err != nil {
		t.Fatal(err)
	}
	l.Values = append(l.Values, values...)
	set := q.Select(t.Context(), true, &storage.SelectHints{Start: math.MinInt64, End: math.MaxInt64, Func: "series"}, matchers(t, `{__name__!=""}`)...)
	for set.Next() {
		l.Series = append(l.Series, set.At().Labels().Get(model.MetricNameLabel))
	}
	if err := set.Err(); err != nil {
		t.Fatal(err)
	}
	f, err := NewFinder(s, newCatalog(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	found, err := f.Find(t.Context(), "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range found.Names {
		l.Found = append(l.Found, n.Name)
	}
	return l
}

// intoBlocks writes what is in memory into blocks.
func intoBlocks(t testing.TB, s *Store) {
	t.Helper()
	head := s.db.Head()
	if err := s.db.CompactHead(tsdb.NewRangeHead(head, head.MinTime(), head.MaxTime())); err != nil {
		t.Fatal(err)
	}
}

func named(name, instance string) labels.Labels {
	return labels.FromStrings(model.MetricNameLabel, name, "instance", instance)
}

func deleteAll(t testing.TB, s *Store, selector string) {
	t.Helper()
	if err := s.Delete(t.Context(), math.MinInt64, math.MaxInt64, matchers(t, selector)...); err != nil {
		t.Fatal(err)
	}
}

func TestDeletedSeriesInMemoryAreGoneAtOnce(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	at := now()
	for _, l := range []labels.Labels{named("gone", "a"), named("gone", "b"), named("half", "a"), named("half", "b"), named("stays", "a")} {
		put(t, s, l, sample{at - 2000, 1}, sample{at - 1000, 2})
	}
	deleteAll(t, s, "gone")
	deleteAll(t, s, `half{instance="a"}`)
	want := listed{Values: []string{"half", "stays"}, Series: []string{"half", "stays"}, Found: []string{"half", "stays"}}
	if diff := cmp.Diff(want, list(t, s)); diff != "" {
		t.Error(diff)
	}
	if s.Series() != 2 {
		t.Errorf("%d series in memory", s.Series())
	}
	// Whoever still sends the series starts it anew.
	put(t, s, named("gone", "a"), sample{at, 3})
	check := func(s *Store) {
		t.Helper()
		if diff := cmp.Diff(map[string][]sample{named("gone", "a").String(): {{at, 3}}}, raw(t, s, "gone")); diff != "" {
			t.Error(diff)
		}
	}
	check(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: dir})
	check(s)
	want = listed{Values: []string{"gone", "half", "stays"}, Series: []string{"gone", "half", "stays"}, Found: []string{"gone", "half", "stays"}}
	if diff := cmp.Diff(want, list(t, s)); diff != "" {
		t.Errorf("after a restart %s", diff)
	}
}

func TestDeleteOfATimeRange(t *testing.T) {
	s := open(t, Options{})
	at, l := now(), named("a", "x")
	put(t, s, l, sample{at - 9000, 1}, sample{at - 8000, 2})
	intoBlocks(t, s)
	put(t, s, l, sample{at - 3000, 3}, sample{at - 2000, 4}, sample{at - 1000, 5})
	put(t, s, l, sample{at - 5000, 6}, sample{at - 4000, 7}) // out of order
	if err := s.Delete(t.Context(), at-8000, at-2000, matchers(t, "a")...); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string][]sample{l.String(): {{at - 9000, 1}, {at - 1000, 5}}}, raw(t, s, "a")); diff != "" {
		t.Error(diff)
	}
	if err := s.Delete(t.Context(), at-1000, at-9000, matchers(t, "a")...); err != nil || len(raw(t, s, "a")[l.String()]) != 2 {
		t.Errorf("a range that ends before it begins: %v", err)
	}
}

func TestDeleteOutOfOrderSamples(t *testing.T) {
	s := open(t, Options{})
	at := now()
	put(t, s, named("late", "x"), sample{at, 1}, sample{at - 3_600_000, 2}, sample{at - 7_200_000, 3})
	put(t, s, named("other", "x"), sample{at, 1}, sample{at - 3_600_000, 2})
	deleteAll(t, s, "late")
	if got := raw(t, s, "late"); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
	if got := raw(t, s, "other"); len(got[named("other", "x").String()]) != 2 {
		t.Errorf("the other has %v", got)
	}
}

func TestDeletedSeriesInBlocks(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	at := now() - 4*3_600_000
	for _, name := range []string{"gone", "elsewhere", "stays"} {
		put(t, s, named(name, "a"), sample{at, 1})
	}
	intoBlocks(t, s)
	put(t, s, named("elsewhere", "a"), sample{now(), 2})
	if err := s.Delete(t.Context(), math.MinInt64, at+1000, matchers(t, `{__name__=~"gone|elsewhere"}`)...); err != nil {
		t.Fatal(err)
	}
	// The block's index still has the name: queries, series and the finder do not.
	want := listed{Values: []string{"elsewhere", "gone", "stays"}, Series: []string{"elsewhere", "stays"}, Found: []string{"elsewhere", "stays"}}
	if diff := cmp.Diff(want, list(t, s)); diff != "" {
		t.Error(diff)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: dir})
	if diff := cmp.Diff(want, list(t, s)); diff != "" {
		t.Errorf("after a restart %s", diff)
	}
	if err := s.CleanTombstones(); err != nil {
		t.Fatal(err)
	}
	want.Values = want.Series
	if diff := cmp.Diff(want, list(t, s)); diff != "" {
		t.Errorf("after cleaning %s", diff)
	}
	if got := raw(t, s, "stays"); len(got) != 1 {
		t.Errorf("stays is %v", got)
	}
}

// Samples that arrive while their series is deleted are not lost, whichever way it goes.
func TestDeleteBesideAppends(t *testing.T) {
	s := open(t, Options{})
	l, at := named("busy", "a"), now()
	put(t, s, l, sample{at - 1000, 0})
	ctx, cancel := context.WithCancel(t.Context())
	last := make(chan int64)
	go func() {
		var ref Ref
		t, v := at, 0.0
		for ctx.Err() == nil {
			a := s.Appender(ctx)
			got, err := Ref(0), ErrUnknownSeries
			if ref != 0 {
				got, err = a.Append(ref, labels.EmptyLabels(), t, v)
			}
			if errors.Is(err, ErrUnknownSeries) {
				got, err = a.Append(0, l, t, v)
			}
			if err != nil {
				break
			}
			if _, err := a.Commit(); err != nil {
				break
			}
			ref, t, v = got, t+1, v+1
		}
		last <- t
	}()
	for range 20 {
		if err := s.Delete(t.Context(), math.MinInt64, at-1, matchers(t, "busy")...); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	n := <-last - at
	got := raw(t, s, "busy")[l.String()]
	if int64(len(got)) < n-1 || n == 0 { // the last one may have been cancelled
		t.Errorf("%d of %d samples are left", len(got), n)
	}
	for i, x := range got {
		if x != (sample{at + int64(i), float64(i)}) {
			t.Fatalf("sample %d is %v", i, x)
		}
	}
}

func TestDeleteWhenClosed(t *testing.T) {
	s := open(t, Options{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), 0, 1, matchers(t, "a")...); !errors.Is(err, tsdb.ErrNotReady) {
		t.Errorf("delete: %v", err)
	}
	if err := s.CleanTombstones(); !errors.Is(err, tsdb.ErrNotReady) {
		t.Errorf("clean: %v", err)
	}
	full := open(t, Options{MinFreeBytes: math.MaxInt64})
	full.watchSpace(t.Context())
	if err := full.Delete(t.Context(), 0, time.Now().UnixMilli(), matchers(t, "a")...); !errors.Is(err, ErrDiskFull) {
		t.Errorf("delete on a full disk: %v", err)
	}
}
