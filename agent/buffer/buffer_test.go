package buffer

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAppendNextAck(t *testing.T) {
	r := newRig(t, nil)
	r.fill(Metrics, 50, 1500) // several segments
	r.fill(Results, 3, 100)
	if got := r.held(Metrics, 1500); !cmp.Equal(got, count(1, 50)) {
		t.Errorf("metrics held: %v", got)
	}
	if got := r.held(Results, 100); !cmp.Equal(got, count(1, 3)) {
		t.Errorf("sequences are not per class: results held %v", got)
	}
	if err := r.b.Ack(Metrics, 20, []Range{{30, 39}, {50, 50}}); err != nil {
		t.Fatal(err)
	}
	want := append(count(21, 29), count(40, 49)...)
	if got := r.held(Metrics, 1500); !cmp.Equal(got, want) {
		t.Errorf("after the acknowledgement: %v", cmp.Diff(want, got))
	}
	if first, next := r.b.Position(Metrics); first != 21 || next != 51 {
		t.Errorf("position %d %d, want 21 51", first, next)
	}
	if last := r.b.Last(Metrics); last != 50 {
		t.Errorf("last %d, want 50", last)
	}
	if last := r.b.Last(Logs); last != 0 {
		t.Errorf("last of an empty class %d, want 0", last)
	}
	if first, next := r.b.Position(Logs); first != 1 || next != 1 {
		t.Errorf("position of an empty class %d %d, want 1 1", first, next)
	}
	if rec, ok, _ := r.b.Next(Metrics, 25); !ok || rec.Seq != 26 {
		t.Errorf("next after 25 gave %d", rec.Seq)
	}
	if _, ok, _ := r.b.Next(Metrics, ^uint64(0)); ok {
		t.Error("there is something after the last sequence there can be")
	}
}

func TestAckRules(t *testing.T) {
	for name, tc := range map[string]struct {
		watermark uint64
		above     []Range
		beyond    bool
		bad       bool
		want      []uint64
	}{
		"nothing":                     {want: count(1, 10)},
		"some":                        {watermark: 4, want: count(5, 10)},
		"all":                         {watermark: 10},
		"watermark beyond":            {watermark: 11, beyond: true, want: count(1, 10)},
		"range beyond, ignored whole": {watermark: 4, above: []Range{{6, 11}}, beyond: true, want: count(1, 10)},
		"backwards range":             {watermark: 4, above: []Range{{7, 6}}, bad: true, want: count(1, 10)},
		"range from nought":           {above: []Range{{0, 6}}, bad: true, want: count(1, 10)},
		"ranges below watermark":      {watermark: 6, above: []Range{{2, 3}}, want: count(7, 10)},
		"ranges in any order":         {above: []Range{{8, 10}, {2, 3}}, want: []uint64{1, 4, 5, 6, 7}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			r.fill(Logs, 10, 50)
			for range 2 { // the second time changes nothing
				err := r.b.Ack(Logs, tc.watermark, tc.above)
				if errors.Is(err, ErrBeyond) != tc.beyond || (err != nil) != (tc.beyond || tc.bad) {
					t.Fatalf("error %v", err)
				}
				if got := r.held(Logs, 50); !cmp.Equal(got, tc.want) {
					t.Fatalf("held %v, want %v", got, tc.want)
				}
			}
			if err := r.b.Ack(Logs, 0, nil); err != nil {
				t.Errorf("stale acknowledgement: %v", err)
			}
		})
	}
}

