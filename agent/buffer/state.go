package buffer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// Two files hold the state, so that a torn write leaves one of them. Either is good for what must never be wrong: epoch,
// reservation and the mark of a clean end are synced to both before they count, and so is every ledger that explains why a
// segment file is gone. Acknowledgements between these go to state.0 alone, unsynced: losing them costs a resend.
//
//	0 magic "PKSTATE\x01"  8 length of the body u32  12 CRC of the body u32  16 body
const (
	stateMagic    = "PKSTATE\x01"
	stateBytes    = 64 << 10 // of a state file, written in full once so that a full disk cannot stop an update
	savedRanges   = 512      // of one class's ledger
	savedDrops    = 64
	reserveChunk  = 1 << 16
	headBytes     = 16
	flagClean     = 1
	headsFileName = "heads"
)

// savedQueue is the saved part of a queue.
type savedQueue struct {
	next, reserved, synced uint64
	ledger                 ledger
}

// savedState is what a state file holds.
type savedState struct {
	generation uint64
	epoch      uint64
	clean      bool
	bootID     string
	queues     [classes]savedQueue
	pending    []Drop
}

// stateFiles are the open state files.
type stateFiles struct {
	slots      [2]file
	heads      file
	generation uint64
	buf        []byte
	head       [headBytes]byte
}

func (s *stateFiles) close() {
	for _, f := range []file{s.slots[0], s.slots[1], s.heads} {
		if f != nil {
			_ = f.Close()
		}
	}
	s.slots, s.heads = [2]file{}, nil
}

func slotName(i int) string { return fmt.Sprintf("state.%d", i) }

func (s *savedState) encode(p []byte) []byte {
	p = append(p[:0], stateMagic...)
	p = append(p, make([]byte, 8)...)
	p = binary.LittleEndian.AppendUint64(p, s.generation)
	p = binary.LittleEndian.AppendUint64(p, s.epoch)
	var flags byte
	if s.clean {
		flags = flagClean
	}
	p = append(p, flags)
	p = appendString(p, s.bootID)
	for i := range s.queues {
		q := &s.queues[i]
		p = binary.AppendUvarint(p, q.next)
		p = binary.AppendUvarint(p, q.reserved)
		p = binary.AppendUvarint(p, q.synced)
		p = binary.AppendUvarint(p, q.ledger.low)
		above := q.ledger.above[:min(len(q.ledger.above), savedRanges)]
		p = binary.AppendUvarint(p, uint64(len(above)))
		prev := q.ledger.low
		for _, r := range above {
			p = binary.AppendUvarint(p, r.First-prev)
			p = binary.AppendUvarint(p, r.Last-r.First)
			prev = r.Last
		}
	}
	drops := s.pending[:min(len(s.pending), savedDrops)]
	p = binary.AppendUvarint(p, uint64(len(drops)))
	for _, d := range drops {
		p = appendDrop(p, d)
	}
	body := p[16:]
	binary.LittleEndian.PutUint32(p[8:], uint32(len(body)))
	binary.LittleEndian.PutUint32(p[12:], checksum(0, body))
	return p
}

func appendString(p []byte, s string) []byte {
	return append(binary.AppendUvarint(p, uint64(len(s))), s...)
}

func appendDrop(p []byte, d Drop) []byte {
	p = append(p, byte(d.Class))
	for _, v := range []uint64{d.First, d.Last, d.Records, d.Bytes, uint64(d.Time)} {
		p = binary.AppendUvarint(p, v)
	}
	p = appendString(p, d.Reason)
	return appendString(p, d.Detail)
}

var errState = errors.New("damaged spool state")

// decodeState reads a state file.
func decodeState(p []byte) (savedState, error) {
	var s savedState
	if len(p) < 16 || string(p[:8]) != stateMagic {
		return s, errState
	}
	n := binary.LittleEndian.Uint32(p[8:])
	if int64(n) > int64(len(p)-16) || checksum(0, p[16:16+n]) != binary.LittleEndian.Uint32(p[12:]) {
		return s, errState
	}
	d := decoder{p: p[16 : 16+n]}
	s.generation = d.fixed()
	s.epoch = d.fixed()
	s.clean = d.byte() == flagClean
	s.bootID = d.string()
	for i := range s.queues {
		q := &s.queues[i]
		q.next, q.reserved, q.synced, q.ledger.low = d.uvarint(), d.uvarint(), d.uvarint(), d.uvarint()
		prev := q.ledger.low
		for range min(d.uvarint(), savedRanges) {
			first := prev + d.uvarint()
			prev = first + d.uvarint()
			q.ledger.above = append(q.ledger.above, Range{first, prev})
		}
	}
	for range min(d.uvarint(), savedDrops) {
		s.pending = append(s.pending, d.drop())
	}
	if d.bad || s.epoch == 0 || !s.sane() {
		return savedState{}, errState
	}
	return s, nil
}

