package transport

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/picketmon/picket/agent/buffer"
	"github.com/picketmon/picket/agent/inventory"
	"github.com/picketmon/picket/agent/schedule"
	"github.com/picketmon/picket/checks"
	pb "github.com/picketmon/picket/proto/gen/picketv1"
)

// maxText bounds outputs and messages, in bytes; what is longer is cut.
const maxText = 16 << 10

// maxRecord is the size from which a cycle's results go into another record.
const maxRecord = 256 << 10

// Deliver implements schedule.Sink: it buffers a cycle's readings as one record and its results as another.
func (t *Transport) Deliver(c schedule.Cycle) error {
	ms := c.Time.UnixMilli()
	if len(c.Readings) > 0 {
		rec, err := t.encodeReadings(c.Readings)
		if err != nil {
			return err
		}
		if _, err := t.opts.Buffer.Append(buffer.Metrics, ms, rec); err != nil {
			return fmt.Errorf("buffer metrics: %w", err)
		}
	}
	if len(c.Results) == 0 {
		return nil
	}
	batch, size := &pb.ResultBatch{}, 0
	for _, r := range c.Results {
		res := &pb.CheckResult{
			Id: newID(), Check: r.Check, Status: pb.Status(r.Status), Output: cut(r.Output), TimeMs: r.Time.UnixMilli(),
			DurationUs: uint32(min(r.Duration.Microseconds(), 1<<32-1)), Resource: cut(r.Resource), Labels: r.Labels,
		}
		if size += proto.Size(res); size > maxRecord && len(batch.Results) > 0 {
			if err := t.buffer(buffer.Results, ms, batch); err != nil {
				return err
			}
			batch, size = &pb.ResultBatch{}, 0
		}
		batch.Results = append(batch.Results, res)
	}
	return t.buffer(buffer.Results, ms, batch)
}

// Event buffers something people should know of the agent itself.
func (t *Transport) Event(kind string, severity checks.Status, message string, attributes map[string]string) error {
	now := time.Now().UnixMilli()
	return t.buffer(buffer.Results, now, &pb.ResultBatch{Events: []*pb.AgentEvent{{
		Id: newID(), Type: kind, Severity: pb.Status(severity), Message: cut(message), TimeMs: now, Attributes: attributes,
	}}})
}

// Inventory buffers differences of inventory.
func (t *Transport) Inventory(b inventory.Batch) error {
	batch := &pb.InventoryBatch{Kind: b.Kind, Full: b.Full, FullHash: b.Hash, TimeMs: b.Time.UnixMilli()}
	for _, i := range b.Items {
		batch.Items = append(batch.Items, &pb.Item{Class: i.Class, Key: i.Key, Attributes: i.Attributes, Gone: i.Gone})
	}
	for _, c := range b.Capabilities {
		batch.Capabilities = append(batch.Capabilities, &pb.Capability{
			Name: c.Name, Available: c.Available, Reason: c.Reason, Fix: c.Fix, Gone: c.Gone,
		})
	}
	return t.buffer(buffer.Inventory, b.Time.UnixMilli(), batch)
}

func (t *Transport) buffer(c buffer.Class, ms int64, m proto.Message) error {
	rec, err := proto.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode %T: %w", m, err)
	}
	if _, err := t.opts.Buffer.Append(c, ms, rec); err != nil {
		return fmt.Errorf("buffer %T: %w", m, err)
	}
	return nil
}

func newID() []byte {
	id, err := uuid.NewV7()
	if err != nil { // the system has no randomness: nothing of TLS would work either
		id = uuid.UUID{}
	}
	return id[:]
}

// cut makes s valid UTF-8 of at most maxText bytes.
func cut(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	return toValid(s)
}
