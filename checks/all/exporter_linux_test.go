package all_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/checktest"
)

// exporterPath finds Debian's node_exporter, which is what dashboards and rules were written against.
func exporterPath(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("prometheus-node-exporter")
	if err != nil {
		if os.Getenv("PICKET_TEST_SERVERS") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return path
}

// exporter is a running node_exporter.
type exporter struct {
	url string
	pid int
}

// startExporter runs node_exporter with the given collectors and flags until the test ends.
func startExporter(t testing.TB, collectors, env []string, flags ...string) *exporter {
	t.Helper()
	path := exporterPath(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	args := []string{"--web.listen-address=" + addr, "--collector.disable-defaults", "--web.disable-exporter-metrics"}
	for _, c := range collectors {
		args = append(args, "--collector."+c)
	}
	cmd := exec.Command(path, append(args, flags...)...)
	cmd.Env = append(os.Environ(), env...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	e := &exporter{url: "http://" + addr + "/metrics", pid: cmd.Process.Pid}
	for deadline := time.Now().Add(10 * time.Second); ; {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			_ = c.Close()
			return e
		}
		if time.Now().After(deadline) {
			t.Fatalf("node_exporter does not listen: %v", err)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-t.Context().Done():
			t.FailNow()
		}
	}
}

func (e *exporter) text(t testing.TB) string {
	t.Helper()
	resp, err := http.Get(e.url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("scrape: %s, %v\n%.2000s", resp.Status, err, body)
	}
	return string(body)
}

// scrape returns the exporter's series by identity, without those about itself.
func (e *exporter) scrape(t *testing.T) map[string]checktest.Sample {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(e.text(t)))
	if err != nil {
		t.Fatal(err)
	}
	samples := map[string]checktest.Sample{}
	for name, f := range families {
		if !strings.HasPrefix(name, "node_") || name == "node_exporter_build_info" || strings.HasPrefix(name, "node_scrape_collector_") {
			continue
		}
		for _, m := range f.Metric {
			s := checktest.Sample{Name: name, Labels: pairs(m.Label)}
			switch f.GetType() {
			case dto.MetricType_COUNTER:
				s.Kind, s.Value = checks.KindCounter, m.Counter.GetValue()
			case dto.MetricType_GAUGE:
				s.Kind, s.Value = checks.KindGauge, m.Gauge.GetValue()
			case dto.MetricType_UNTYPED:
				s.Kind, s.Value = checks.KindUntyped, m.Untyped.GetValue()
			case dto.MetricType_HISTOGRAM, dto.MetricType_SUMMARY:
				for _, part := range parts(name, m) {
					samples[part.Series()] = part
				}
				continue
			default:
				t.Fatalf("%s is a %s", name, f.GetType())
			}
			samples[s.Series()] = s
		}
	}
	return samples
}

// parts returns the series of a histogram or summary without labels of its own.
func parts(name string, m *dto.Metric) []checktest.Sample {
	sum, count := m.Histogram.GetSampleSum(), m.Histogram.GetSampleCount()
	var out []checktest.Sample
	for _, b := range m.Histogram.GetBucket() {
		le := strconv.FormatFloat(b.GetUpperBound(), 'g', -1, 64)
		out = append(out, checktest.Sample{
			Name: name + "_bucket", Kind: checks.KindCounter, Value: float64(b.GetCumulativeCount()), Labels: []string{"le", le},
		})
	}
	if m.Summary != nil {
		sum, count = m.Summary.GetSampleSum(), m.Summary.GetSampleCount()
		for _, q := range m.Summary.Quantile {
			quantile := strconv.FormatFloat(q.GetQuantile(), 'g', -1, 64)
			out = append(out, checktest.Sample{Name: name, Kind: checks.KindGauge, Value: q.GetValue(), Labels: []string{"quantile", quantile}})
		}
	}
	return append(out, checktest.Sample{Name: name + "_sum", Kind: checks.KindCounter, Value: sum},
		checktest.Sample{Name: name + "_count", Kind: checks.KindCounter, Value: float64(count)})
}

func pairs(labels []*dto.LabelPair) []string {
	labels = slices.Clone(labels)
	slices.SortFunc(labels, func(a, b *dto.LabelPair) int { return strings.Compare(a.GetName(), b.GetName()) })
	var out []string
	for _, l := range labels {
		out = append(out, l.GetName(), l.GetValue())
	}
	return out
}

// cycle runs the checks once and returns their series by identity.
func cycle(t *testing.T, running []checks.Check) map[string]checktest.Sample {
	t.Helper()
	samples := map[string]checktest.Sample{}
	at := time.Now()
	for _, c := range running {
		rec := checktest.NewRecorder(at)
		if err := c.Run(t.Context(), rec); err != nil {
			t.Errorf("%T: %v", c, err)
		}
		for _, p := range rec.Problems() {
			t.Error(p)
		}
		for _, s := range rec.Samples() {
			samples[s.Series()] = s
		}
	}
	return samples
}

// difference lists what the exporter has and we have not, what we have and it has not, and what is of another type.
func difference(theirs, ours map[string]checktest.Sample) (missing, extra []string) {
	for series, s := range theirs {
		o, ok := ours[series]
		if !ok {
			missing = append(missing, series)
		} else if o.Kind != s.Kind {
			missing = append(missing, fmt.Sprintf("%s (kind %d, theirs is %d)", series, o.Kind, s.Kind))
		}
	}
	for series := range ours {
		if _, ok := theirs[series]; !ok {
			extra = append(extra, series)
		}
	}
	slices.Sort(missing)
	slices.Sort(extra)
	return missing, extra
}
