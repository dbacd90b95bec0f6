// Package buffer is the agent's disk spool: what waits for the collector waits here. Records go in as opaque bytes with a
// class and a time, come out in the order of their sequence per class, and leave when the collector has acknowledged them.
// It survives kill -9, torn tails, flipped bits and full disks; it is bounded in bytes, age and free disk, and counts
// everything it gives up. It knows neither what the bytes mean nor how they travel: that is agent/transport.
//
//	Append -> active segment -> sealed segments -> Next -> (transport) -> Ack -> deleted
//	              |                    |
//	              fsync every second   oldest of the lowest class dropped when a bound is reached -> OnDrop
//
// On disk, below Options.Dir:
//
//	lock                            held by the one process that owns the spool
//	state.0 state.1                 epoch, what is settled, which sequences may have been given (two copies)
//	heads                           the next sequence of each class, written after each record
//	results/ inventory/ metrics/ logs/
//	    FIRST-EPOCH-SALT.seg        segments; see segment.go for the format
package buffer

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"
)

// Class says what a record holds. Lower numbers matter more: a bound that is reached costs the highest number first.
type Class uint8

// The classes, with the numbers they have on the wire.
const (
	Results Class = iota + 1
	Inventory
	Metrics
	Logs

	classes = 4
)

// String returns the lower-case name of c, which is also the name of its directory.
func (c Class) String() string {
	switch c {
	case Results:
		return "results"
	case Inventory:
		return "inventory"
	case Metrics:
		return "metrics"
	case Logs:
		return "logs"
	}
	return fmt.Sprintf("class %d", uint8(c))
}

// Range is a closed interval of sequences of one class.
type Range struct{ First, Last uint64 }

// Record is one entry of the spool. Time is in Unix milliseconds.
type Record struct {
	Class Class
	Seq   uint64
	Time  int64
	Data  []byte
}

// Expected outcomes.
var (
	// ErrClosed says that the buffer was closed.
	ErrClosed = errors.New("spool is closed")
	// ErrTooLarge says that a record exceeds Options.MaxRecordBytes; it was counted as dropped.
	ErrTooLarge = errors.New("record is too large for the spool")
	// ErrFull says that a record found no room and was counted as dropped: only records of higher classes are left, or the
	// disk is full and gave nothing back.
	ErrFull = errors.New("spool is full")
	// ErrBeyond says that an acknowledgement or rejection names sequences that were never given. It was ignored.
	ErrBeyond = errors.New("sequence was never given")
)

// Buffer is an open spool. All methods may be called from several goroutines.
type Buffer struct {
	opt      Options
	log      *slog.Logger
	fs       fileSystem
	lock     io.Closer
	wake     chan struct{}
	appended chan struct{}

	mu     sync.Mutex
	closed bool
	epoch  uint64
	queues [classes]queue

	bytes       int64 // of all segment files, the dead included
	limit       int64 // what bytes may reach now
	limitReason string
	dead        []*segment // settled, waiting for the state that says so to be on disk
	unsynced    []*segment // sealed, not yet synced; their files are open

	state      stateFiles
	stateDirty bool
	poked      bool // Run was told that there is work

	pending    []Drop // not yet handed to OnDrop
	delivering int    // how many of pending OnDrop is being called for

	out   []byte // Append builds a record here
	win   window // Next reads through it
	stats counters

	lastTick  time.Time
	holdAging time.Time
}

// queue is one class: its segments in order, and what of them is settled.
type queue struct {
	class    Class
	dir      string
	dirDirty bool
	segs     []*segment // ascending; the active one is last
	active   *segment
	ledger   ledger
	next     uint64 // the sequence the next record gets
	reserved uint64 // sequences from here on need a new reservation on disk
	synced   uint64 // up to here every record is on disk or settled
	cursors  [3]cursor
	victim   int // the cursor that is replaced next
	rd       file
	rdSeg    *segment
}

// Open opens the spool in opt.Dir, makes it when there is none, and recovers what is there. Damage is skipped and counted,
// never an error: errors come from the operating system, from missing options, or from another process that owns the spool.
func Open(opt Options) (*Buffer, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, err
	}
	b := &Buffer{
		opt: opt, log: opt.Logger, fs: opt.files, limit: opt.MaxBytes, limitReason: ReasonBytes,
		wake: make(chan struct{}, 1), appended: make(chan struct{}, 1),
		win: window{buf: make([]byte, readBytes)}, stats: newCounters(opt.Now()),
	}
	for i := range b.queues {
		c := Class(i + 1)
		b.queues[i] = queue{class: c, dir: joinPath(opt.Dir, c.String()), next: 1}
	}
	if err := b.fs.MkdirAll(opt.Dir); err != nil {
		return nil, fmt.Errorf("make spool directory %s: %w", opt.Dir, err)
	}
	if b.lock, err = b.fs.Lock(joinPath(opt.Dir, "lock")); err != nil {
		return nil, err
	}
	if err := b.load(); err != nil {
		b.closeFiles()
		_ = b.lock.Close()
		return nil, fmt.Errorf("open spool %s: %w", opt.Dir, err)
	}
	return b, nil
}

// Epoch returns the random number that was made with the spool. Sequences mean something only together with it.
func (b *Buffer) Epoch() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.epoch
}

// Wait returns a channel that gets a value after something was appended. It holds one value at most and is meant for one
// receiver, the sender, which asks Next until there is nothing more before it waits again.
func (b *Buffer) Wait() <-chan struct{} { return b.appended }

// Last returns the newest sequence given to class c, 0 when there was none.
func (b *Buffer) Last(c Class) uint64 {
	_, next := b.Position(c)
	return max(next, 1) - 1
}

// Position returns the oldest sequence of class c that is held and not acknowledged (next when there is none) and the
// sequence the next record will get. Both are 0 for an unknown class.
func (b *Buffer) Position(c Class) (firstUnacked, next uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.queue(c)
	if q == nil {
		return 0, 0
	}
	return min(q.ledger.next(1), q.next), q.next
}

// Close writes everything to disk, marks the spool as cleanly closed and gives it up. Run must have returned. Closing twice
// is harmless.
func (b *Buffer) Close() error {
	errSync := b.sync(true)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	b.bury()
	errState := b.reclaim()
	if err := b.saveState(true, true); err != nil {
		errState = errors.Join(errState, err)
	}
	b.closeFiles()
	if err := errors.Join(errSync, errState, b.lock.Close()); err != nil {
		return fmt.Errorf("close spool %s: %w", b.opt.Dir, err)
	}
	return nil
}

func (b *Buffer) closeFiles() {
	for i := range b.queues {
		q := &b.queues[i]
		q.closeReader()
		for _, seg := range q.segs {
			seg.close()
		}
	}
	for _, seg := range b.dead {
		seg.close()
	}
	b.state.close()
}

// queue returns the queue of c, nil when there is no such class.
func (b *Buffer) queue(c Class) *queue {
	if c < Results || c > Logs {
		return nil
	}
	return &b.queues[c-1]
}

// poke tells Run that there is work. The caller holds the lock.
func (b *Buffer) poke() {
	if b.poked {
		return
	}
	b.poked = true
	select {
	case b.wake <- struct{}{}:
	default:
	}
}
