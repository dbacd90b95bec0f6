// Package row is the delta-row codec of the wire: a row of float64 values in, a few bytes out, and back, bit for bit. Both
// sides keep the row before as state; the schema that names the values is not this package's business.
//
// A row of n values is its 2-bit codes, four to a byte, lowest bits first, then the payload of each value in order:
//
//	0  the same bits as before                     no payload
//	1  another number at the column's scale        zigzag uvarint of v*scale - round(before*scale)
//	2  the same step at the column's scale again   no payload
//	3  anything else                               header byte, then the non-zero bytes of bits XOR bits before, big endian
//
// When there are more than four bytes of codes, those that are zero are left out, and a bitmap of the others, lowest bits first,
// stands before them. The header of code 3 is 7*shape + scale: shape counts the 36 pairs of leading zero bytes and payload
// length, by leading zero bytes, and scale is the column's from now on: 1/4096 (pages), 1/1024, 1/512 (sectors), 1, 100 (jiffies),
// 1000, 1e6. A column starts at 0 with scale 1 and step 0. Every number is checked to decode to the same bits before it is used, so the
// codec is exact for all values, NaN payloads and negative zero included.
package row

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// ErrTruncated says that a row ended before its values did.
var ErrTruncated = errors.New("row is truncated")

const (
	codeSame = iota
	codeStep
	codeStepAgain
	codeXOR
)

const (
	maxExact   = 1 << 53
	scaleCount = 7
	scaleOne   = 3
	shapes     = 36
	plainCodes = 4 // so many bytes of codes stand without bitmap
)

// scale returns the factor of a scale's number.
func scale(i uint8) float64 {
	switch i {
	case 0:
		return 1.0 / 4096
	case 1:
		return 1.0 / 1024
	case 2:
		return 1.0 / 512
	case scaleOne:
		return 1
	case 4:
		return 100
	case 5:
		return 1000
	}
	return 1e6
}

// State is one side's memory of a row: the values before, each column's scale and last step. The zero value needs Reset.
type State struct {
	before []float64
	steps  []int64
	scales []uint8
	floors []uint8 // of an encoder: the coarsest scale worth trying; nil before the first row
	codes  []byte  // scratch
}

// Reset makes s the state at the start of a row of n values.
func (s *State) Reset(n int) {
	s.floors = s.floors[:0]
	if cap(s.before) < n {
		s.before, s.steps, s.scales = make([]float64, n), make([]int64, n), make([]uint8, n)
	} else {
		s.before, s.steps, s.scales = s.before[:n], s.steps[:n], s.scales[:n]
		clear(s.before)
		clear(s.steps)
	}
	for i := range s.scales {
		s.scales[i] = scaleOne
	}
}

// Len returns the number of values in the row.
func (s *State) Len() int { return len(s.before) }

// Values returns the values of the row last encoded or decoded. They change with the next one.
func (s *State) Values() []float64 { return s.before }

// Append encodes values, whose number must be s.Len(), and appends them to dst.
func (s *State) Append(dst []byte, values []float64) []byte {
	if len(values) != len(s.before) {
		panic(fmt.Sprintf("row: %d values for a row of %d", len(values), len(s.before)))
	}
	first := len(s.floors) != len(values)
	if first {
		s.floors = append(s.floors[:0], make([]uint8, len(values))...)
	}
	start := len(dst)
	s.codes = append(s.codes[:0], make([]byte, codeBytes(len(values)))...)
	for i, v := range values {
		if math.Float64bits(v) == math.Float64bits(s.before[i]) {
			continue
		}
		var code byte
		code, dst = s.appendValue(dst, i, v, first)
		s.codes[i/4] |= code << (i % 4 * 2)
		s.before[i] = v
	}
	return s.insertCodes(dst, start)
}

func codeBytes(n int) int { return (n + 3) / 4 }

// insertCodes puts the codes before the payloads that begin at start.
func (s *State) insertCodes(dst []byte, start int) []byte {
	n := len(s.codes)
	head := s.codes
	if n > plainCodes {
		// The bitmap grows behind the codes; they are then packed in place.
		bitmap := (n + 7) / 8
		s.codes = append(s.codes, make([]byte, bitmap)...)
		kept := 0
		for i := range n {
			if c := s.codes[i]; c != 0 {
				s.codes[n+i/8] |= 1 << (i % 8)
				s.codes[kept] = c
				kept++
			}
		}
		dst = insert(dst, start, s.codes[n:])
		start, head = start+bitmap, s.codes[:kept]
	}
	return insert(dst, start, head)
}

// insert puts b into dst before index at.
func insert(dst []byte, at int, b []byte) []byte {
	dst = append(dst, b...)
	copy(dst[at+len(b):], dst[at:len(dst)-len(b)])
	copy(dst[at:], b)
	return dst
}

