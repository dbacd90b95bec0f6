package transport

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/picketmon/picket/agent/schedule"
	"github.com/picketmon/picket/proto/row"
)

// A metrics record stands alone in the buffer:
//
//	version 1
//	uvarint readings, each: schema hash (8 bytes), uvarint values, uvarint bytes, full row (proto/row from a fresh state)
//	uvarint ended series, each: uvarint strings, each: uvarint bytes, bytes (__name__, name, label, value, …)
const recordVersion = 1

var errRecord = errors.New("record is damaged")

// reading is one decoded reading of a record.
type reading struct {
	schema uint64
	n      int
	row    []byte
}

// encodeReadings returns the record of a cycle's readings, valid until the next call.
func (t *Transport) encodeReadings(readings []schedule.Reading) ([]byte, error) {
	rec := append(t.rec[:0], recordVersion)
	rec = binary.AppendUvarint(rec, uint64(len(readings)))
	var (
		state row.State
		ended []schedule.Series
	)
	for _, r := range readings {
		hash, err := t.schemas.put(r.Layout)
		if err != nil {
			return nil, fmt.Errorf("keep schema of check %s: %w", r.Check, err)
		}
		rec = binary.LittleEndian.AppendUint64(rec, hash)
		rec = binary.AppendUvarint(rec, uint64(len(r.Values)))
		state.Reset(len(r.Values))
		t.row = state.Append(t.row[:0], r.Values)
		rec = binary.AppendUvarint(rec, uint64(len(t.row)))
		rec = append(rec, t.row...)
		ended = append(ended, r.Ended...)
	}
	rec = binary.AppendUvarint(rec, uint64(len(ended)))
	for _, s := range ended {
		rec = binary.AppendUvarint(rec, uint64(len(s.Labels)+2))
		rec = appendString(appendString(rec, "__name__"), s.Name)
		for _, l := range s.Labels {
			rec = appendString(rec, l)
		}
	}
	t.rec = rec
	return rec, nil
}

func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// decodeReadings calls each for every reading and returns the series that ended. The record has passed the buffer's CRC, so an error
// means a record of another version or a defect.
func decodeReadings(rec []byte, each func(reading) error) (ended [][]string, err error) {
	if len(rec) == 0 || rec[0] != recordVersion {
		return nil, fmt.Errorf("version: %w", errRecord)
	}
	d := &decoder{rest: rec[1:]}
	for range d.count(10) {
		r := reading{schema: d.uint64(), n: int(d.uvarint())}
		r.row = d.bytes(d.uvarint())
		if d.failed {
			break
		}
		if err := each(r); err != nil {
			return nil, err
		}
	}
	for range d.count(1) {
		var labels []string
		for range d.count(1) {
			labels = append(labels, string(d.bytes(d.uvarint())))
		}
		ended = append(ended, labels)
	}
	if d.failed || len(d.rest) > 0 {
		return nil, errRecord
	}
	return ended, nil
}

// decoder reads from rest until something does not fit.
type decoder struct {
	rest   []byte
	failed bool
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.failed, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

// count reads how many things of at least size bytes follow.
func (d *decoder) count(size uint64) uint64 {
	n := d.uvarint()
	if n > uint64(len(d.rest))/size {
		d.failed, d.rest = true, nil
		return 0
	}
	return n
}

func (d *decoder) uint64() uint64 {
	b := d.bytes(8)
	if d.failed {
		return 0
	}
	return binary.LittleEndian.Uint64(b)
}

func (d *decoder) bytes(n uint64) []byte {
	if n > uint64(len(d.rest)) {
		d.failed, d.rest = true, nil
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func toValid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
