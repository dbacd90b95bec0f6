package buffer

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// TestConcurrent lets writers, readers and Run work at once on real files; the race detector and the accounts judge.
func TestConcurrent(t *testing.T) {
	const perClass = 2000
	r := &rig{t: t}
	opt := killOptions(t.TempDir())
	opt.MaxBytes, opt.SyncEvery, opt.Now = 1<<20, time.Millisecond, time.Now
	opt.OnDrop = func(d Drop) { r.drops = append(r.drops, d) }
	r.opt = opt
	r.open()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.b.Run(ctx) }()
	var writers, readers sync.WaitGroup
	written := make(chan struct{})
	acked := [classes]map[uint64]bool{}
	for c := Results; c <= Logs; c++ {
		acked[c-1] = map[uint64]bool{}
		writers.Go(func() {
			for range perClass {
				if _, err := r.b.Append(c, time.Now().UnixMilli(), payload(c, r.b.Last(c)+1, 300)); err != nil && c == Results {
					t.Errorf("append to %v: %v", c, err)
				}
				_ = r.b.Stats()
			}
		})
		readers.Go(func() { r.readWhile(c, written, acked[c-1]) })
	}
	writers.Wait()
	close(written)
	readers.Wait()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("run: %v", err)
	}
	gone := [classes]map[uint64]bool{{}, {}, {}, {}}
	for _, d := range r.drops {
		for seq := d.First; seq > 0 && seq <= d.Last; seq++ {
			gone[d.Class-1][seq] = true
		}
	}
	for c := Results; c <= Logs; c++ {
		held := map[uint64]bool{}
		for _, seq := range r.held(c, 300) {
			held[seq] = true
		}
		for seq := uint64(1); seq <= r.b.Last(c); seq++ {
			if held[seq] == (gone[c-1][seq] || acked[c-1][seq]) {
				t.Errorf("%v %d: held %v, dropped %v, acknowledged %v", c, seq, held[seq], gone[c-1][seq], acked[c-1][seq])
			}
		}
	}
	if err := r.b.Close(); err != nil {
		t.Error(err)
	}
}

// readWhile reads class c and acknowledges some of it until nothing more is written.
func (r *rig) readWhile(c Class, written <-chan struct{}, acked map[uint64]bool) {
	for after := uint64(0); ; {
		rec, ok, err := r.b.Next(c, after)
		if err != nil {
			r.t.Error(err)
		}
		if !ok {
			select { // the signal is for one reader, and here are four
			case <-written:
				return
			case <-r.b.Wait():
			case <-time.After(time.Millisecond):
			}
			continue
		}
		after = rec.Seq
		if rand.IntN(3) == 0 {
			_ = r.b.Ack(c, 0, []Range{{rec.Seq, rec.Seq}})
			acked[rec.Seq] = true
		}
	}
}
