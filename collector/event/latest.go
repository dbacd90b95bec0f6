package event

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
)

// latestRow points to the newest result of a check and resource, so that nobody has to look for it in the history.
type latestRow struct {
	bun.BaseModel `bun:"table:latest_results"`
	AgentID       string `bun:"agent_id,pk"`
	Check         string `bun:"check_name,pk"`
	Resource      string `bun:"resource,pk"`
	ID            string `bun:"id"`
	Status        string `bun:"status"`
	Time          int64  `bun:"time"`
	ReceivedAt    int64  `bun:"received_at"`
}

// newer reports whether a comes after b: results of one time are in order of their ids.
func (r *latestRow) newer(b *latestRow) bool {
	return r.Time > b.Time || r.Time == b.Time && r.ID > b.ID
}

// keepLatest brings the newest results up to date; late ones change nothing.
func keepLatest(ctx context.Context, tx bun.IDB, results []Result) error {
	type subject struct{ agent, check, resource string }
	place := make(map[subject]int, len(results))
	rows := make([]latestRow, 0, len(results))
	for i := range results {
		r := &results[i]
		row := latestRow{
			AgentID: r.AgentID, Check: r.Check, Resource: r.Resource, ID: r.ID, Status: r.Status, Time: r.Time, ReceivedAt: r.ReceivedAt,
		}
		key := subject{r.AgentID, r.Check, r.Resource}
		at, ok := place[key]
		switch {
		case !ok:
			place[key] = len(rows)
			rows = append(rows, row)
		case row.newer(&rows[at]):
			rows[at] = row
		}
	}
	_, err := tx.NewInsert().Model(&rows).On("CONFLICT (agent_id, check_name, resource) DO UPDATE").
		Set("id = EXCLUDED.id").Set("status = EXCLUDED.status").Set("time = EXCLUDED.time").Set("received_at = EXCLUDED.received_at").
		Where("EXCLUDED.time > latest_row.time OR (EXCLUDED.time = latest_row.time AND EXCLUDED.id > latest_row.id)").Exec(ctx)
	if err != nil {
		return fmt.Errorf("keep latest results: %w", err)
	}
	return nil
}

// Worst is the worst of an agent's latest results.
type Worst struct {
	Status string
	NotOK  int // how many are not ok
}

// Severities are the statuses of results, the worst first.
func Severities() []string {
	return []string{"critical", "major", "unknown", "warning", "minor", "ok"}
}

// Severity returns the rank of a status, 0 being the worst; what is no status comes last.
func Severity(status string) int {
	if i := slices.Index(Severities(), status); i >= 0 {
		return i
	}
	return len(Severities())
}

// WorstOf returns the worst of the latest results of each of the agents, or of all agents when ids is nil. Agents without a result
// that is not ok are absent.
func (s *Store) WorstOf(ctx context.Context, ids []string) (map[string]Worst, error) {
	out := make(map[string]Worst, len(ids))
	parts := slices.Collect(slices.Chunk(ids, 1000))
	if ids == nil {
		parts = [][]string{nil}
	}
	for _, part := range parts {
		var rows []struct {
			AgentID string `bun:"agent_id"`
			Status  string `bun:"status"`
			N       int    `bun:"n"`
		}
		q := s.db.NewSelect().Model((*latestRow)(nil)).ColumnExpr("agent_id, status, count(*) AS n").
			Where("status <> 'ok'").GroupExpr("agent_id, status")
		if part != nil {
			q = q.Where("agent_id IN ?", bun.Tuple(part))
		}
		if err := q.Scan(ctx, &rows); err != nil {
			return nil, fmt.Errorf("count latest results: %w", err)
		}
		for _, r := range rows {
			w := out[r.AgentID]
			if w.Status == "" || Severity(r.Status) < Severity(w.Status) {
				w.Status = r.Status
			}
			w.NotOK += r.N
			out[r.AgentID] = w
		}
	}
	return out, nil
}
