package ingest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"google.golang.org/protobuf/proto"

	"github.com/picketmon/picket/collector/metrics"
	pb "github.com/picketmon/picket/proto/gen/picketv1"
	"github.com/picketmon/picket/proto/row"
)

type noMetadata struct{}

func (noMetadata) Set(string, metrics.Metadata) {}

func newSamples(t testing.TB) (*samples, *metrics.Store) {
	t.Helper()
	store, err := metrics.Open(metrics.Options{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler), MinFreeBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxDefinition))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(z.Close)
	return &samples{
		store: store, meta: noMetadata{}, limits: metrics.DefaultLimits(), series: 100, zstd: z, id: identity{"node", "host-1"},
	}, store
}

// schemaOf defines series given as flat lists: name, label, value, ….
func schemaOf(t testing.TB, id uint32, series ...[]string) *pb.Schema {
	t.Helper()
	def := &pb.SchemaDefinition{}
	for _, s := range series {
		sd := &pb.SeriesDefinition{}
		for _, v := range s {
			sd.Refs = append(sd.Refs, uint32(len(def.Symbols)))
			def.Symbols = append(def.Symbols, v)
		}
		def.Series = append(def.Series, sd)
	}
	raw, err := proto.Marshal(def)
	if err != nil {
		t.Fatal(err)
	}
	return &pb.Schema{Id: id, Check: "test", Definition: raw}
}

// rowOf encodes a row with the state.
func rowOf(id uint32, s *row.State, values ...float64) []byte {
	return s.Append(binary.AppendUvarint(nil, uint64(id)), values)
}

// stored returns all samples as text, in the order of the series' labels.
func stored(t *testing.T, store *metrics.Store) []string {
	t.Helper()
	q, err := store.Querier(0, math.MaxInt64)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = q.Close() }()
	var out []string
	set := q.Select(context.Background(), true, nil, labels.MustNewMatcher(labels.MatchRegexp, "__name__", ".+"))
	for set.Next() {
		s := set.At()
		for it := s.Iterator(nil); it.Next() == chunkenc.ValFloat; {
			at, v := it.At()
			text := fmt.Sprint(v)
			if value.IsStaleNaN(v) {
				text = "stale"
			}
			out = append(out, fmt.Sprintf("%s %s @%d", s.Labels(), text, at))
		}
	}
	if err := set.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func never(uint64) bool { return false }

