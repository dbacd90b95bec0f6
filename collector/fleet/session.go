package fleet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/picketmon/picket/collector/db"
)

// Session is an agent's live stream. Its context ends with a cause when the fleet wants the stream to end: ErrRevoked,
// ErrDuplicate, ErrCertificateExpired, or the cause of the stream's own context. Whoever got it from Connect must Close it
// when the stream no longer touches what belongs to the agent.
type Session struct {
	// Agent is who is connected, as of the beginning.
	Agent Agent

	fleet  *Fleet
	place  *place
	member *member
	ctx    context.Context
	cancel context.CancelCauseFunc
	once   sync.Once

	// Guarded by sessions.mu.
	notAfter time.Time // the end of the agent's newest certificate, as far as is known
}

// Context ends with the stream's context, or before it with the fleet's reason as context.Cause.
func (s *Session) Context() context.Context { return s.ctx }

// Seen notes that the agent was heard of at now. It is cheap: call it for every message.
func (s *Session) Seen(now time.Time) { s.member.see(now.UnixMilli()) }

// Close releases the agent for its next stream. It is safe to call twice.
func (s *Session) Close() {
	s.once.Do(func() {
		s.cancel(ErrClosed)
		s.fleet.roster.left(s.member, time.Now())
		s.fleet.sessions.release(s)
		s.fleet.metrics.sessions.Set(float64(s.fleet.sessions.len()))
		s.fleet.opts.Changed(s.Agent.ID)
	})
}

// sessions holds the live streams, one per agent at most.
type sessions struct {
	mu     sync.Mutex
	places map[AgentID]*place
}

// place is what streams of one agent contend for. The newest wins, but only after the former has let go.
type place struct {
	slot   chan struct{} // holds a token while a session owns the place
	users  int           // sessions that own it or wait for it
	newest *Session
	owner  *Session
}

func newSessions() *sessions { return &sessions{places: make(map[AgentID]*place)} }

// enter makes s the newest stream of its agent, and returns the one it replaces, if any.
func (r *sessions) enter(s *Session) (former *Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, ok := r.places[s.Agent.ID]
	if !ok {
		p = &place{slot: make(chan struct{}, 1)}
		r.places[s.Agent.ID] = p
	}
	p.users++
	former, p.newest, s.place = p.newest, s, p
	return former
}

// own makes s, which holds the slot, the agent's stream.
func (r *sessions) own(s *Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.place.owner = s
}

// release undoes own, and leave.
func (r *sessions) release(s *Session) {
	r.mu.Lock()
	if s.place.owner == s {
		s.place.owner = nil
	}
	r.mu.Unlock()
	<-s.place.slot
	r.leave(s)
}

// leave undoes enter.
func (r *sessions) leave(s *Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.place.newest == s {
		s.place.newest = nil
	}
	if s.place.users--; s.place.users == 0 {
		delete(r.places, s.Agent.ID)
	}
}

// of returns the agent's live stream, nil without one.
func (r *sessions) of(id AgentID) *Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p, ok := r.places[id]; ok {
		return p.owner
	}
	return nil
}

// all returns the live streams.
func (r *sessions) all() []*Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]*Session, 0, len(r.places))
	for _, p := range r.places {
		if p.owner != nil {
			list = append(list, p.owner)
		}
	}
	return list
}

func (r *sessions) len() int { return len(r.all()) }

// extend notes that the agent got a certificate that is valid until notAfter.
func (r *sessions) extend(id AgentID, notAfter time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p, ok := r.places[id]; ok {
		for _, s := range []*Session{p.owner, p.newest} {
			if s != nil && notAfter.After(s.notAfter) {
				s.notAfter = notAfter
			}
		}
	}
}

func (r *sessions) expired(s *Session, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return now.After(s.notAfter)
}

