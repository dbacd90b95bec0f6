package buffer

import (
	"fmt"
	"strings"
)

// maxAckRanges bounds the ranges of one class that acknowledgements may leave. What does not fit counts as not
// acknowledged and is sent again.
const maxAckRanges = 512

// Ack settles every sequence of class c up to watermark and those in above. It may be repeated, and older acknowledgements
// are harmless. One that names a sequence that was never given is ignored as a whole, with ErrBeyond: the collector then
// knows more of this epoch than the spool does, because the spool was put back to an earlier state; see Renew.
func (b *Buffer) Ack(c Class, watermark uint64, above []Range) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.queue(c)
	if q == nil {
		return fmt.Errorf("acknowledge: unknown %v", c)
	}
	if b.closed {
		return ErrClosed
	}
	last := watermark
	for _, r := range above {
		if r.First == 0 || r.First > r.Last {
			return fmt.Errorf("acknowledge %v %d to %d: not a range", c, r.First, r.Last)
		}
		last = max(last, r.Last)
	}
	if last >= q.next {
		return fmt.Errorf("acknowledge %v %d, next is %d: %w", c, last, q.next, ErrBeyond)
	}
	settled := q.settle(1, watermark)
	for _, r := range above {
		settled = q.settle(r.First, r.Last) || settled
	}
	if settled {
		b.stateDirty = true
		b.burySealed(q)
		b.poke()
	}
	return nil
}

// settle adds a range unless it would make the ledger too long, and says whether anything changed.
func (q *queue) settle(first, last uint64) bool {
	if first > last || q.ledger.covers(first, last) {
		return false
	}
	if len(q.ledger.above) >= maxAckRanges && first > q.ledger.low+1 && !q.ledger.has(first-1) && !q.ledger.has(last+1) {
		return false
	}
	q.ledger.add(first, last)
	return true
}

// Reject settles a record that the collector can never store, for the reason it gave. It counts as dropped. Rejecting what
// is settled already changes nothing.
func (b *Buffer) Reject(c Class, seq uint64, reason string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.queue(c)
	if q == nil {
		return fmt.Errorf("reject: unknown %v", c)
	}
	if b.closed {
		return ErrClosed
	}
	if seq == 0 || seq >= q.next {
		return fmt.Errorf("reject %v %d, next is %d: %w", c, seq, q.next, ErrBeyond)
	}
	if q.ledger.has(seq) {
		return nil
	}
	var size uint64
	if seg := q.segmentWith(seq); seg != nil && seg.firstSeq <= seq {
		size = b.measure(q, seg, []Range{{seq, seq}})[0]
	}
	detail := strings.ToValidUTF8(reason[:min(len(reason), 64)], "")
	b.drop(Drop{Class: c, First: seq, Last: seq, Records: 1, Bytes: size, Reason: ReasonRejected, Detail: detail})
	q.ledger.add(seq, seq)
	b.burySealed(q)
	return nil
}
