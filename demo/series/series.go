// Package series writes the demo's simulated metrics. A Table lists families with functions that tell their values now; it
// writes them in the Prometheus text format, and a Column keeps them over time for a file in the OpenMetrics format.
package series

import (
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Kind is a family's type, as the formats call it.
type Kind string

// The kinds.
const (
	Gauge     Kind = "gauge"
	Counter   Kind = "counter"
	Untyped   Kind = "untyped"
	Histogram Kind = "histogram"
)

// Table is the metrics of one host or process.
type Table struct {
	labels   []string // of all series
	families []*Family
}

// Family is the series of one name.
type Family struct {
	Name, Help string
	Kind       Kind
	metrics    []metric
}

// metric is one set of labels: one series, of a histogram all.
type metric struct {
	series []string // name and labels as written
	get    []func() float64
}

// New returns an empty table whose series all carry the labels, pairs of name and value.
func New(labels ...string) *Table { return &Table{labels: labels} }

// Gauge adds a value that goes up and down. A value that is NaN is left out.
func (t *Table) Gauge(name, help string, get func() float64, labels ...string) {
	t.add(Gauge, name, help, get, labels)
}

// Counter adds a value that only grows.
func (t *Table) Counter(name, help string, get func() float64, labels ...string) {
	t.add(Counter, name, help, get, labels)
}

// Untyped adds a value that node_exporter gives no type.
func (t *Table) Untyped(name, help string, get func() float64, labels ...string) {
	t.add(Untyped, name, help, get, labels)
}

func (t *Table) add(kind Kind, name, help string, get func() float64, labels []string) {
	f := t.family(kind, name, help)
	f.metrics = append(f.metrics, metric{series: []string{t.series(name, labels)}, get: []func() float64{get}})
}

// Histogram adds a histogram: count returns how many observations were not above the bucket's bound, sum their sum. The last
// bound is +Inf.
func (t *Table) Histogram(name, help string, bounds []float64, count func(bucket int) float64, sum func() float64, labels ...string) {
	f := t.family(Histogram, name, help)
	var m metric
	for i, bound := range bounds {
		m.series = append(m.series, t.series(name+"_bucket", append(slices.Clone(labels), "le", Number(bound))))
		m.get = append(m.get, func() float64 { return count(i) })
	}
	m.series = append(m.series, t.series(name+"_sum", labels), t.series(name+"_count", labels))
	m.get = append(m.get, sum, func() float64 { return count(len(bounds) - 1) })
	f.metrics = append(f.metrics, m)
}

func (t *Table) family(kind Kind, name, help string) *Family {
	for _, f := range t.families {
		if f.Name == name {
			return f
		}
	}
	f := &Family{Name: name, Help: help, Kind: kind}
	t.families = append(t.families, f)
	return f
}

// series writes name and labels.
func (t *Table) series(name string, labels []string) string {
	all := append(slices.Clone(labels), t.labels...)
	var b strings.Builder
	b.WriteString(name)
	for i := 0; i < len(all); i += 2 {
		sep := byte(',')
		if i == 0 {
			sep = '{'
		}
		b.WriteByte(sep)
		b.WriteString(all[i] + `="` + escaper.Replace(all[i+1]) + `"`)
	}
	if len(all) > 0 {
		b.WriteByte('}')
	}
	return b.String()
}

var escaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// Number writes a value as both formats have it.
func Number(v float64) string { return string(appendNumber(nil, v)) }

func appendNumber(b []byte, v float64) []byte {
	switch {
	case math.IsInf(v, 1):
		return append(b, "+Inf"...)
	case math.IsInf(v, -1):
		return append(b, "-Inf"...)
	case v == math.Trunc(v) && math.Abs(v) < 1e15:
		return strconv.AppendInt(b, int64(v), 10)
	}
	return strconv.AppendFloat(b, v, 'g', -1, 64)
}

// Families returns the families in order.
func (t *Table) Families() []*Family { return t.families }

// Series returns name and labels of all series of the family, as written.
func (f *Family) Series() []string {
	var out []string
	for _, m := range f.metrics {
		out = append(out, m.series...)
	}
	return out
}

// WriteText writes the values of this moment in the Prometheus text format.
func (t *Table) WriteText(w io.Writer) error {
	var b []byte
	for _, f := range t.families {
		b = append(b, "# HELP "+f.Name+" "+escapeHelp(f.Help)+"\n# TYPE "+f.Name+" "+string(f.Kind)+"\n"...)
		for _, m := range f.metrics {
			for i, s := range m.series {
				if v := m.get[i](); !math.IsNaN(v) {
					b = append(appendNumber(append(append(b, s...), ' '), v), '\n')
				}
			}
		}
	}
	_, err := w.Write(b)
	return err
}

func escapeHelp(s string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(s)
}
