package buffer

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// dropped sums up what OnDrop was told and what is left, and checks that the two make up everything that was given.
func (r *rig) checkAccounts(size int) map[string]uint64 {
	r.t.Helper()
	sums := map[string]uint64{}
	gone := map[Class]map[uint64]bool{}
	for _, d := range r.drops {
		sums[d.Class.String()+" "+d.Reason] += d.Records
		if d.First == 0 || d.Records == 0 {
			continue
		}
		if d.Records != d.Last-d.First+1 || size > 0 && d.Bytes != d.Records*uint64(size) {
			r.t.Errorf("drop does not add up: %+v", d)
		}
		for seq := d.First; seq <= d.Last; seq++ {
			if gone[d.Class] == nil {
				gone[d.Class] = map[uint64]bool{}
			}
			if gone[d.Class][seq] {
				r.t.Errorf("%v %d was dropped twice", d.Class, seq)
			}
			gone[d.Class][seq] = true
		}
	}
	for c := Results; c <= Logs; c++ {
		held := map[uint64]bool{}
		for _, seq := range r.held(c, size) {
			held[seq] = true
		}
		for seq := uint64(1); seq <= r.b.Last(c); seq++ {
			if held[seq] == gone[c][seq] {
				r.t.Errorf("%v %d: held %v, dropped %v", c, seq, held[seq], gone[c][seq])
			}
		}
	}
	return sums
}

func TestBytesBoundDropsLowestClassFirst(t *testing.T) {
	const size = 1000
	r := newRig(t, nil)
	for _, c := range []Class{Results, Inventory, Metrics, Logs} {
		r.fill(c, 250, size)
	}
	if r.tick(); len(r.drops) != 0 {
		t.Fatalf("dropped below the bound: %+v", r.drops)
	}
	steps := []struct {
		write Class
		n     int
		only  map[string]bool
	}{
		{Metrics, 200, map[string]bool{"logs bytes": true}},
		{Results, 400, map[string]bool{"logs bytes": true, "metrics bytes": true}},
		{Results, 400, map[string]bool{"logs bytes": true, "metrics bytes": true, "inventory bytes": true, "results bytes": true}},
	}
	for _, s := range steps {
		r.fill(s.write, s.n, size)
		r.tick()
		sums := r.checkAccounts(size)
		for key := range sums {
			if !s.only[key] {
				t.Errorf("%d more %v dropped %v", s.n, s.write, sums)
			}
		}
		if len(sums) != len(s.only) {
			t.Errorf("%d more %v dropped %v, want %v", s.n, s.write, sums, s.only)
		}
		if st := r.b.Stats(); st.Bytes > r.opt.MaxBytes {
			t.Errorf("%d bytes, bound %d", st.Bytes, r.opt.MaxBytes)
		}
	}
	for _, c := range []Class{Inventory, Metrics, Logs} {
		if got := r.held(c, size); len(got) != 0 {
			t.Errorf("%v still held while results were dropped: %d", c, len(got))
		}
	}
	got := r.held(Results, size)
	if len(got) < 800 || got[len(got)-1] != r.b.Last(Results) || got[0] != r.b.Last(Results)+1-uint64(len(got)) {
		t.Errorf("not the newest results are left: %d from %d", len(got), got[0])
	}
}

func TestLowerClassDoesNotDisplaceHigher(t *testing.T) {
	const size = 1000
	r := newRig(t, nil)
	r.fill(Results, 1100, size)
	held := len(r.held(Results, size))
	for range 10 {
		if _, err := r.b.Append(Logs, 0, make([]byte, 20*size)); !errors.Is(err, ErrFull) {
			t.Fatalf("a log record into a spool full of results: %v", err)
		}
	}
	r.tick()
	if got := len(r.held(Results, size)); got != held {
		t.Errorf("results went from %d to %d", held, got)
	}
	last := r.drops[len(r.drops)-1]
	want := Drop{Class: Logs, Records: 10, Bytes: 200 * size, Reason: ReasonBytes, Time: r.now.UnixMilli()}
	if diff := cmp.Diff(want, last); diff != "" {
		t.Error(diff)
	}
}

// TestRoomFromSettled: acknowledged segments that were not yet deleted make room before anything is dropped.
func TestRoomFromSettled(t *testing.T) {
	r := newRig(t, nil)
	for range 20 {
		r.fill(Metrics, 200, 1000)
		if err := r.b.Ack(Metrics, r.b.Last(Metrics), nil); err != nil {
			t.Fatal(err)
		}
	}
	r.tick()
	if len(r.drops) != 0 {
		t.Errorf("drops: %+v", r.drops)
	}
}

