package inventory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/picketmon/picket/checks"
)

const (
	// exactUpTo is the longest time between looks that does not vary.
	exactUpTo = 10 * time.Second
	// firstApart is the time between the first looks of two sources that vary.
	firstApart = 500 * time.Millisecond
	// gatherWithin is how long a look may take; one that takes longer is let go on its own, and no other is begun.
	gatherWithin = 30 * time.Second
)

// Check is the name under which gaps of inventory are told.
const Check = "inventory"

// LookerOptions are what a Looker is made of.
type LookerOptions struct {
	Sources []Source
	Send    func(Batch) error
	Logger  *slog.Logger
	// OnceLooked is called when every source was looked at for the first time.
	OnceLooked func()
}

// Looker looks at the sources in their times and sends what changed. Its methods are safe for concurrent use.
type Looker struct {
	o    LookerOptions
	wake chan struct{}

	mu    sync.Mutex
	looks []*look
}

// look is a source and what came of it.
type look struct {
	source Source
	items  *Items
	next   time.Time
	stamp  string
	hung   chan gathered // of a look that took too long
	resend bool

	// Under the Looker's mutex.
	state   Kind
	gaps    []checks.Gap
	err     error
	crowded bool
}

type gathered struct {
	items []Item
	gaps  []checks.Gap
	err   error
}

// Kind is the state of one kind of inventory. Times are RFC 3339, durations seconds.
type Kind struct {
	Kind   string    `json:"kind"`
	Items  int       `json:"items"`
	Looked time.Time `json:"last_look"`
	Took   float64   `json:"last_look_seconds"` // of the last look that gathered
	Sent   uint64    `json:"batches"`
	Error  string    `json:"error,omitempty"`
}

// NewLooker returns a Looker that has not looked yet.
func NewLooker(o LookerOptions) *Looker {
	l := &Looker{o: o, wake: make(chan struct{}, 1)}
	for _, s := range o.Sources {
		l.looks = append(l.looks, &look{source: s, items: NewItems(s.Kind, s.Linger), state: Kind{Kind: s.Kind}})
	}
	return l
}

// Run looks until ctx ends.
func (l *Looker) Run(ctx context.Context) error {
	now := time.Now()
	for i, k := range l.looks {
		k.next = now.Add(time.Duration(i) * firstApart)
		if k.source.Every <= exactUpTo { // together, so that the process wakes up once
			k.next = now
		}
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for looked := false; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-l.wake:
		}
		if ctx.Err() != nil {
			return nil
		}
		timer.Reset(max(0, time.Until(l.turn(ctx))))
		if !looked && l.lookedAtAll() {
			looked = true
			debug.FreeOSMemory() // the first looks parse everything, later ones what changed
			if l.o.OnceLooked != nil {
				l.o.OnceLooked()
			}
		}
	}
}

// turn looks at every source whose time has come, and returns when the next one's comes.
func (l *Looker) turn(ctx context.Context) time.Time {
	next := time.Now().Add(time.Minute)
	for _, k := range l.looks {
		if l.asked(k) {
			k.items.Resend()
			l.send(k, k.items.Told(time.Now()))
		}
		if !time.Now().Before(k.next) {
			l.look(ctx, k)
		}
		if k.next.Before(next) {
			next = k.next
		}
	}
	return next
}

func (l *Looker) asked(k *look) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	asked := k.resend
	k.resend = false
	return asked
}

func (l *Looker) lookedAtAll() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !slices.ContainsFunc(l.looks, func(k *look) bool { return k.state.Looked.IsZero() })
}

