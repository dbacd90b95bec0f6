package prometheus

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/picketmon/picket/collector/metrics"
)

// batch is one request being stored, with the memory that is used again for later ones.
type batch struct {
	catalog *metrics.Catalog
	cache   *seriesCache
	builder labels.ScratchBuilder
	scratch []byte

	body, decoded []byte
	reserved      int64 // bytes counted as in flight

	app       metrics.Appender
	refusal   error // the first
	exemplars int
}

func newBatch(catalog *metrics.Catalog, cache *seriesCache) *batch {
	b := &batch{catalog: catalog, cache: cache, builder: labels.NewScratchBuilder(16)}
	b.builder.SetUnsafeAdd(true)
	return b
}

// keepBytes is the largest buffer kept for the next request.
const keepBytes = 4 << 20

func (b *batch) release() {
	b.app, b.refusal, b.exemplars, b.reserved = nil, nil, 0, 0
	if cap(b.body) > keepBytes {
		b.body = nil
	}
	if cap(b.decoded) > keepBytes {
		b.decoded = nil
	}
	if cap(b.scratch) > keepBytes {
		b.scratch = nil
	}
}

// request appends all of a WriteRequest message.
func (b *batch) request(message []byte) error {
	for len(message) > 0 {
		f, rest, err := next(message)
		if err != nil {
			return err
		}
		switch f.number {
		case requestSeries, requestMetadata:
			if f.kind != protowire.BytesType {
				return errMalformed
			}
			if f.number == requestSeries {
				err = b.series(f.bytes)
			} else {
				err = b.metadata(f.bytes)
			}
			if err != nil {
				return err
			}
		}
		message = rest
	}
	return nil
}

// series appends what a TimeSeries message holds.
func (b *batch) series(message []byte) error {
	raw, rest, scratch, err := splitSeries(message, b.scratch)
	b.scratch = scratch
	if err != nil {
		return err
	}
	s := series{batch: b, raw: raw}
	s.ref, s.key = b.cache.get(raw)
	if s.ref == 0 {
		if err := s.parse(); err != nil {
			return err
		}
	}
	for len(rest) > 0 {
		f, after, err := next(rest)
		if err != nil {
			return err
		}
		if f.number <= seriesHistogram && f.kind != protowire.BytesType {
			return errMalformed
		}
		switch f.number {
		case seriesSample:
			err = s.sample(f.bytes)
		case seriesHistogram:
			err = s.histogram(f.bytes)
		case seriesExemplar:
			b.exemplars++
		}
		if err != nil {
			return err
		}
		rest = after
	}
	return nil
}

// series is one TimeSeries message on its way. Labels are decoded only when the series is not in the cache, no longer in the
// engine, or to be named in an error.
type series struct {
	batch  *batch
	raw    []byte // the label fields
	key    cacheKey
	ref    metrics.Ref
	parsed bool
	labels labels.Labels
}

func (s *series) parse() (err error) {
	if !s.parsed {
		s.labels, err = parseLabels(&s.batch.builder, s.raw)
		s.parsed = err == nil
	}
	return err
}

func (s *series) sample(b []byte) error {
	t, v, err := parseSample(b)
	if err != nil {
		return err
	}
	if s.ref != 0 {
		ref, err := s.batch.app.Append(s.ref, labels.EmptyLabels(), t, v)
		if !errors.Is(err, metrics.ErrUnknownSeries) {
			return s.appended(ref, err, t)
		}
	}
	if err := s.parse(); err != nil {
		return err
	}
	ref, err := s.batch.app.Append(0, s.labels, t, v)
	return s.appended(ref, err, t)
}

func (s *series) histogram(b []byte) error {
	var m prompb.Histogram
	if err := m.Unmarshal(b); err != nil {
		return errMalformed
	}
	if err := s.parse(); err != nil {
		return err
	}
	var h *histogram.Histogram
	var fh *histogram.FloatHistogram
	var err error
	if m.IsFloatHistogram() {
		fh = m.ToFloatHistogram()
		if finer(fh.Schema) {
			err = fh.ReduceResolution(histogram.ExponentialSchemaMax)
		}
	} else {
		h = m.ToIntHistogram()
		if finer(h.Schema) {
			err = h.ReduceResolution(histogram.ExponentialSchemaMax)
		}
	}
	if err != nil {
		return fail(http.StatusBadRequest, "native histogram of %s: %w", shortened(s.labels.String()), err)
	}
	ref, err := s.batch.app.AppendHistogram(s.ref, s.labels, m.Timestamp, h, fh)
	if errors.Is(err, metrics.ErrUnknownSeries) {
		ref, err = s.batch.app.AppendHistogram(0, s.labels, m.Timestamp, h, fh)
	}
	return s.appended(ref, err, m.Timestamp)
}

// finer tells whether a histogram's resolution is beyond what the engine stores.
func finer(schema int32) bool {
	return histogram.IsExponentialSchemaReserved(schema) && schema > histogram.ExponentialSchemaMax
}

// appended remembers the series of an accepted sample.
func (s *series) appended(ref metrics.Ref, err error, t int64) error {
	if err != nil {
		return s.refused(err, t)
	}
	if ref != s.ref {
		s.ref = ref
		s.batch.cache.put(s.key, ref)
	}
	return nil
}

// refused notes the first sample that can never be stored and lets the others go on; other errors are for the whole request.
func (s *series) refused(err error, t int64) error {
	if _, ok := errors.AsType[*metrics.Refusal](err); !ok {
		return err
	}
	if s.batch.refusal != nil {
		return nil
	}
	if perr := s.parse(); perr != nil {
		return perr
	}
	s.batch.refusal = fmt.Errorf("%w: sample at %d of %s", err, t, shortened(s.labels.String()))
	return nil
}

func shortened(s string) string {
	const longest = 500
	if len(s) <= longest {
		return s
	}
	return s[:longest] + "…"
}

// metadata passes a MetricMetadata message on.
func (b *batch) metadata(message []byte) error {
	var m prompb.MetricMetadata
	if err := m.Unmarshal(message); err != nil {
		return errMalformed
	}
	kind := strings.ToLower(prompb.MetricMetadata_MetricType_name[int32(m.Type)]) // empty when newer than we are
	b.catalog.Set(m.MetricFamilyName, metrics.Metadata{Kind: kind, Help: m.Help, Unit: m.Unit})
	return nil
}
