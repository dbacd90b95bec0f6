package cmdb

import (
	"context"

	"github.com/uptrace/bun"
)

type togetherKey struct{ s *Store }

// together is what one transaction of several changes has written so far; the graph follows when it has come to its end.
type together struct{ done []*work }

// Together runs fn in one transaction: what it does to the store, and all else that it does to the database with its context, happens as
// a whole or not at all. A transaction that others begin must not be around it: it would wait for the store while the store waits for it.
func (s *Store) Together(ctx context.Context, fn func(ctx context.Context) error) error {
	if s.together(ctx) != nil {
		return fn(ctx)
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	var t *together
	err := s.db.InTxReadCommitted(ctx, func(ctx context.Context, _ bun.Tx) error {
		t = new(together) // it may have to be done once more
		return fn(context.WithValue(ctx, togetherKey{s}, t))
	})
	if err != nil {
		return err
	}
	s.follow(t.done...)
	return nil
}

func (s *Store) together(ctx context.Context) *together {
	t, _ := ctx.Value(togetherKey{s}).(*together)
	return t
}

// follow tells the graph, when there is one, what was written.
func (s *Store) follow(done ...*work) {
	if s.graph == nil {
		return
	}
	for _, w := range done {
		s.graph.follow(w)
	}
}
