package buffer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// window reads a file through a fixed buffer, so that a scan costs one read per buffer and no memory. Blocks that the disk
// refuses to give read as zeros, which no record survives.
type window struct {
	f      file
	size   int64
	buf    []byte
	off    int64 // of buf[0] in the file
	n      int   // valid bytes in buf
	errors uint64
}

func (w *window) reset(f file, size int64) { w.f, w.size, w.off, w.n = f, size, 0, 0 }

// bytes returns n bytes at off, fewer at the end of the file. n is at most len(w.buf). The result is valid until the next
// call.
func (w *window) bytes(off int64, n int) []byte {
	if off >= w.size || off < 0 {
		return nil
	}
	n = int(min(int64(n), w.size-off))
	if off < w.off || off+int64(n) > w.off+int64(w.n) {
		w.fill(off)
	}
	i := off - w.off
	return w.buf[i:min(i+int64(n), int64(w.n))]
}

// rest returns what the buffer holds from off on, at least n bytes unless the file ends before.
func (w *window) rest(off int64, n int) []byte {
	w.bytes(off, n)
	if off < w.off || off >= w.off+int64(w.n) {
		return nil
	}
	return w.buf[off-w.off : w.n]
}

func (w *window) fill(off int64) {
	w.off = off
	w.n = w.readAt(w.buf[:min(int64(len(w.buf)), w.size-off)], off)
}

// readAt fills p from off and returns how much the file holds of it.
func (w *window) readAt(p []byte, off int64) int {
	n, err := w.f.ReadAt(p, off)
	if err == nil || errors.Is(err, io.EOF) {
		return n
	}
	const block = 4 << 10
	for n < len(p) {
		end := min(len(p), n+block-int((off+int64(n))%block))
		m, err := w.f.ReadAt(p[n:end], off+int64(n))
		if errors.Is(err, io.EOF) {
			return n + m
		}
		if err != nil {
			w.errors++
			clear(p[n:end])
		}
		n = end
	}
	return n
}

// scanner walks over the records of a segment and finds its way again after damage.
type scanner struct {
	win     *window
	id      identity
	off     int64
	damaged uint64 // places that did not verify
}

// header returns the record header at off.
func (s *scanner) header(off int64) (entry, bool) {
	e, ok := parseRecordHeader(s.win.bytes(off, recordHeader), off, s.id)
	return e, ok && e.end() <= s.win.size
}

// verify says whether the data of e is what was written.
func (s *scanner) verify(e entry) bool {
	crc := s.id.seed()
	for off := e.off + recordHeader; off < e.end(); {
		p := s.win.bytes(off, int(min(int64(len(s.win.buf)), e.end()-off)))
		if len(p) == 0 {
			return false
		}
		crc = checksum(crc, p)
		off += int64(len(p))
	}
	return crc == e.crc
}

// next returns the next record that verifies, in the order of the file. Its sequence may be out of order when pages were
// exchanged.
func (s *scanner) next() (entry, bool) {
	for s.off < s.win.size {
		e, sound := s.header(s.off)
		if sound && s.verify(e) {
			s.off = e.end()
			return e, true
		}
		s.damaged++
		s.off = s.find(s.off + 1)
	}
	return entry{}, false
}

// find returns where the next sound record header begins from off on, the end of the file when there is none.
func (s *scanner) find(off int64) int64 {
	marker := binary.LittleEndian.AppendUint32(nil, s.id.marker())
	for {
		p := s.win.rest(off, recordHeader)
		if len(p) < recordHeader {
			return s.win.size
		}
		i := bytes.Index(p, marker)
		if i < 0 {
			off += int64(len(p) - len(marker) + 1)
			continue
		}
		off += int64(i)
		if _, ok := s.header(off); ok {
			return off
		}
		off++
	}
}

// record reads the data of e and verifies it.
func (s *scanner) record(c Class, e entry) (Record, bool) {
	if e.size > int64(maxRecordBytes) {
		return Record{}, false
	}
	p := make([]byte, e.size)
	off := e.off + recordHeader
	n := copy(p, s.win.rest(off, 0))
	if n < len(p) {
		n += s.win.readAt(p[n:], off+int64(n))
	}
	if n < len(p) || checksum(s.id.seed(), p) != e.crc {
		return Record{}, false
	}
	return Record{Class: c, Seq: e.seq, Time: e.time, Data: p}, true
}