func TestRowsBecomeSeriesOfTheCollectorsIdentity(t *testing.T) {
	s, store := newSamples(t)
	now := time.Now().UnixMilli()
	_, err := s.define(schemaOf(t, 1, []string{"m", "device", "a"}, []string{"m", "instance", "forged", "job", "forged"}))
	if err != nil {
		t.Fatal(err)
	}
	var state row.State
	state.Reset(2)
	err = s.append(t.Context(), &pb.MetricBatch{Cycles: []*pb.Cycle{
		{Seq: 1, TimeMs: now, Rows: rowOf(1, &state, 1, 2)},
		{Seq: 2, TimeMs: 10, Rows: rowOf(1, &state, 1.5, 2)},
		{Seq: 3, TimeMs: 10, Ended: []*pb.EndedSeries{{Labels: []string{"__name__", "m", "device", "a"}}}},
	}}, never)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		fmt.Sprintf(`{__name__="m", device="a", instance="host-1", job="node"} 1 @%d`, now),
		fmt.Sprintf(`{__name__="m", device="a", instance="host-1", job="node"} 1.5 @%d`, now+10),
		fmt.Sprintf(`{__name__="m", device="a", instance="host-1", job="node"} stale @%d`, now+20),
		fmt.Sprintf(`{__name__="m", exported_instance="forged", exported_job="forged", instance="host-1", job="node"} 2 @%d`, now),
		fmt.Sprintf(`{__name__="m", exported_instance="forged", exported_job="forged", instance="host-1", job="node"} 2 @%d`, now+10),
	}
	if diff := cmp.Diff(want, stored(t, store)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLanesHaveTheirOwnStateAndKnownCyclesAreSkipped(t *testing.T) {
	s, store := newSamples(t)
	now := time.Now().UnixMilli()
	if _, err := s.define(schemaOf(t, 1, []string{"m"})); err != nil {
		t.Fatal(err)
	}
	var live, old row.State
	live.Reset(1)
	old.Reset(1)
	for _, b := range []*pb.MetricBatch{
		{Lane: pb.Lane_LANE_LIVE, Cycles: []*pb.Cycle{{Seq: 5, TimeMs: now, Rows: rowOf(1, &live, 50)}}},
		{Lane: pb.Lane_LANE_BACKLOG, Cycles: []*pb.Cycle{
			{Seq: 1, TimeMs: now - 40, Rows: rowOf(1, &old, 10)},
			{Seq: 2, TimeMs: 10, Rows: rowOf(1, &old, 20)}, // known: skipped, yet the next builds on it
			{Seq: 3, TimeMs: 10, Rows: rowOf(1, &old, 30)},
		}},
		{Lane: pb.Lane_LANE_LIVE, Cycles: []*pb.Cycle{{Seq: 6, TimeMs: 10, Rows: rowOf(1, &live, 60)}}},
	} {
		if err := s.append(t.Context(), b, func(seq uint64) bool { return seq == 2 }); err != nil {
			t.Fatal(err)
		}
	}
	var want []string
	for _, p := range []struct {
		v  float64
		at int64
	}{{10, now - 40}, {30, now - 20}, {50, now}, {60, now + 10}} {
		want = append(want, fmt.Sprintf(`{__name__="m", instance="host-1", job="node"} %v @%d`, p.v, p.at))
	}
	if diff := cmp.Diff(want, stored(t, store)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSeriesThatCannotBeStoredAreNamedAndTheRestIsKept(t *testing.T) {
	long := strings.Repeat("x", 5000)
	tests := map[string]struct {
		bad    []string
		reason string
		detail string
	}{
		"value too long": {[]string{"m", "a", long}, "limit_label_value", "limit is 4096"},
		"name too long":  {[]string{"m", long, "a"}, "limit_label_name", "limit is 256"},
		"label twice":    {[]string{"m", "a", "1", "a", "2"}, "invalid_labels", "not unique"},
		"up is ours":     {[]string{"up"}, "reserved_name", "only the collector writes series up"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, store := newSamples(t)
			r, err := s.define(schemaOf(t, 1, []string{"good"}, tt.bad))
			if err != nil || r.GetReason() != tt.reason || !strings.Contains(r.GetDetail(), tt.detail) {
				t.Fatalf("rejection %v, error %v", r, err)
			}
			var state row.State
			state.Reset(2)
			if err := s.append(t.Context(), &pb.MetricBatch{Cycles: []*pb.Cycle{{Seq: 1, TimeMs: time.Now().UnixMilli(), Rows: rowOf(1, &state, 1, 2)}}}, never); err != nil {
				t.Fatal(err)
			}
			if got := stored(t, store); len(got) != 1 || !strings.Contains(got[0], `"good"`) {
				t.Errorf("stored: %v", got)
			}
			if c := s.take(); c.stored != 1 || c.refused["series_refused"] != 1 {
				t.Errorf("counts: %+v", c)
			}
		})
	}
}

func TestTheSeriesLimitNamesItself(t *testing.T) {
	s, _ := newSamples(t)
	var series [][]string
	for i := range 101 {
		series = append(series, []string{"m", "i", fmt.Sprint(i)})
	}
	r, err := s.define(schemaOf(t, 1, series...))
	if err != nil || r.GetReason() != "limit_series" || r.GetDetail() != "the agent has 101 series, limit is 100" {
		t.Errorf("rejection %v, error %v", r, err)
	}
}

func TestProtocolViolationsAreNamed(t *testing.T) {
	tests := map[string]struct {
		do   func(s *samples) error
		want string
	}{
		"schema id out of order": {func(s *samples) error { _, err := s.define(&pb.Schema{Id: 7}); return err }, "schema id 7 after 0"},
		"symbol out of range": {func(s *samples) error {
			raw, _ := proto.Marshal(&pb.SchemaDefinition{Series: []*pb.SeriesDefinition{{Refs: []uint32{3}}}})
			_, err := s.define(&pb.Schema{Id: 1, Definition: raw})
			return err
		}, "beyond the 0 given"},
		"not UTF-8": {func(s *samples) error {
			_, err := s.define(&pb.Schema{Id: 1, Definition: []byte("\x0a\x01\xff")})
			return err
		}, "does not decode"},
		"bomb": {func(s *samples) error {
			w, _ := zstd.NewWriter(nil)
			_, err := s.define(&pb.Schema{Id: 1, Compressed: true, Definition: w.EncodeAll(make([]byte, 2*maxDefinition), nil)})
			return err
		}, "does not decompress"},
		"unknown schema": {func(s *samples) error {
			return s.append(context.Background(), &pb.MetricBatch{Cycles: []*pb.Cycle{{Seq: 1, Rows: []byte{9}}}}, never)
		}, "row of schema 9, 0 are defined"},
		"unknown lane": {func(s *samples) error {
			return s.append(context.Background(), &pb.MetricBatch{Lane: 5}, never)
		}, "lane 5"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, _ := newSamples(t)
			if err := tt.do(s); !errors.Is(err, errProtocol) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want a violation with %q", err, tt.want)
			}
		})
	}
}

func FuzzSamples(f *testing.F) {
	var state row.State
	state.Reset(2)
	f.Add(schemaOf(f, 1, []string{"m", "a", "b"}, []string{"n"}).GetDefinition(), rowOf(1, &state, 1, 2.5))
	s, _ := newSamples(f)
	f.Fuzz(func(t *testing.T, definition, rows []byte) {
		fresh := &samples{store: s.store, meta: s.meta, limits: s.limits, series: s.series, zstd: s.zstd, id: s.id}
		if _, err := fresh.define(&pb.Schema{Id: 1, Definition: definition}); err != nil {
			return
		}
		err := fresh.append(t.Context(), &pb.MetricBatch{Cycles: []*pb.Cycle{{Seq: 1, TimeMs: time.Now().UnixMilli(), Rows: rows}}}, never)
		if err != nil && !errors.Is(err, errProtocol) {
			t.Fatalf("foreign bytes became a failure of the storage: %v", err)
		}
	})
}