func TestPartlyAckedSegmentIsCountedExactly(t *testing.T) {
	const size = 700
	r := newRig(t, nil)
	r.fill(Logs, 60, size)
	if err := r.b.Ack(Logs, 3, []Range{{6, 6}, {10, 12}}); err != nil {
		t.Fatal(err)
	}
	r.fill(Results, 1500, size)
	r.tick()
	var records, bytes uint64
	for _, d := range r.drops {
		if d.Class == Logs {
			records, bytes = records+d.Records, bytes+d.Bytes
		}
	}
	if records != 60-7 || bytes != (60-7)*size {
		t.Errorf("%d records, %d bytes of logs dropped, want %d, %d", records, bytes, 60-7, (60-7)*size)
	}
}

func TestAge(t *testing.T) {
	r := newRig(t, func(o *Options) { o.MaxAge = 24 * time.Hour })
	for range 48 {
		r.fill(Metrics, 4, 100)
		r.fill(Logs, 2, 100)
		r.tick()
		r.advance(30 * time.Minute)
	}
	if len(r.drops) != 0 {
		t.Fatalf("dropped before anything was old: %+v", r.drops)
	}
	r.advance(6 * time.Hour)
	r.tick()
	sums := r.checkAccounts(100)
	if got := sums["metrics age"]; got < 4*10 || got > 4*13 {
		t.Errorf("%d metrics aged, want those of 6 h, give or take one file", got)
	}
	if got := sums["logs age"]; got < 2*10 || got > 2*13 {
		t.Errorf("%d logs aged", got)
	}
	r.advance(100 * time.Hour)
	r.tick()
	if sums = r.checkAccounts(100); sums["metrics age"] != 4*48 || r.b.Stats().Records != 0 {
		t.Errorf("after 100 h: %v, %d left", sums, r.b.Stats().Records)
	}
}

func TestClockJumpHoldsAging(t *testing.T) {
	elapsed := time.Second
	r := newRig(t, func(o *Options) { o.elapsed = func(_, _ time.Time) time.Duration { return elapsed } })
	r.fill(Metrics, 10, 100)
	r.tick()
	r.advance(48 * time.Hour) // while one second went by
	r.tick()
	r.advance(-48 * time.Hour)
	r.tick()
	if len(r.drops) != 0 {
		t.Fatalf("a jump that was taken back cost %+v", r.drops)
	}
	r.advance(48 * time.Hour)
	r.tick()
	elapsed = 15 * time.Minute
	r.advance(elapsed)
	r.tick()
	if sums := r.checkAccounts(100); sums["metrics age"] != 10 {
		t.Errorf("a jump that stayed: %v", sums)
	}
}

func TestFreeDiskShrinksAndGrows(t *testing.T) {
	const size, total = 1000, 100 << 20
	free := uint64(50 << 20)
	r := newRig(t, func(o *Options) {
		o.FreeDisk = func(string) (uint64, uint64, error) { return free, total, nil }
	})
	r.fill(Results, 200, size)
	r.fill(Logs, 700, size)
	r.tick()
	if s := r.b.Stats(); s.Limit != r.opt.MaxBytes {
		t.Fatalf("limit %d on an empty disk", s.Limit)
	}
	free = total/10 - 300<<10 // 300 KiB too full
	r.tick()
	sums := r.checkAccounts(size)
	if sums["logs disk_free"] < 300 || sums["logs disk_free"] > 330 || len(sums) != 1 {
		t.Errorf("300 KiB too full: %v", sums)
	}
	free = 0
	r.tick()
	r.tick()
	s := r.b.Stats()
	if s.Limit > 512<<10 || s.Bytes > s.Limit || s.Bytes < 128<<10 {
		t.Errorf("on a full disk %d bytes are kept, limit %d", s.Bytes, s.Limit)
	}
	if r.append(Results, []byte("x")) == 0 {
		t.Error("an agent on a full disk must deliver")
	}
	free = 50 << 20
	r.tick()
	if s := r.b.Stats(); s.Limit != r.opt.MaxBytes {
		t.Errorf("limit %d after the disk was emptied", s.Limit)
	}
}

func TestDiskFull(t *testing.T) {
	const size = 500
	r := newRig(t, func(o *Options) { o.MinFreeRatio = -1 })
	r.disk.capacity = 400 << 10 // the bound of 1 MiB is never reached
	r.fill(Results, 50, size)
	r.fill(Metrics, 2000, size)
	r.tick()
	sums := r.checkAccounts(size)
	if sums["metrics disk_full"] < 1000 || len(sums) != 1 {
		t.Errorf("metrics into a full disk: %v", sums)
	}
	var onDisk int64
	for _, path := range r.disk.segmentFiles() {
		onDisk += int64(len(r.disk.names[path].data))
	}
	if got := r.b.Stats().Bytes; got != onDisk {
		t.Errorf("%d bytes on disk, %d counted: partial writes were not cut off", onDisk, got)
	}
	// Somebody else takes all that is left and all that is given back.
	r.disk.mu.Lock()
	r.disk.capacity = 1
	r.disk.mu.Unlock()
	var refused uint64
	for i := range 50 {
		if _, err := r.b.Append(Logs, 0, payload(Logs, uint64(i), size)); !errors.Is(err, ErrFull) {
			t.Fatalf("append without any room: %v", err)
		}
		refused++
	}
	r.disk.mu.Lock()
	r.disk.capacity = 400 << 10
	r.disk.mu.Unlock()
	r.fill(Logs, 1, size) // works at once
	r.tick()
	if sums = r.checkAccounts(size); sums["logs disk_full"] != refused {
		t.Errorf("%d records refused: %v", refused, sums)
	}
	r.crash()
	r.tick()
	if s := r.b.Stats(); s.Damaged != 0 || s.Corrupt != 0 {
		t.Errorf("partial writes left damage: %+v", s)
	}
	r.checkAccounts(size)
}

