package ingest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"google.golang.org/protobuf/proto"

	"github.com/picketmon/picket/collector/metrics"
	pb "github.com/picketmon/picket/proto/gen/picketv1"
	"github.com/picketmon/picket/proto/row"
)

// maxDefinition bounds a schema's definition after decompression.
const maxDefinition = 8 << 20

// maxSchemaID bounds the schemas of one stream.
const maxSchemaID = 1024

// reserved are the series only the collector writes.
var reserved = []string{"up", "picket_agent_info", "ALERTS", "ALERTS_FOR_STATE"}

// errProtocol is what an agent of this version would never send; the stream ends.
var errProtocol = errors.New("protocol violation")

func violation(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errProtocol, fmt.Sprintf(format, args...))
}

// schema is a row's definition and state. Labels are not kept: they are read again from the definition when the engine forgot a
// series, which is rare, while a thousand agents' labels in memory would be much.
type schema struct {
	message *pb.Schema
	refs    []metrics.Ref
	refused []bool // nil when no series is
	rows    [2]row.State
}

// identity is what the collector says a series belongs to, whatever the agent says.
type identity struct{ job, instance string }

// decodeDefinition returns the definition in m, checked for inner consistency.
func decodeDefinition(z *zstd.Decoder, m *pb.Schema) (*pb.SchemaDefinition, error) {
	raw := m.GetDefinition()
	if m.GetCompressed() {
		var err error
		if raw, err = z.DecodeAll(raw, nil); err != nil {
			return nil, violation("schema %d of check %q does not decompress within %d bytes: %v", m.GetId(), m.GetCheck(), maxDefinition, err)
		}
	}
	if len(raw) > maxDefinition {
		return nil, violation("schema %d of check %q has %d bytes, limit is %d", m.GetId(), m.GetCheck(), len(raw), maxDefinition)
	}
	def := &pb.SchemaDefinition{}
	if err := proto.Unmarshal(raw, def); err != nil {
		return nil, violation("schema %d of check %q does not decode: %v", m.GetId(), m.GetCheck(), err)
	}
	symbols := uint32(len(def.GetSymbols()))
	for i, s := range def.GetSeries() {
		if len(s.GetRefs())%2 != 1 {
			return nil, violation("series %d of check %q has %d symbols: a name and pairs were expected", i, m.GetCheck(), len(s.GetRefs()))
		}
		if slices.ContainsFunc(s.GetRefs(), func(r uint32) bool { return r >= symbols }) {
			return nil, violation("series %d of check %q refers to a symbol beyond the %d given", i, m.GetCheck(), symbols)
		}
	}
	for i, md := range def.GetMetadata() {
		if max(md.GetName(), md.GetHelp(), md.GetUnit()) >= symbols {
			return nil, violation("metadata %d of check %q refers to a symbol beyond the %d given", i, m.GetCheck(), symbols)
		}
	}
	return def, nil
}

// seriesLabels returns the labels of series i with the collector's own job and instance. A label of the agent with one of these names
// is kept as exported_job or exported_instance.
func (id identity) seriesLabels(b *labels.ScratchBuilder, def *pb.SchemaDefinition, i int) labels.Labels {
	refs := def.GetSeries()[i].GetRefs()
	b.Reset()
	b.Add(model.MetricNameLabel, def.GetSymbols()[refs[0]])
	for j := 1; j < len(refs); j += 2 {
		b.Add(exported(def.GetSymbols()[refs[j]]), def.GetSymbols()[refs[j+1]])
	}
	return id.finish(b)
}

// plainLabels is seriesLabels for a flat list of names and values that begins with __name__.
func (id identity) plainLabels(b *labels.ScratchBuilder, pairs []string) labels.Labels {
	b.Reset()
	for j := 0; j+1 < len(pairs); j += 2 {
		b.Add(exported(pairs[j]), pairs[j+1])
	}
	return id.finish(b)
}

func (id identity) finish(b *labels.ScratchBuilder) labels.Labels {
	b.Add("job", id.job)
	b.Add("instance", id.instance)
	b.Sort()
	return b.Labels()
}

func exported(name string) string {
	if name == "job" || name == "instance" {
		return "exported_" + name
	}
	return name
}

// refusal says why a series can never be stored, or nil.
func refusal(limits metrics.Limits, ls labels.Labels) (reason, detail string) {
	if name := ls.Get(model.MetricNameLabel); slices.Contains(reserved, name) {
		return "reserved_name", fmt.Sprintf("only the collector writes series %s", name)
	}
	if r := limits.Check(ls); r != nil {
		return r.Reason.String(), r.Detail
	}
	return "", ""
}

// clean copies a symbol so that it does not keep the message's memory.
func clean(s string) string { return strings.Clone(s) }
