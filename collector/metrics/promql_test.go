package metrics

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"
)

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