// look looks at one source.
func (l *Looker) look(ctx context.Context, k *look) {
	began := time.Now()
	every := k.source.Every
	if every > exactUpTo {
		every += time.Duration((rand.Float64() - 0.5) * 0.2 * float64(every))
	}
	if k.next = k.next.Add(every); k.next.Before(began) {
		k.next = began.Add(every)
	}
	stamp := ""
	if k.source.Stamp != nil {
		stamp = k.source.Stamp()
		if stamp == k.stamp && k.err == nil && k.items.Known() && !k.items.Pending() {
			l.note(func() { k.state.Looked = began })
			return
		}
	}
	got, done := k.gather(ctx)
	if !done {
		got.err = errors.New("the look takes longer than " + gatherWithin.String())
	}
	if ctx.Err() != nil {
		return
	}
	if errors.Is(got.err, checks.ErrNoData) && !k.items.Known() {
		l.send(k, k.items.Look(nil, began)) // what the collector knows from an earlier life is no more
	}
	if got.err == nil {
		k.stamp = stamp
		l.send(k, k.items.Look(got.items, began))
	}
	if got.err != nil && k.err == nil && !errors.Is(got.err, checks.ErrNoData) {
		l.o.Logger.Warn("inventory cannot be looked at", "kind", k.source.Kind, "error", got.err)
	}
	l.note(func() {
		k.err, k.gaps, k.crowded = got.err, got.gaps, k.items.Crowded()
		k.state.Looked, k.state.Took, k.state.Items, k.state.Error = began, time.Since(began).Seconds(), k.items.Len(), ""
		if got.err != nil && !errors.Is(got.err, checks.ErrNoData) {
			k.state.Error = got.err.Error()
		}
	})
}

// gather asks the source, in a goroutine of its own as a dead device can hold it for ever. One that is held is not asked again
// before it comes back; then what it found counts.
func (k *look) gather(ctx context.Context) (gathered, bool) {
	if k.hung != nil {
		select {
		case g := <-k.hung:
			k.hung = nil
			return g, true
		default:
			return gathered{}, false
		}
	}
	ch := make(chan gathered, 1)
	go func() {
		var g gathered
		defer func() {
			if p := recover(); p != nil {
				g = gathered{err: fmt.Errorf("the look panicked: %v", p)}
			}
			ch <- g
		}()
		g.items, g.gaps, g.err = k.source.Gather(ctx)
	}()
	limit := time.NewTimer(gatherWithin)
	defer limit.Stop()
	select {
	case g := <-ch:
		return g, true
	case <-limit.C:
	case <-ctx.Done():
	}
	k.hung = ch
	return gathered{}, false
}

func (l *Looker) send(k *look, batches []Batch) {
	for _, b := range batches {
		if err := l.o.Send(b); err != nil {
			l.o.Logger.Error("note inventory", "kind", b.Kind, "error", err)
			l.note(func() { k.resend = true }) // with the next turn
			return
		}
		l.note(func() { k.state.Sent++ })
	}
}

func (l *Looker) note(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}

// Resend makes all of a kind be told again, or of all kinds when it is empty.
func (l *Looker) Resend(kind string) {
	l.mu.Lock()
	for _, k := range l.looks {
		if kind == "" || kind == k.source.Kind {
			k.resend = true
		}
	}
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default: // it will wake anyway
	}
}

// Kinds returns the state of all kinds.
func (l *Looker) Kinds() []Kind {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]Kind, 0, len(l.looks))
	for _, k := range l.looks {
		out = append(out, k.state)
	}
	return out
}

// Found returns what the looks found out about what can be collected; ready says that each kind was looked at.
func (l *Looker) Found() (f Found, ready bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f.Check, ready = Check, true
	for _, k := range l.looks {
		if k.state.Looked.IsZero() {
			ready = false
		}
		f.Gaps = append(f.Gaps, gapsOf(k.source.Kind, k.err, k.gaps)...)
		if k.crowded {
			f.Gaps = append(f.Gaps, checks.Gap{
				Part: k.source.Kind + ":number", Reason: "there are more than the inventory takes", Cause: checks.ErrNoData,
			})
		}
	}
	return f, ready
}

// gapsOf returns gaps as parts of the inventory: the kind, or the kind and its part.
func gapsOf(kind string, err error, gaps []checks.Gap) []checks.Gap {
	var out []checks.Gap
	if err != nil {
		gap := checks.Gap{Part: kind, Cause: err}
		if g, ok := errors.AsType[*checks.Gap](err); ok {
			gap.Reason, gap.Fix, gap.Cause = g.Reason, g.Fix, g.Cause
		}
		out = append(out, gap)
	}
	for _, g := range gaps {
		g.Part = kind + ":" + g.Part
		out = append(out, g)
	}
	return out
}

// Once looks at one source, here and now.
func Once(ctx context.Context, s Source) (items []Item, found Found, err error) {
	items, gaps, err := s.Gather(ctx)
	items = slices.SortedFunc(slices.Values(items), byKey)
	return items, Found{Check: Check, Gaps: gapsOf(s.Kind, err, gaps)}, err
}
