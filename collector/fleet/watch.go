package fleet

import (
	"context"
	"fmt"
	"time"

	"github.com/picketmon/picket/collector/db"
)

// overlap is how far back each look for revocations reaches: more than any transaction or clock difference between two
// processes on this machine takes.
const overlap = 10 * time.Minute

// watch ends the streams of agents and certificates that were revoked, by this process or another, and of agents whose last
// certificate ran out.
func (f *Fleet) watch(ctx context.Context, now time.Time) error {
	since := now.Add(-overlap).UnixMilli()
	var agents []AgentID
	if err := f.db.NewSelect().Model((*agentRow)(nil)).Column("id").Where("revoked_at >= ?", since).Scan(ctx, &agents); err != nil {
		return fmt.Errorf("read revoked agents: %w", err)
	}
	var serials []string
	if err := f.db.NewSelect().Model((*certRow)(nil)).Column("serial").Where("revoked_at >= ?", since).Scan(ctx, &serials); err != nil {
		return fmt.Errorf("read revoked certificates: %w", err)
	}
	for _, id := range agents {
		f.dismiss(id)
	}
	revoked := make(map[string]bool, len(serials))
	for _, s := range serials {
		revoked[s] = true
	}
	for _, s := range f.sessions.all() {
		switch {
		case revoked[s.Agent.serial]:
			f.cut(s, ErrRevoked)
		case f.sessions.expired(s, now):
			if err := f.checkExpiry(ctx, s, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// dismiss ends all that a revoked agent has here.
func (f *Fleet) dismiss(id AgentID) {
	if s := f.sessions.of(id); s != nil {
		f.cut(s, ErrRevoked)
	}
	if f.roster.remove(id) {
		f.opts.Changed(id)
	}
}

// watchStates tells of agents that are in another state than when they were looked at last: silence makes no noise.
func (f *Fleet) watchStates(_ context.Context, now time.Time) error {
	for _, id := range f.turned(now) {
		f.opts.Changed(id)
	}
	return nil
}

// turned returns the agents whose state changed since the last time. Those that are new told of themselves.
func (f *Fleet) turned(now time.Time) (ids []AgentID) {
	r := f.roster
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, m := range r.members {
		state := f.judge(m.seen.Load(), now, r.excusedLocked)
		if m.watched != state && m.watched != "" {
			ids = append(ids, id)
		}
		m.watched = state
	}
	return ids
}

// checkExpiry ends a stream whose agent has no valid certificate left; a renewal lets it go on.
func (f *Fleet) checkExpiry(ctx context.Context, s *Session, now time.Time) error {
	var newest int64
	if err := f.db.NewSelect().Model((*certRow)(nil)).ColumnExpr("coalesce(max(not_after), 0)").
		Where("agent_id = ?", s.Agent.ID).Where("revoked_at IS NULL").Scan(ctx, &newest); err != nil {
		return fmt.Errorf("read certificates of agent %s: %w", s.Agent.ID, err)
	}
	if now.After(db.Time(newest)) {
		f.cut(s, ErrCertificateExpired)
		return nil
	}
	f.sessions.extend(s.Agent.ID, db.Time(newest))
	return nil
}
