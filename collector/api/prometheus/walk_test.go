package prometheus

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/picketmon/picket/collector/metrics"
)

// recorder is a metrics.Appender that writes down what it is given. It forgets every other series between two calls when it is
// forgetful, as the engine does with series that have had no sample for long.
type recorder struct {
	refs      map[string]metrics.Ref
	names     map[metrics.Ref]string
	lines     []string
	forgetful bool
	calls     int
}

func newRecorder() *recorder {
	return &recorder{refs: map[string]metrics.Ref{}, names: map[metrics.Ref]string{}}
}

func (r *recorder) series(ref metrics.Ref, l labels.Labels) (metrics.Ref, string, error) {
	if r.calls++; r.forgetful && r.calls%2 == 0 {
		delete(r.names, ref)
	}
	if name, ok := r.names[ref]; ok {
		return ref, name, nil
	}
	if ref != 0 && l.IsEmpty() {
		return 0, "", metrics.ErrUnknownSeries
	}
	name := l.String()
	ref = metrics.Ref(len(r.refs) + r.calls + 1)
	r.refs[name], r.names[ref] = ref, name
	return ref, name, nil
}

func (r *recorder) Append(ref metrics.Ref, l labels.Labels, t int64, v float64) (metrics.Ref, error) {
	ref, name, err := r.series(ref, l)
	if err == nil {
		r.lines = append(r.lines, fmt.Sprintf("%s %d %x", name, t, math.Float64bits(v)))
	}
	return ref, err
}

func (r *recorder) AppendHistogram(ref metrics.Ref, l labels.Labels, t int64, h *histogram.Histogram, fh *histogram.FloatHistogram) (metrics.Ref, error) {
	ref, name, err := r.series(ref, l)
	if err == nil {
		r.lines = append(r.lines, fmt.Sprintf("%s %d histogram %v", name, t, h != nil))
	}
	return ref, err
}

func (r *recorder) Commit() (metrics.Outcome, error) { return metrics.Outcome{}, nil }
func (r *recorder) Rollback() error                  { return nil }

// reference says what a request holds according to Prometheus' own decoder.
func reference(req *prompb.WriteRequest) (lines []string, exemplars int) {
	for _, s := range req.Timeseries {
		b := labels.NewScratchBuilder(0)
		for _, l := range s.Labels {
			if l.Value != "" {
				b.Add(l.Name, l.Value)
			}
		}
		b.Sort()
		name := b.Labels().String()
		for _, x := range s.Samples {
			lines = append(lines, fmt.Sprintf("%s %d %x", name, x.Timestamp, math.Float64bits(x.Value)))
		}
		for _, h := range s.Histograms {
			lines = append(lines, fmt.Sprintf("%s %d histogram %v", name, h.Timestamp, !h.IsFloatHistogram()))
		}
		exemplars += len(s.Exemplars)
	}
	return lines, exemplars
}

func quietCatalog(t testing.TB) *metrics.Catalog {
	c, err := metrics.NewCatalog(context.Background(), metrics.CatalogOptions{Rows: noRows{}, Logger: logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// requests are what senders send, and what protobuf allows them to.
func requests(t testing.TB) map[string][]byte {
	t.Helper()
	marshal := func(series ...prompb.TimeSeries) []byte {
		b, err := (&prompb.WriteRequest{Timeseries: series, Metadata: []prompb.MetricMetadata{{MetricFamilyName: "x", Help: "h"}}}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	message := func(number protowire.Number, parts ...[]byte) []byte {
		var body []byte
		for _, p := range parts {
			body = append(body, p...)
		}
		return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), body)
	}
	text := func(number protowire.Number, s string) []byte { return message(number, []byte(s)) }
	label := func(name, value string) []byte { return message(1, text(1, name), text(2, value)) }
	value := func(v float64) []byte {
		return protowire.AppendFixed64(protowire.AppendTag(nil, 1, protowire.Fixed64Type), math.Float64bits(v))
	}
	when := func(t int64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, 2, protowire.VarintType), uint64(t))
	}
	unknown := protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 7)
	group := append(protowire.AppendTag(nil, 98, protowire.StartGroupType), protowire.AppendTag(nil, 98, protowire.EndGroupType)...)
	long := strings.Repeat("long ", 50)
	return map[string][]byte{
		"empty":              {},
		"usual":              marshal(ts(at(0, 1), "__name__", "a", "b", "c"), ts(at(0, -2.5), "__name__", "b")),
		"several samples":    marshal(ts(append(at(0, 1), at(-9, math.NaN())...), "__name__", "a")),
		"long label":         marshal(ts(at(0, 1), "__name__", "a", "b", long, "c", "d")),
		"unsorted and empty": marshal(ts(at(0, 1), "z", "1", "__name__", "a", "e", "")),
		"same series twice":  marshal(ts(at(0, 1), "__name__", "a"), ts(at(1, 2), "__name__", "a"), ts(at(2, 3), "__name__", "a")),
		"no samples":         marshal(ts(nil, "__name__", "a")),
		"histogram":          marshal(prompb.TimeSeries{Labels: ts(nil, "__name__", "h").Labels, Histograms: []prompb.Histogram{badHistogram()}}),
		"exemplar":           marshal(prompb.TimeSeries{Labels: ts(nil, "__name__", "h").Labels, Exemplars: []prompb.Exemplar{{Value: 1}}, Samples: at(0, 1)}),
		"sample first":       message(1, message(2, value(1), when(5)), label("__name__", "a"), label("b", "c")),
		"label in between":   message(1, label("__name__", "a"), message(2, value(1), when(5)), label("b", "c"), message(2, value(2), when(6))),
		"time before value":  message(1, label("__name__", "a"), message(2, when(5), value(1))),
		"value twice":        message(1, label("__name__", "a"), message(2, value(1), when(5), value(2))),
		"defaults":           message(1, label("__name__", "a"), message(2)),
		"name twice":         message(1, message(1, text(1, "x"), text(2, "v"), text(1, "__name__"))),
		"unknown fields":     append(message(1, unknown, label("__name__", "a"), group, message(2, value(1), unknown, when(5))), unknown...),
		"no labels":          message(1, message(2, value(1), when(5))),
	}
}

