package buffer

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
)

// place is where a record stands in a group of segments.
type place struct {
	entry
	seg int
}

// rebuild writes what segs hold together into one new segment in order, each sequence once, and gives the old ones up. When
// the disk has no room for it, the largest of them is kept as it is.
func (l *loader) rebuild(q *queue, segs []*segment) (*segment, error) {
	files := make([]file, len(segs))
	defer func() {
		for _, f := range files {
			if f != nil {
				_ = f.Close()
			}
		}
	}()
	var places []place
	for i, seg := range segs {
		f, err := l.b.fs.Open(seg.path, false)
		if err != nil {
			return nil, fmt.Errorf("open segment: %w", err)
		}
		files[i] = f
		l.win.reset(f, seg.size)
		sc := scanner{win: &l.win, id: seg.identity, off: seg.marks[0].off}
		for e, ok := sc.next(); ok; e, ok = sc.next() {
			places = append(places, place{e, i})
		}
	}
	slices.SortStableFunc(places, func(a, b place) int { return cmp.Compare(a.seq, b.seq) })
	places = slices.CompactFunc(places, func(a, b place) bool { return a.seq == b.seq })
	out, err := l.writePlaces(q, segs, files, places)
	if err == nil {
		l.b.bytes += out.size
	} else {
		l.b.stats.diskErrors++
		out = slices.MaxFunc(segs, func(a, b *segment) int { return cmp.Compare(a.count, b.count) })
	}
	for _, seg := range segs {
		if seg != out {
			l.b.dead = append(l.b.dead, seg)
		}
	}
	return out, nil
}

func (l *loader) writePlaces(q *queue, segs []*segment, files []file, places []place) (*segment, error) {
	out, err := l.b.createSegment(q, places[0].seq, segs[0].epoch)
	if err != nil {
		return nil, err
	}
	out.class = segs[0].class
	buf := appendSegmentHeader(nil, out.class, out.identity, out.created)
	for _, p := range places {
		l.win.reset(files[p.seg], segs[p.seg].size)
		sc := scanner{win: &l.win, id: segs[p.seg].identity}
		rec, ok := sc.record(out.class, p.entry)
		if !ok {
			continue
		}
		off := out.size + int64(len(buf))
		buf = appendRecord(buf, out.identity, rec.Seq, rec.Time, rec.Data)
		if _, err = out.f.WriteAt(buf, out.size); err != nil {
			break
		}
		out.size += int64(len(buf))
		buf = buf[:0]
		out.note(entry{off: off, size: p.size, seq: p.seq, time: p.time})
		out.run(p.seq)
	}
	if err == nil {
		err = out.f.Sync()
	}
	out.close()
	out.synced = out.size
	if err == nil {
		err = l.b.fs.SyncDir(q.dir)
	}
	if err != nil {
		_ = l.b.fs.Remove(out.path)
		return nil, fmt.Errorf("rebuild segment: %w", err)
	}
	return out, nil
}

// resequence gives the records of segs, which belong to another epoch, new sequences in this one, oldest first, and removes
// the old files. held says which records still count; nil means all. A crash in between gives the records of one segment
// twice.
func (l *loader) resequence(segs []*segment, held func(Class, uint64) bool) error {
	for _, old := range segs {
		q := l.b.queue(old.class)
		if err := l.copyRecords(q, old, held); err != nil {
			return err
		}
		l.b.seal(q)
		for len(l.b.unsynced) > 0 {
			l.b.syncOldest()
		}
		if err := l.b.fs.SyncDir(q.dir); err != nil {
			return fmt.Errorf("sync %s: %w", q.dir, err)
		}
		if err := l.b.remove(old.path); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) copyRecords(q *queue, old *segment, held func(Class, uint64) bool) error {
	f, err := l.b.fs.Open(old.path, false)
	if err != nil {
		return fmt.Errorf("open segment: %w", err)
	}
	defer func() { _ = f.Close() }()
	l.win.reset(f, old.size)
	sc := scanner{win: &l.win, id: old.identity, off: old.marks[0].off}
	for e, ok := sc.next(); ok; e, ok = sc.next() {
		if held != nil && !held(old.class, e.seq) {
			continue
		}
		rec, ok := sc.record(old.class, e)
		if !ok {
			continue
		}
		if _, err := l.b.append(q, rec.Time, rec.Data); err == nil {
			l.b.stats.resequenced++
		}
	}
	if missing := old.last - old.first + 1 - old.count; held == nil && missing > 0 {
		l.b.drop(Drop{Class: q.class, Records: missing, Reason: ReasonCorrupt})
	}
	return nil
}

// Renew begins a new epoch: every record that is held gets a new sequence, and the old sequences mean nothing any more. It is
// for a spool that was put back to an earlier state, which shows when the collector acknowledges more of the epoch than was
// given (ErrBeyond), or when the agent's identity changes. It copies what is held; the sender must start afresh.
func (b *Buffer) Renew() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return ErrClosed
	}
	if err := b.reclaim(); err != nil { // else what is settled would come back after a kill
		return err
	}
	was, epoch, pending := b.queues, b.epoch, b.pending
	var old []*segment
	b.epoch = max(randomUint64(), 1)
	b.pending = slices.Clone(pending)
	for i := range b.pending {
		b.pending[i].First, b.pending[i].Last = 0, 0
	}
	for i := range b.queues {
		q := &b.queues[i]
		old = append(old, q.segs...)
		*q = queue{class: q.class, dir: q.dir, next: 1, reserved: 1 + reserveChunk}
	}
	if err := b.saveState(true, false); err != nil {
		b.queues, b.epoch, b.pending = was, epoch, pending
		return fmt.Errorf("begin a new epoch: %w", err)
	}
	b.unsynced = nil
	for i := range was {
		b.saveHead(&b.queues[i])
		was[i].closeReader()
	}
	for _, seg := range old {
		seg.close()
		b.bytes -= seg.size
	}
	l := loader{b: b, win: window{buf: make([]byte, scanBytes)}}
	b.poke()
	return l.resequence(old, func(c Class, seq uint64) bool { return !was[c-1].ledger.has(seq) })
}

// remove deletes a segment file; one that is gone already is fine.
func (b *Buffer) remove(path string) error {
	if err := b.fs.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		b.stats.diskErrors++
		return fmt.Errorf("delete segment: %w", err)
	}
	return nil
}