func TestAckRangesAreBounded(t *testing.T) {
	r := newRig(t, nil)
	const n = 4 * maxAckRanges
	r.fill(Logs, n, 20)
	for seq := uint64(2); seq <= n; seq += 2 {
		if err := r.b.Ack(Logs, 0, []Range{{seq, seq}}); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(r.b.queue(Logs).ledger.above); got != maxAckRanges {
		t.Errorf("%d ranges kept, want %d", got, maxAckRanges)
	}
	if got := len(r.held(Logs, 20)); got != n-maxAckRanges {
		t.Errorf("%d held, want %d", got, n-maxAckRanges)
	}
	if err := r.b.Ack(Logs, n, nil); err != nil || len(r.held(Logs, 20)) != 0 {
		t.Errorf("watermark over all: %v", err)
	}
}

func TestSegmentsGoWhenSettled(t *testing.T) {
	r := newRig(t, nil)
	r.fill(Metrics, 100, 1500)
	before := r.b.Stats()
	if before.Segments < 8 {
		t.Fatalf("only %d segments", before.Segments)
	}
	if err := r.b.Ack(Metrics, 60, []Range{{80, 100}}); err != nil {
		t.Fatal(err)
	}
	if got := r.b.Stats().Bytes; got != before.Bytes {
		t.Errorf("bytes went before the state was on disk")
	}
	r.tick()
	after := r.b.Stats()
	if after.Bytes > before.Bytes/2 || after.Segments > before.Segments/2 {
		t.Errorf("from %d bytes in %d segments to %d in %d", before.Bytes, before.Segments, after.Bytes, after.Segments)
	}
	if got, want := len(r.disk.segmentFiles()), after.Segments; got != want {
		t.Errorf("%d files on disk, want %d", got, want)
	}
	if got := r.held(Metrics, 1500); !cmp.Equal(got, count(61, 79)) {
		t.Errorf("held %v", got)
	}
	if len(r.drops) != 0 {
		t.Errorf("drops: %+v", r.drops)
	}
}

// TestSequencesGoOnWhenAllIsAcked: with every segment gone the next sequence still comes from the state.
func TestSequencesGoOnWhenAllIsAcked(t *testing.T) {
	for name, again := range map[string]func(*rig){
		"closed":              (*rig).reopen,
		"killed":              (*rig).crash,
		"killed after a tick": func(r *rig) { r.tick(); r.crash() },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			r.fill(Metrics, 100, 1500)
			epoch := r.b.Epoch()
			if err := r.b.Ack(Metrics, 100, nil); err != nil {
				t.Fatal(err)
			}
			again(r)
			again(r)
			if got := r.append(Metrics, nil); got != 101 {
				t.Errorf("next sequence %d, want 101", got)
			}
			if r.b.Epoch() != epoch {
				t.Error("the epoch changed")
			}
			r.tick()
			if len(r.drops) != 0 {
				t.Errorf("drops: %+v", r.drops)
			}
			if s := r.b.Stats(); s.Damaged != 0 {
				t.Errorf("%d places damaged", s.Damaged)
			}
		})
	}
}

