package fleet

import (
	"context"
	"fmt"
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
	// State selects agents in one state; empty means all.
	State State
	// Text must be part of the instance, the hostname or the id, in any case; empty means all.
	Text string
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
	known := q.State == ""
	for _, s := range States() {
		known = known || q.State == s
	}
	if !known {
		p.Add("state", "%q is none of up, warn, down, never, revoked", q.State)
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
	now := time.Now()
	after := q.After
	for {
		rows, err := f.agentRows(ctx, q, after)
		if err != nil {
			return nil, "", err
		}
		for i := range rows {
			after = rows[i].Instance
			a := rows[i].agent()
			f.stamp(&a, now)
			// Silence is judged from memory, so the state cannot be part of the statement.
			if q.State != "" && a.State != q.State {
				continue
			}
			if len(page) == q.Limit {
				return page, page[len(page)-1].Instance, nil
			}
			page = append(page, a)
		}
		if len(rows) < maxPage {
			return page, "", nil
		}
	}
}

func (f *Fleet) agentRows(ctx context.Context, q Query, after string) ([]agentRow, error) {
	var rows []agentRow
	s := f.db.NewSelect().Model(&rows).OrderExpr("instance").Limit(maxPage)
	if after != "" {
		s = s.Where("instance > ?", after)
	}
	switch {
	case q.State == StateRevoked:
		s = s.Where("state = ?", rowRevoked)
	case q.State != "":
		s = s.Where("state = ?", rowEnrolled)
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
	var rows []certRow
	if err := f.db.NewSelect().Model(&rows).Where("agent_id = ?", row.ID).OrderExpr("issued_at DESC, not_after DESC").Scan(ctx); err != nil {
		return Agent{}, nil, fmt.Errorf("read certificates of agent %s: %w", row.ID, err)
	}
	certs := make([]Certificate, len(rows))
	for i := range rows {
		certs[i] = rows[i].certificate()
	}
	a := row.agent()
	f.stamp(&a, time.Now())
	return a, certs, nil
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
