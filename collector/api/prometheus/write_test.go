package prometheus

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/s2"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/prometheus/prompb"
	"github.com/prometheus/prometheus/tsdb/tsdbutil"

	"github.com/picketmon/picket/collector/metrics"
)

// ts makes a series of a WriteRequest from label pairs and samples.
func ts(samples []prompb.Sample, kv ...string) prompb.TimeSeries {
	s := prompb.TimeSeries{Samples: samples}
	for p := range slices.Chunk(kv, 2) {
		s.Labels = append(s.Labels, prompb.Label{Name: p[0], Value: p[1]})
	}
	return s
}

// at is one sample, seconds after start.
func at(seconds int, v float64) []prompb.Sample {
	return []prompb.Sample{{Timestamp: start.Add(time.Duration(seconds) * time.Second).UnixMilli(), Value: v}}
}

func (s *site) post(t testing.TB, body []byte, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/prometheus/api/v1/write", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Content-Encoding", "snappy")
	for kv := range slices.Chunk(header, 2) {
		req.Header.Set(kv[0], kv[1])
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSpace(string(text))
}

func (s *site) send(t testing.TB, series ...prompb.TimeSeries) (int, string) {
	t.Helper()
	message, err := (&prompb.WriteRequest{Timeseries: series}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return s.post(t, s2.EncodeSnappy(nil, message))
}

// want compares what is stored from half an hour before now with lines of "name instance: seconds after start=value …".
func (s *site) want(t testing.TB, selector string, want ...string) {
	t.Helper()
	_, body := s.ask(t, http.MethodGet, "/query", url.Values{
		"query": {selector + "[30m]"}, "time": {strconv.FormatInt(start.Unix()+600, 10)},
	})
	var got []string
	for _, series := range decodeMatrix(t, body) {
		line := series.name + ":"
		for _, p := range series.points {
			line += " " + strconv.FormatInt(p.second-start.Unix(), 10) + "=" + p.value
		}
		got = append(got, line)
	}
	slices.Sort(got)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("stored: %s", d)
	}
}

func TestWrite(t *testing.T) {
	s := newSite(t, siteOptions{})
	for range 2 { // the second time from the cache
		code, body := s.send(t,
			ts(at(0, 1), "__name__", "up", "instance", "a"),
			ts(append(at(0, 5), at(10, 6)...), "__name__", "up", "instance", "b", "empty", ""),
			ts(at(0, 7), "zone", "z", "__name__", "up", "instance", "c")) // unsorted
		if code != http.StatusNoContent || body != "" {
			t.Fatalf("%d %s", code, body)
		}
	}
	if code, body := s.send(t, ts(at(20, 8), "__name__", "up", "instance", "c", "zone", "z")); code != http.StatusNoContent {
		t.Fatalf("%d %s", code, body)
	}
	s.want(t, "up", "up a: 0=1", "up b: 0=5 10=6", "up c: 0=7 20=8")
	if n := s.writer.cache.misses.Load(); n != 4 {
		t.Errorf("%d misses of the cache, want 4", n)
	}
	if n := testutil.ToFloat64(s.writer.self.stored); n != 9 {
		t.Errorf("%v samples counted, want 9", n)
	}
}