func (s *State) appendValue(dst []byte, i int, v float64, first bool) (code byte, out []byte) {
	p, now := s.before[i], s.scales[i]
	want := s.coarsest(i, v)
	// A first row does not know its columns yet: what fits the scale 1 is cheapest as it is.
	if n, ok := exact(v, scale(now)); ok && (want >= now || first) {
		step := n - near(p, scale(now))
		if step == s.steps[i] {
			return codeStepAgain, dst
		}
		s.steps[i] = step
		return codeStep, binary.AppendUvarint(dst, zigzag(step))
	}
	if want == scaleCount {
		want = now
	} else if want > now {
		s.floors[i] = want // the coarser one has failed: do not try it again and again
	}
	s.rescale(i, v, want)
	x := math.Float64bits(v) ^ math.Float64bits(p) // not zero: equal bits are code 0
	lead := bits.LeadingZeros64(x) / 8
	size := 8 - lead - bits.TrailingZeros64(x)/8
	var raw [8]byte
	binary.BigEndian.PutUint64(raw[:], x)
	dst = append(dst, shapeOf(lead, size)*scaleCount+want)
	return codeXOR, append(dst, raw[lead:lead+size]...)
}

// coarsest returns the coarsest scale at which v is a whole number, scaleCount when there is none.
func (s *State) coarsest(i int, v float64) uint8 {
	for k := s.floors[i]; k < scaleCount; k++ {
		if _, ok := exact(v, scale(k)); ok {
			return k
		}
	}
	return scaleCount
}

// rescale gives a column the scale k as its value becomes v.
func (s *State) rescale(i int, v float64, k uint8) {
	s.scales[i] = k
	s.steps[i] = near(v, scale(k)) - near(s.before[i], scale(k))
}

// shapeOf numbers the pairs of leading zero bytes and payload length.
func shapeOf(lead, size int) byte { return byte(lead*8 - lead*(lead-1)/2 + size - 1) }

// shape is the inverse of shapeOf.
func shape(n byte) (lead, size int) {
	for left := int(n); ; lead++ {
		if left < 8-lead {
			return lead, left + 1
		}
		left -= 8 - lead
	}
}

// Decode reads one row from src into s and returns the bytes after it. After an error the state is undefined and the stream
// must start anew.
func (s *State) Decode(src []byte) (rest []byte, err error) {
	n := len(s.before)
	if src, err = s.readCodes(src, codeBytes(n)); err != nil {
		return nil, fmt.Errorf("codes of %d values: %w", n, err)
	}
	for b, packed := range s.codes {
		for j := 0; packed != 0; j, packed = j+1, packed>>2 {
			code := packed & 3
			if code == codeSame {
				continue
			}
			i := b*4 + j
			if i >= n {
				return nil, fmt.Errorf("code %d beyond the last of %d values", code, n)
			}
			if src, err = s.decodeValue(src, i, code); err != nil {
				return nil, fmt.Errorf("value %d of %d: %w", i, n, err)
			}
		}
	}
	return src, nil
}

// readCodes reads size bytes of codes into s.codes.
func (s *State) readCodes(src []byte, size int) (rest []byte, err error) {
	if size <= plainCodes {
		if len(src) < size {
			return nil, ErrTruncated
		}
		s.codes = append(s.codes[:0], src[:size]...)
		return src[size:], nil
	}
	bitmap := (size + 7) / 8
	if len(src) < bitmap {
		return nil, ErrTruncated
	}
	marks, src := src[:bitmap], src[bitmap:]
	s.codes = s.codes[:0]
	for i := range size {
		if marks[i/8]>>(i%8)&1 == 0 {
			s.codes = append(s.codes, 0)
			continue
		}
		if len(src) == 0 {
			return nil, ErrTruncated
		}
		s.codes = append(s.codes, src[0])
		src = src[1:]
	}
	return src, nil
}

func (s *State) decodeValue(src []byte, i int, code byte) ([]byte, error) {
	switch code {
	case codeXOR:
		return s.decodeXOR(src, i)
	case codeStep:
		u, size := binary.Uvarint(src)
		if size == 0 {
			return nil, ErrTruncated
		}
		if size < 0 {
			return nil, errors.New("step exceeds 64 bits")
		}
		s.steps[i] = unzigzag(u)
		src = src[size:]
	}
	f := scale(s.scales[i])
	s.before[i] = float64(near(s.before[i], f)+s.steps[i]) / f
	return src, nil
}

func (s *State) decodeXOR(src []byte, i int) ([]byte, error) {
	if len(src) == 0 {
		return nil, ErrTruncated
	}
	if src[0] >= shapes*scaleCount {
		return nil, fmt.Errorf("header %d does not exist", src[0])
	}
	lead, size := shape(src[0] / scaleCount)
	if len(src) < 1+size {
		return nil, ErrTruncated
	}
	var raw [8]byte
	copy(raw[lead:], src[1:1+size])
	v := math.Float64frombits(math.Float64bits(s.before[i]) ^ binary.BigEndian.Uint64(raw[:]))
	s.rescale(i, v, src[0]%scaleCount)
	s.before[i] = v
	return src[1+size:], nil
}

// exact returns v*f as an integer when dividing it by f gives back the very bits of v.
func exact(v, f float64) (int64, bool) {
	x := v * f
	if !(x > -maxExact && x < maxExact) {
		return 0, false
	}
	n := int64(math.RoundToEven(x))
	return n, math.Float64bits(float64(n)/f) == math.Float64bits(v)
}

// near returns the integer nearest to v*f, or 0 where there is none that a float64 holds exactly.
func near(v, f float64) int64 {
	x := v * f
	if !(x > -maxExact && x < maxExact) {
		return 0
	}
	return int64(math.RoundToEven(x))
}

func zigzag(n int64) uint64   { return uint64(n<<1) ^ uint64(n>>63) }
func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }
