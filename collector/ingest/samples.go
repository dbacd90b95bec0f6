package ingest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/picketmon/picket/collector/metrics"
	pb "github.com/picketmon/picket/proto/gen/picketv1"
)

// Samples is the part of the time-series store that ingest needs.
type Samples interface {
	Appender(ctx context.Context) metrics.Appender
}

// Metadata takes what agents say of metric names.
type Metadata interface {
	Set(name string, m metrics.Metadata)
}

// samples turns one stream's schemas and rows into series and appends. It is used by one goroutine.
type samples struct {
	store   Samples
	meta    Metadata
	limits  metrics.Limits
	series  int // per agent
	id      identity
	zstd    *zstd.Decoder
	schemas []*schema // by id
	defined int       // series in all schemas
	times   [2]int64  // by lane
	builder labels.ScratchBuilder
	counts  sampleCounts
}

// sampleCounts is what became of a batch's samples; taken by the stream for its metrics.
type sampleCounts struct {
	stored  int
	refused map[string]int
}

func (c *sampleCounts) refuse(reason string, n int) {
	if c.refused == nil {
		c.refused = map[string]int{}
	}
	c.refused[reason] += n
}

// define takes a schema. Series that can never be stored are left out; the first is named in the rejection, which is nil when there is
// none.
func (s *samples) define(m *pb.Schema) (*pb.Rejection, error) {
	id := int(m.GetId())
	if id < 1 || id > maxSchemaID || id > len(s.schemas)+1 {
		return nil, violation("schema id %d after %d, limit is %d", id, len(s.schemas), maxSchemaID)
	}
	def, err := decodeDefinition(s.zstd, m)
	if err != nil {
		return nil, err
	}
	n := len(def.GetSeries())
	sch := &schema{message: m, refs: make([]metrics.Ref, n)}
	sch.rows[pb.Lane_LANE_LIVE].Reset(n)
	if id <= len(s.schemas) {
		s.defined -= len(s.schemas[id-1].refs)
		s.schemas[id-1] = sch
	} else {
		s.schemas = append(s.schemas, sch)
	}
	s.defined += n
	rejection := s.check(sch, def)
	for _, md := range def.GetMetadata() {
		sym := def.GetSymbols()
		s.meta.Set(clean(sym[md.GetName()]), metrics.Metadata{
			Kind: kindName(md.GetKind()), Help: clean(sym[md.GetHelp()]), Unit: clean(sym[md.GetUnit()]),
		})
	}
	return rejection, nil
}

// check marks the series that cannot be stored and describes the first.
func (s *samples) check(sch *schema, def *pb.SchemaDefinition) *pb.Rejection {
	var first *pb.Rejection
	refused := 0
	for i := range sch.refs {
		var reason, detail string
		if over := s.defined - len(sch.refs) + i; over >= s.series {
			reason, detail = "limit_series", fmt.Sprintf("the agent has %d series, limit is %d", s.defined, s.series)
		} else {
			reason, detail = refusal(s.limits, s.id.seriesLabels(&s.builder, def, i))
		}
		if reason == "" {
			continue
		}
		if refused++; first == nil {
			sch.refused = make([]bool, len(sch.refs))
			first = &pb.Rejection{Class: pb.Class_CLASS_METRICS, Reason: reason, Detail: detail}
		}
		sch.refused[i] = true
	}
	if refused > 1 {
		first.Detail = fmt.Sprintf("%s (and %d more series of check %s)", first.Detail, refused-1, sch.message.GetCheck())
	}
	return first
}

// store appends a batch and makes it durable. Cycles for which skip says true are decoded, as the rows after them build on them, but
// not appended. After an error nothing of the batch counts as stored and the stream must end.
func (s *samples) append(ctx context.Context, b *pb.MetricBatch, skip func(seq uint64) bool) error {
	lane := b.GetLane()
	if lane != pb.Lane_LANE_LIVE && lane != pb.Lane_LANE_BACKLOG {
		return violation("lane %d", lane)
	}
	app := s.store.Appender(ctx)
	for _, c := range b.GetCycles() {
		s.times[lane] += c.GetTimeMs()
		if err := s.cycle(app, lane, c, skip(c.GetSeq())); err != nil {
			return errors.Join(err, app.Rollback())
		}
	}
	out, err := app.Commit()
	if err != nil {
		return fmt.Errorf("store samples: %w", err)
	}
	s.counts.stored += out.Stored
	return nil
}

func (s *samples) cycle(app metrics.Appender, lane pb.Lane, c *pb.Cycle, skip bool) error {
	t, rest := s.times[lane], c.GetRows()
	for len(rest) > 0 {
		id, n := binary.Uvarint(rest)
		if n <= 0 || id < 1 || id > uint64(len(s.schemas)) {
			return violation("row of schema %d, %d are defined", id, len(s.schemas))
		}
		sch := s.schemas[id-1]
		state := &sch.rows[lane]
		if state.Len() != len(sch.refs) {
			state.Reset(len(sch.refs))
		}
		var err error
		if rest, err = state.Decode(rest[n:]); err != nil {
			return violation("row of check %q: %v", sch.message.GetCheck(), err)
		}
		if skip {
			continue
		}
		if err := s.row(app, sch, t, state.Values()); err != nil {
			return err
		}
	}
	if skip {
		return nil
	}
	for _, e := range c.GetEnded() {
		if err := s.end(app, e.GetLabels(), t); err != nil {
			return err
		}
	}
	return nil
}

func (s *samples) row(app metrics.Appender, sch *schema, t int64, values []float64) error {
	var def *pb.SchemaDefinition // decoded when the engine does not know a series
	for i, v := range values {
		if sch.refused != nil && sch.refused[i] {
			s.counts.refuse("series_refused", 1)
			continue
		}
		ref := sch.refs[i]
		err := metrics.ErrUnknownSeries
		if ref != 0 {
			ref, err = app.Append(ref, labels.EmptyLabels(), t, v)
		}
		if errors.Is(err, metrics.ErrUnknownSeries) {
			if def == nil {
				if def, err = decodeDefinition(s.zstd, sch.message); err != nil {
					return err
				}
			}
			ref, err = app.Append(0, s.id.seriesLabels(&s.builder, def, i), t, v)
		}
		if err != nil && !s.refusedSample(err) {
			return fmt.Errorf("append sample: %w", err)
		}
		sch.refs[i] = ref
	}
	return nil
}

// refusedSample counts a sample that can never be stored and reports whether err was of that kind.
func (s *samples) refusedSample(err error) bool {
	r, ok := errors.AsType[*metrics.Refusal](err)
	if ok {
		s.counts.refuse(r.Reason.String(), 1)
	}
	return ok
}

// end appends the stale marker of a series that the agent stopped.
func (s *samples) end(app metrics.Appender, pairs []string, t int64) error {
	if len(pairs)%2 != 0 {
		return violation("ended series with %d strings", len(pairs))
	}
	ls := s.id.plainLabels(&s.builder, pairs)
	if reason, _ := refusal(s.limits, ls); reason != "" {
		return nil // it was never stored
	}
	if _, err := app.Append(0, ls, t, metrics.StaleMarker()); err != nil && !s.refusedSample(err) {
		return fmt.Errorf("end series: %w", err)
	}
	return nil
}

// take returns what became of the samples since the last call.
func (s *samples) take() sampleCounts {
	c := s.counts
	s.counts = sampleCounts{}
	return c
}

func kindName(k pb.Kind) string {
	switch k {
	case pb.Kind_KIND_COUNTER:
		return "counter"
	case pb.Kind_KIND_GAUGE:
		return "gauge"
	}
	return "unknown"
}
