package buffer

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"
)

// Run does what need not happen inside Append: it syncs what is not acknowledged a SyncEvery after it was written, saves
// what is settled, deletes segments, enforces age and free disk, and calls OnDrop. It sleeps while there is nothing to do.
// It returns nil after ctx ended and everything was written; Close comes after it.
func (b *Buffer) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var trouble error
	for {
		select {
		case <-ctx.Done():
			b.mu.Lock()
			b.poked = false
			b.mu.Unlock()
			return b.tick()
		case <-b.wake:
			timer.Reset(b.opt.SyncEvery)
		case <-timer.C:
			err := b.tick()
			if (err == nil) != (trouble == nil) {
				b.logTrouble(err)
			}
			if trouble = err; trouble != nil || b.holding() {
				timer.Reset(max(idleEvery, b.opt.SyncEvery))
			}
		}
	}
}

func (b *Buffer) logTrouble(err error) {
	if err != nil {
		b.log.Warn("spool has trouble with the disk", "err", err)
		return
	}
	b.log.Info("spool's disk works again")
}

// holding says whether anything waits, which age and free disk are watched for.
func (b *Buffer) holding() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.queues {
		for _, seg := range b.queues[i].segs {
			if !b.queues[i].ledger.covers(seg.firstSeq, seg.last) {
				return true
			}
		}
	}
	return len(b.dead) > 0
}

// tick does one round of Run's work.
func (b *Buffer) tick() error {
	b.mu.Lock()
	b.poked = false
	b.mu.Unlock()
	errs := []error{b.sync(false)}
	free, total := b.freeDisk()
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.setLimit(free, total)
	b.expire()
	b.makeRoom(Results, 0)
	for i := range b.queues {
		q := &b.queues[i]
		b.burySealed(q)
		if q.next+reserveChunk/2 > q.reserved && q.active != nil {
			q.reserved = q.next + reserveChunk
			errs = append(errs, b.saveState(true, false))
		}
	}
	errs = append(errs, b.reclaim())
	if b.stateDirty {
		errs = append(errs, b.saveState(false, false))
	}
	b.mu.Unlock()
	b.deliver()
	return errors.Join(errs...)
}

// syncWork is what one round of syncing is about.
type syncWork struct {
	segs   []*segment // the first sealed of them are sealed
	sealed int
	files  []file
	sizes  []int64
	dirs   []*queue
	upTo   [classes]uint64 // the newest sequences that the round covers
}

// sync brings to disk what was written and is not settled by now; names too when the buffer closes. The lock is not held
// meanwhile.
func (b *Buffer) sync(closing bool) error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	w := b.collectSync(closing)
	b.mu.Unlock()

	failed := make([]error, len(w.files))
	for i, f := range w.files {
		// A file that was closed meanwhile belonged to a segment that is gone.
		if err := f.Sync(); err != nil && !errors.Is(err, os.ErrClosed) {
			failed[i] = err
		}
	}
	var errDirs error
	for _, q := range w.dirs {
		errDirs = errors.Join(errDirs, b.fs.SyncDir(q.dir))
	}

	b.mu.Lock()
	defer b.mu.Unlock()
	b.noteSync(w, failed, errDirs)
	return errors.Join(append(failed, errDirs)...)
}

// collectSync gathers the work of a round. The sealed segments leave b.unsynced.
func (b *Buffer) collectSync(closing bool) syncWork {
	w := syncWork{segs: slices.Clone(b.unsynced), sealed: len(b.unsynced)}
	b.unsynced = nil
	for i := range b.queues {
		q := &b.queues[i]
		w.upTo[i] = q.next - 1
		if s := q.active; s != nil && s.dirty() && !q.ledger.covers(s.firstSeq, s.last) {
			w.segs = append(w.segs, s)
		}
		if q.dirDirty && (len(w.segs) > 0 || closing || q.synced < q.next-1 && len(q.segs) > 0) {
			w.dirs = append(w.dirs, q)
			q.dirDirty = false
		}
	}
	for _, s := range w.segs {
		w.files, w.sizes = append(w.files, s.f), append(w.sizes, s.size)
	}
	return w
}

// noteSync books a round; what failed is tried again in the next.
func (b *Buffer) noteSync(w syncWork, failed []error, errDirs error) {
	ok := errDirs == nil
	for i, s := range w.segs {
		switch {
		case failed[i] != nil:
			ok = false
			b.stats.diskErrors++
			if i < w.sealed && s.f != nil {
				b.unsynced = append(b.unsynced, s)
			}
			b.poke()
		case i < w.sealed:
			s.close()
		default:
			s.synced = max(s.synced, w.sizes[i])
		}
	}
	for _, q := range w.dirs {
		q.dirDirty = q.dirDirty || errDirs != nil
	}
	b.stats.syncs += uint64(len(w.segs))
	b.stats.lastSync = b.opt.Now()
	for i := range b.queues {
		if q := &b.queues[i]; ok && q.synced < w.upTo[i] {
			q.synced, b.stateDirty = w.upTo[i], true
		}
	}
}

// freeDisk asks for the disk's free bytes and its size; 0 and 0 when they are not known or not wanted.
func (b *Buffer) freeDisk() (free, total uint64) {
	if b.opt.MinFreeRatio < 0 {
		return 0, 0
	}
	free, total, err := b.opt.FreeDisk(b.opt.Dir)
	if err != nil {
		return 0, 0
	}
	return free, total
}

// setLimit shrinks the spool when the disk is fuller than MinFreeRatio allows, and lets it grow again. It never goes below
// leastLimit: an agent on a full disk still has to deliver.
func (b *Buffer) setLimit(free, total uint64) {
	b.limit, b.limitReason = b.opt.MaxBytes, ReasonBytes
	if total == 0 {
		return
	}
	spare := int64(free) - int64(float64(total)*b.opt.MinFreeRatio)
	if limit := max(b.bytes+spare, b.opt.leastLimit()); limit < b.limit {
		b.limit, b.limitReason = limit, ReasonDiskFree
	}
}

// expire drops the segments whose newest record is older than MaxAge. After the wall clock jumped ahead it waits, because a
// jump may be taken back and a drop may not.
func (b *Buffer) expire() {
	now := b.opt.Now()
	if !b.lastTick.IsZero() {
		wall := now.Round(0).Sub(b.lastTick.Round(0))
		if wall-b.opt.elapsed(b.lastTick, now) > clockJump {
			b.holdAging = now.Add(clockJumpHold)
		}
	}
	b.lastTick = now
	if now.Before(b.holdAging) {
		return
	}
	oldest := now.Add(-b.opt.MaxAge).UnixMilli()
	for i := range b.queues {
		q := &b.queues[i]
		for _, seg := range slices.Clone(q.segs) {
			if seg.youngest < oldest && !q.ledger.covers(seg.firstSeq, seg.last) {
				b.dropSegment(q, seg, ReasonAge)
			}
		}
	}
}