func TestWriteKeepsWhatItCan(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for name, c := range map[string]struct {
		bad  prompb.TimeSeries
		want string
	}{
		"duplicate":       {ts(at(0, 99), "__name__", "up", "instance", "a"), "duplicate_timestamp: "},
		"too old":         {ts(at(-30*3600, 1), "__name__", "up", "instance", "a"), "too_old: "},
		"future":          {ts(at(3600, 1), "__name__", "up", "instance", "a"), "future: "},
		"no name":         {ts(at(0, 1), "instance", "a"), "invalid_labels: "},
		"no labels":       {ts(at(0, 1)), "invalid_labels: "},
		"repeated label":  {ts(at(0, 1), "__name__", "up", "a", "1", "a", "2"), "invalid_labels: "},
		"no label name":   {ts(at(0, 1), "__name__", "up", "", "2"), "invalid_labels: "},
		"not UTF-8":       {ts(at(0, 1), "__name__", "up", "a", "\xff"), "invalid_utf8: "},
		"long value":      {ts(at(0, 1), "__name__", "up", "a", long), "limit_label_value: "},
		"wrong histogram": {prompb.TimeSeries{Labels: ts(nil, "__name__", "h").Labels, Histograms: []prompb.Histogram{badHistogram()}}, "invalid_histogram: "},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, siteOptions{})
			if code, body := s.send(t, ts(at(0, 1), "__name__", "up", "instance", "a")); code != http.StatusNoContent {
				t.Fatalf("%d %s", code, body)
			}
			code, body := s.send(t, c.bad, c.bad, ts(at(10, 2), "__name__", "up", "instance", "b"))
			if code != http.StatusBadRequest || !strings.HasPrefix(body, c.want) {
				t.Errorf("%d %s, want 400 %s", code, body, c.want)
			}
			if !strings.HasSuffix(body, "(and 1 more of 3 samples; the others are stored)") {
				t.Errorf("the answer does not say how many: %s", body)
			}
			if len(body) > 1000 {
				t.Errorf("answer of %d bytes", len(body))
			}
			s.want(t, "up", "up a: 0=1", "up b: 10=2")
		})
	}
}

func badHistogram() prompb.Histogram {
	h := prompb.FromIntHistogram(start.UnixMilli(), tsdbutil.GenerateTestHistogram(1))
	h.Count = &prompb.Histogram_CountInt{CountInt: 1}
	return h
}

func TestWriteRefusesRequests(t *testing.T) {
	message, err := (&prompb.WriteRequest{Timeseries: []prompb.TimeSeries{ts(at(0, 1), "__name__", "up", "instance", "a")}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	good := s2.EncodeSnappy(nil, message)
	for name, c := range map[string]struct {
		body   []byte
		header []string
		code   int
		want   string
	}{
		"good":              {good, nil, 204, ""},
		"good, spelled out": {good, []string{"Content-Type", "application/x-protobuf;proto=prometheus.WriteRequest"}, 204, ""},
		"version 2":         {good, []string{"Content-Type", "application/x-protobuf;proto=io.prometheus.write.v2.Request"}, 415, "remote write 1.0"},
		"JSON":              {good, []string{"Content-Type", "application/json"}, 415, "application/json"},
		"zstd":              {good, []string{"Content-Encoding", "zstd"}, 415, "only snappy"},
		"nothing":           {nil, nil, 400, "snappy"},
		"garbage":           {[]byte("garbage garbage"), nil, 400, "snappy"},
		"cut short":         {good[:len(good)-3], nil, 400, "snappy"},
		"half a message":    {s2.EncodeSnappy(nil, message[:len(message)-3]), nil, 400, "malformed"},
		"empty message":     {s2.EncodeSnappy(nil, nil), nil, 204, ""},
		"large":             {bytes.Repeat([]byte("x"), 2000), nil, 413, "limit is 1000"},
		"a bomb":            {s2.EncodeSnappy(nil, make([]byte, 15_000)), nil, 413, "after decompression"},
		"claims a bomb":     {[]byte{0xff, 0xff, 0xff, 0xff, 0x0f, 0}, nil, 413, "after decompression"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, siteOptions{write: WriteOptions{MaxBytes: 1000}})
			code, text := s.post(t, c.body, c.header...)
			if code != c.code || !strings.Contains(text, c.want) {
				t.Errorf("%d %s, want %d %s", code, text, c.code, c.want)
			}
			if n := s.writer.inFlight.Load(); n != 0 {
				t.Errorf("%d bytes still in flight", n)
			}
			if c.code >= 400 {
				s.want(t, "up")
			}
		})
	}
}

// chunked hides the length of a body.
type chunked struct{ io.Reader }

func TestWriteWithoutLength(t *testing.T) {
	s := newSite(t, siteOptions{write: WriteOptions{MaxBytes: 20_000}})
	message, err := (&prompb.WriteRequest{Timeseries: []prompb.TimeSeries{ts(at(0, 1), "__name__", "up", "instance", strings.Repeat("a", 3000))}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for want, body := range map[int][]byte{204: s2.EncodeSnappy(nil, message), 413: bytes.Repeat([]byte("x"), 40_000)} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/prometheus/api/v1/write", chunked{bytes.NewReader(body)})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := s.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%d, want %d", resp.StatusCode, want)
		}
	}
}

