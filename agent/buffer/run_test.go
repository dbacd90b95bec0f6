package buffer

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestRunGroupsSyncs: one sync per second while records come, none while nothing happens, all on disk when Run ends.
func TestRunGroupsSyncs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) { o.Now = time.Now })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.b.Run(ctx) }()
		time.Sleep(time.Minute)
		synctest.Wait()
		idle := r.disk.syncs
		time.Sleep(time.Hour)
		synctest.Wait()
		if r.disk.syncs != idle || r.disk.writes == 0 {
			t.Errorf("%d syncs in an idle hour", r.disk.syncs-idle)
		}
		writes := r.disk.writes
		time.Sleep(time.Hour)
		synctest.Wait()
		if r.disk.writes != writes {
			t.Errorf("%d writes in an idle hour", r.disk.writes-writes)
		}
		for range 100 {
			r.fill(Metrics, 1, 100)
			time.Sleep(100 * time.Millisecond)
		}
		synctest.Wait()
		if got := r.disk.syncs - idle; got < 8 || got > 11 {
			t.Errorf("%d syncs in 10 s of writing, want one per second", got)
		}
		r.fill(Metrics, 1, 100)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
		if r.b.queue(Metrics).active.dirty() {
			t.Error("Run ended with unsynced records")
		}
	})
}

// TestRunPersistsAndDelivers: acknowledgements are saved and drops delivered within a second or two, with no lock held.
func TestRunPersistsAndDelivers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r *rig
		r = newRig(t, func(o *Options) {
			o.Now = time.Now
			o.OnDrop = func(d Drop) {
				r.drops = append(r.drops, d)
				r.append(Results, []byte("a drop is itself sent"))
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.b.Run(ctx) }()
		r.fill(Metrics, 30, 1500)
		if err := r.b.Reject(Metrics, 30, "limit_series"); err != nil {
			t.Fatal(err)
		}
		if err := r.b.Ack(Metrics, 29, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2500 * time.Millisecond)
		synctest.Wait()
		if len(r.drops) != 1 || r.b.Last(Results) != 1 {
			t.Fatalf("drops %+v, %d results", r.drops, r.b.Last(Results))
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
		r.crash()
		if got := r.held(Metrics, 0); len(got) != 0 {
			t.Errorf("acknowledged before the kill, held after it: %v", got)
		}
		r.tick()
		if len(r.drops) != 1 {
			t.Errorf("delivered again: %+v", r.drops)
		}
	})
}

// TestRunAgesWhileIdle: what waits grows old without anything being appended.
func TestRunAgesWhileIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) { o.Now = time.Now })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.b.Run(ctx) }()
		r.fill(Metrics, 30, 1500)
		time.Sleep(24*time.Hour + 2*time.Minute)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
		if sums := r.checkAccounts(1500); sums["metrics age"] != 30 {
			t.Errorf("%v", sums)
		}
	})
}

// TestDropsSurviveACrash: what OnDrop was not told is told after the next start.
func TestDropsSurviveACrash(t *testing.T) {
	const size = 1000
	r := newRig(t, nil)
	r.fill(Logs, 400, size)
	r.fill(Results, 800, size) // drops logs, nobody is told
	if len(r.drops) != 0 {
		t.Fatal("OnDrop was called outside Run")
	}
	r.crash()
	r.tick()
	sums := r.checkAccounts(size)
	if sums["logs bytes"] < 100 || len(sums) != 1 {
		t.Errorf("%v", sums)
	}
	told := len(r.drops)
	r.tick()
	r.crash()
	r.tick()
	if len(r.drops) != told {
		t.Errorf("told again: %+v", r.drops[told:])
	}
}
