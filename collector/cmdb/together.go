package cmdb

import (
	"context"

	"github.com/uptrace/bun"
)

type togetherKey struct{ s *Store }

// Together runs fn in one transaction: what it does to the store, and all else that it does to the database with its context, happens as
// a whole or not at all. A transaction that others begin must not be around it: it would wait for the store while the store waits for it.
func (s *Store) Together(ctx context.Context, fn func(ctx context.Context) error) error {
	if s.isTogether(ctx) {
		return fn(ctx)
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.db.InTxReadCommitted(ctx, func(ctx context.Context, _ bun.Tx) error {
		return fn(context.WithValue(ctx, togetherKey{s}, true))
	})
}

func (s *Store) isTogether(ctx context.Context) bool { return ctx.Value(togetherKey{s}) != nil }
