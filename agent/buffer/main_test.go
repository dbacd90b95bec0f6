package buffer

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(childMain())
	}
	goleak.VerifyTestMain(m)
}

// rig is a buffer on a disk in memory, with a clock that stands still unless moved.
type rig struct {
	t     testing.TB
	disk  *memFiles
	opt   Options
	b     *Buffer
	mu    sync.Mutex
	now   time.Time
	drops []Drop
}

func newRig(t testing.TB, change func(*Options)) *rig {
	r := &rig{t: t, disk: newMemFiles(), now: time.UnixMilli(1_800_000_000_000)}
	r.opt = Options{
		Dir: "/spool", MaxBytes: 1 << 20, SegmentBytes: 16 << 10, Logger: slog.New(slog.DiscardHandler),
		Now: func() time.Time { r.mu.Lock(); defer r.mu.Unlock(); return r.now }, FreeDisk: r.disk.free, files: r.disk,
		bootID: "boot 1", OnDrop: func(d Drop) { r.drops = append(r.drops, d) },
	}
	if change != nil {
		change(&r.opt)
	}
	r.open()
	return r
}

func (r *rig) open() {
	r.t.Helper()
	b, err := Open(r.opt)
	if err != nil {
		r.t.Fatalf("open: %v", err)
	}
	r.b = b
}

// crash kills the owner and opens the spool again.
func (r *rig) crash() {
	r.t.Helper()
	r.disk.kill()
	r.open()
}

func (r *rig) reopen() {
	r.t.Helper()
	if err := r.b.Close(); err != nil {
		r.t.Fatalf("close: %v", err)
	}
	r.open()
}

func (r *rig) tick() {
	r.t.Helper()
	if err := r.b.tick(); err != nil {
		r.t.Fatalf("tick: %v", err)
	}
}

func (r *rig) advance(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

func (r *rig) append(c Class, data []byte) uint64 {
	r.t.Helper()
	seq, err := r.b.Append(c, r.opt.Now().UnixMilli(), data)
	if err != nil {
		r.t.Fatalf("append to %v: %v", c, err)
	}
	return seq
}

// fill appends n records whose data says which they are, size bytes each.
func (r *rig) fill(c Class, n, size int) {
	r.t.Helper()
	for range n {
		r.append(c, payload(c, r.b.Last(c)+1, size))
	}
}

func payload(c Class, seq uint64, size int) []byte {
	p := fmt.Appendf(nil, "%v/%d/", c, seq)
	return append(p, bytes.Repeat([]byte{byte(seq)}, max(0, size-len(p)))...)
}

// held returns the sequences of c that Next gives, and checks their data when they come from fill.
func (r *rig) held(c Class, size int) (seqs []uint64) {
	r.t.Helper()
	for after := uint64(0); ; {
		rec, ok, err := r.b.Next(c, after)
		if err != nil {
			r.t.Fatalf("next %v after %d: %v", c, after, err)
		}
		if !ok {
			return seqs
		}
		if rec.Seq <= after || rec.Class != c {
			r.t.Fatalf("next %v after %d gave %v %d", c, after, rec.Class, rec.Seq)
		}
		if size > 0 && !bytes.Equal(rec.Data, payload(c, rec.Seq, size)) {
			r.t.Fatalf("%v %d holds %.40q", c, rec.Seq, rec.Data)
		}
		seqs = append(seqs, rec.Seq)
		after = rec.Seq
	}
}

func count(first, last uint64) (seqs []uint64) {
	for seq := first; seq <= last; seq++ {
		seqs = append(seqs, seq)
	}
	return seqs
}

var testTime = time.UnixMilli(1_800_000_000_000)

func itoa(n int) string { return fmt.Sprint(n) }
