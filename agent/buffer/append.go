package buffer

import (
	"fmt"
	"os"
	"slices"
)

// Append stores data as the newest record of class c and returns its sequence. unixMilli is what MaxAge counts from. When it returns without an error the record
// survives a kill of the process, and within SyncEvery a power loss, given that Run runs. The data is copied. An error is
// ErrTooLarge, ErrFull, ErrClosed or the disk's; the record was then counted as dropped, except after ErrClosed.
func (b *Buffer) Append(c Class, unixMilli int64, data []byte) (seq uint64, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.queue(c)
	if q == nil {
		return 0, fmt.Errorf("append to spool: unknown %v", c)
	}
	if b.closed {
		return 0, ErrClosed
	}
	if seq, err = b.append(q, unixMilli, data); err != nil {
		return 0, err
	}
	b.poke()
	select {
	case b.appended <- struct{}{}:
	default:
	}
	return seq, nil
}

func (b *Buffer) append(q *queue, unixMilli int64, data []byte) (uint64, error) {
	if len(data) > b.opt.MaxRecordBytes {
		b.refuse(q.class, len(data), ReasonTooLarge)
		return 0, ErrTooLarge
	}
	if !b.makeRoom(q.class, segmentHeader+recordHeader+int64(len(data))) {
		b.refuse(q.class, len(data), b.limitReason)
		return 0, ErrFull
	}
	if q.next >= q.reserved {
		if err := b.reserve(q); err != nil {
			b.refuse(q.class, len(data), reasonOf(err))
			return 0, err
		}
	}
	if err := b.write(q, unixMilli, data); err != nil {
		b.refuse(q.class, len(data), reasonOf(err))
		if isFull(err) {
			return 0, ErrFull
		}
		return 0, err
	}
	seq := q.next
	q.next++
	b.saveHead(q)
	b.stats.appended[q.class-1]++
	return seq, nil
}

func reasonOf(err error) string {
	if isFull(err) {
		return ReasonDiskFull
	}
	return ReasonDisk
}

// write puts the record q.next into the active segment. When the disk is full it drops the oldest of the lowest class to make
// room, a few times; after another error it tries once more with a new file.
func (b *Buffer) write(q *queue, unixMilli int64, data []byte) error {
	const attempts = 4
	var err error
	for i := range attempts {
		if err = b.tryWrite(q, unixMilli, data); err == nil {
			return nil
		}
		b.stats.diskErrors++
		b.poke()
		if !isFull(err) {
			if i > 0 {
				return err
			}
			continue
		}
		before := b.bytes
		b.bury()
		if e := b.reclaim(); e == nil && b.bytes == before && b.evict(q.class, ReasonDiskFull) {
			_ = b.reclaim()
		}
		if b.bytes == before {
			return err
		}
	}
	return err
}

// tryWrite is one attempt, with one write to the file.
func (b *Buffer) tryWrite(q *queue, unixMilli int64, data []byte) error {
	seg, err := b.segmentForWrite(q, recordHeader+int64(len(data)))
	if err != nil {
		return err
	}
	b.out = b.out[:0]
	if seg.size == 0 {
		b.out = appendSegmentHeader(b.out, q.class, seg.identity, seg.created)
	}
	off := seg.size + int64(len(b.out))
	b.out = appendRecord(b.out, seg.identity, q.next, unixMilli, data)
	n := int64(len(b.out))
	_, err = seg.f.WriteAt(b.out, seg.size)
	if cap(b.out) > keptScratch {
		b.out = nil
	}
	if err != nil {
		b.undoWrite(q, seg, err)
		return fmt.Errorf("write %s: %w", seg.path, err)
	}
	if seg.size == 0 {
		q.segs, q.active, q.dirDirty = append(q.segs, seg), seg, true
	}
	seg.size += n
	b.bytes += n
	seg.note(entry{off: off, size: int64(len(data)), seq: q.next, time: unixMilli})
	q.cursors[0] = cursor{seg: seg, seq: q.next, off: off}
	return nil
}

// undoWrite cuts off what a failed write left, so that it takes no room. A file that cannot be cut, or that failed for
// another reason than a full disk, gets no more records.
func (b *Buffer) undoWrite(q *queue, seg *segment, err error) {
	if seg.size == 0 {
		seg.close()
		if e := b.fs.Remove(seg.path); e != nil && !os.IsNotExist(e) {
			b.stats.diskErrors++
		}
		return
	}
	if e := seg.f.Truncate(seg.size); e != nil || !isFull(err) {
		b.seal(q)
	}
}

// segmentForWrite returns the active segment of q, or a new one that is not yet in the queue. A segment ends when it is full
// and also when it grows old, so that age can be enforced by whole files.
func (b *Buffer) segmentForWrite(q *queue, n int64) (*segment, error) {
	if s := q.active; s != nil {
		age := b.opt.Now().Sub(s.created)
		if s.size+n <= b.opt.SegmentBytes && age <= b.opt.MaxAge/24 {
			return s, nil
		}
		b.seal(q)
	}
	return b.createSegment(q, q.next, b.epoch)
}

// seal ends the active segment. Its file stays open until it is synced.
func (b *Buffer) seal(q *queue) {
	seg := q.active
	if seg == nil {
		return
	}
	q.active = nil
	seg.marks = slices.Clip(seg.marks)
	switch {
	case q.ledger.covers(seg.firstSeq, seg.last):
		b.buryOne(q, seg)
	case !seg.dirty():
		seg.close()
	default:
		b.unsynced = append(b.unsynced, seg)
		if len(b.unsynced) > maxUnsyncedFiles {
			b.syncOldest()
		}
	}
}

// syncOldest syncs one sealed segment at once, when Run does not keep up.
func (b *Buffer) syncOldest() {
	seg := b.unsynced[0]
	b.unsynced = slices.Delete(b.unsynced, 0, 1)
	if err := seg.f.Sync(); err != nil {
		b.stats.diskErrors++
	}
	b.stats.syncs++
	seg.close()
}
