package buffer

import (
	"cmp"
	"slices"
	"time"
)

// Stats is what the spool holds now, and what happened since it was opened.
type Stats struct {
	Epoch    uint64
	Bytes    int64 // of all segment files
	Limit    int64 // what Bytes may reach now: MaxBytes, or less on a full disk
	Segments int
	Records  uint64 // held
	Classes  [classes]ClassStats
	Drops    []DropCount // by class and reason, in this order

	Corrupt     uint64 // records known to be lost to damage
	Damaged     uint64 // places on disk that were not as written, torn tails included
	Resequenced uint64 // records that came from another epoch
	DiskErrors  uint64
	Syncs       uint64        // files synced
	SyncAge     time.Duration // since the last round of syncing
}

// Class returns the statistics of c, zero for an unknown class.
func (s *Stats) Class(c Class) ClassStats {
	if c < Results || c > Logs {
		return ClassStats{}
	}
	return s.Classes[c-1]
}

// ClassStats is the part of one class.
type ClassStats struct {
	Class        Class
	Records      uint64 // held
	Bytes        int64  // of its segment files
	Oldest       int64  // time of the first record held, Unix ms; 0 when there is none
	FirstUnacked uint64
	Next         uint64
	Appended     uint64
	Read         uint64
}

// DropCount sums up the drops of one class for one reason.
type DropCount struct {
	Class          Class
	Reason         string
	Records, Bytes uint64
}

type dropKey struct {
	class  Class
	reason string
}

type dropSum struct{ records, bytes uint64 }

// counters are what happened since Open.
type counters struct {
	drops          map[dropKey]dropSum
	appended, read [classes]uint64
	damaged        uint64
	resequenced    uint64
	diskErrors     uint64
	syncs          uint64
	lastSync       time.Time
}

func newCounters(now time.Time) counters {
	return counters{drops: map[dropKey]dropSum{}, lastSync: now}
}

func (c *counters) count(d Drop) {
	k := dropKey{d.Class, d.Reason}
	sum := c.drops[k]
	c.drops[k] = dropSum{sum.records + d.Records, sum.bytes + d.Bytes}
}

func (c *counters) corrupt() (n uint64) {
	for k, sum := range c.drops {
		if k.reason == ReasonCorrupt {
			n += sum.records
		}
	}
	return n
}

// Stats returns the current statistics. It reads one record header per class.
func (b *Buffer) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := Stats{
		Epoch: b.epoch, Bytes: b.bytes, Limit: b.limit, Corrupt: b.stats.corrupt(), Damaged: b.stats.damaged,
		Resequenced: b.stats.resequenced, DiskErrors: b.stats.diskErrors, Syncs: b.stats.syncs,
		SyncAge: b.opt.Now().Sub(b.stats.lastSync),
	}
	for i := range b.queues {
		s.Classes[i] = b.classStats(&b.queues[i])
		s.Records += s.Classes[i].Records
		s.Segments += len(b.queues[i].segs)
	}
	for k, sum := range b.stats.drops {
		s.Drops = append(s.Drops, DropCount{k.class, k.reason, sum.records, sum.bytes})
	}
	slices.SortFunc(s.Drops, func(a, b DropCount) int {
		return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.Reason, b.Reason))
	})
	return s
}

func (b *Buffer) classStats(q *queue) ClassStats {
	c := ClassStats{
		Class: q.class, FirstUnacked: min(q.ledger.next(1), q.next), Next: q.next,
		Appended: b.stats.appended[q.class-1], Read: b.stats.read[q.class-1],
	}
	for _, seg := range q.segs {
		c.Bytes += seg.size
		n := q.ledger.openCount(seg.firstSeq, seg.last)
		if n > 0 && c.Records == 0 {
			c.Oldest = b.timeOf(q, seg, q.ledger.next(seg.firstSeq))
		}
		c.Records += n
	}
	return c
}

// timeOf returns the time of record seq of seg, or the oldest of seg when it cannot be read.
func (b *Buffer) timeOf(q *queue, seg *segment, seq uint64) int64 {
	f, err := b.reader(q, seg)
	if b.closed || err != nil {
		return seg.oldest
	}
	b.win.reset(f, seg.size)
	sc := scanner{win: &b.win, id: seg.identity, off: q.start(seg, seq)}
	for {
		e, ok := sc.header(sc.off)
		if !ok {
			return seg.oldest
		}
		if e.seq >= seq {
			return e.time
		}
		sc.off = e.end()
	}
}
