// Package checktest tests checks: a Recorder that keeps what a check reports, golden folders with the files of a host and
// what must come out of them, and the Suite of promises that every check keeps.
package checktest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/picketmon/picket/checks"
)

// Sample is one reported value.
type Sample struct {
	Name   string
	Kind   checks.Kind
	Value  float64
	Labels []string // pairs, names ascending
}

// Series is the sample's identity as PromQL writes it.
func (s Sample) Series() string {
	if len(s.Labels) == 0 {
		return s.Name
	}
	var b strings.Builder
	b.WriteString(s.Name + "{")
	for i := 0; i+1 < len(s.Labels); i += 2 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(s.Labels[i] + "=" + strconv.Quote(s.Labels[i+1]))
	}
	return b.String() + "}"
}

// Recorder is a checks.Reporter that keeps everything. Unlike the host it also minds misuse: Problems names reports that the
// host would refuse.
type Recorder struct {
	At time.Time // the cycle's time

	mu       sync.Mutex
	samples  []Sample
	results  []checks.Result
	problems []string
	seen     map[string]bool
}

// NewRecorder returns a Recorder for a cycle at the given time.
func NewRecorder(at time.Time) *Recorder { return &Recorder{At: at, seen: make(map[string]bool)} }

// Time implements checks.Reporter.
func (r *Recorder) Time() time.Time { return r.At }

// Gauge implements checks.Reporter.
func (r *Recorder) Gauge(name string, value float64, labels ...string) {
	r.add(name, checks.KindGauge, value, labels)
}

// Counter implements checks.Reporter.
func (r *Recorder) Counter(name string, value float64, labels ...string) {
	r.add(name, checks.KindCounter, value, labels)
}

// Untyped implements checks.Reporter.
func (r *Recorder) Untyped(name string, value float64, labels ...string) {
	r.add(name, checks.KindUntyped, value, labels)
}

// Result implements checks.Reporter.
func (r *Recorder) Result(res checks.Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if res.Status < checks.OK || res.Status > checks.Major {
		r.problems = append(r.problems, fmt.Sprintf("result for %q has status %d", res.Resource, res.Status))
	}
	r.results = append(r.results, res)
}

func (r *Recorder) add(name string, kind checks.Kind, value float64, labels []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Sample{Name: name, Kind: kind, Value: value, Labels: sorted(labels)}
	series := s.Series()
	problem := func(format string, args ...any) {
		r.problems = append(r.problems, series+": "+fmt.Sprintf(format, args...))
	}
	if !checks.ValidName(name) {
		problem("metric name is not valid")
	}
	if len(labels)%2 != 0 {
		problem("label without value")
	}
	for i := 0; i+1 < len(s.Labels); i += 2 {
		if !checks.ValidLabelName(s.Labels[i]) {
			problem("label name %q is not valid", s.Labels[i])
		}
		if i >= 2 && s.Labels[i] == s.Labels[i-2] {
			problem("label %q given twice", s.Labels[i])
		}
		if !utf8.ValidString(s.Labels[i+1]) {
			problem("value of label %q is not UTF-8", s.Labels[i])
		}
	}
	if r.seen[series] {
		problem("reported twice")
	}
	r.seen[series] = true
	r.samples = append(r.samples, s)
}

// sorted copies the label pairs, names ascending. A name without value is left out.
func sorted(labels []string) []string {
	pairs := make([][2]string, 0, len(labels)/2)
	for i := 0; i+1 < len(labels); i += 2 {
		pairs = append(pairs, [2]string{labels[i], labels[i+1]})
	}
	slices.SortStableFunc(pairs, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	var out []string
	for _, p := range pairs {
		out = append(out, p[0], p[1])
	}
	return out
}

// Samples returns what was reported, in order.
func (r *Recorder) Samples() []Sample {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.samples)
}

// Results returns the judgements, in order.
func (r *Recorder) Results() []checks.Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.results)
}

// Problems names reports that a host would refuse: invalid names and values, series reported twice.
func (r *Recorder) Problems() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.problems)
}

// Value returns the value of a series written as Sample.Series does.
func (r *Recorder) Value(series string) (float64, bool) {
	for _, s := range r.Samples() {
		if s.Series() == series {
			return s.Value, true
		}
	}
	return 0, false
}

// Text writes samples and results one per line, samples sorted, as golden files hold them.
func (r *Recorder) Text() string {
	var lines []string
	for _, s := range r.Samples() {
		kind := map[checks.Kind]string{checks.KindGauge: "gauge", checks.KindCounter: "counter"}[s.Kind]
		if kind == "" {
			kind = "untyped"
		}
		lines = append(lines, kind+" "+s.Series()+" "+strconv.FormatFloat(s.Value, 'g', -1, 64))
	}
	slices.Sort(lines)
	for _, res := range r.Results() {
		lines = append(lines, fmt.Sprintf("result %s %q %s", res.Status, res.Resource, res.Output))
	}
	return strings.Join(append(lines, ""), "\n")
}
