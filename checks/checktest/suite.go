package checktest

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/picketmon/picket/checks"
)

// Subject is what the Suite examines.
type Subject struct {
	// Spec is the check on a host that has something to measure.
	Spec checks.Spec
	// Empty is the check on a host that lacks all files. Leave New nil when every host has what the check measures.
	Empty checks.Spec
}

// Suite holds a check to the contract of checks.Check.
func Suite(t *testing.T, s Subject) {
	t.Helper()
	if err := s.Spec.Validate(); err != nil {
		t.Fatal(err)
	}
	t.Run("documented and stable", func(t *testing.T) { stable(t, s.Spec) })
	t.Run("two instances", func(t *testing.T) { instances(t, s.Spec) })
	t.Run("obeys a cancelled context", func(t *testing.T) { cancelled(t, s.Spec) })
	if s.Empty.New != nil {
		t.Run("no data on an empty host", func(t *testing.T) { empty(t, s.Empty) })
	}
}

func stable(t *testing.T, spec checks.Spec) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	check := newCheck(t, spec)
	defer closeCheck(t, check)
	at := time.UnixMilli(1_700_000_000_000)
	first := examine(t, spec, check, at)
	second := examine(t, spec, check, at.Add(10*time.Second))
	if len(first) == 0 {
		t.Error("reports nothing on a host that has something to measure")
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("series or their order differ in the second run (-first +second):\n%s", diff)
	}
}

// examine runs the check once and returns its series in order.
func examine(t *testing.T, spec checks.Spec, check checks.Check, at time.Time) []string {
	t.Helper()
	rec := NewRecorder(at)
	if err := check.Run(t.Context(), rec); err != nil {
		t.Errorf("Run: %v", err)
	}
	for _, p := range rec.Problems() {
		t.Error(p)
	}
	var series []string
	for _, s := range rec.Samples() {
		m, ok := spec.Lookup(s.Name)
		if d, describes := check.(checks.Describer); !ok && describes {
			m, ok = d.Describe(s.Name)
		}
		if !ok {
			t.Errorf("%s is not documented in Spec.Metrics", s.Name)
		} else if m.Kind != s.Kind {
			t.Errorf("%s is of kind %d, documented as %d", s.Name, s.Kind, m.Kind)
		}
		if math.IsNaN(s.Value) || math.IsInf(s.Value, 0) {
			t.Errorf("%s is %v", s.Series(), s.Value)
		}
		series = append(series, s.Series())
	}
	return series
}

func instances(t *testing.T, spec checks.Spec) {
	a, b := newCheck(t, spec), newCheck(t, spec)
	defer closeCheck(t, a)
	defer closeCheck(t, b)
	at := time.UnixMilli(1_700_000_000_000)
	done := make(chan []string)
	go func() { done <- examine(t, spec, b, at) }()
	first, second := examine(t, spec, a, at), <-done
	slices.Sort(first)
	slices.Sort(second)
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("two instances disturb one another (-one +other):\n%s", diff)
	}
}

func cancelled(t *testing.T, spec checks.Spec) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	check := newCheck(t, spec)
	defer closeCheck(t, check)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	start := time.Now()
	if err := check.Run(ctx, NewRecorder(start)); !errors.Is(err, context.Canceled) {
		t.Errorf("Run with a cancelled context returned %v", err)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("Run took %s with a cancelled context", took)
	}
}

func empty(t *testing.T, spec checks.Spec) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	check := newCheck(t, spec)
	defer closeCheck(t, check)
	for range 2 {
		rec := NewRecorder(time.Now())
		if err := check.Run(t.Context(), rec); !errors.Is(err, checks.ErrNoData) {
			t.Errorf("Run returned %v, want checks.ErrNoData", err)
		}
		if n := len(rec.Samples()); n != 0 {
			t.Errorf("reports %d samples:\n%s", n, rec.Text())
		}
	}
}

func newCheck(t *testing.T, spec checks.Spec) checks.Check {
	t.Helper()
	check, err := spec.New()
	if err != nil {
		t.Fatal(err)
	}
	return check
}

func closeCheck(t *testing.T, check checks.Check) {
	t.Helper()
	if c, ok := check.(io.Closer); ok {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}
