package buffer

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"strconv"
	"strings"
	"time"
)

// A segment file is a header and then records, all integers little endian:
//
//	header   0 magic "PKSPOOL\x01"  8 class u8, 7 zero  16 epoch u64  24 first u64  32 salt u64  40 created i64 (Unix ms)
//	         48 zero  60 CRC of 0..59
//	record   0 marker u32  4 CRC of 8..31  8 length u32  12 CRC of the data  16 sequence u64  24 time i64 (Unix ms)  32 data
//
// CRCs are CRC-32C. The salt is random per segment: its upper half is the marker that begins each record, its lower half
// seeds the record CRCs. So data that looks like a record of another file, or was made to look like one, does not verify,
// and a copy of a record from the same file is that very record. The name repeats first, epoch and salt, so that records
// can be read although the header is gone. The record header has a CRC of its own, so that a damaged length is never
// followed and a place that is no record is known without reading on.
const (
	segmentMagic  = "PKSPOOL\x01"
	segmentHeader = 64
	recordHeader  = 32
	maxSeq        = 1 << 62 // so that counting on never overflows
	markEvery     = 64 << 10
)

// checksum continues a CRC-32C from seed.
func checksum(seed uint32, p []byte) uint32 {
	return crc32.Update(seed, crc32.MakeTable(crc32.Castagnoli), p)
}

// identity is what a segment's name and header both say.
type identity struct{ first, epoch, salt uint64 }

func (id identity) marker() uint32 { return uint32(id.salt >> 32) }
func (id identity) seed() uint32   { return uint32(id.salt) }

func (id identity) fileName() string {
	return fmt.Sprintf("%016x-%016x-%016x.seg", id.first, id.epoch, id.salt)
}

func parseFileName(name string) (id identity, ok bool) {
	name, ok = strings.CutSuffix(name, ".seg")
	parts := strings.Split(name, "-")
	if !ok || len(name) != 3*16+2 || len(parts) != 3 {
		return id, false
	}
	for i, v := range []*uint64{&id.first, &id.epoch, &id.salt} {
		n, err := strconv.ParseUint(parts[i], 16, 64)
		if err != nil || len(parts[i]) != 16 {
			return identity{}, false
		}
		*v = n
	}
	return id, id.first > 0
}

// newSalt returns a salt whose marker is unlike zeroed or erased pages.
func newSalt() uint64 {
	for {
		salt := randomUint64()
		if m := uint32(salt >> 32); m != 0 && m != 0xffffffff {
			return salt
		}
	}
}

func randomUint64() uint64 {
	var p [8]byte
	_, _ = rand.Read(p[:]) // never fails
	return binary.LittleEndian.Uint64(p[:])
}

func appendSegmentHeader(p []byte, c Class, id identity, created time.Time) []byte {
	n := len(p)
	p = append(p, segmentMagic...)
	p = append(p, byte(c), 0, 0, 0, 0, 0, 0, 0)
	p = binary.LittleEndian.AppendUint64(p, id.epoch)
	p = binary.LittleEndian.AppendUint64(p, id.first)
	p = binary.LittleEndian.AppendUint64(p, id.salt)
	p = binary.LittleEndian.AppendUint64(p, uint64(created.UnixMilli()))
	p = append(p, make([]byte, 12)...)
	return binary.LittleEndian.AppendUint32(p, checksum(0, p[n:]))
}

func parseSegmentHeader(p []byte) (c Class, id identity, ok bool) {
	if len(p) < segmentHeader || string(p[:8]) != segmentMagic ||
		checksum(0, p[:60]) != binary.LittleEndian.Uint32(p[60:]) {
		return 0, id, false
	}
	id.epoch = binary.LittleEndian.Uint64(p[16:])
	id.first = binary.LittleEndian.Uint64(p[24:])
	id.salt = binary.LittleEndian.Uint64(p[32:])
	c = Class(p[8])
	return c, id, id.first > 0 && c >= Results && c <= Logs
}

