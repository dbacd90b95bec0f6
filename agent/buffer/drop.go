package buffer

import "slices"

// Why records were given up.
const (
	ReasonBytes    = "bytes"     // MaxBytes was reached
	ReasonAge      = "age"       // older than MaxAge
	ReasonDiskFree = "disk_free" // the disk is fuller than MinFreeRatio allows
	ReasonDiskFull = "disk_full" // the disk has no room at all
	ReasonCorrupt  = "corrupt"   // damaged on disk
	ReasonTooLarge = "too_large" // larger than MaxRecordBytes
	ReasonRejected = "rejected"  // the collector can never store it
	ReasonDisk     = "disk_error"
	// ReasonPowerLoss is the newest part that had not reached the disk when the machine stopped. Some of it may have been
	// sent and acknowledged in its last seconds: who has a record of the range keeps it.
	ReasonPowerLoss = "power_loss"
	// ReasonSkipped is a range that no record is known to have had, left out so that none is used twice. Records is 0.
	ReasonSkipped = "skipped"
)

// maxPending bounds the drops that wait for OnDrop. Beyond it they are summed up without their ranges.
const maxPending = 1024

// Drop says which records were given up. First and Last are 0 when they never had a sequence: they were refused by Append,
// or had one of an earlier epoch. Otherwise the whole range is settled. Bytes counts data and is 0 when it is not known.
type Drop struct {
	Class          Class
	First, Last    uint64
	Records, Bytes uint64
	Reason         string
	Detail         string // the reason given to Reject
	Time           int64  // when it was given up, Unix ms
}

// drop counts d and keeps it for OnDrop. The caller holds the lock.
func (b *Buffer) drop(d Drop) {
	d.Time = b.opt.Now().UnixMilli()
	b.stats.count(d)
	b.stateDirty = true
	b.poke()
	if b.opt.OnDrop == nil {
		return
	}
	if len(b.pending) >= maxPending {
		d.First, d.Last, d.Detail = 0, 0, ""
	}
	for i := len(b.pending) - 1; i >= b.delivering; i-- {
		p := &b.pending[i]
		if p.Class != d.Class || p.Reason != d.Reason || p.Detail != d.Detail || (p.First == 0) != (d.First == 0) {
			continue
		}
		if d.First != 0 && d.First != p.Last+1 {
			continue
		}
		if d.First != 0 {
			p.Last = d.Last
		}
		p.Records, p.Bytes, p.Time = p.Records+d.Records, p.Bytes+d.Bytes, d.Time
		return
	}
	b.pending = append(b.pending, d)
}

