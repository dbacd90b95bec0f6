package filesystem

import (
	"context"
	"sync"
	"time"
)

const (
	// mostStuck bounds the calls that have not returned, each of which holds a thread.
	mostStuck = 16
	// mostStuckRemote leaves some of them to local file systems: a dozen dead NFS mounts must not hide a full disk.
	mostStuckRemote = 12
)

// state is how far the question to a mount has come.
type state uint8

const (
	unasked state = iota
	answered
	hung
)

// answer is what a mount said, or that it did not.
type answer struct {
	state state
	usage Usage
	err   error
	since time.Duration // how long a hung mount has not answered
}

// asker asks mounts and leaves behind calls that hang.
//
//	walker -- statfs --> answers channel --> ask
//	   \-- abandoned: the call returned after all --> removed from stuck, walker ends
type asker struct {
	statfs  func(path string) (Usage, error)
	timeout time.Duration

	mu    sync.Mutex
	stuck map[string]time.Time // calls that were abandoned and have not returned, by mount, with their start
}

func newAsker(statfs func(string) (Usage, error), timeout time.Duration) *asker {
	return &asker{statfs: statfs, timeout: timeout, stuck: make(map[string]time.Time)}
}

// ask asks all mounts and appends an answer for each to into. It returns when all have answered, when those that have not
// have been silent for the timeout, or when ctx ends.
func (a *asker) ask(ctx context.Context, mounts []*mount, into []answer) []answer {
	var local, remote []int
	a.mu.Lock()
	for i, m := range mounts {
		into = append(into, answer{})
		if len(a.stuck) > 0 {
			if since, ok := a.stuck[m.key()]; ok {
				into[i] = answer{state: hung, since: time.Since(since)}
				continue
			}
		}
		if m.remote() {
			remote = append(remote, i)
		} else {
			local = append(local, i)
		}
	}
	a.mu.Unlock()
	a.rounds(ctx, mounts, local, into, mostStuck)
	a.rounds(ctx, mounts, remote, into, mostStuckRemote)
	return into
}

// rounds asks one after the other, which is the cheapest, until one hangs; the rest is then asked side by side.
func (a *asker) rounds(ctx context.Context, mounts []*mount, todo []int, answers []answer, limit int) {
	for workers := 1; len(todo) > 0 && ctx.Err() == nil; workers = limit {
		if workers = min(workers, a.room(limit), len(todo)); workers <= 0 {
			return
		}
		r := &round{asker: a, mounts: mounts, todo: todo, started: make([]time.Time, len(todo))}
		rest := r.run(ctx, workers, answers)
		if len(rest) == len(todo) {
			return // all workers hang
		}
		todo = rest
	}
}

func (a *asker) room(limit int) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return limit - len(a.stuck)
}

// round is some workers going through a list of mounts. The asker's mutex guards it.
type round struct {
	asker  *asker
	mounts []*mount
	todo   []int // indexes into mounts

	next      int
	started   []time.Time // by place in todo; zero when not started or answered
	abandoned bool
	answers   chan indexed
}

type indexed struct {
	place int
	usage Usage
	err   error
}

// run returns the mounts that nobody has come to.
func (r *round) run(ctx context.Context, workers int, answers []answer) (rest []int) {
	r.answers = make(chan indexed, len(r.todo)) // never blocks a worker
	for range workers {
		go r.work()
	}
	timer := time.NewTimer(r.asker.timeout)
	defer timer.Stop()
	for range r.todo {
		select {
		case got := <-r.answers:
			answers[r.todo[got.place]] = answer{state: answered, usage: got.usage, err: got.err}
			timer.Reset(r.asker.timeout)
			continue
		case <-timer.C:
		case <-ctx.Done():
		}
		return r.abandon(answers)
	}
	return nil
}

// work asks mounts until there are none left or the round is over.
func (r *round) work() {
	a := r.asker
	a.mu.Lock()
	defer a.mu.Unlock()
	for !r.abandoned && r.next < len(r.todo) {
		place := r.next
		m := r.mounts[r.todo[place]]
		r.next++
		r.started[place] = time.Now()
		a.mu.Unlock()
		usage, err := a.statfs(m.path)
		a.mu.Lock()
		if r.abandoned {
			delete(a.stuck, m.key())
			return
		}
		r.started[place] = time.Time{}
		r.answers <- indexed{place: place, usage: usage, err: err}
	}
}

// abandon ends the round: answers that have just arrived are taken, calls under way are stuck, the rest is returned.
func (r *round) abandon(answers []answer) (rest []int) {
	a := r.asker
	a.mu.Lock()
	defer a.mu.Unlock()
	r.abandoned = true
	for len(r.answers) > 0 {
		got := <-r.answers
		answers[r.todo[got.place]] = answer{state: answered, usage: got.usage, err: got.err}
	}
	for place, i := range r.todo {
		switch since := r.started[place]; {
		case place >= r.next:
			rest = append(rest, i)
		case !since.IsZero():
			a.stuck[r.mounts[i].key()] = since
			answers[i] = answer{state: hung, since: time.Since(since)}
		}
	}
	return rest
}