func appendRecord(p []byte, id identity, seq uint64, unixMilli int64, data []byte) []byte {
	n := len(p)
	p = binary.LittleEndian.AppendUint32(p, id.marker())
	p = append(p, 0, 0, 0, 0)
	p = binary.LittleEndian.AppendUint32(p, uint32(len(data)))
	p = binary.LittleEndian.AppendUint32(p, checksum(id.seed(), data))
	p = binary.LittleEndian.AppendUint64(p, seq)
	p = binary.LittleEndian.AppendUint64(p, uint64(unixMilli))
	binary.LittleEndian.PutUint32(p[n+4:], checksum(id.seed(), p[n+8:]))
	return append(p, data...)
}

// entry is a record's header and where it stands.
type entry struct {
	off  int64 // of the header
	size int64 // of the data
	crc  uint32
	seq  uint64
	time int64
}

func (e entry) end() int64 { return e.off + recordHeader + e.size }

// parseRecordHeader reads the header at the beginning of p, which stands at off.
func parseRecordHeader(p []byte, off int64, id identity) (e entry, ok bool) {
	if len(p) < recordHeader || binary.LittleEndian.Uint32(p) != id.marker() ||
		checksum(id.seed(), p[8:recordHeader]) != binary.LittleEndian.Uint32(p[4:]) {
		return e, false
	}
	e = entry{
		off: off, size: int64(binary.LittleEndian.Uint32(p[8:])), crc: binary.LittleEndian.Uint32(p[12:]),
		seq: binary.LittleEndian.Uint64(p[16:]), time: int64(binary.LittleEndian.Uint64(p[24:])),
	}
	return e, e.seq >= id.first && e.seq < maxSeq
}

// segment is what is known of one file. Between first and last it holds every sequence that is not in the ledger.
type segment struct {
	identity
	class            Class
	path             string
	firstSeq, last   uint64 // of the records in it; both 0 when there are none
	count            uint64
	data             int64 // bytes of all records' data
	size             int64 // of the file
	oldest, youngest int64 // times, Unix ms
	created          time.Time
	marks            []mark  // where the first record begins, and then one every 64 KiB
	f                file    // open while active or not yet synced
	synced           int64   // bytes of the file that are known to be on disk
	runs             []Range // what it holds; only while the spool is opened
	disordered       bool    // its records do not ascend
}

type mark struct {
	seq uint64
	off int64
}

// note counts a record that is in the file.
func (s *segment) note(e entry) {
	if s.count == 0 {
		s.firstSeq, s.oldest, s.youngest = e.seq, e.time, e.time
	}
	s.last = e.seq
	s.count++
	s.data += e.size
	s.oldest, s.youngest = min(s.oldest, e.time), max(s.youngest, e.time)
	if n := len(s.marks); n == 0 || e.off-s.marks[n-1].off >= markEvery {
		s.marks = append(s.marks, mark{e.seq, e.off})
	}
}

// run notes in runs that the file holds seq.
func (s *segment) run(seq uint64) {
	if n := len(s.runs); n > 0 && s.runs[n-1].Last+1 == seq {
		s.runs[n-1].Last = seq
	} else {
		s.runs = append(s.runs, Range{seq, seq})
	}
}

func (s *segment) dirty() bool { return s.synced < s.size }

func (s *segment) close() {
	if s.f != nil {
		_ = s.f.Close()
		s.f = nil
	}
}

// createSegment makes the file for records from first on; the header goes out with the first record.
func (b *Buffer) createSegment(q *queue, first, epoch uint64) (*segment, error) {
	id := identity{first: first, epoch: epoch, salt: newSalt()}
	s := &segment{identity: id, class: q.class, path: joinPath(q.dir, id.fileName()), created: b.opt.Now()}
	f, err := b.fs.Create(s.path)
	if os.IsNotExist(err) {
		if err = b.fs.MkdirAll(q.dir); err == nil {
			f, err = b.fs.Create(s.path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("create segment: %w", err)
	}
	s.f = f
	return s, nil
}
