package fleet

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/internal/errs"
)

const (
	defaultPage = 100
	maxPage     = 1000
)

// Query says which agents to list.
type Query struct {
	// States selects agents in any of these states; empty means all.
	States []State
	// Text must be part of the instance, the hostname or the id, in any case; empty means all.
	Text string
	// Gap selects agents that cannot collect this: a check, with all of its parts, or check:part; empty means all.
	Gap string
	// After is the cursor the page before returned; empty is the first page.
	After string
	// Limit is the most agents to return; 0 means 100, the most is 1000.
	Limit int
}

func (q *Query) complete() error {
	var p errs.Problems
	if q.Limit == 0 {
		q.Limit = defaultPage
	}
	if q.Limit < 1 || q.Limit > maxPage {
		p.Add("limit", "must be 1 to %d", maxPage)
	}
	for _, s := range q.States {
		if !slices.Contains(States(), s) {
			p.Add("state", "%q is none of up, warn, down, never, revoked", s)
		}
	}
	if len(q.Gap) > maxCapabilityName {
		p.Add("gap", "has more than %d bytes", maxCapabilityName)
	}
	if len(q.Text) > maxHostname {
		p.Add("text", "has more than %d bytes", maxHostname)
	}
	return p.Err()
}

// Agents returns a page of agents by instance, and the cursor of the next page, empty at the end. Kinds: Invalid.
func (f *Fleet) Agents(ctx context.Context, q Query) (page []Agent, next string, err error) {
	if err := q.complete(); err != nil {
		return nil, "", err
	}
	next = q.After
	for {
		some, more, err := f.someAgents(ctx, q, &next)
		if err != nil {
			return nil, "", err
		}
		if page = append(page, some...); len(page) > q.Limit {
			page = page[:q.Limit]
			return page, page[q.Limit-1].Instance, nil
		}
		if !more {
			return page, "", nil
		}
	}
}

// AllAgents returns all agents that q selects, whatever its page, by instance. Kinds: Invalid.
func (f *Fleet) AllAgents(ctx context.Context, q Query) (all []Agent, err error) {
	if err := q.complete(); err != nil {
		return nil, err
	}
	q.Limit = maxPage
	for after, more := "", true; more; {
		var some []Agent
		if some, more, err = f.someAgents(ctx, q, &after); err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// someAgents reads agents behind the instance *after, which it moves on. Silence is judged from memory, so the states cannot be
// part of the statement, and there may be fewer than were read.
func (f *Fleet) someAgents(ctx context.Context, q Query, after *string) (some []Agent, more bool, err error) {
	limit := maxPage
	if len(q.States) == 0 {
		limit = q.Limit + 1 // all that are read count
	}
	rows, err := f.agentRows(ctx, q, *after, limit)
	if err != nil {
		return nil, false, err
	}
	now := time.Now()
	some = make([]Agent, 0, len(rows))
	for i := range rows {
		*after = rows[i].Instance
		a := rows[i].listed()
		f.stamp(&a, now)
		if len(q.States) == 0 || slices.Contains(q.States, a.State) {
			some = append(some, a)
		}
	}
	return some, len(rows) == limit, nil
}

func (f *Fleet) agentRows(ctx context.Context, q Query, after string, limit int) ([]listedRow, error) {
	var rows []listedRow
	s := selectListed(f.db, &rows).OrderExpr("instance").Limit(int64(limit))
	if after != "" {
		s = s.Where("instance > ?", after)
	}
	switch revoked := slices.Contains(q.States, StateRevoked); {
	case revoked && !slices.ContainsFunc(q.States, func(s State) bool { return s != StateRevoked }):
		s = s.Where("state = ?", rowRevoked)
	case !revoked && len(q.States) > 0:
		s = s.Where("state = ?", rowEnrolled)
	}
	if q.Gap != "" {
		s = s.Where("id IN (?)", whereGap(f.db.NewSelect().TableExpr("agent_capabilities AS c").Column("agent_id").
			Where("c.available = ?", false), q.Gap))
	}
	if q.Text != "" {
		part := "%" + likeLiteral(strings.ToLower(q.Text)) + "%"
		s = s.WhereGroup(" AND ", func(s *bun.SelectQuery) *bun.SelectQuery {
			return s.Where("lower(instance) LIKE ? ESCAPE '~'", part).WhereOr("lower(hostname) LIKE ? ESCAPE '~'", part).
				WhereOr("id LIKE ? ESCAPE '~'", part)
		})
	}
	if err := s.Scan(ctx); err != nil {
		return nil, fmt.Errorf("read agents: %w", err)
	}
	return rows, nil
}

// Agent returns the agent with this id or instance, and its certificates, the newest first. Kinds: NotFound.
func (f *Fleet) Agent(ctx context.Context, name string) (Agent, []Certificate, error) {
	row, err := findAgent(ctx, f.db, name)
	if err != nil {
		return Agent{}, nil, err
	}
	listed := new(listedRow)
	if err := selectListed(f.db, listed).Where("?TableAlias.id = ?", row.ID).Scan(ctx); err != nil {
		return Agent{}, nil, fmt.Errorf("read agent %s: %w", row.ID, err)
	}
	var rows []certRow
	if err := f.db.NewSelect().Model(&rows).Where("agent_id = ?", row.ID).OrderExpr("issued_at DESC, not_after DESC").Scan(ctx); err != nil {
		return Agent{}, nil, fmt.Errorf("read certificates of agent %s: %w", row.ID, err)
	}
	certs := make([]Certificate, len(rows))
	for i := range rows {
		certs[i] = rows[i].certificate()
	}
	a := listed.listed()
	f.stamp(&a, time.Now())
	return a, certs, nil
}

// listedRow is an agent with what lists tell beside it.
type listedRow struct {
	agentRow  `bun:",extend"`
	Gaps      int64  `bun:"gaps,scanonly"`
	ExpiresAt *int64 `bun:"expires_at,scanonly"`
}

func (r *listedRow) listed() Agent {
	a := r.agent()
	a.Gaps, a.CertificateExpiresAt = int(r.Gaps), timeOf(r.ExpiresAt)
	return a
}

// selectListed reads listed rows: one question for all agents, as each costs a look into an index.
func selectListed(q bun.IDB, into any) *bun.SelectQuery {
	return q.NewSelect().Model(into).ColumnExpr("?TableColumns").
		ColumnExpr("(SELECT count(*) FROM agent_capabilities AS c WHERE c.agent_id = ?TableAlias.id AND c.fix <> '') AS gaps").
		ColumnExpr("(SELECT max(not_after) FROM agent_certificates AS c WHERE c.agent_id = ?TableAlias.id AND c.revoked_at IS NULL) AS expires_at")
}

// Counts returns the number of agents by state.
func (f *Fleet) Counts(ctx context.Context) (map[State]int, error) {
	var rows []agentRow
	if err := f.db.NewSelect().Model(&rows).Column("id", "state", "last_seen_at", "revoked_at").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read agents: %w", err)
	}
	now, counts := time.Now(), make(map[State]int)
	for i := range rows {
		a := rows[i].agent()
		f.stamp(&a, now)
		counts[a.State]++
	}
	return counts, nil
}
