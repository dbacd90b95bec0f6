package demo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Break is one way in which the shop can be broken.
type Break string

// The breaks.
const (
	BreakStore   Break = "store"
	BreakLatency Break = "latency"
	BreakDisk    Break = "disk"
	BreakNoise   Break = "noise"
	BreakLeak    Break = "leak"
)

// BreakKind describes a break.
type BreakKind struct {
	Break Break
	Host  string // where it happens
	Help  string
}

// BreakKinds lists all breaks.
func BreakKinds() []BreakKind {
	return []BreakKind{
		{BreakStore, "shop-store-1", "the store refuses connections: apps answer 503, the web 502, orders stop"},
		{BreakLatency, "shop-app-1", "this app takes seconds: its pool to the store fills up, the web's p99 rises"},
		{BreakDisk, "shop-store-1", "/var/lib/shop fills to 97 % within a minute, then the store's writes fail"},
		{BreakNoise, "shop-web-1", "a noisy neighbour: stolen CPU, bursts and warnings that harm nobody"},
		{BreakLeak, "shop-app-2", "this app's memory grows until it is killed and starts anew, again and again"},
	}
}

// ParseBreak returns the break of that name.
func ParseBreak(name string) (Break, error) {
	var names []string
	for _, k := range BreakKinds() {
		if string(k.Break) == name {
			return k.Break, nil
		}
		names = append(names, string(k.Break))
	}
	return "", fmt.Errorf("there is no break %q: choose one of %s", name, strings.Join(names, ", "))
}

// Span is when a break began and when it was healed; Until is zero while it lasts.
type Span struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero"`
}

// Breaks are the breaks there were last, by kind.
type Breaks map[Break]Span

// On reports whether the break lasts.
func (b Breaks) On(k Break) bool {
	s, ok := b[k]
	return ok && s.Until.IsZero()
}

// Begin breaks; a break that lasts is not begun again.
func (b Breaks) Begin(k Break, now time.Time) bool {
	if b.On(k) {
		return false
	}
	b[k] = Span{Since: now}
	return true
}

// Heal ends a break, and reports whether it lasted.
func (b Breaks) Heal(k Break, now time.Time) bool {
	if !b.On(k) {
		return false
	}
	b[k] = Span{Since: b[k].Since, Until: now}
	return true
}

// How the disk break fills /var/lib/shop: within diskFills to the level of DiskFull, and it is emptied within diskEmpties.
const (
	diskFills   = time.Minute
	diskEmpties = 10 * time.Second
	DiskFull    = 0.97 // DiskFull is the share of the file system that is used when writes fail.
)

// DiskFilled returns how far on the way from its usual level to DiskFull the store's file system is: 0 is usual, 1 is full.
func (b Breaks) DiskFilled(now time.Time) float64 {
	s, ok := b[BreakDisk]
	if !ok {
		return 0
	}
	end := now
	if !s.Until.IsZero() && s.Until.Before(now) {
		end = s.Until
	}
	level := min(float64(end.Sub(s.Since))/float64(diskFills), 1)
	if end.Before(now) {
		level -= float64(now.Sub(end)) / float64(diskEmpties)
	}
	return max(level, 0)
}

// ReadBreaks returns the breaks; none when none were ever written.
func (d Dir) ReadBreaks() (Breaks, error) {
	b := Breaks{}
	err := readJSON(d.breaks(), &b)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return b, err
}

// WriteBreaks notes the breaks for all processes, which see them within a second.
func (d Dir) WriteBreaks(b Breaks) error { return writeJSON(d.breaks(), b) }

// lookEvery is how often a Watch looks for breaks.
const lookEvery = 300 * time.Millisecond

// Watch keeps up with the breaks.
type Watch struct {
	dir      Dir
	onChange func(Breaks)

	mu  sync.Mutex
	now Breaks
}

// NewWatch returns a Watch that knows the breaks of this moment. onChange, when not nil, is told of every change while Run runs.
func NewWatch(d Dir, onChange func(Breaks)) (*Watch, error) {
	b, err := d.ReadBreaks()
	if onChange == nil {
		onChange = func(Breaks) {}
	}
	return &Watch{dir: d, onChange: onChange, now: b}, err
}

// Run looks for changes until ctx ends. A file that cannot be read changes nothing.
func (w *Watch) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		b, err := w.dir.ReadBreaks()
		if err != nil {
			continue
		}
		w.mu.Lock()
		same := maps.Equal(w.now, b)
		w.now = b
		w.mu.Unlock()
		if !same {
			w.onChange(b)
		}
	}
}

// Breaks returns the breaks as last seen. They must not be changed.
func (w *Watch) Breaks() Breaks {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// Lasting lists the breaks that last, by name.
func (b Breaks) Lasting() []Break {
	var out []Break
	for k := range b {
		if b.On(k) {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}