// Connect opens the session of an authenticated agent whose stream has said on which host it is. A former stream of the same
// agent is told to end (ErrDuplicate), and Connect waits until it is closed, so that no two streams ever write for one agent.
// ctx is the stream's. Errors are refusals (ErrClone, ReasonOccupied), causes of an end, or faults of the database.
func (f *Fleet) Connect(ctx context.Context, a Agent, h Host) (*Session, error) {
	if err := f.CheckHost(a, h); err != nil {
		return nil, err
	}
	s := &Session{Agent: a, fleet: f, notAfter: a.notAfter}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	if former := f.sessions.enter(s); former != nil {
		f.cut(former, ErrDuplicate)
	}
	if err := f.occupy(s); err != nil {
		f.sessions.leave(s)
		s.cancel(err)
		return nil, err
	}
	if err := f.arrive(s, h, time.Now()); err != nil {
		if cause := context.Cause(s.ctx); cause != nil { //nolint:contextcheck // the session's context is made of ctx
			err = cause // replaced or revoked while it wrote
		}
		s.cancel(err)
		f.sessions.release(s)
		return nil, err
	}
	f.sessions.own(s)
	f.metrics.sessions.Set(float64(f.sessions.len()))
	f.opts.Changed(a.ID)
	return s, nil
}

// occupy waits until the former stream let go.
func (f *Fleet) occupy(s *Session) error {
	t := time.NewTimer(f.opts.ReleaseWithin)
	defer t.Stop()
	select {
	case s.place.slot <- struct{}{}:
		// Both may have been possible: a stream that was replaced while it waited must not win.
		if err := context.Cause(s.ctx); err != nil {
			<-s.place.slot
			return err
		}
		return nil
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	case <-t.C:
		return f.refuse(refusef(ReasonOccupied, "the former stream of this agent did not end within %s", f.opts.ReleaseWithin))
	}
}

// arrive writes down where the agent is now.
func (f *Fleet) arrive(s *Session, h Host, now time.Time) error {
	a := &s.Agent
	a.Hostname, a.OS, a.Arch, a.Version, a.BootID = h.Hostname, h.OS, h.Arch, h.Version, h.BootID
	a.RemoteAddr = remoteAddr(s.ctx)
	a.ConnectedAt, a.LastSeenAt, a.DisconnectedAt = now, now, time.Time{}
	a.State = StateUp
	ms := now.UnixMilli()
	res, err := f.db.NewUpdate().Model((*agentRow)(nil)).
		Set("hostname = ?", a.Hostname).Set("os = ?", a.OS).Set("arch = ?", a.Arch).Set("version = ?", a.Version).
		Set("boot_id = ?", a.BootID).Set("remote_addr = ?", a.RemoteAddr).
		Set("connected_at = ?", ms).Set("last_seen_at = ?", ms).Set("disconnected_at = NULL").
		Where("id = ?", a.ID).Where("state = ?", rowEnrolled).Exec(s.ctx)
	if err != nil {
		return fmt.Errorf("write connection of agent %s: %w", a.ID, err)
	}
	if n, err := res.RowsAffected(); err == nil && n == 0 {
		return ErrRevoked // between Authenticate and now
	}
	s.member = f.roster.put(*a)
	f.roster.arrived(s.member, ms)
	return nil
}

func (r *roster) arrived(m *member, ms int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m.met, m.saved, m.certified = true, ms, time.Time{}
}

// left notes that the agent's stream ended.
func (r *roster) left(m *member, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m.agent.DisconnectedAt, m.dirty = now, true
}

// cut ends a session for a reason.
func (f *Fleet) cut(s *Session, cause error) {
	if s.ctx.Err() != nil {
		return
	}
	s.cancel(cause)
	label := "revoked"
	switch {
	case errors.Is(cause, ErrDuplicate):
		label = "duplicate"
	case errors.Is(cause, ErrCertificateExpired):
		label = "expired"
	}
	f.metrics.cuts.WithLabelValues(label).Inc()
	f.logger.Info("cut stream", "agent", s.Agent.ID, "instance", s.Agent.Instance, "cause", cause)
}

// live reports whether the agent has a stream that was heard of lately.
func (f *Fleet) live(id AgentID, now time.Time) bool {
	s := f.sessions.of(id)
	return s != nil && s.ctx.Err() == nil && now.Sub(db.Time(s.member.seen.Load())) < f.opts.WarnAfter
}
