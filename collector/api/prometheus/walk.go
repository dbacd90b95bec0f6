package prometheus

import (
	"encoding/binary"
	"errors"
	"math"
	"unsafe"

	"github.com/prometheus/prometheus/model/labels"
	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of remote write 1.0, see prompb/remote.proto and types.proto of Prometheus.
const (
	requestSeries   = 1
	requestMetadata = 3

	seriesLabel     = 1
	seriesSample    = 2
	seriesExemplar  = 3
	seriesHistogram = 4

	labelTag = seriesLabel<<3 | byte(protowire.BytesType)

	labelName  = 1
	labelValue = 2

	sampleValue = 1
	sampleTime  = 2
	valueTag    = sampleValue<<3 | byte(protowire.Fixed64Type)
	timeTag     = sampleTime<<3 | byte(protowire.VarintType)
)

var errMalformed = errors.New("malformed remote-write message")

// field is one field of a protobuf message. Only what belongs to its type is set.
type field struct {
	number   protowire.Number
	kind     protowire.Type
	bytes    []byte // of a length-delimited field, pointing into the message
	number64 uint64 // of a varint or fixed64 field
}

// next cuts the first field off b.
func next(b []byte) (f field, rest []byte, err error) {
	var n int
	f.number, f.kind, n = protowire.ConsumeTag(b)
	if n < 0 {
		return f, nil, errMalformed
	}
	b = b[n:]
	switch f.kind {
	case protowire.BytesType:
		f.bytes, n = protowire.ConsumeBytes(b)
	case protowire.VarintType:
		f.number64, n = protowire.ConsumeVarint(b)
	case protowire.Fixed64Type:
		f.number64, n = protowire.ConsumeFixed64(b)
	default:
		n = protowire.ConsumeFieldValue(f.number, f.kind, b)
	}
	if n < 0 {
		return f, nil, errMalformed
	}
	return f, b[n:], nil
}

// walkFields calls yield for every field of message b.
func walkFields(b []byte, yield func(field) error) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return err
		}
		if err := yield(f); err != nil {
			return err
		}
		b = rest
	}
	return nil
}

// shortField returns the size of the length-delimited field that b begins with, whose tag has been looked at, or a negative number
// when the field has more than 127 bytes or is cut short.
func shortField(b []byte) int {
	if len(b) < 2 || b[1] >= 0x80 || len(b) < 2+int(b[1]) {
		return -1
	}
	return 2 + int(b[1])
}

// splitSeries divides a TimeSeries message into its label fields, tags and all, and the other fields. Senders write the labels
// first; when one does not, the labels are gathered in scratch, which is returned for the next time.
func splitSeries(message, scratch []byte) (label, rest, newScratch []byte, err error) {
	i := 0
	for i < len(message) && message[i] == labelTag {
		if n := shortField(message[i:]); n > 0 {
			i += n
			continue
		}
		_, n := protowire.ConsumeBytes(message[i+1:])
		if n < 0 {
			return nil, nil, scratch, errMalformed
		}
		i += 1 + n
	}
	label, rest = message[:i], message[i:]
	if !hasLabel(rest) {
		return label, rest, scratch, nil
	}
	scratch = append(scratch[:0], label...)
	for b := rest; len(b) > 0; {
		f, after, err := next(b)
		if err != nil {
			return nil, nil, scratch, err
		}
		if f.number == seriesLabel {
			scratch = append(scratch, b[:len(b)-len(after)]...)
		}
		b = after
	}
	return scratch, rest, scratch, nil
}

// hasLabel tells whether a label follows among the other fields; false also when they are malformed, which is found later.
func hasLabel(b []byte) bool {
	for len(b) > 0 {
		if shortField(b) == len(b) && b[0] == seriesSample<<3|byte(protowire.BytesType) {
			return false // the usual single sample
		}
		f, rest, err := next(b)
		if err != nil {
			return false
		}
		if f.number == seriesLabel {
			return true
		}
		b = rest
	}
	return false
}

// parseSample decodes a Sample message.
func parseSample(b []byte) (t int64, v float64, err error) {
	if len(b) > 10 && b[0] == valueTag && b[9] == timeTag {
		if u, n := protowire.ConsumeVarint(b[10:]); n == len(b)-10 {
			return int64(u), math.Float64frombits(binary.LittleEndian.Uint64(b[1:])), nil
		}
	}
	for len(b) > 0 {
		f, rest, err := next(b)
		switch {
		case err != nil:
			return 0, 0, err
		case f.number == sampleValue && f.kind == protowire.Fixed64Type:
			v = math.Float64frombits(f.number64)
		case f.number == sampleTime && f.kind == protowire.VarintType:
			t = int64(f.number64)
		case f.number == sampleValue || f.number == sampleTime:
			return 0, 0, errMalformed
		}
		b = rest
	}
	return t, v, nil
}

// parseLabels decodes label fields as splitSeries cuts them. Labels come out sorted and without empty values; whether names repeat
// is for others to see. The result shares nothing with b.
func parseLabels(builder *labels.ScratchBuilder, b []byte) (labels.Labels, error) {
	builder.Reset()
	err := walkFields(b, func(f field) error {
		if f.kind != protowire.BytesType {
			return errMalformed
		}
		name, value, err := parseLabel(f.bytes)
		if err == nil && len(value) > 0 {
			builder.Add(text(name), text(value))
		}
		return err
	})
	if err != nil {
		return labels.EmptyLabels(), err
	}
	builder.Sort()
	return builder.Labels(), nil
}

func parseLabel(b []byte) (name, value []byte, err error) {
	err = walkFields(b, func(f field) error {
		switch {
		case f.number != labelName && f.number != labelValue:
			return nil
		case f.kind != protowire.BytesType:
			return errMalformed
		case f.number == labelName:
			name = f.bytes
		default:
			value = f.bytes
		}
		return nil
	})
	return name, value, err
}

// text is b as a string that lives as long as b, for the builder, which copies.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
