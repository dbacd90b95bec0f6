package buffer

import (
	"fmt"
	"os"
	"sort"
)

// cursor remembers that record seq of seg, or the first one after it, stands at off. Each class has one for the newest
// record and two for readers: the live and the backlog lane read the same class.
type cursor struct {
	seg *segment
	seq uint64
	off int64
}

// Next returns the first record of class c after sequence after that is held and not acknowledged; false when there is
// none. The caller owns the data. Records that turn out to be damaged are skipped and counted. An error is the disk's and
// may pass.
func (b *Buffer) Next(c Class, after uint64) (Record, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.queue(c)
	if q == nil {
		return Record{}, false, fmt.Errorf("read spool: unknown %v", c)
	}
	if b.closed {
		return Record{}, false, ErrClosed
	}
	for after < q.next-1 {
		seq := q.ledger.next(after + 1)
		if seq >= q.next {
			break
		}
		seg := q.segmentWith(seq)
		if seg == nil {
			b.lost(q, seq, q.next-1, ReasonCorrupt)
			break
		}
		if seq < seg.firstSeq {
			b.lost(q, seq, seg.firstSeq-1, ReasonCorrupt)
			after = seg.firstSeq - 1
			continue
		}
		rec, ok, err := b.read(q, seg, seq)
		if err != nil {
			return Record{}, false, err
		}
		if !ok {
			b.lost(q, seq, seg.last, ReasonCorrupt)
			after = seg.last
			continue
		}
		if rec.Seq > seq {
			b.lost(q, seq, rec.Seq-1, ReasonCorrupt)
		}
		if !q.ledger.has(rec.Seq) {
			b.stats.read[c-1]++
			return rec, true, nil
		}
		after = rec.Seq
	}
	return Record{}, false, nil
}

// segmentWith returns the segment that holds seq, or the first after it.
func (q *queue) segmentWith(seq uint64) *segment {
	i := sort.Search(len(q.segs), func(i int) bool { return q.segs[i].last >= seq })
	if i == len(q.segs) {
		return nil
	}
	return q.segs[i]
}

// read returns the first record of seg from seq on.
func (b *Buffer) read(q *queue, seg *segment, seq uint64) (Record, bool, error) {
	f, err := b.reader(q, seg)
	if os.IsNotExist(err) {
		b.stats.damaged++
		return Record{}, false, nil
	}
	if err != nil {
		b.stats.diskErrors++
		return Record{}, false, fmt.Errorf("read spool: %w", err)
	}
	b.win.reset(f, seg.size)
	defer func() { b.stats.diskErrors, b.win.errors = b.stats.diskErrors+b.win.errors, 0 }()
	sc := scanner{win: &b.win, id: seg.identity, off: q.start(seg, seq)}
	for {
		e, ok := sc.header(sc.off)
		if !ok {
			break
		}
		if e.seq > seq {
			break // seq is held, so it must be somewhere before
		}
		if e.seq == seq {
			rec, ok := sc.record(q.class, e)
			if !ok {
				break
			}
			q.remember(seg, e)
			return rec, true, nil
		}
		sc.off = e.end()
	}
	return b.search(q, seg, seq)
}

// search is read for a segment that is not as it should be. What read stepped over without a look at its data may be
// displaced, so that everything from the last known place on is verified.
func (b *Buffer) search(q *queue, seg *segment, seq uint64) (Record, bool, error) {
	sc := scanner{win: &b.win, id: seg.identity, off: q.start(seg, seq)}
	defer func() { b.stats.damaged += sc.damaged }()
	for {
		e, ok := sc.next()
		if !ok {
			return Record{}, false, nil
		}
		if e.seq < seq || e.seq > seg.last {
			continue
		}
		if rec, ok := sc.record(q.class, e); ok {
			q.remember(seg, e)
			return rec, true, nil
		}
	}
}

// start returns where to look for seq in seg: as near before it as cursors and marks know.
func (q *queue) start(seg *segment, seq uint64) int64 {
	off := int64(segmentHeader)
	if i := sort.Search(len(seg.marks), func(i int) bool { return seg.marks[i].seq > seq }); i > 0 {
		off = seg.marks[i-1].off
	}
	for _, cur := range q.cursors {
		if cur.seg == seg && cur.seq <= seq {
			off = max(off, cur.off)
		}
	}
	return off
}

// remember moves a cursor behind e: the one that led to e, else the one that was not used for longest.
func (q *queue) remember(seg *segment, e entry) {
	for i := 1; i < len(q.cursors); i++ {
		if cur := &q.cursors[i]; cur.seg == seg && (cur.off == e.off || cur.off == e.end()) {
			*cur = cursor{seg, e.seq + 1, e.end()}
			return
		}
	}
	q.victim = 1 + q.victim%(len(q.cursors)-1)
	q.cursors[q.victim] = cursor{seg, e.seq + 1, e.end()}
}

// forget drops what points into seg.
func (q *queue) forget(seg *segment) {
	for i := range q.cursors {
		if q.cursors[i].seg == seg {
			q.cursors[i] = cursor{}
		}
	}
	if q.rdSeg == seg {
		q.closeReader()
	}
}

func (q *queue) closeReader() {
	if q.rd != nil {
		_ = q.rd.Close()
		q.rd, q.rdSeg = nil, nil
	}
}

// reader returns an open file of seg. One per class stays open.
func (b *Buffer) reader(q *queue, seg *segment) (file, error) {
	if seg.f != nil {
		return seg.f, nil
	}
	if q.rdSeg != seg {
		f, err := b.fs.Open(seg.path, false)
		if err != nil {
			return nil, err
		}
		q.closeReader()
		q.rd, q.rdSeg = f, seg
	}
	return q.rd, nil
}
