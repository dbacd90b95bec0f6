package fleet

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
)

// slack is how much older than the agent's last word its persisted last_seen_at may be after a crash of the collector.
const slack = 30 * time.Second

// roster holds what must be known of every agent that is not revoked, without asking the database: its name and when it was
// last heard of.
type roster struct {
	mu      sync.Mutex
	members map[AgentID]*member
	ending  []*series // of members that left: each gets one stale marker

	// started and lastWord judge silence after a restart: who was heard of until lastWord, which is about when the former
	// process ended, has had no chance to speak before started.
	started, lastWord time.Time
}

// member is one agent of the roster.
type member struct {
	id   AgentID
	seen atomic.Int64 // Unix milliseconds, 0 for never

	// Guarded by roster.mu.
	agent     Agent
	saved     int64     // the last_seen_at in the database
	dirty     bool      // more than seen is to be saved
	met       bool      // had a session in this process
	certified time.Time // when it was enrolled by this process, until it connects
	renamed   bool      // agent was put anew since info was made
	up, info  *series
	watched   State // when it was looked at last; empty before
}

func newRoster() *roster { return &roster{members: make(map[AgentID]*member)} }

// put adds the agent, or brings what is known of it up to date, and returns its place.
func (r *roster) put(a Agent) *member {
	r.mu.Lock()
	defer r.mu.Unlock()
	m, ok := r.members[a.ID]
	if !ok {
		m = &member{id: a.ID, saved: db.Millis(a.LastSeenAt)}
		r.members[a.ID] = m
	}
	m.see(db.Millis(a.LastSeenAt))
	m.agent, m.renamed = a, true
	return m
}

// remove drops a revoked agent, whose series end, and reports whether it was there.
func (r *roster) remove(id AgentID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	m, ok := r.members[id]
	if !ok {
		return false
	}
	delete(r.members, id)
	for _, s := range []*series{m.up, m.info} {
		if s != nil {
			r.ending = append(r.ending, s)
		}
	}
	return true
}

// certified notes that the agent got the certificate it will connect with.
func (r *roster) certified(m *member, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m.certified = now
}

// see notes that the agent was heard of; the latest time counts.
func (m *member) see(ms int64) {
	for {
		former := m.seen.Load()
		if ms <= former || m.seen.CompareAndSwap(former, ms) {
			return
		}
	}
}

// state judges an agent by its last word.
func (f *Fleet) state(revoked bool, seen int64, now time.Time) State {
	if revoked {
		return StateRevoked
	}
	return f.judge(seen, now, f.roster.excused)
}

// judge is state of an agent that is not revoked; excused is one of the roster's.
func (f *Fleet) judge(seen int64, now time.Time, excused func(seen, now time.Time, downAfter time.Duration) bool) State {
	if seen == 0 {
		return StateNever
	}
	switch silent := now.Sub(db.Time(seen)); {
	case silent < f.opts.WarnAfter:
		return StateUp
	case silent < f.opts.DownAfter, excused(db.Time(seen), now, f.opts.DownAfter):
		return StateWarn
	}
	return StateDown
}

// excused reports whether silence since seen may be due to this process, which has not listened for long.
func (r *roster) excused(seen, now time.Time, downAfter time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.excusedLocked(seen, now, downAfter)
}

func (r *roster) excusedLocked(seen, now time.Time, downAfter time.Duration) bool {
	return !r.started.IsZero() && now.Sub(r.started) < downAfter && r.lastWord.Sub(seen) < downAfter+slack
}

// stamp sets the agent's state, and its last word from memory, which is newer than the database.
func (f *Fleet) stamp(a *Agent, now time.Time) {
	f.roster.mu.Lock()
	m := f.roster.members[a.ID]
	f.roster.mu.Unlock()
	if m != nil {
		if seen := db.Time(m.seen.Load()); seen.After(a.LastSeenAt) {
			a.LastSeenAt = seen
		}
	}
	a.State = f.state(!a.RevokedAt.IsZero(), db.Millis(a.LastSeenAt), now)
}

func (f *Fleet) loadRoster(ctx context.Context) error {
	var rows []agentRow
	if err := f.db.NewSelect().Model(&rows).Where("state = ?", rowEnrolled).Scan(ctx); err != nil {
		return fmt.Errorf("read agents: %w", err)
	}
	var last time.Time
	for i := range rows {
		a := rows[i].agent()
		if a.LastSeenAt.After(last) {
			last = a.LastSeenAt
		}
		f.roster.mu.Lock()
		_, known := f.roster.members[a.ID] // connected before Run: that is newer
		f.roster.mu.Unlock()
		if !known {
			f.roster.put(a)
		}
	}
	f.roster.mu.Lock()
	f.roster.started, f.roster.lastWord = time.Now(), last
	f.roster.mu.Unlock()
	return nil
}

// seenRow is one agent's presence on its way to the database.
type seenRow struct {
	bun.BaseModel  `bun:"table:agents"`
	ID             AgentID `bun:"id,pk"`
	LastSeenAt     int64   `bun:"last_seen_at"`
	ConnectedAt    int64   `bun:"connected_at"`
	DisconnectedAt int64   `bun:"disconnected_at"`
}

// savePresence writes what changed since the last time, all in one transaction.
func (f *Fleet) savePresence(ctx context.Context, _ time.Time) error {
	rows := f.roster.changed()
	if len(rows) == 0 {
		return nil
	}
	const chunk = 500
	err := f.db.InTxReadCommitted(ctx, func(ctx context.Context, tx bun.Tx) error {
		for part := range chunks(rows, chunk) {
			if _, err := tx.NewUpdate().With("seen", tx.NewValues(&part)).TableExpr("agents").TableExpr("seen").
				Set("last_seen_at = seen.last_seen_at").
				Set("connected_at = nullif(seen.connected_at, 0)").
				Set("disconnected_at = nullif(seen.disconnected_at, 0)").
				Where("agents.id = seen.id").Exec(ctx); err != nil {
				return fmt.Errorf("write last_seen_at: %w", err)
			}
		}
		return nil
	})
	f.roster.saved(rows, err == nil)
	return err
}

// changed returns what is to be saved, and takes the marks away.
func (r *roster) changed() []seenRow {
	r.mu.Lock()
	defer r.mu.Unlock()
	var rows []seenRow
	for _, m := range r.members {
		seen := m.seen.Load()
		if seen == m.saved && !m.dirty {
			continue
		}
		m.dirty = false
		rows = append(rows, seenRow{
			ID: m.id, LastSeenAt: seen, ConnectedAt: db.Millis(m.agent.ConnectedAt), DisconnectedAt: db.Millis(m.agent.DisconnectedAt),
		})
	}
	return rows
}

// saved notes which rows reached the database; without success they are tried again next time.
func (r *roster) saved(rows []seenRow, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, row := range rows {
		m := r.members[row.ID]
		switch {
		case m == nil:
		case ok:
			m.saved = row.LastSeenAt
		default:
			m.dirty = true
		}
	}
}

// chunks yields s in parts of at most n.
func chunks[T any](s []T, n int) func(yield func([]T) bool) {
	return func(yield func([]T) bool) {
		for len(s) > 0 {
			part := s[:min(n, len(s))]
			if !yield(part) {
				return
			}
			s = s[len(part):]
		}
	}
}
