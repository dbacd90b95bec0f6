package buffer

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// load reads what is on disk and leaves a buffer that is ready for Append. Everything is verified once here, so that the
// counts are exact; the records themselves stay on disk.
func (b *Buffer) load() error {
	_, total, _ := b.opt.FreeDisk(b.opt.Dir)
	b.opt.SegmentBytes = b.opt.segmentBytes(total)
	saved, found, err := b.loadState()
	if err != nil {
		return err
	}
	l := loader{b: b, win: window{buf: make([]byte, scanBytes)}}
	if err := l.readSegments(); err != nil {
		return err
	}
	if !found && (l.records > 0 || b.stats.damaged > 0) {
		b.stats.damaged++
	}
	b.pending = saved.pending
	if err := l.settleAll(saved); err != nil {
		return err
	}
	b.bury()
	if err := b.saveOpened(found); err != nil {
		return err
	}
	if err := b.fs.SyncDir(b.opt.Dir); err != nil {
		return fmt.Errorf("sync spool directory: %w", err)
	}
	if err := l.resequence(l.foreign, nil); err != nil {
		return err
	}
	b.setLimit(b.freeDisk())
	b.makeRoom(Results, 0)
	if err := b.reclaim(); err != nil {
		return err
	}
	if b.stats.damaged > 0 {
		b.log.Warn("spool was damaged", "dir", b.opt.Dir, "places", b.stats.damaged, "records_lost", b.stats.corrupt(),
			"resequenced", b.stats.resequenced)
	}
	return nil
}

// saveOpened writes the state the spool begins with. The order matters for a kill in between: heads without a state are
// ignored, a new state without heads looks damaged, and heads of a jump (settle) before its state would look like a loss.
func (b *Buffer) saveOpened(found bool) error {
	heads := func() {
		for i := range b.queues {
			b.saveHead(&b.queues[i])
		}
	}
	if !found {
		heads()
	}
	if err := b.saveState(true, false); err != nil {
		return err
	}
	heads()
	return nil
}

// loadState opens the state files and returns the newer one that is whole. Without one there is a new epoch, and records of
// the old one, if any, get new sequences.
func (b *Buffer) loadState() (best savedState, found bool, err error) {
	var whole, made int
	for i := range b.state.slots {
		f, isNew, err := b.openFixed(slotName(i), stateBytes)
		if err != nil {
			return best, false, err
		}
		b.state.slots[i] = f
		if isNew {
			made++
			continue
		}
		p, err := readAll(f, stateBytes)
		if err != nil {
			b.stats.diskErrors++
		}
		s, err := decodeState(p)
		switch {
		case err == nil:
			whole++
			if s.generation > best.generation || !found {
				best, found = s, true
			}
		case !isZero(p):
			b.stats.damaged++
		}
	}
	if found && whole < len(b.state.slots) && b.stats.damaged == 0 {
		b.stats.damaged++
	}
	var madeHeads bool
	if b.state.heads, madeHeads, err = b.openFixed(headsFileName, classes*headBytes); err != nil {
		return best, false, err
	}
	if madeHeads && found {
		b.stats.damaged++
	}
	b.state.generation = best.generation
	if b.epoch = best.epoch; !found {
		b.epoch = max(randomUint64(), 1)
	}
	return best, found, nil
}

func isZero(p []byte) bool {
	return !slices.ContainsFunc(p, func(c byte) bool { return c != 0 })
}

// loader holds what only opening needs.
type loader struct {
	b       *Buffer
	win     window
	segs    []*segment // all that hold records
	foreign []*segment // those of another epoch
	records uint64
}

// readSegments scans all files and puts what holds records into the queues.
func (l *loader) readSegments() error {
	for i := range l.b.queues {
		if err := l.readClass(&l.b.queues[i]); err != nil {
			return err
		}
	}
	err := l.untangle()
	l.b.stats.diskErrors += l.win.errors
	return err
}

// readClass scans the segments in the directory of one class.
func (l *loader) readClass(q *queue) error {
	if err := l.b.fs.MkdirAll(q.dir); err != nil {
		return fmt.Errorf("make %s: %w", q.dir, err)
	}
	names, err := l.b.fs.List(q.dir)
	if err != nil {
		return fmt.Errorf("list %s: %w", q.dir, err)
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".seg") {
			continue
		}
		seg, err := l.scan(q, name)
		if err != nil {
			return err
		}
		l.b.bytes += seg.size
		l.records += seg.count
		if seg.count == 0 {
			l.b.dead = append(l.b.dead, seg)
		} else {
			l.segs = append(l.segs, seg)
		}
	}
	return nil
}