func TestWriteOverload(t *testing.T) {
	s := newSite(t, siteOptions{write: WriteOptions{InFlightBytes: 10}})
	if code, body := s.send(t, ts(at(0, 1), "__name__", "up", "instance", "a")); code != http.StatusServiceUnavailable {
		t.Errorf("%d %s", code, body)
	}
	if n := s.writer.inFlight.Load(); n != 0 {
		t.Errorf("%d bytes still in flight", n)
	}
}

// When nothing can be stored the answer must be one after which senders try again.
func TestWriteStorageFailure(t *testing.T) {
	s := newSite(t, siteOptions{})
	if code, _ := s.send(t, ts(at(0, 1), "__name__", "up", "instance", "a")); code != http.StatusNoContent {
		t.Fatal(code)
	}
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	if code, body := s.send(t, ts(at(10, 1), "__name__", "up", "instance", "a")); code != http.StatusServiceUnavailable || !strings.Contains(body, "stopped") {
		t.Errorf("%d %s", code, body)
	}
	for err, want := range map[error]int{
		metrics.ErrDiskFull: 503, metrics.ErrStopped: 503, errMalformed: 400, errors.New("odd"): 500, fail(413, "large"): 413,
	} {
		if f, ok := errors.AsType[*failure](storageFailure(err)); !ok || f.status != want {
			t.Errorf("%v becomes %+v, want %d", err, f, want)
		}
	}
}

func TestWriteMetadata(t *testing.T) {
	s := newSite(t, siteOptions{})
	message, err := (&prompb.WriteRequest{Metadata: []prompb.MetricMetadata{
		{Type: prompb.MetricMetadata_COUNTER, MetricFamilyName: "requests_total", Help: "Requests.", Unit: "requests"},
		{Type: prompb.MetricMetadata_UNKNOWN, MetricFamilyName: "odd"},
		{Type: 77, MetricFamilyName: "newer"},
	}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if code, body := s.post(t, s2.EncodeSnappy(nil, message)); code != http.StatusNoContent {
		t.Fatalf("%d %s", code, body)
	}
	want := map[string]metrics.Metadata{
		"requests_total": {Kind: "counter", Help: "Requests.", Unit: "requests"}, "odd": {Kind: "unknown"}, "newer": {Kind: "unknown"},
	}
	if d := cmp.Diff(want, s.catalog.All()); d != "" {
		t.Error(d)
	}
}

func TestWriteHistogramsAndExemplars(t *testing.T) {
	s := newSite(t, siteOptions{})
	fine := prompb.FromIntHistogram(start.UnixMilli(), tsdbutil.GenerateTestHistogram(1))
	fine.Schema = 10 // beyond what the engine stores
	series := []prompb.TimeSeries{
		{Labels: ts(nil, "__name__", "h", "instance", "a").Labels, Histograms: []prompb.Histogram{prompb.FromIntHistogram(start.UnixMilli(), tsdbutil.GenerateTestHistogram(1))}},
		{Labels: ts(nil, "__name__", "h", "instance", "b").Labels, Histograms: []prompb.Histogram{prompb.FromFloatHistogram(start.UnixMilli(), tsdbutil.GenerateTestFloatHistogram(1))}},
		{Labels: ts(nil, "__name__", "h", "instance", "c").Labels, Histograms: []prompb.Histogram{fine}},
		{Labels: ts(nil, "__name__", "x").Labels, Samples: at(0, 1), Exemplars: []prompb.Exemplar{{Value: 1, Labels: ts(nil, "trace", "1").Labels}}},
	}
	for range 2 {
		if code, body := s.send(t, series...); code != http.StatusNoContent {
			t.Fatalf("%d %s", code, body)
		}
	}
	_, body := s.ask(t, http.MethodGet, "/query", url.Values{"query": {"count(histogram_count(h))"}, "time": {strconv.FormatInt(start.Unix(), 10)}})
	same(t, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[TIME+0,"3"]}]}}`, body)
	if n := testutil.ToFloat64(s.writer.self.exemplars); n != 2 {
		t.Errorf("%v exemplars counted, want 2", n)
	}
}
