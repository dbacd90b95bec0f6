package access

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
)

const (
	touchEvery  = time.Minute // how exact the last use of tokens and sessions is
	flushEvery  = 30 * time.Second
	expireEvery = 10 * time.Minute
	keepTokens  = 30 * 24 * time.Hour // after their end
	maxTouches  = 10_000
)

// touches collects which tokens and sessions were used, to be written together. What does not fit is seen at its next use.
type touches struct {
	mu       sync.Mutex
	tokens   map[string]int64
	sessions map[string]int64
}

func newTouches() *touches {
	return &touches{tokens: map[string]int64{}, sessions: map[string]int64{}}
}

func (t *touches) token(id string, now int64)   { t.touch(t.tokens, id, now) }
func (t *touches) session(id string, now int64) { t.touch(t.sessions, id, now) }

func (t *touches) touch(m map[string]int64, id string, now int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := m[id]; ok || len(m) < maxTouches {
		m[id] = now
	}
}

func (t *touches) drain() (tokens, sessions map[string]int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	tokens, sessions = make(map[string]int64, len(t.tokens)), make(map[string]int64, len(t.sessions))
	maps.Copy(tokens, t.tokens)
	maps.Copy(sessions, t.sessions)
	clear(t.tokens)
	clear(t.sessions)
	return tokens, sessions
}

// Run writes down the use of tokens and sessions, which also prolongs sessions, and removes what has ended. It returns nil
// when ctx ends, after a last write.
func (g *Guard) Run(ctx context.Context) error {
	flush := time.NewTicker(flushEvery)
	defer flush.Stop()
	expire := time.NewTicker(expireEvery)
	defer expire.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			g.report(g.flush(last))
			return nil
		case <-flush.C:
			g.report(g.flush(ctx))
		case <-expire.C:
			g.report(g.store.Expire(ctx))
		}
	}
}

func (g *Guard) report(err error) {
	if err != nil {
		g.logger.Error("housekeeping of tokens and sessions", "err", err)
	}
}

// flush writes the touches. When that goes wrong they are lost: later uses touch again.
func (g *Guard) flush(ctx context.Context) error {
	tokens, sessions := g.touches.drain()
	if len(tokens)+len(sessions) == 0 {
		return nil
	}
	return g.store.db.InTxReadCommitted(ctx, func(ctx context.Context, tx bun.Tx) error {
		for id, at := range tokens {
			if _, err := tx.NewUpdate().Model((*tokenRow)(nil)).Set("last_used_at = ?", at).Where("id = ?", id).Exec(ctx); err != nil {
				return fmt.Errorf("write use of API token: %w", err)
			}
		}
		for id, at := range sessions {
			_, err := tx.NewUpdate().Model((*sessionRow)(nil)).Set("last_seen_at = ?", at).
				Set("expires_at = CASE WHEN created_at + ? < ? THEN created_at + ? ELSE ? END",
					SessionMax.Milliseconds(), at+SessionIdle.Milliseconds(), SessionMax.Milliseconds(), at+SessionIdle.Milliseconds()).
				Where("id = ?", id).Exec(ctx)
			if err != nil {
				return fmt.Errorf("write use of session: %w", err)
			}
		}
		return nil
	})
}

// Expire removes ended sessions and login links, and API tokens that ended 30 days ago.
func (s *Store) Expire(ctx context.Context) error {
	now := db.Now()
	if _, err := s.db.NewDelete().Model((*sessionRow)(nil)).Where("expires_at <= ?", now).Exec(ctx); err != nil {
		return fmt.Errorf("remove ended sessions: %w", err)
	}
	if _, err := s.db.NewDelete().Model((*linkRow)(nil)).Where("expires_at <= ?", now).Exec(ctx); err != nil {
		return fmt.Errorf("remove old login links: %w", err)
	}
	old := now - keepTokens.Milliseconds()
	if _, err := s.db.NewDelete().Model((*tokenRow)(nil)).Where("revoked_at <= ? OR expires_at <= ?", old, old).Exec(ctx); err != nil {
		return fmt.Errorf("remove ended API tokens: %w", err)
	}
	return nil
}
