package schedule

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/picketmon/picket/checks"
)

// maxSeries bounds what one check may report; the rest is refused and named in the check's error.
const maxSeries = 20_000

// maxResults bounds the results of one run.
const maxResults = 1000

// recorder is the Reporter of one job. While a check reports the same series in the same order as the run before, which is nearly
// always, a report costs a few string comparisons and no memory.
type recorder struct {
	check   string
	at      time.Time
	layout  *Layout
	values  []float64
	same    int      // series that were the same so far
	fresh   []Series // all series of this run, once it differs
	labels  [][]string
	differs bool
	results []checks.Result
	refused int
	problem error // the first
}

func (r *recorder) begin(at time.Time) {
	r.at, r.same, r.differs, r.refused, r.problem = at, 0, false, 0, nil
	r.values, r.fresh, r.labels, r.results = r.values[:0], nil, nil, nil
}

// Time implements checks.Reporter.
func (r *recorder) Time() time.Time { return r.at }

// Gauge implements checks.Reporter.
func (r *recorder) Gauge(name string, v float64, labels ...string) {
	r.report(name, checks.KindGauge, v, labels)
}

// Counter implements checks.Reporter.
func (r *recorder) Counter(name string, v float64, labels ...string) {
	r.report(name, checks.KindCounter, v, labels)
}

// Untyped implements checks.Reporter.
func (r *recorder) Untyped(name string, v float64, labels ...string) {
	r.report(name, checks.KindUntyped, v, labels)
}

// Result implements checks.Reporter.
func (r *recorder) Result(res checks.Result) {
	if len(r.results) >= maxResults {
		r.refuse(fmt.Errorf("more than %d results in one run", maxResults))
		return
	}
	r.results = append(r.results, res)
}

func (r *recorder) report(name string, kind checks.Kind, v float64, labels []string) {
	if !r.differs {
		if r.layout != nil && r.same < len(r.layout.Series) {
			s := &r.layout.Series[r.same]
			if s.Name == name && s.Kind == kind && slices.Equal(r.layout.reported[r.same], labels) {
				r.same++
				r.values = append(r.values, v)
				return
			}
		}
		r.differ()
	}
	if len(r.fresh) >= maxSeries {
		r.refuse(fmt.Errorf("more than %d series", maxSeries))
		return
	}
	if err := validate(name, labels); err != nil {
		r.refuse(err)
		return
	}
	reported := slices.Clone(labels)
	r.fresh = append(r.fresh, Series{Name: name, Kind: kind, Labels: ascending(reported)})
	r.labels = append(r.labels, reported)
	r.values = append(r.values, v)
}

// differ starts a new layout with what has been the same so far.
func (r *recorder) differ() {
	r.differs = true
	if r.layout != nil {
		r.fresh = slices.Clone(r.layout.Series[:r.same])
		r.labels = slices.Clone(r.layout.reported[:r.same])
	}
}

func (r *recorder) refuse(err error) {
	if r.refused++; r.problem == nil {
		r.problem = err
	}
}

// finish returns the run's layout and values, and the series that ended when complete says that all were reported.
func (r *recorder) finish(complete bool) (*Layout, []float64, []Series, error) {
	if !r.differs && r.layout != nil && r.same < len(r.layout.Series) {
		r.differ()
	}
	var ended []Series
	if r.differs {
		r.dedupe()
		before := r.layout
		r.layout = &Layout{Check: r.check, Series: r.fresh, reported: r.labels}
		if complete && before != nil {
			ended = missing(before.Series, r.fresh)
		}
	}
	if r.problem != nil && r.refused > 1 {
		return r.layout, r.values, ended, fmt.Errorf("%w (and %d more refused)", r.problem, r.refused-1)
	}
	return r.layout, r.values, ended, r.problem
}

// dedupe removes series that were reported twice; the first value counts.
func (r *recorder) dedupe() {
	seen := make(map[string]bool, len(r.fresh))
	kept := 0
	for i, s := range r.fresh {
		key := s.key()
		if seen[key] {
			r.refuse(fmt.Errorf("series %s%q reported twice", s.Name, s.Labels))
			continue
		}
		seen[key] = true
		r.fresh[kept], r.labels[kept], r.values[kept] = r.fresh[i], r.labels[i], r.values[i]
		kept++
	}
	r.fresh, r.labels, r.values = r.fresh[:kept], r.labels[:kept], r.values[:kept]
}

func (s *Series) key() string { return s.Name + "\xff" + strings.Join(s.Labels, "\xff") }

func missing(before, now []Series) []Series {
	have := make(map[string]bool, len(now))
	for i := range now {
		have[now[i].key()] = true
	}
	var gone []Series
	for i := range before {
		if !have[before[i].key()] {
			gone = append(gone, before[i])
		}
	}
	return gone
}

// ascending returns the label pairs sorted by name; the argument itself when it is.
func ascending(labels []string) []string {
	sorted := true
	for i := 2; i < len(labels); i += 2 {
		sorted = sorted && labels[i-2] <= labels[i]
	}
	if sorted {
		return labels
	}
	pairs := make([][2]string, 0, len(labels)/2)
	for i := 0; i < len(labels); i += 2 {
		pairs = append(pairs, [2]string{labels[i], labels[i+1]})
	}
	slices.SortFunc(pairs, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	out := make([]string, 0, len(labels))
	for _, p := range pairs {
		out = append(out, p[0], p[1])
	}
	return out
}

func validate(name string, labels []string) error {
	if !checks.ValidName(name) {
		return fmt.Errorf("metric name %q is not valid", name)
	}
	if len(labels)%2 != 0 {
		return fmt.Errorf("series %s: label %q has no value", name, labels[len(labels)-1])
	}
	for i := 0; i < len(labels); i += 2 {
		if !checks.ValidLabelName(labels[i]) {
			return fmt.Errorf("series %s: label name %q is not valid", name, labels[i])
		}
		if !utf8.ValidString(labels[i+1]) {
			return fmt.Errorf("series %s: value of label %s is not UTF-8: %q", name, labels[i], labels[i+1])
		}
		for j := 0; j < i; j += 2 {
			if labels[j] == labels[i] {
				return fmt.Errorf("series %s: label %s given twice", name, labels[i])
			}
		}
	}
	return nil
}
