package fleet

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
)

// clonePrefix begins what agents.token_id holds of agents that were enrolled as clones.
const clonePrefix = "clone:"

// placement is the decision who an applicant is.
type placement struct {
	agent     Agent
	reinstall bool
	source    AgentID // of a clone
}

func (p placement) outcome() string {
	switch {
	case p.reinstall:
		return "reinstall"
	case p.source != "":
		return "clone"
	}
	return "new"
}

// place decides whether an applicant is an agent known before or a new one, and writes the agent down.
//
// It is a known one, with its id and instance, when reinstall is allowed, the host's fingerprint is that of an enrolled agent,
// and that agent is not alive: its former certificates are revoked. When it is alive, two agents run on one host and the
// applicant is new. A revoked agent never comes back: its host gets a new id and the next free instance. With a clone (how
// names its source) only former clones of the same source are considered.
func (f *Fleet) place(ctx context.Context, tx bun.Tx, who applicant, how string, reinstall bool, now time.Time) (placement, error) {
	if err := keyIsNew(ctx, tx, who.key); err != nil {
		return placement{}, err
	}
	if reinstall {
		known, err := f.knownAgent(ctx, tx, who.host, how, now)
		if err != nil {
			return placement{}, err
		}
		if known != nil {
			a, err := f.takeOver(ctx, tx, known, who, now)
			return placement{agent: a, reinstall: true}, err
		}
	}
	a, err := f.newAgent(ctx, tx, who, how, now)
	return placement{agent: a}, err
}

// knownAgent returns the enrolled agent that the applicant's host had before and that is not alive, nil without one.
func (f *Fleet) knownAgent(ctx context.Context, tx bun.Tx, h Host, how string, now time.Time) (*agentRow, error) {
	var rows []agentRow
	q := tx.NewSelect().Model(&rows).Where("fingerprint = ?", h.Fingerprint).Where("state = ?", rowEnrolled)
	if strings.HasPrefix(how, clonePrefix) {
		q = q.Where("token_id = ?", how)
	}
	// The one that was there last is the likeliest to have been replaced.
	if err := q.OrderExpr("coalesce(last_seen_at, 0) DESC, id DESC").Limit(100).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read agents of host %s: %w", h.Hostname, err)
	}
	for i := range rows {
		if f.live(rows[i].ID, now) {
			continue
		}
		if wait := f.undecided(rows[i].ID, now); wait > 0 {
			return nil, refusef(reasonUndecided, "it is not known yet whether agent %s on this host is alive; try again in %s",
				rows[i].ID, wait.Round(time.Second))
		}
		return &rows[i], nil
	}
	return nil, nil
}

// undecided returns how long it takes until the agent's absence means that it is gone: one that has just been enrolled needs
// time to connect, and after a start of the collector those that were connected to the former process need time to come back.
func (f *Fleet) undecided(id AgentID, now time.Time) time.Duration {
	r := f.roster
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.members[id]
	switch {
	case m == nil:
		return 0
	case !m.certified.IsZero():
		return f.opts.SettleWithin - now.Sub(m.certified)
	case !m.met && r.excusedLocked(db.Time(m.seen.Load()), now, f.opts.DownAfter):
		return max(f.opts.DownAfter-now.Sub(r.started), time.Second)
	}
	return 0
}

// settle runs an enrolment, and while it is undecided waits and runs it again, up to SettleWithin: several agents that start
// on one host at the same moment must not take each other for what was there before.
func (f *Fleet) settle(ctx context.Context, now time.Time, enroll func(now time.Time) error) error {
	const pause = 200 * time.Millisecond
	t := time.NewTicker(pause)
	defer t.Stop()
	for end := now.Add(f.opts.SettleWithin + pause); ; now = time.Now() {
		err := enroll(now)
		if reasonOf(err) != reasonUndecided || now.After(end) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-t.C:
		}
	}
}

// takeOver gives the agent to its host's new installation.
func (f *Fleet) takeOver(ctx context.Context, tx bun.Tx, row *agentRow, who applicant, now time.Time) (Agent, error) {
	if _, err := tx.NewUpdate().Model((*certRow)(nil)).Set("revoked_at = ?", now.UnixMilli()).
		Set("revoked_reason = ?", "superseded by a reinstall").
		Where("agent_id = ?", row.ID).Where("revoked_at IS NULL").Exec(ctx); err != nil {
		return Agent{}, fmt.Errorf("revoke former certificates of agent %s: %w", row.ID, err)
	}
	row.Hostname, row.OS, row.Arch, row.Version = who.host.Hostname, who.host.OS, who.host.Arch, who.host.Version
	row.PublicKeyHash, row.RemoteAddr = who.key, remoteAddr(ctx)
	if _, err := tx.NewUpdate().Model(row).Column("hostname", "os", "arch", "version", "public_key_hash", "remote_addr").
		WherePK().Exec(ctx); err != nil {
		return Agent{}, fmt.Errorf("write agent %s: %w", row.ID, err)
	}
	return row.agent(), nil
}

func (f *Fleet) newAgent(ctx context.Context, tx bun.Tx, who applicant, how string, now time.Time) (Agent, error) {
	instance, err := freeInstance(ctx, tx, who.host.Hostname)
	if err != nil {
		return Agent{}, err
	}
	row := &agentRow{
		ID: AgentID(db.NewID()), Instance: instance, Hostname: who.host.Hostname, Fingerprint: who.host.Fingerprint,
		PublicKeyHash: who.key, OS: who.host.OS, Arch: who.host.Arch, Version: who.host.Version, EnrolledAt: now.UnixMilli(),
		State: rowEnrolled, RemoteAddr: remoteAddr(ctx), TokenID: how,
	}
	if _, err := tx.NewInsert().Model(row).Exec(ctx); err != nil {
		return Agent{}, fmt.Errorf("write agent %s: %w", row.ID, err)
	}
	return row.agent(), nil
}

// freeInstance returns the hostname, or the first of hostname-2, hostname-3, … that no agent has.
func freeInstance(ctx context.Context, tx bun.Tx, hostname string) (string, error) {
	var taken []string
	if err := tx.NewSelect().Model((*agentRow)(nil)).Column("instance").Where("instance = ?", hostname).
		WhereOr("instance LIKE ? ESCAPE '~'", likeLiteral(hostname)+"-%").Scan(ctx, &taken); err != nil {
		return "", fmt.Errorf("read instances like %q: %w", hostname, err)
	}
	set := make(map[string]bool, len(taken))
	for _, t := range taken {
		set[t] = true
	}
	name := hostname
	for n := 2; set[name]; n++ {
		name = hostname + "-" + strconv.Itoa(n)
	}
	return name, nil
}

// likeLiteral escapes s for a LIKE pattern with ESCAPE '~', the same on both databases.
func likeLiteral(s string) string {
	return strings.NewReplacer("~", "~~", "%", "~%", "_", "~_").Replace(s)
}

// keyIsNew refuses a public key that was ever certified: keys are made anew for each certificate.
func keyIsNew(ctx context.Context, tx bun.IDB, key string) error {
	n, err := tx.NewSelect().Model((*certRow)(nil)).Where("public_key_hash = ?", key).Count(ctx)
	if err != nil {
		return fmt.Errorf("look for the key: %w", err)
	}
	if n > 0 {
		return refusef(reasonKeyKnown, "this key was certified before; make a new one")
	}
	return nil
}