// TestBrokenWrite: another error than a full disk costs the segment, not the record.
func TestBrokenWrite(t *testing.T) {
	r := newRig(t, nil)
	r.fill(Metrics, 5, 100)
	path := r.b.queue(Metrics).active.path
	r.disk.failWrite = func(p string) error {
		if p == path {
			return syscall.EIO
		}
		return nil
	}
	r.fill(Metrics, 5, 100)
	if got := r.held(Metrics, 100); !cmp.Equal(got, count(1, 10)) {
		t.Errorf("held %v", got)
	}
	r.disk.failWrite = func(string) error { return syscall.EIO }
	if _, err := r.b.Append(Metrics, 0, []byte("x")); !errors.Is(err, syscall.EIO) {
		t.Errorf("append to a broken disk: %v", err)
	}
	r.disk.failWrite = nil
	r.fill(Metrics, 5, 100)
	r.tick()
	if sums := r.checkAccounts(0); sums["metrics disk_error"] != 1 || len(sums) != 1 {
		t.Errorf("%v", sums)
	}
	if s := r.b.Stats(); s.DiskErrors == 0 {
		t.Error("the error was not counted")
	}
}

func TestSyncErrorIsRetried(t *testing.T) {
	const size = 1500
	r := newRig(t, nil)
	r.tick()
	r.disk.failSync = syscall.EIO
	for range 3 {
		r.fill(Metrics, 15, size) // more than a segment
		if err := r.b.tick(); !errors.Is(err, syscall.EIO) {
			t.Errorf("tick on a broken disk: %v", err)
		}
	}
	if s := r.b.Stats(); s.DiskErrors < 3 {
		t.Errorf("%d disk errors", s.DiskErrors)
	}
	r.disk.failSync = nil
	r.tick()
	r.disk.keepSynced()
	r.opt.bootID = "boot 2"
	r.open()
	if got := r.held(Metrics, size); !cmp.Equal(got, count(1, 45)) {
		t.Errorf("after a power loss %v are held", got)
	}
	if s := r.b.Stats(); s.Damaged != 0 || s.Corrupt != 0 {
		t.Errorf("%+v", s)
	}
}

// TestUnreadableBlock: a block that the disk refuses costs the records in it and no others.
func TestUnreadableBlock(t *testing.T) {
	const size = 1000
	r := newRig(t, nil)
	r.fill(Metrics, 12, size)
	path := r.b.queue(Metrics).active.path
	r.disk.failRead = func(p string, off int64) error {
		if p == path && off >= 4096 && off < 8192 {
			return syscall.EIO
		}
		return nil
	}
	got := r.held(Metrics, size)
	if want := append(count(1, 3), count(9, 12)...); !cmp.Equal(got, want) {
		t.Errorf("held %v, want %v", got, want)
	}
	r.tick()
	if s := r.b.Stats(); s.Corrupt != 5 || s.Damaged == 0 || s.DiskErrors == 0 {
		t.Errorf("%+v", s)
	}
	r.checkAccounts(0)
}

// TestDeletingFails: when files cannot be deleted the spool refuses what is new, rather than give up all it has for nothing.
func TestDeletingFails(t *testing.T) {
	const size = 1000
	r := newRig(t, nil)
	r.fill(Logs, 900, size)
	r.disk.failRemove = syscall.EROFS
	for range 300 {
		_, _ = r.b.Append(Logs, r.now.UnixMilli(), payload(Logs, r.b.Last(Logs)+1, size))
	}
	if got := len(r.held(Logs, size)); got < 900 {
		t.Errorf("only %d records are left", got)
	}
	r.disk.failRemove = nil
	r.fill(Logs, 300, size)
	r.tick()
	sums := r.checkAccounts(size)
	if s := r.b.Stats(); s.Bytes > r.opt.MaxBytes || s.DiskErrors == 0 || len(sums) != 1 {
		t.Errorf("%+v, dropped %v", s, sums)
	}
}
