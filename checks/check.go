// Package checks is the SDK of check authors: what a check is, how it reports, which parameters it takes. It is a leaf
// that imports nothing of Picket's. Time, deadlines, panics, logging and self-metrics are the host's work (agent/schedule);
// a check says only what it knows.
package checks

import (
	"context"
	"errors"
	"time"
)

// Check measures one subject. Run is called once per cycle, never twice at the same time for one value; it must return soon
// after ctx ends. What it reported before an error still counts. ErrNoData means that this host has nothing to measure.
// A check that holds something open between runs may also be an io.Closer; the host closes it after the last run.
type Check interface {
	Run(ctx context.Context, r Reporter) error
}

// Func lets a function be a Check.
type Func func(ctx context.Context, r Reporter) error

// Run calls f.
func (f Func) Run(ctx context.Context, r Reporter) error { return f(ctx, r) }

// Describer is a Check whose metrics are not all known beforehand: what its Spec does not document, it describes itself, from its
// first run on. Describe may be called at any time, by any goroutine; false means that there is no such metric.
type Describer interface {
	Describe(name string) (Metric, bool)
}

// ErrNoData says that the host lacks what the check measures (no PSI in this kernel, no sensors). The check counts as
// successful and is asked again next cycle. A Gap around it says why, and what would mend it.
var ErrNoData = errors.New("no data on this host")

// Reporter takes what a check found. It is valid until Run returns and may be used by one goroutine at a time.
//
// Labels are pairs, name then value, in any order; names ascending is the cheapest. The strings may be kept, the slice is
// not. Reporting the same series twice in a run is an error that the host reports; the first value counts. A series that is
// not reported in a successful run has ended.
type Reporter interface {
	// Time is the scheduled time of the cycle, shared by all checks that are due in it.
	Time() time.Time
	// Gauge reports a value that goes up and down, in base units (seconds, bytes, ratio).
	Gauge(name string, value float64, labels ...string)
	// Counter reports a value that only grows between restarts of what is counted.
	Counter(name string, value float64, labels ...string)
	// Untyped reports a value of unknown kind.
	Untyped(name string, value float64, labels ...string)
	// Result reports a judgement about the host or one resource on it.
	Result(Result)
}

// Status is a check's judgement, in the order of Nagios plugins plus minor and major.
type Status uint8

// The statuses a check can report.
const (
	OK Status = iota + 1
	Warning
	Critical
	Unknown
	Minor
	Major
)

// String returns the lower-case word for s.
func (s Status) String() string {
	switch s {
	case OK:
		return "ok"
	case Warning:
		return "warning"
	case Critical:
		return "critical"
	case Unknown:
		return "unknown"
	case Minor:
		return "minor"
	case Major:
		return "major"
	}
	return "invalid"
}

// Result is a judgement of one run about one resource of the host.
type Result struct {
	Resource string // a mount point, a unit; empty is the host itself
	Status   Status
	Output   string            // one sentence for people
	Labels   map[string]string // further identity, may be nil
}

// Kind is a metric's type.
type Kind uint8

// The kinds of metric.
const (
	KindUntyped Kind = iota
	KindGauge
	KindCounter
)

// Metric documents one metric family. A Name that ends in * documents all families with that prefix.
type Metric struct {
	Name string
	Kind Kind
	Help string
	Unit string // seconds, bytes, ratio; empty when none
}

// Spec describes a check to the host: what it is called, what it reports, how it is made.
type Spec struct {
	Name    string // lower-case, as node_exporter names the collector where there is one
	Help    string // one sentence
	Metrics []Metric
	// Off means that the check runs only when it is asked for by name.
	Off bool
	// New makes the check. An error names what is wrong with the host or the parameters.
	New func() (Check, error)
}
