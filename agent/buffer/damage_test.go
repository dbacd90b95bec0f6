package buffer

import (
	"bytes"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// one returns the bytes of the only segment file.
func (r *rig) one() *memInode {
	r.t.Helper()
	paths := r.disk.segmentFiles()
	if len(paths) != 1 {
		r.t.Fatalf("segments: %v", paths)
	}
	return r.disk.names[paths[0]]
}

// TestDamagedRecord breaks the third of five records of 100 bytes and looks at what is left.
func TestDamagedRecord(t *testing.T) {
	const size, third = 100, segmentHeader + 2*(recordHeader+100)
	flip := func(off int) func([]byte) []byte {
		return func(p []byte) []byte { p[off] ^= 0x40; return p }
	}
	for name, tc := range map[string]struct {
		do      func([]byte) []byte
		want    []uint64
		corrupt uint64
	}{
		"marker":          {flip(third), []uint64{1, 2, 4, 5}, 1},
		"header checksum": {flip(third + 4), []uint64{1, 2, 4, 5}, 1},
		"length":          {flip(third + 8), []uint64{1, 2, 4, 5}, 1},
		"length, far":     {flip(third + 11), []uint64{1, 2, 4, 5}, 1},
		"data checksum":   {flip(third + 12), []uint64{1, 2, 4, 5}, 1},
		"sequence":        {flip(third + 16), []uint64{1, 2, 4, 5}, 1},
		"time":            {flip(third + 24), []uint64{1, 2, 4, 5}, 1},
		"data":            {flip(third + 50), []uint64{1, 2, 4, 5}, 1},
		"segment header":  {flip(10), count(1, 5), 0},
		"zeroed":          {func(p []byte) []byte { clear(p[third : third+132]); return p }, []uint64{1, 2, 4, 5}, 1},
		"header zeroed":   {func(p []byte) []byte { clear(p[:segmentHeader]); return p }, count(1, 5), 0},
		"cut inside":      {func(p []byte) []byte { return p[:third+40] }, count(1, 2), 3},
		"cut between":     {func(p []byte) []byte { return p[:third] }, count(1, 2), 3},
		"cut to nothing":  {func(p []byte) []byte { return p[:0] }, nil, 5},
		"garbage after":   {func(p []byte) []byte { return append(p, "garbage"...) }, count(1, 5), 0},
		"bytes put in":    {func(p []byte) []byte { return append(p[:third:third], append([]byte("xyz"), p[third:]...)...) }, count(1, 5), 0},
		"bytes taken":     {func(p []byte) []byte { return append(p[:third:third], p[third+7:]...) }, []uint64{1, 2, 4, 5}, 1},
		"swapped": {func(p []byte) []byte {
			q := bytes.Clone(p)
			copy(q[third:], p[third+132:third+264])
			copy(q[third+132:], p[third:third+132])
			return q
		}, count(1, 5), 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			r.fill(Results, 5, size)
			r.disk.kill()
			ino := r.one()
			ino.data = tc.do(ino.data)
			r.open()
			if got := r.held(Results, size); !cmp.Equal(got, tc.want) {
				t.Errorf("held %v, want %v", got, tc.want)
			}
			r.tick()
			s := r.b.Stats()
			if s.Corrupt != tc.corrupt || s.Damaged+s.Corrupt == 0 {
				t.Errorf("%d corrupt, want %d; %d damaged", s.Corrupt, tc.corrupt, s.Damaged)
			}
			if next := r.append(Results, nil); next != 6 {
				t.Errorf("next sequence %d, want 6", next)
			}
			r.checkAccounts(0)
		})
	}
}

// TestDamageWhileOpen: the same, found by reading.
func TestDamageWhileOpen(t *testing.T) {
	const size = 100
	r := newRig(t, nil)
	r.fill(Results, 5, size)
	r.one().data[segmentHeader+2*(recordHeader+size)+50] ^= 1
	for range 2 {
		if got := r.held(Results, size); !cmp.Equal(got, []uint64{1, 2, 4, 5}) {
			t.Errorf("held %v", got)
		}
	}
	r.tick()
	if s := r.b.Stats(); s.Corrupt != 1 {
		t.Errorf("%d corrupt, want 1", s.Corrupt)
	}
	r.checkAccounts(0)
}

// TestSegmentDeletedWhileOpen: somebody else removes a file.
func TestSegmentDeletedWhileOpen(t *testing.T) {
	r := newRig(t, nil)
	r.fill(Results, 40, 1500)
	r.tick() // what is synced is closed
	if err := r.disk.Remove(r.disk.segmentFiles()[1]); err != nil {
		t.Fatal(err)
	}
	r.held(Results, 1500)
	r.tick()
	if s := r.b.Stats(); s.Corrupt == 0 || s.Corrupt > 11 {
		t.Errorf("%d corrupt", s.Corrupt)
	}
	r.checkAccounts(0)
}

