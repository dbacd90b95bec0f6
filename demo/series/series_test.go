package series

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

// table is one of each kind, with everything that must be escaped.
func table(v *float64) *Table {
	t := New("demo", "true")
	get := func() float64 { return *v }
	t.Gauge("g", "Help with \"quotes\",\ntwo lines and a \\.", get, "path", "a\"b\\c\nd")
	t.Counter("c_total", "Count.", get)
	t.Untyped("u", "Untyped.", func() float64 { return *v / 3 })
	t.Gauge("absent", "Never there.", func() float64 { return math.NaN() })
	t.Histogram("h_seconds", "Spread.", []float64{0.1, math.Inf(1)}, func(b int) float64 { return *v + float64(b) }, get, "route", "/")
	t.Counter("c_total", "Count.", get, "other", "series")
	return t
}

func TestTextIsWhatPrometheusReads(t *testing.T) {
	v := 7.0
	var b bytes.Buffer
	if err := table(&v).WriteText(&b); err != nil {
		t.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(&b)
	if err != nil {
		t.Fatalf("%v in\n%s", err, b.String())
	}
	g := families["g"]
	if g.GetHelp() != "Help with \"quotes\",\ntwo lines and a \\." || g.Metric[0].Label[0].GetValue() != "a\"b\\c\nd" {
		t.Errorf("%v", g)
	}
	if len(families["c_total"].Metric) != 2 || families["h_seconds"].Metric[0].Histogram.GetSampleCount() != 8 || len(families["absent"].GetMetric()) != 0 {
		t.Errorf("%v", families)
	}
}

// TestColumnIsWhatOpenMetricsReads reads the file with Prometheus' parser: families stand together, times ascend, the end is there.
func TestColumnIsWhatOpenMetricsReads(t *testing.T) {
	v := 0.0
	one, two := table(&v), New("demo", "true", "instance", "two")
	two.Gauge("g", "Help with \"quotes\",\ntwo lines and a \\.", func() float64 { return -v })
	c := NewColumn(3, one, two)
	for i := range 3 {
		v = float64(i) + 0.5
		c.Note(time.Unix(int64(1000+60*i), 0))
	}
	var b bytes.Buffer
	n, err := c.WriteOpenMetrics(&b)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`# g gauge`,
		`{__name__="g", demo="true", path="a\"b\\c\nd"} 0.5 1000000`, `{__name__="g", demo="true", path="a\"b\\c\nd"} 1.5 1060000`, `{__name__="g", demo="true", path="a\"b\\c\nd"} 2.5 1120000`,
		`{__name__="g", demo="true", instance="two"} -0.5 1000000`, `{__name__="g", demo="true", instance="two"} -1.5 1060000`, `{__name__="g", demo="true", instance="two"} -2.5 1120000`,
		`# c counter`,
	}
	got, samples := read(t, b.Bytes())
	if diff := cmp.Diff(want, got[:len(want)]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if samples != n || n != 3*(1+2+1+4+1) {
		t.Errorf("%d samples were written, %d read", n, samples)
	}
	c.Reset()
	if n, err := c.WriteOpenMetrics(io.Discard); n != 0 || err != nil {
		t.Errorf("after a reset: %d samples, %v", n, err)
	}
}

func read(t *testing.T, raw []byte) (lines []string, samples int) {
	t.Helper()
	p := textparse.NewOpenMetricsParser(raw, labels.NewSymbolTable())
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			return lines, samples
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, raw)
		}
		switch entry {
		case textparse.EntryType:
			name, kind := p.Type()
			lines = append(lines, fmt.Sprintf("# %s %s", name, kind))
		case textparse.EntrySeries:
			var ls labels.Labels
			p.Labels(&ls)
			_, at, v := p.Series()
			lines = append(lines, fmt.Sprintf("%s %v %d", ls, v, *at))
			samples++
		}
	}
}
