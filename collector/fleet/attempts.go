package fleet

import (
	"net/netip"
	"sync"
	"time"
)

const (
	attemptBurst = 5    // failures an address may have at once
	attemptDebt  = 30   // the most an address can owe, in failures
	attemptRate  = 1.0  // failures forgiven per second
	maxAttempted = 4096 // addresses remembered
)

// attempts limits how often one address may fail to enrol. Only failures count, so a whole site behind one address can enrol
// at full speed; after a burst of failures the address must wait until they are forgiven. IPv6 counts by /64.
type attempts struct {
	mu   sync.Mutex
	seen map[netip.Addr]*bucket
}

// bucket holds what is left of the burst at a time; below zero is debt from failures that ran at the same time.
type bucket struct {
	left float64
	at   time.Time
}

func newAttempts() *attempts { return &attempts{seen: make(map[netip.Addr]*bucket)} }

// wait returns how long addr must wait before its next attempt; 0 means go ahead.
func (a *attempts) wait(addr netip.Addr, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	b, ok := a.seen[attemptKey(addr)]
	if !ok {
		return 0
	}
	b.refill(now)
	if b.left >= 1 {
		return 0
	}
	return time.Duration((1 - b.left) / attemptRate * float64(time.Second))
}

// failed counts a failed attempt of addr.
func (a *attempts) failed(addr netip.Addr, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := attemptKey(addr)
	b, ok := a.seen[key]
	if !ok {
		if len(a.seen) >= maxAttempted {
			a.forget(now)
		}
		b = &bucket{left: attemptBurst, at: now}
		a.seen[key] = b
	}
	b.refill(now)
	b.left = max(b.left-1, -attemptDebt)
}

// forget makes room: it looks at some addresses and drops those with nothing held against them, or the one with the least.
func (a *attempts) forget(now time.Time) {
	const look = 64
	var least netip.Addr
	most, looked := -float64(attemptDebt)-1, 0
	for key, b := range a.seen { // begins anywhere
		b.refill(now)
		switch {
		case b.left >= attemptBurst:
			delete(a.seen, key)
		case b.left > most:
			most, least = b.left, key
		}
		if looked++; looked == look {
			break
		}
	}
	if len(a.seen) >= maxAttempted {
		delete(a.seen, least)
	}
}

func (b *bucket) refill(now time.Time) {
	if d := now.Sub(b.at); d > 0 {
		b.left = min(attemptBurst, b.left+d.Seconds()*attemptRate)
	}
	b.at = now
}

func attemptKey(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return addr
}
