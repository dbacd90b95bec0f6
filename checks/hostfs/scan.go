package hostfs

import (
	"bytes"
	"math"
	"strconv"
)

// Lines walks over the lines of a file. The zero value with Data set is ready.
type Lines struct {
	Data []byte // what is left
	N    int    // number of the line that Next returned last, from 1
}

// Next returns the next line without its newline, and false at the end.
func (l *Lines) Next() ([]byte, bool) {
	if len(l.Data) == 0 {
		return nil, false
	}
	l.N++
	line := l.Data
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line, l.Data = line[:i], line[i+1:]
	} else {
		l.Data = nil
	}
	return line, true
}

// Field returns the first field of b, fields being separated by spaces and tabs, and what follows it. The field is empty
// when b has none.
func Field(b []byte) (field, rest []byte) {
	i := 0
	for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	j := i
	for j < len(b) && b[j] != ' ' && b[j] != '\t' {
		j++
	}
	return b[i:j], b[j:]
}

// Fields fills dst with the fields of b and returns how many it filled. Fields beyond len(dst) are left out.
func Fields(dst [][]byte, b []byte) int {
	for n := range dst {
		if dst[n], b = Field(b); len(dst[n]) == 0 {
			return n
		}
	}
	return len(dst)
}

// Uint reads a decimal number without sign. It returns false when b is anything else or too large.
func Uint(b []byte) (uint64, bool) {
	if len(b) == 0 {
		return 0, false
	}
	var v uint64
	for _, c := range b {
		d := uint64(c - '0')
		if d > 9 || v > (math.MaxUint64-d)/10 {
			return 0, false
		}
		v = v*10 + d
	}
	return v, true
}

// Float reads a decimal number with optional sign, fraction and exponent. It returns false for anything else, and for
// infinities and not-a-numbers, which the kernel does not write.
func Float(b []byte) (float64, bool) {
	if len(b) > 0 && len(b) <= 19 { // 19 digits fit into a uint64
		if v, ok := Uint(b); ok {
			return float64(v), true
		}
	}
	for _, c := range b {
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(string(b), 64)
	return v, err == nil
}

// Trim cuts spaces, tabs and newlines from both ends of b.
func Trim(b []byte) []byte { return bytes.TrimSpace(b) }
