package systemd

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	longestText = 1 << 16  // bytes; names, states and error names are far shorter
	longestHead = 1 << 16  // bytes of header fields
	longestBody = 64 << 20 // bytes; a hundred thousand units
)

// decoder reads messages of the D-Bus wire format from a stream, value by value. The first thing that goes wrong sticks in
// err, after which everything reads as zero.
type decoder struct {
	r    *bufio.Reader
	big  bool // byte order of the message
	pos  int  // in the header or the body, for alignment
	left int  // bytes of it that were not read
	err  error
	text []byte // the last string

	replySerial uint32
	errorName   []byte
	signature   []byte // of the body
}

// next passes over what is left of the message before and reads the header of the next one.
func (d *decoder) next() (kind byte, err error) {
	if d.skip(d.left); d.err != nil {
		return 0, d.err
	}
	var head [16]byte
	if _, err := io.ReadFull(d.r, head[:]); err != nil {
		d.err = err
		return 0, err
	}
	switch head[0] {
	case 'l':
		d.big = false
	case 'B':
		d.big = true
	default:
		return 0, d.fail("byte order %q", head[0])
	}
	body, fields := d.order().Uint32(head[4:]), d.order().Uint32(head[12:])
	if head[3] != 1 || body > longestBody || fields > longestHead {
		return 0, d.fail("version %d, body of %d and header of %d bytes", head[3], body, fields)
	}
	d.pos, d.left = 16, int(fields)
	d.replySerial, d.errorName, d.signature = 0, d.errorName[:0], d.signature[:0]
	for d.left > 0 && d.err == nil {
		d.field()
	}
	d.left = (8 - (16+int(fields))%8) % 8 // the header is padded
	d.skip(d.left)
	d.pos, d.left = 0, int(body)
	return head[1], d.err
}

// field reads one header field.
func (d *decoder) field() {
	d.align(8)
	code := d.byte()
	switch kind := string(d.sig()); kind {
	case "s", "o":
		if text := d.string(); code == fieldErrorName {
			d.errorName = append(d.errorName[:0], text...)
		}
	case "g":
		if text := d.sig(); code == fieldSignature {
			d.signature = append(d.signature[:0], text...)
		}
	case "u":
		if v := d.uint32(); code == fieldReplySerial {
			d.replySerial = v
		}
	default:
		_ = d.fail("header field of type %q", kind)
	}
}

func (d *decoder) order() binary.ByteOrder {
	if d.big {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

func (d *decoder) fail(format string, args ...any) error {
	if d.err == nil {
		d.err = fmt.Errorf("malformed message: "+format, args...)
	}
	return d.err
}

// read fills b.
func (d *decoder) read(b []byte) {
	if d.err == nil && len(b) > d.left {
		d.err = errors.New("malformed message: too short")
	}
	if d.err == nil {
		_, d.err = io.ReadFull(d.r, b)
	}
	if d.err != nil {
		clear(b)
		return
	}
	d.pos += len(b)
	d.left -= len(b)
}

func (d *decoder) skip(n int) {
	if d.err == nil && (n < 0 || n > d.left) {
		d.err = errors.New("malformed message: too short")
	}
	if d.err == nil {
		_, d.err = d.r.Discard(n)
		d.pos += n
		d.left -= n
	}
}

func (d *decoder) align(n int) {
	if over := d.pos % n; over != 0 {
		d.skip(n - over)
	}
}

func (d *decoder) byte() byte {
	var b [1]byte
	d.read(b[:])
	return b[0]
}

func (d *decoder) uint32() uint32 {
	d.align(4)
	var b [4]byte
	d.read(b[:])
	return d.order().Uint32(b[:])
}

func (d *decoder) uint64() uint64 {
	d.align(8)
	var b [8]byte
	d.read(b[:])
	return d.order().Uint64(b[:])
}

// string reads a string or an object path. It is valid until the next read.
func (d *decoder) string() []byte { return d.chars(int(d.uint32())) }

// sig reads a signature. It is valid until the next read.
func (d *decoder) sig() []byte { return d.chars(int(d.byte())) }

func (d *decoder) chars(n int) []byte {
	if d.err == nil && (n < 0 || n > longestText) {
		_ = d.fail("string of %d bytes", n)
	}
	if d.err != nil {
		return nil
	}
	if n+1 > cap(d.text) {
		d.text = make([]byte, n+1, 2*n+64)
	}
	d.text = d.text[:n+1] // a zero byte follows
	d.read(d.text)
	return d.text[:n]
}

// skipString passes over a string or an object path.
func (d *decoder) skipString() { d.skip(int(d.uint32()) + 1) }
