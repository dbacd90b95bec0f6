package inventory

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/picketmon/picket/checks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a looker at one source that the test drives.
type rig struct {
	mu      sync.Mutex
	items   []Item
	gaps    []checks.Gap
	err     error
	stamp   string
	hang    chan struct{}
	gathers int
	sent    []string
	refuse  bool
	looker  *Looker
}

// run lets f see a looker that runs.
func run(t *testing.T, s Source, f func(r *rig)) {
	synctest.Test(t, func(t *testing.T) {
		r := &rig{}
		s.Kind = "k"
		s.Gather = func(context.Context) ([]Item, []checks.Gap, error) {
			r.mu.Lock()
			r.gathers++
			hang := r.hang
			r.mu.Unlock()
			if hang != nil {
				<-hang
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.items, r.gaps, r.err
		}
		if s.Stamp != nil {
			s.Stamp = func() string {
				r.mu.Lock()
				defer r.mu.Unlock()
				return r.stamp
			}
		}
		r.looker = NewLooker(LookerOptions{Sources: []Source{s}, Logger: slog.New(slog.DiscardHandler), Send: func(b Batch) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			if r.refuse {
				return errors.New("the disk is full")
			}
			r.sent = append(r.sent, itemsText([]Batch{b}))
			return nil
		}})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		r.items = []Item{thing("a", "1")}
		go func() { done <- r.looker.Run(ctx) }()
		synctest.Wait()
		f(r)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func (r *rig) after(d time.Duration) []string {
	time.Sleep(d)
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	sent := r.sent
	r.sent = nil
	return sent
}

// set changes what the source finds.
func (r *rig) set(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

func want(t *testing.T, what string, got []string, words ...string) {
	t.Helper()
	if diff := cmp.Diff(words, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestAChangeIsToldWithItsNextLook(t *testing.T) {
	run(t, Source{Every: 5 * time.Second}, func(r *rig) {
		want(t, "at once", r.after(0), "full +a")
		want(t, "for an hour", r.after(time.Hour))
		r.set(func() { r.items = append(r.items, thing("b", "1")) })
		want(t, "within five seconds", r.after(5*time.Second), "+b")
	})
}

func TestNothingIsGatheredWhileTheStampStays(t *testing.T) {
	run(t, Source{Every: time.Minute, Stamp: func() string { return "" }}, func(r *rig) {
		r.after(time.Hour)
		if r.gathers != 1 {
			t.Errorf("gathered %d times", r.gathers)
		}
		r.set(func() { r.items, r.stamp = nil, "new" })
		want(t, "a new stamp", r.after(2*time.Minute), "gone a")
		if r.gathers != 2 {
			t.Errorf("gathered %d times", r.gathers)
		}
	})
}

// A source that fails is a gap with its reason; nothing of what was told is taken back.
func TestAFailureTakesNothingBack(t *testing.T) {
	for name, err := range map[string]error{"unreadable": errors.New("cannot be read"), "gone": checks.ErrNoData} {
		t.Run(name, func(t *testing.T) {
			run(t, Source{Every: time.Minute}, func(r *rig) {
				r.after(0)
				r.set(func() { r.err, r.items = err, nil })
				want(t, "while it fails", r.after(time.Hour))
				found, ready := r.looker.Found()
				if !ready || len(found.Gaps) != 1 || found.Gaps[0].Part != "k" || !errors.Is(found.Gaps[0].Cause, err) {
					t.Errorf("found %+v, ready %v", found, ready)
				}
				all := Capabilities(Host{}, []Found{found})
				if len(all) != 2 || all[1].Name != "inventory:k" || all[1].Available || (all[1].Fix == "") != errors.Is(err, checks.ErrNoData) {
					t.Errorf("capabilities %+v", all)
				}
				r.set(func() { r.err, r.items = nil, []Item{thing("b", "1")} })
				want(t, "then", r.after(2*time.Minute), "gone a +b")
				if found, _ := r.looker.Found(); len(found.Gaps) != 0 {
					t.Errorf("still %+v", found.Gaps)
				}
			})
		})
	}
}

// A source that is held by a dead device holds nobody else, and is asked once.
func TestALookThatHangs(t *testing.T) {
	run(t, Source{Every: 5 * time.Second}, func(r *rig) {
		r.after(0)
		r.set(func() { r.hang, r.items = make(chan struct{}), []Item{thing("b", "1")} })
		want(t, "while it hangs", r.after(10*time.Minute))
		if r.gathers != 2 {
			t.Errorf("asked %d times", r.gathers)
		}
		if kinds := r.looker.Kinds(); kinds[0].Error == "" || kinds[0].Items != 1 {
			t.Errorf("state %+v", kinds[0])
		}
		close(r.hang)
		want(t, "when it is back", r.after(10*time.Second), "gone a +b")
	})
}

func TestAPanicIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent atomic.Int32
		l := NewLooker(LookerOptions{Logger: slog.New(slog.DiscardHandler), Send: func(Batch) error { sent.Add(1); return nil }, Sources: []Source{
			{Kind: "k", Every: time.Minute, Gather: func(context.Context) ([]Item, []checks.Gap, error) { panic("odd") }},
		}})
		ctx, stop := context.WithTimeout(t.Context(), time.Hour)
		defer stop()
		if err := l.Run(ctx); err != nil || sent.Load() != 0 {
			t.Errorf("%v, %d sent", err, sent.Load())
		}
		if k := l.Kinds()[0]; k.Error != "the look panicked: odd" {
			t.Errorf("state %+v", k)
		}
	})
}

func TestWhatTheSpoolRefusesIsToldLater(t *testing.T) {
	run(t, Source{Every: 5 * time.Second}, func(r *rig) {
		r.after(0)
		r.set(func() { r.refuse, r.items = true, []Item{thing("b", "1")} })
		want(t, "refused", r.after(time.Minute))
		r.set(func() { r.refuse = false })
		want(t, "then all", r.after(10*time.Second), "full +b")
	})
}

func TestFirstLooksDoNotFallTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var at []time.Duration
		var sources []Source
		for range 4 {
			sources = append(sources, Source{Kind: "k", Every: time.Minute, Gather: func(context.Context) ([]Item, []checks.Gap, error) {
				at = append(at, time.Since(began))
				return nil, nil, nil
			}})
		}
		l := NewLooker(LookerOptions{Sources: sources, Logger: slog.New(slog.DiscardHandler), Send: func(Batch) error { return nil }})
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
		defer stop()
		if err := l.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]time.Duration{0, firstApart, 2 * firstApart, 3 * firstApart}, at); diff != "" {
			t.Error(diff)
		}
	})
}