// wrong are messages that must be refused, whatever surrounds them.
var wrong = map[string]string{
	"cut tag":          "\x80",
	"tag zero":         "\x00\x00",
	"cut length":       "\x0a\x05\x0a",
	"cut label":        "\x0a\x04\x0a\x09ab",
	"label as varint":  "\x0a\x02\x08\x01",
	"sample as varint": "\x0a\x02\x10\x01",
	"series as varint": "\x08\x01",
	"value as varint":  "\x0a\x0d\x0a\x05\x0a\x01a\x12\x00\x12\x04\x08\x01\x10\x01",
	"endless varint":   "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
	"lone group end":   "\x0c",
}

func decode(t testing.TB, b *batch, r *recorder, message []byte) error {
	t.Helper()
	b.app = r
	return b.request(message)
}

func TestRequestsAsPrometheusReadsThem(t *testing.T) {
	for name, message := range requests(t) {
		t.Run(name, func(t *testing.T) { compare(t, message) })
	}
}

func TestWrongRequests(t *testing.T) {
	for name, message := range wrong {
		t.Run(name, func(t *testing.T) {
			if err := decode(t, newBatch(quietCatalog(t), newSeriesCache(1000)), newRecorder(), []byte(message)); !errors.Is(err, errMalformed) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// rewrite encodes a request anew, without fields that Prometheus does not know and without histograms and exemplars.
func rewrite(t testing.TB, req *prompb.WriteRequest) []byte {
	t.Helper()
	var plain prompb.WriteRequest
	for _, s := range req.Timeseries {
		var to prompb.TimeSeries
		for _, l := range s.Labels {
			to.Labels = append(to.Labels, prompb.Label{Name: l.Name, Value: l.Value})
		}
		for _, x := range s.Samples {
			to.Samples = append(to.Samples, prompb.Sample{Value: x.Value, Timestamp: x.Timestamp})
		}
		plain.Timeseries = append(plain.Timeseries, to)
	}
	b, err := plain.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// compare decodes message with an empty and a filled cache and with an engine that forgets, and holds the result against
// Prometheus' decoder.
func compare(t testing.TB, message []byte) {
	t.Helper()
	var req prompb.WriteRequest
	theirs := req.Unmarshal(message)
	b, r := newBatch(quietCatalog(t), newSeriesCache(1000)), newRecorder()
	ours := decode(t, b, r, message)
	want, exemplars := reference(&req)
	if theirs != nil {
		if ours == nil && b.exemplars == 0 { // exemplars are not looked into
			t.Fatalf("Prometheus refuses (%v) what we take: %x", theirs, message)
		}
		return
	}
	if ours != nil {
		// More than we care to take, such as overlong numbers and groups that end otherwise; but not when written properly.
		canonical := rewrite(t, &req)
		if string(canonical) != string(message) {
			compare(t, canonical)
		} else if !strings.Contains(ours.Error(), "native histogram") {
			t.Fatalf("refused with %v: %x", ours, message)
		}
		return
	}
	check := func(when string) {
		t.Helper()
		if d := cmp.Diff(want, r.lines); d != "" {
			t.Fatalf("%s: %s\nof %x", when, d, message)
		}
	}
	check("first time")
	if b.exemplars != exemplars {
		t.Fatalf("%d exemplars, want %d", b.exemplars, exemplars)
	}
	for _, forgetful := range []bool{false, true, true} {
		r.lines, r.forgetful = nil, forgetful
		if err := decode(t, b, r, message); err != nil {
			t.Fatalf("again: %v", err)
		}
		check("again")
	}
}

func FuzzRequest(f *testing.F) {
	for _, message := range requests(f) {
		f.Add(message)
	}
	for _, message := range wrong {
		f.Add([]byte(message))
	}
	f.Fuzz(func(t *testing.T, message []byte) { compare(t, message) })
}

func TestCacheIsBounded(t *testing.T) {
	c := newSeriesCache(cacheShards * 2 * entryBytes * 10) // ten a shard and generation
	refs := map[string]metrics.Ref{}
	for i := range 20_000 {
		key := fmt.Sprintf("series %d", i)
		ref, k := c.get([]byte(key))
		if ref != 0 {
			t.Fatalf("%s is known as %d", key, ref)
		}
		refs[key] = metrics.Ref(i + 1)
		c.put(k, refs[key])
		// What is in use stays, however much comes by.
		if ref, _ := c.get([]byte("series 0")); ref != 1 {
			t.Fatalf("series 0 is %d after %d others", ref, i)
		}
		if n := c.len(); n > cacheShards*20 {
			t.Fatalf("%d entries", n)
		}
	}
	known := 0
	for key, want := range refs {
		if ref, _ := c.get([]byte(key)); ref != 0 {
			if known++; ref != want {
				t.Fatalf("%s is %d, want %d", key, ref, want)
			}
		}
	}
	if known < cacheShards*5 {
		t.Errorf("only %d series are remembered", known)
	}
}
