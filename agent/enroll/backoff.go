package enroll

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff counts failures in waits: each wait is a random part of twice the ceiling before, up to a limit (full jitter).
type backoff struct{ ceiling, limit time.Duration }

func newBackoff(first, limit time.Duration) *backoff { return &backoff{ceiling: first, limit: limit} }

// next returns how long to wait now.
func (b *backoff) next() time.Duration {
	wait := rand.N(b.ceiling) + 1
	b.ceiling = min(2*b.ceiling, b.limit)
	return wait
}

// sleep waits for d or until ctx ends, whose cause it returns then.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