// sane says whether the ledgers keep their own rules; they do unless a checksum let damage through.
func (s *savedState) sane() bool {
	for _, q := range s.queues {
		prev := q.ledger.low
		for _, r := range q.ledger.above {
			if r.First <= prev+1 || r.Last < r.First {
				return false
			}
			prev = r.Last
		}
		if q.next == 0 || q.next > q.reserved || q.reserved > 2*maxSeq || prev >= q.next {
			return false
		}
	}
	return true
}

// decoder reads the body of a state file and remembers whether it ended early.
type decoder struct {
	p   []byte
	bad bool
}

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.p)) {
		d.bad, d.p = true, nil
		return nil
	}
	p := d.p[:n]
	d.p = d.p[n:]
	return p
}

func (d *decoder) fixed() uint64 {
	if p := d.take(8); p != nil {
		return binary.LittleEndian.Uint64(p)
	}
	return 0
}

func (d *decoder) byte() byte {
	if p := d.take(1); p != nil {
		return p[0]
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.p)
	if n <= 0 {
		d.bad, d.p = true, nil
		return 0
	}
	d.p = d.p[n:]
	return v
}

func (d *decoder) string() string { return string(d.take(d.uvarint())) }

func (d *decoder) drop() Drop {
	return Drop{
		Class: Class(d.byte()), First: d.uvarint(), Last: d.uvarint(), Records: d.uvarint(), Bytes: d.uvarint(),
		Time: int64(d.uvarint()), Reason: d.string(), Detail: d.string(),
	}
}

// saveState writes the state. Unless sync is set it goes to the first file only and may reach the disk whenever. The caller
// holds the lock.
func (b *Buffer) saveState(sync, clean bool) error {
	s := savedState{epoch: b.epoch, clean: clean, bootID: b.opt.bootID, pending: b.pending}
	for i := range b.queues {
		q := &b.queues[i]
		s.queues[i] = savedQueue{next: q.next, reserved: q.reserved, synced: q.synced, ledger: q.ledger}
	}
	b.state.generation++
	s.generation = b.state.generation
	b.state.buf = s.encode(b.state.buf)
	for _, f := range b.state.slots {
		if _, err := f.WriteAt(b.state.buf, 0); err != nil {
			b.stats.diskErrors++
			return fmt.Errorf("write spool state: %w", err)
		}
		if !sync {
			break
		}
		if err := f.Sync(); err != nil {
			b.stats.diskErrors++
			return fmt.Errorf("sync spool state: %w", err)
		}
	}
	b.stateDirty = false
	return nil
}

// reserve makes sure that q.next may be given: a sequence is covered by a reservation on disk before anyone sees it, so that
// after a power loss, when the newest records are gone, none is given a second time.
func (b *Buffer) reserve(q *queue) error {
	was := q.reserved
	q.reserved = q.next + reserveChunk
	if err := b.saveState(true, false); err != nil {
		q.reserved = was
		return err
	}
	return nil
}

// saveHead notes that everything before q.next was given. The note survives a kill, and tells a cut file from one that ends.
func (b *Buffer) saveHead(q *queue) {
	p := b.state.head[:]
	binary.LittleEndian.PutUint64(p, q.next)
	binary.LittleEndian.PutUint32(p[8:], b.headSum(q.class, p[:8]))
	binary.LittleEndian.PutUint32(p[12:], 0)
	if _, err := b.state.heads.WriteAt(p, int64(q.class-1)*headBytes); err != nil {
		b.stats.diskErrors++
	}
}

func (b *Buffer) headSum(c Class, next []byte) uint32 {
	return checksum(uint32(b.epoch)^uint32(b.epoch>>32)^uint32(c), next)
}

// readHeads returns the next sequence of each class as noted, 0 where the note is missing or damaged.
func (b *Buffer) readHeads() (heads [classes]uint64) {
	var p [classes * headBytes]byte
	if b.state.heads == nil {
		return heads
	}
	_, _ = b.state.heads.ReadAt(p[:], 0)
	for i := range heads {
		h := p[i*headBytes:]
		if b.headSum(Class(i+1), h[:8]) == binary.LittleEndian.Uint32(h[8:]) {
			heads[i] = binary.LittleEndian.Uint64(h)
		}
	}
	return heads
}

// openFixed opens a file of a fixed size, or makes it full of zeros.
func (b *Buffer) openFixed(name string, size int64) (f file, made bool, err error) {
	path := joinPath(b.opt.Dir, name)
	f, err = b.fs.Open(path, true)
	if made = os.IsNotExist(err); made {
		f, err = b.fs.Create(path)
	}
	if err != nil {
		return nil, made, fmt.Errorf("open %s: %w", name, err)
	}
	have, err := f.Size()
	if err == nil && have < size {
		_, err = f.WriteAt(make([]byte, size-have), have)
		if err == nil {
			err = f.Sync()
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, made, fmt.Errorf("prepare %s: %w", name, err)
	}
	return f, made, nil
}

func readAll(f file, size int64) ([]byte, error) {
	p := make([]byte, size)
	n, err := f.ReadAt(p, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return p[:n], err
}