func TestRejectCountsOnce(t *testing.T) {
	r := newRig(t, nil)
	r.fill(Metrics, 20, 1500)
	for range 2 {
		if err := r.b.Reject(Metrics, 7, "limit_series"); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.b.Reject(Metrics, 21, "x"); !errors.Is(err, ErrBeyond) {
		t.Errorf("rejecting what was never given: %v", err)
	}
	r.tick()
	want := []Drop{{
		Class: Metrics, First: 7, Last: 7, Records: 1, Bytes: 1500, Reason: ReasonRejected, Detail: "limit_series",
		Time: r.now.UnixMilli(),
	}}
	if diff := cmp.Diff(want, r.drops); diff != "" {
		t.Error(diff)
	}
	if got := r.held(Metrics, 1500); !cmp.Equal(got, append(count(1, 6), count(8, 20)...)) {
		t.Errorf("held %v", got)
	}
}

func TestTooLarge(t *testing.T) {
	r := newRig(t, nil)
	big := make([]byte, r.b.opt.MaxRecordBytes)
	r.append(Inventory, big)
	if _, err := r.b.Append(Inventory, 0, append(big, 0)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one byte more: %v", err)
	}
	r.tick()
	want := []Drop{{Class: Inventory, Records: 1, Bytes: uint64(len(big)) + 1, Reason: ReasonTooLarge, Time: r.now.UnixMilli()}}
	if diff := cmp.Diff(want, r.drops); diff != "" {
		t.Error(diff)
	}
	if rec, ok, err := r.b.Next(Inventory, 0); !ok || err != nil || len(rec.Data) != len(big) {
		t.Errorf("the large record reads back as %d bytes, %v", len(rec.Data), err)
	}
}

func TestUnknownClass(t *testing.T) {
	r := newRig(t, nil)
	for _, c := range []Class{0, 5, 255} {
		if _, err := r.b.Append(c, 0, nil); err == nil {
			t.Errorf("append to %v", c)
		}
		if _, _, err := r.b.Next(c, 0); err == nil {
			t.Errorf("next of %v", c)
		}
		if r.b.Ack(c, 0, nil) == nil || r.b.Reject(c, 1, "") == nil || r.b.Last(c) != 0 {
			t.Errorf("class %d is known", c)
		}
	}
}

func TestClosed(t *testing.T) {
	r := newRig(t, nil)
	r.fill(Logs, 1, 10)
	if err := r.b.Close(); err != nil {
		t.Fatal(err)
	}
	_, errAppend := r.b.Append(Logs, 0, nil)
	_, _, errNext := r.b.Next(Logs, 0)
	for _, err := range []error{errAppend, errNext, r.b.Ack(Logs, 1, nil), r.b.Reject(Logs, 1, ""), r.b.Renew()} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
	if err := r.b.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
	if s := r.b.Stats(); s.Records != 1 {
		t.Errorf("stats after Close: %+v", s)
	}
}

func TestWaitSignals(t *testing.T) {
	r := newRig(t, nil)
	select {
	case <-r.b.Wait():
		t.Error("signal before anything was appended")
	default:
	}
	r.fill(Logs, 3, 10)
	select {
	case <-r.b.Wait():
	default:
		t.Error("no signal after three records")
	}
	select {
	case <-r.b.Wait():
		t.Error("a second signal")
	default:
	}
}

func TestStats(t *testing.T) {
	r := newRig(t, nil)
	r.fill(Logs, 5, 100)
	start := r.now.UnixMilli()
	r.advance(time.Second)
	r.fill(Logs, 5, 100)
	if err := r.b.Ack(Logs, 5, nil); err != nil {
		t.Fatal(err)
	}
	s := r.b.Stats()
	c := s.Class(Logs)
	if c.Records != 5 || c.Oldest != start+1000 || c.Appended != 10 || c.FirstUnacked != 6 || c.Next != 11 || s.Records != 5 {
		t.Errorf("%+v", c)
	}
	if want := int64(segmentHeader + 10*(recordHeader+100)); c.Bytes != want || s.Bytes != want {
		t.Errorf("bytes %d and %d, want %d", c.Bytes, s.Bytes, want)
	}
	if s.SyncAge != time.Second {
		t.Errorf("sync age %v", s.SyncAge)
	}
	r.tick()
	if s := r.b.Stats(); s.SyncAge != 0 || s.Syncs != 1 {
		t.Errorf("after a tick %+v", s)
	}
}

func TestNoSyncForWhatIsAcked(t *testing.T) {
	r := newRig(t, nil)
	r.tick()
	before := r.disk.syncs
	r.fill(Metrics, 3, 500)
	if err := r.b.Ack(Metrics, 3, nil); err != nil {
		t.Fatal(err)
	}
	r.tick()
	if r.disk.syncs != before {
		t.Errorf("%d syncs for records that were acknowledged in time", r.disk.syncs-before)
	}
	r.fill(Metrics, 1, 500)
	r.tick()
	if r.disk.syncs != before+1 {
		t.Errorf("%d syncs for one record", r.disk.syncs-before)
	}
}

func TestOptions(t *testing.T) {
	logger := slog.New(slog.DiscardHandler)
	for name, tc := range map[string]struct {
		opt  Options
		want string
	}{
		"no dir":        {Options{Logger: logger}, "Dir is required"},
		"no logger":     {Options{Dir: "x"}, "Logger is required"},
		"tiny":          {Options{Dir: "x", Logger: logger, MaxBytes: 1000}, "at least 65536"},
		"all free":      {Options{Dir: "x", Logger: logger, MinFreeRatio: 1}, "must be below 1"},
		"negative time": {Options{Dir: "x", Logger: logger, MaxAge: -1}, "negative"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Open(tc.opt); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

func TestRealFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	opt := Options{Dir: dir, Logger: slog.New(slog.DiscardHandler), MinFreeRatio: -1}
	b, err := Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Append(Results, 7, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(opt); err == nil || !strings.Contains(err.Error(), "in use by process "+itoa(os.Getpid())) {
		t.Errorf("second owner: %v", err)
	}
	_ = filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		want := os.FileMode(0o600)
		if info.IsDir() {
			want = 0o700
		}
		if err == nil && info.Mode().Perm() != want {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if b, err = Open(opt); err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	rec, ok, err := b.Next(Results, 0)
	want := Record{Class: Results, Seq: 1, Time: 7, Data: []byte("hello")}
	if diff := cmp.Diff(want, rec); !ok || err != nil || diff != "" {
		t.Errorf("%v %v %s", ok, err, diff)
	}
}

// TestPendingDropsAreBounded: without anybody to tell, drops are summed up rather than kept one by one.
func TestPendingDropsAreBounded(t *testing.T) {
	r := newRig(t, nil)
	const n = 3 * maxPending
	r.fill(Logs, n, 20)
	for seq := uint64(2); seq <= n; seq += 2 {
		if err := r.b.Reject(Logs, seq, itoa(int(seq))); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(r.b.pending); got != maxPending+1 {
		t.Errorf("%d drops pending, want %d", got, maxPending+1)
	}
	r.tick()
	var records, bytes uint64
	for _, d := range r.drops {
		records, bytes = records+d.Records, bytes+d.Bytes
	}
	if records != n/2 || bytes != n/2*20 {
		t.Errorf("%d records of %d bytes, want %d", records, bytes, n/2)
	}
}
