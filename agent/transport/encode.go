package transport

import (
	"encoding/binary"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/picketmon/picket/agent/buffer"
	pb "github.com/picketmon/picket/proto/gen/picketv1"
	"github.com/picketmon/picket/proto/row"
)

// maxStreamSchemas bounds the schemas that a stream keeps on both sides; the one longest unused makes room by giving up its id.
const maxStreamSchemas = 256

// compressAbove is the size of a definition from which zstd pays.
const compressAbove = 512

// encoder turns records into delta rows. Its state is the stream's: what the collector knows.
type encoder struct {
	schemas *schemas
	known   map[uint64]*known
	ids     []uint64 // schema hash by id-1
	tick    uint64
	times   [2]int64 // by lane: time of the cycle before
	full    row.State
	samples uint64
}

// known is a schema that the collector has been told of.
type known struct {
	id   uint32
	used uint64
	rows [2]row.State // by lane
}

func newEncoder(s *schemas) *encoder {
	return &encoder{schemas: s, known: map[uint64]*known{}}
}

// takeSamples returns the number of values encoded since the last call.
func (e *encoder) takeSamples() uint64 {
	n := e.samples
	e.samples = 0
	return n
}

// cycle encodes a metrics record for a lane. fresh are the schemas that must be sent before it; lost counts the readings whose schema
// is gone from disk. After an error the lane's state is as before.
func (e *encoder) cycle(lane pb.Lane, rec buffer.Record) (c *pb.Cycle, fresh []*pb.Schema, lost int, err error) {
	c = &pb.Cycle{Seq: rec.Seq, TimeMs: rec.Time - e.times[lane]}
	ended, err := decodeReadings(rec.Data, func(r reading) error {
		sch, err := e.schemas.get(r.schema)
		if err != nil || sch.n != r.n {
			lost++
			return nil
		}
		k, m := e.know(r.schema, sch)
		if m != nil {
			fresh = append(fresh, m)
		}
		e.full.Reset(r.n)
		if rest, err := e.full.Decode(r.row); err != nil || len(rest) > 0 {
			return fmt.Errorf("row of check %s: %w", sch.check, errRecord)
		}
		c.Rows = binary.AppendUvarint(c.Rows, uint64(k.id))
		c.Rows = k.rows[lane].Append(c.Rows, e.full.Values())
		e.samples += uint64(r.n)
		return nil
	})
	if err != nil {
		e.forget() // rows already encoded will not be sent
		return nil, nil, 0, err
	}
	for _, labels := range ended {
		c.Ended = append(c.Ended, &pb.EndedSeries{Labels: labels})
	}
	e.times[lane] = rec.Time
	return c, fresh, lost, nil
}

// forget makes the encoder define all schemas anew, which resets their rows on both sides.
func (e *encoder) forget() {
	clear(e.known)
	e.ids = e.ids[:0]
}

// know returns the schema's state and, when the collector does not know the schema yet, the message that defines it.
func (e *encoder) know(hash uint64, sch *schema) (*known, *pb.Schema) {
	e.tick++
	if k := e.known[hash]; k != nil {
		k.used = e.tick
		return k, nil
	}
	k := &known{id: e.newID(hash), used: e.tick}
	k.rows[0].Reset(sch.n)
	k.rows[1].Reset(sch.n)
	e.known[hash] = k
	m := &pb.Schema{Id: k.id, Check: sch.check, Definition: sch.definition}
	if len(m.Definition) > compressAbove {
		if packed, err := e.pack(m.Definition); err == nil {
			m.Definition, m.Compressed = packed, true
		}
	}
	return k, m
}

func (e *encoder) newID(hash uint64) uint32 {
	if len(e.ids) < maxStreamSchemas {
		e.ids = append(e.ids, hash)
		return uint32(len(e.ids))
	}
	oldest := e.ids[0]
	for _, h := range e.ids {
		if e.known[h].used < e.known[oldest].used {
			oldest = h
		}
	}
	id := e.known[oldest].id
	delete(e.known, oldest)
	e.ids[id-1] = hash
	return id
}

// pack compresses with an encoder that is made for the occasion: it would hold more memory than the rest of the agent.
func (e *encoder) pack(b []byte) ([]byte, error) {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(64<<10),
		zstd.WithLowerEncoderMem(true), zstd.WithZeroFrames(true))
	if err != nil {
		return nil, err
	}
	defer func() { _ = w.Close() }()
	return w.EncodeAll(b, nil), nil
}
