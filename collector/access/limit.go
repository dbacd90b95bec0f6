package access

import (
	"net/netip"
	"sync"
	"time"
)

// limiter is a bounded set of token buckets, one per key. Attempts take a token, successes give it back.
type limiter struct {
	perSecond float64
	burst     float64
	maxKeys   int

	mu      sync.Mutex
	buckets map[string]bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

func newLimiter(perMinute, maxKeys int) *limiter {
	return &limiter{perSecond: float64(perMinute) / 60, burst: float64(perMinute), maxKeys: maxKeys, buckets: map[string]bucket{}}
}

// wait returns how long key has to wait for a token; 0 means that there is one.
func (l *limiter) wait(key string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.delay(l.filled(key, now))
}

// take takes a token, or returns how long key has to wait for one.
func (l *limiter) take(key string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.filled(key, now)
	if d := l.delay(b); d > 0 {
		return d
	}
	if _, known := l.buckets[key]; !known && len(l.buckets) >= l.maxKeys {
		l.evict(now)
	}
	b.tokens--
	l.buckets[key] = b
	return 0
}

// restore gives a taken token back.
func (l *limiter) restore(key string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.buckets[key]; !ok {
		return
	}
	b := l.filled(key, now)
	if b.tokens++; b.tokens >= l.burst {
		delete(l.buckets, key)
		return
	}
	l.buckets[key] = b
}

func (l *limiter) filled(key string, now time.Time) bucket {
	b, ok := l.buckets[key]
	if !ok {
		return bucket{tokens: l.burst, at: now}
	}
	if gone := now.Sub(b.at); gone > 0 {
		b.tokens = min(l.burst, b.tokens+gone.Seconds()*l.perSecond)
		b.at = now
	}
	return b
}

func (l *limiter) delay(b bucket) time.Duration {
	if b.tokens >= 1 {
		return 0
	}
	return time.Duration((1-b.tokens)/l.perSecond*float64(time.Second)) + time.Millisecond
}

// evict makes room: it removes all full buckets among some, or the fullest of them, never the emptiest, so that many new
// keys do not wash away the one that is being limited.
func (l *limiter) evict(now time.Time) {
	const sample = 64
	seen, fullest, most := 0, "", -1.0
	for key := range l.buckets {
		b := l.filled(key, now)
		if b.tokens >= l.burst {
			delete(l.buckets, key)
		} else if b.tokens > most {
			fullest, most = key, b.tokens
		}
		if seen++; seen == sample {
			break
		}
	}
	if len(l.buckets) >= l.maxKeys {
		delete(l.buckets, fullest)
	}
}

// addrKey groups remote addresses for the limiter: IPv6 by /64, which one host can have all of.
func addrKey(addr string) string {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return addr
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.String()
		}
	}
	return ip.String()
}