// deliver calls OnDrop for what is pending. Only Run calls it.
func (b *Buffer) deliver() {
	b.mu.Lock()
	drops := slices.Clone(b.pending)
	if len(drops) == 0 || b.opt.OnDrop == nil {
		b.mu.Unlock()
		return
	}
	b.delivering = len(drops)
	b.mu.Unlock()
	for _, d := range drops {
		b.opt.OnDrop(d)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending = slices.Delete(b.pending, 0, b.delivering)
	b.delivering = 0
	b.stateDirty = true
	b.poke()
}

// lost settles first to last, which should be held and cannot be read.
func (b *Buffer) lost(q *queue, first, last uint64, reason string) {
	for _, r := range q.ledger.open(first, last) {
		b.drop(Drop{Class: q.class, First: r.First, Last: r.Last, Records: r.Last - r.First + 1, Reason: reason})
	}
	q.ledger.add(first, last)
}

// refuse counts a record that got no sequence.
func (b *Buffer) refuse(c Class, size int, reason string) {
	b.drop(Drop{Class: c, Records: 1, Bytes: uint64(size), Reason: reason})
}

// makeRoom drops until need bytes more are within the limit, which records of class c may do at the cost of their own and
// lower classes.
func (b *Buffer) makeRoom(c Class, need int64) bool {
	if b.bytes+need <= b.limit {
		return true
	}
	if need > b.limit {
		return false
	}
	b.bury()
	for {
		before := b.bytes
		if err := b.reclaim(); err != nil {
			b.log.Warn("spool cannot delete segments", "err", err)
		}
		if b.bytes+need <= b.limit {
			return true
		}
		if len(b.dead) > 0 && b.bytes == before {
			return false // deleting does not work: do not drop everything
		}
		if !b.evict(c, b.limitReason) {
			return false
		}
	}
}

// evict drops the oldest segment of the lowest class from c down that holds anything.
func (b *Buffer) evict(c Class, reason string) bool {
	for k := Logs; k >= c; k-- {
		q := b.queue(k)
		for _, seg := range q.segs {
			if q.ledger.covers(seg.firstSeq, seg.last) {
				continue
			}
			b.dropSegment(q, seg, reason)
			return true
		}
	}
	return false
}

// dropSegment gives up what seg still holds.
func (b *Buffer) dropSegment(q *queue, seg *segment, reason string) {
	open := q.ledger.open(seg.firstSeq, seg.last)
	sizes := []uint64{uint64(seg.data)}
	if len(open) != 1 || open[0].Last-open[0].First+1 != seg.count {
		sizes = b.measure(q, seg, open)
	}
	for i, r := range open {
		b.drop(Drop{
			Class: q.class, First: r.First, Last: r.Last, Records: r.Last - r.First + 1, Bytes: sizes[i], Reason: reason,
		})
	}
	q.ledger.add(seg.firstSeq, seg.last)
	b.buryOne(q, seg)
}

// measure returns how many bytes of data seg holds of each range.
func (b *Buffer) measure(q *queue, seg *segment, rs []Range) []uint64 {
	sizes := make([]uint64, len(rs))
	f, err := b.reader(q, seg)
	if err != nil {
		b.stats.diskErrors++
		return sizes
	}
	b.win.reset(f, seg.size)
	sc := scanner{win: &b.win, id: seg.identity, off: q.start(seg, rs[0].First)}
	for i := 0; i < len(rs); {
		e, ok := sc.header(sc.off)
		if !ok {
			if sc.off = sc.find(sc.off + 1); sc.off >= seg.size {
				break
			}
			continue
		}
		sc.off = e.end()
		for i < len(rs) && e.seq > rs[i].Last {
			i++
		}
		if i < len(rs) && e.seq >= rs[i].First {
			sizes[i] += uint64(e.size)
		}
	}
	return sizes
}

// bury takes segments out of the queues that hold nothing any more. The active segment stays unless it is all there is to
// gain, which is when bury is called for room.
func (b *Buffer) bury() {
	for i := range b.queues {
		q := &b.queues[i]
		b.burySealed(q)
		if seg := q.active; seg != nil && q.ledger.covers(seg.firstSeq, seg.last) {
			b.buryOne(q, seg)
		}
	}
}

// burySealed takes the sealed segments of q that hold nothing out of the queue.
func (b *Buffer) burySealed(q *queue) {
	for i := 0; i < len(q.segs); {
		seg := q.segs[i]
		if seg != q.active && q.ledger.covers(seg.firstSeq, seg.last) {
			b.buryOne(q, seg)
			continue
		}
		i++
	}
}

func (b *Buffer) buryOne(q *queue, seg *segment) {
	if q.active == seg {
		q.active = nil
	}
	if i := slices.Index(q.segs, seg); i >= 0 {
		q.segs = slices.Delete(q.segs, i, i+1)
	}
	if i := slices.Index(b.unsynced, seg); i >= 0 {
		b.unsynced = slices.Delete(b.unsynced, i, i+1)
	}
	q.forget(seg)
	seg.close()
	b.dead = append(b.dead, seg)
	b.stateDirty = true
	b.poke()
}

// reclaim deletes the dead segments, after the state that explains their absence is on disk.
func (b *Buffer) reclaim() error {
	if len(b.dead) == 0 {
		return nil
	}
	if err := b.saveState(true, false); err != nil {
		return err
	}
	var firstErr error
	b.dead = slices.DeleteFunc(b.dead, func(seg *segment) bool {
		if err := b.remove(seg.path); err != nil {
			firstErr = err
			return false
		}
		b.bytes -= seg.size
		return true
	})
	return firstErr
}