// scan reads one segment file. It never fails on contents.
func (l *loader) scan(q *queue, name string) (*segment, error) {
	seg := &segment{class: q.class, path: joinPath(q.dir, name), created: l.b.opt.Now()}
	f, err := l.b.fs.Open(seg.path, false)
	if err != nil {
		return nil, fmt.Errorf("open segment: %w", err)
	}
	defer func() { _ = f.Close() }()
	if seg.size, err = f.Size(); err != nil {
		return nil, fmt.Errorf("size of segment %s: %w", seg.path, err)
	}
	seg.synced = seg.size
	l.win.reset(f, seg.size)
	id, named := parseFileName(name)
	class, headerID, sound := parseSegmentHeader(l.win.bytes(0, segmentHeader))
	switch {
	case sound:
		seg.class, seg.identity = class, headerID
	case named:
		seg.identity = id
	}
	if !sound && seg.size > 0 || seg.identity != id || seg.class != q.class {
		l.b.stats.damaged++
	}
	if !sound {
		l.scanRecords(seg, 0) // with bytes missing from the header the records may begin in its place
	} else {
		l.scanRecords(seg, segmentHeader)
	}
	return seg, nil
}

func (l *loader) scanRecords(seg *segment, from int64) {
	if seg.first == 0 {
		return // neither name nor header: nothing can be verified
	}
	sc := scanner{win: &l.win, id: seg.identity, off: from}
	for e, ok := sc.next(); ok; e, ok = sc.next() {
		seg.disordered = seg.disordered || seg.count > 0 && e.seq <= seg.last
		seg.note(e)
		seg.run(e.seq)
	}
	l.b.stats.damaged += sc.damaged
	seg.marks = slices.Clip(seg.marks)
	for _, r := range seg.runs {
		seg.firstSeq, seg.last = min(seg.firstSeq, r.First), max(seg.last, r.Last)
	}
}

// untangle puts the segments into their queues in order. Of those that hold the same sequences, which happens when files
// were copied, and of those whose pages were exchanged, it makes new ones.
func (l *loader) untangle() error {
	segs := l.segs
	slices.SortFunc(segs, func(a, b *segment) int {
		return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(a.epoch, b.epoch), cmp.Compare(a.firstSeq, b.firstSeq))
	})
	for i := 0; i < len(segs); {
		seg, j, last := segs[i], i+1, segs[i].last
		for j < len(segs) && segs[j].class == seg.class && segs[j].epoch == seg.epoch && segs[j].firstSeq <= last {
			last = max(last, segs[j].last)
			j++
		}
		q := l.b.queue(seg.class)
		if j > i+1 || seg.disordered {
			l.b.stats.damaged++
			var err error
			if seg, err = l.rebuild(q, segs[i:j]); err != nil {
				return err
			}
		}
		if seg.epoch == l.b.epoch {
			q.segs = append(q.segs, seg)
		} else {
			l.foreign = append(l.foreign, seg)
			l.b.bytes -= seg.size
		}
		i = j
	}
	return nil
}

// settleAll settles every queue and makes what it holds durable.
func (l *loader) settleAll(saved savedState) error {
	heads := l.b.readHeads()
	for i := range l.b.queues {
		q := &l.b.queues[i]
		l.settle(q, saved, heads[i])
		q.reserved = q.next + reserveChunk
		if err := l.syncLoaded(q); err != nil {
			return err
		}
	}
	return nil
}

// settle works out which sequences of q were given, and counts those that are neither settled nor there. Without a clean end
// and with the page cache gone, which another boot tells, the newest may be missing without a trace, so that the next
// sequence comes from the reservation.
func (l *loader) settle(q *queue, saved savedState, head uint64) {
	s := saved.queues[q.class-1]
	q.ledger, q.synced = s.ledger, s.synced
	sameBoot := saved.bootID != "" && saved.bootID == l.b.opt.bootID
	unclean := saved.epoch != 0 && !saved.clean
	missing := func(first, last uint64) {
		if unclean && !sameBoot {
			l.b.lost(q, max(first, s.synced+1), last, ReasonPowerLoss)
		}
		l.b.lost(q, first, last, ReasonCorrupt)
	}
	from := uint64(1)
	for _, seg := range q.segs {
		for _, r := range seg.runs {
			missing(from, r.First-1)
			from = r.Last + 1
		}
		seg.runs = nil
	}
	q.next = max(from, s.next, head)
	missing(from, q.next-1)
	if unclean && (!sameBoot || head == 0) && s.reserved > q.next {
		l.b.drop(Drop{Class: q.class, First: q.next, Last: s.reserved - 1, Reason: ReasonSkipped})
		q.ledger.add(q.next, s.reserved-1)
		q.next = s.reserved
	}
	if saved.epoch != 0 && sameBoot && head == 0 {
		l.b.stats.damaged++
	}
}

// syncLoaded brings to disk what an owner that was killed had not synced yet.
func (l *loader) syncLoaded(q *queue) error {
	synced := false
	for _, seg := range q.segs {
		if seg.last <= q.synced || q.ledger.covers(seg.firstSeq, seg.last) {
			continue
		}
		f, err := l.b.fs.Open(seg.path, true)
		if err == nil {
			err = errors.Join(f.Sync(), f.Close())
		}
		if err != nil {
			return fmt.Errorf("sync segment: %w", err)
		}
		synced = true
	}
	q.synced = q.next - 1
	if !synced {
		return nil
	}
	if err := l.b.fs.SyncDir(q.dir); err != nil {
		return fmt.Errorf("sync %s: %w", q.dir, err)
	}
	return nil
}