// TestHiddenRecords: what stands inside data is never taken for a record, even when the record around it is damaged.
func TestHiddenRecords(t *testing.T) {
	r := newRig(t, nil)
	r.fill(Logs, 3, 50)
	ino := r.one()
	second := bytes.Clone(ino.data[segmentHeader+82 : segmentHeader+2*82])
	id, _ := parseFileName(ino.path[len("/spool/logs/"):])
	forged := appendRecord(nil, identity{first: 1, epoch: id.epoch, salt: 42 << 32}, 5, 1, []byte("forged"))
	r.append(Logs, append(second, forged...)) // 4
	r.append(Logs, []byte("five"))
	r.disk.kill()
	ino.data[segmentHeader+3*82] ^= 1 // the header of 4
	r.open()
	var got []Record
	for after := uint64(0); ; {
		rec, ok, err := r.b.Next(Logs, after)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		got, after = append(got, rec), rec.Seq
	}
	at := r.now.UnixMilli()
	want := []Record{
		{Logs, 1, at, payload(Logs, 1, 50)},
		{Logs, 2, at, payload(Logs, 2, 50)},
		{Logs, 3, at, payload(Logs, 3, 50)},
		{Logs, 5, at, []byte("five")},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRenew(t *testing.T) {
	const size = 1500
	for name, again := range map[string]func(*rig){
		"killed": (*rig).crash,
		"power loss": func(r *rig) {
			r.disk.keepSynced()
			r.opt.bootID = "boot 2"
			r.open()
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			r.fill(Metrics, 40, size)
			r.fill(Results, 3, size)
			if err := r.b.Ack(Metrics, 10, []Range{{20, 29}}); err != nil {
				t.Fatal(err)
			}
			epoch := r.b.Epoch()
			if err := r.b.Renew(); err != nil {
				t.Fatal(err)
			}
			if r.b.Epoch() == epoch {
				t.Error("the epoch is the same")
			}
			if first, next := r.b.Position(Metrics); first != 1 || next != 21 {
				t.Errorf("position %d %d", first, next)
			}
			checkRenewed(r, size)
			again(r)
			checkRenewed(r, size)
			r.tick()
			for _, d := range r.drops {
				if d.Reason != ReasonSkipped {
					t.Errorf("drop %+v", d)
				}
			}
			if s := r.b.Stats(); s.Damaged != 0 || s.Bytes > 30*(size+recordHeader) {
				t.Errorf("stats %+v", s)
			}
		})
	}
}

// checkRenewed wants metrics 11 to 19 and 30 to 40 as 1 to 20, and the results as they were.
func checkRenewed(r *rig, size int) {
	r.t.Helper()
	var want [][]byte
	for _, seq := range append(count(11, 19), count(30, 40)...) {
		want = append(want, payload(Metrics, seq, size))
	}
	if got := r.held(Metrics, 0); !cmp.Equal(got, count(1, 20)) {
		r.t.Fatalf("metrics %v", got)
	}
	for seq := uint64(1); seq <= 20; seq++ {
		if rec, _, _ := r.b.Next(Metrics, seq-1); !bytes.Equal(rec.Data, want[seq-1]) {
			r.t.Fatalf("%d holds %.20q", seq, rec.Data)
		}
	}
	if got := r.held(Results, size); !cmp.Equal(got, count(1, 3)) {
		r.t.Errorf("results %v", got)
	}
}

// TestPowerLossSkipsSequences: what may have been sent before the power went is never given again.
func TestPowerLossSkipsSequences(t *testing.T) {
	r := newRig(t, nil)
	r.fill(Metrics, 10, 100)
	r.tick()
	r.fill(Metrics, 5, 100) // sent, not synced
	r.disk.kill()
	ino := r.one()
	ino.data = ino.data[:len(ino.data)-5*132]
	heads := r.disk.names["/spool/heads"]
	heads.data = bytes.Clone(heads.synced)
	r.opt.bootID = "boot 2"
	r.open()
	if got := r.held(Metrics, 100); !cmp.Equal(got, count(1, 10)) {
		t.Errorf("held %v", got)
	}
	if seq := r.append(Metrics, nil); seq <= 15 {
		t.Errorf("sequence %d was given twice", seq)
	}
	r.tick()
	for _, d := range r.drops {
		if d.Reason != ReasonSkipped || d.Records != 0 {
			t.Errorf("drop %+v", d)
		}
	}
}

func TestRealFilesGone(t *testing.T) {
	r := newRig(t, nil)
	r.fill(Metrics, 10, 100)
	r.disk.kill()
	for path := range r.disk.names {
		delete(r.disk.names, path)
	}
	epoch := r.b.Epoch()
	r.open()
	if r.b.Epoch() == epoch || r.b.Stats().Damaged != 0 || len(r.held(Metrics, 0)) != 0 {
		t.Errorf("an empty directory is a new spool: %+v", r.b.Stats())
	}
	if _, err := r.disk.Open("/spool/state.1", false); os.IsNotExist(err) {
		t.Error("no state was made")
	}
}

// TestReservationCoversAnyBurst: more sequences than one reservation, given without Run, and then the power goes.
func TestReservationCoversAnyBurst(t *testing.T) {
	r := newRig(t, func(o *Options) { o.MaxBytes, o.SegmentBytes = 64<<20, 4<<20 })
	const n = reserveChunk + 1000
	for range n {
		r.append(Logs, nil)
	}
	r.disk.keepSynced()
	r.opt.bootID = "boot 2"
	r.open()
	if seq := r.append(Logs, nil); seq <= n {
		t.Errorf("sequence %d was given twice", seq)
	}
}

// TestOneStateStaysSynced: saving acknowledgements never touches the second state file, so that a power loss in the middle
// of it leaves one that is whole.
func TestOneStateStaysSynced(t *testing.T) {
	r := newRig(t, nil)
	r.tick()
	r.fill(Metrics, 10, 100)
	if err := r.b.Ack(Metrics, 5, nil); err != nil {
		t.Fatal(err)
	}
	r.tick()
	first, second := r.disk.names["/spool/state.0"], r.disk.names["/spool/state.1"]
	if bytes.Equal(first.data, first.synced) || !bytes.Equal(second.data, second.synced) {
		t.Error("an acknowledgement was not saved in the first state file alone")
	}
	clear(first.data)
	r.crash()
	if got := r.held(Metrics, 100); !cmp.Equal(got, count(1, 10)) {
		t.Errorf("with the older state %v are held, want all", got)
	}
	if r.tick(); len(r.drops) != 0 {
		t.Errorf("drops: %+v", r.drops)
	}
}
