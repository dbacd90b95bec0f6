package checktest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/picketmon/picket/checks"
)

// Valid fails the test when something was reported that the host would refuse. Series reported twice are let pass: fuzzed
// files repeat lines, the kernel does not.
func Valid(t testing.TB, r *Recorder) {
	t.Helper()
	for _, p := range r.Problems() {
		if !strings.HasSuffix(p, "reported twice") {
			t.Error(p)
		}
	}
}

// Discard is a checks.Reporter that keeps nothing, for benchmarks.
type Discard struct {
	At     time.Time // the cycle's time
	Series int       // how many were reported
}

// Time implements checks.Reporter.
func (d *Discard) Time() time.Time { return d.At }

// Gauge implements checks.Reporter.
func (d *Discard) Gauge(string, float64, ...string) { d.Series++ }

// Counter implements checks.Reporter.
func (d *Discard) Counter(string, float64, ...string) { d.Series++ }

// Untyped implements checks.Reporter.
func (d *Discard) Untyped(string, float64, ...string) { d.Series++ }

// Result implements checks.Reporter.
func (d *Discard) Result(checks.Result) {}

// Bench runs a check on this host, a new cycle each time, and reports the cost per series too.
func Bench(b *testing.B, spec checks.Spec) {
	check, err := spec.New()
	if err != nil {
		b.Fatal(err)
	}
	d := &Discard{At: time.UnixMilli(1_700_000_000_000)}
	run := func() {
		d.At, d.Series = d.At.Add(time.Second), 0
		if err := check.Run(b.Context(), d); err != nil && !errors.Is(err, checks.ErrNoData) {
			b.Fatal(err)
		}
	}
	run() // opens files, makes names
	b.ReportAllocs()
	for b.Loop() {
		run()
	}
	b.ReportMetric(float64(d.Series), "series")
}
