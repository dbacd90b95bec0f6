// Package row is the delta-row codec of the wire: a row of float64 values in, a few bytes out, and back, bit for bit. Both
// sides keep the row before as state; the schema that names the values is not this package's business.
//
// A row of n values is ceil(n/4) bytes of 2-bit codes, lowest bits first, then the payload of each value in order:
//
//	0  the same bits as before          no payload
//	1  an integer                       zigzag uvarint of v - round(before)
//	2  a decimal at the column's scale  zigzag uvarint of v*scale - round(before*scale)
//	3  anything else                    header byte, then the non-zero bytes of bits XOR bits before, big endian
//
// The header of code 3 holds leading zero bytes (bits 0-2), payload length less one (bits 3-5) and the column's new scale
// (bits 6-7: 100, 1000, 1e6, 1e9). A column starts at 0 with scale 100. Every decimal is checked to decode to the same bits before
// it is used, so the codec is exact for all values, NaN payloads and negative zero included.
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
	codeInteger
	codeDecimal
	codeXOR
)

const maxExact = 1 << 53

// scales are the decimal scales of code 2: jiffies, milliseconds, microseconds, nanoseconds.
func scale(i uint8) float64 {
	switch i {
	case 0:
		return 100
	case 1:
		return 1000
	case 2:
		return 1e6
	}
	return 1e9
}

// State is one side's memory of a row: the values before and each column's scale. The zero value needs Reset.
type State struct {
	before []float64
	scales []uint8
}

// Reset makes s the state at the start of a row of n values.
func (s *State) Reset(n int) {
	if cap(s.before) < n {
		s.before, s.scales = make([]float64, n), make([]uint8, n)
		return
	}
	s.before, s.scales = s.before[:n], s.scales[:n]
	clear(s.before)
	clear(s.scales)
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
	codes := len(dst)
	for range (len(values) + 3) / 4 {
		dst = append(dst, 0)
	}
	for i, v := range values {
		p := s.before[i]
		if math.Float64bits(v) == math.Float64bits(p) {
			continue
		}
		var code byte
		code, dst = s.appendValue(dst, i, p, v)
		dst[codes+i/4] |= code << (i % 4 * 2)
		s.before[i] = v
	}
	return dst
}

func (s *State) appendValue(dst []byte, i int, p, v float64) (code byte, out []byte) {
	if n, ok := exact(v, 1); ok {
		return codeInteger, binary.AppendUvarint(dst, zigzag(n-near(p, 1)))
	}
	f := scale(s.scales[i])
	if n, ok := exact(v, f); ok {
		return codeDecimal, binary.AppendUvarint(dst, zigzag(n-near(p, f)))
	}
	for k := uint8(0); k < 4; k++ {
		if _, ok := exact(v, scale(k)); ok {
			s.scales[i] = k
			break
		}
	}
	x := math.Float64bits(v) ^ math.Float64bits(p) // not zero: equal bits are code 0
	lead := bits.LeadingZeros64(x) / 8
	size := 8 - lead - bits.TrailingZeros64(x)/8
	var raw [8]byte
	binary.BigEndian.PutUint64(raw[:], x)
	dst = append(dst, byte(lead)|byte(size-1)<<3|s.scales[i]<<6)
	return codeXOR, append(dst, raw[lead:lead+size]...)
}

// Decode reads one row from src into s and returns the bytes after it. After an error the state is undefined and the stream
// must start anew.
func (s *State) Decode(src []byte) (rest []byte, err error) {
	n := len(s.before)
	head := (n + 3) / 4
	if len(src) < head {
		return nil, fmt.Errorf("codes of %d values: %w", n, ErrTruncated)
	}
	codes, src := src[:head], src[head:]
	for b, packed := range codes {
		if packed == 0 {
			continue
		}
		for j := range 4 {
			code := packed >> (j * 2) & 3
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

func (s *State) decodeValue(src []byte, i int, code byte) ([]byte, error) {
	if code == codeXOR {
		return s.decodeXOR(src, i)
	}
	u, size := binary.Uvarint(src)
	if size == 0 {
		return nil, ErrTruncated
	}
	if size < 0 {
		return nil, errors.New("integer delta exceeds 64 bits")
	}
	f := 1.0
	if code == codeDecimal {
		f = scale(s.scales[i])
	}
	s.before[i] = float64(near(s.before[i], f)+unzigzag(u)) / f
	return src[size:], nil
}

func (s *State) decodeXOR(src []byte, i int) ([]byte, error) {
	if len(src) == 0 {
		return nil, ErrTruncated
	}
	lead, size := int(src[0]&7), int(src[0]>>3&7)+1
	if lead+size > 8 {
		return nil, fmt.Errorf("%d bytes after %d zero bytes exceed a float64", size, lead)
	}
	if len(src) < 1+size {
		return nil, ErrTruncated
	}
	s.scales[i] = src[0] >> 6
	var raw [8]byte
	copy(raw[lead:], src[1:1+size])
	s.before[i] = math.Float64frombits(math.Float64bits(s.before[i]) ^ binary.BigEndian.Uint64(raw[:]))
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
