// Package event keeps what agents say about their hosts: check results and agent events. In go batches inside the transaction of
// ingest, each row with the id its agent gave it, so that a repeat changes nothing; out go lists, newest first. It does not
// judge: alerts come later and will read from here.
package event

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
)

// Result is a check's judgement about a host or one resource on it. Status is ok, minor, warning, major, critical or unknown.
type Result struct {
	bun.BaseModel `bun:"table:check_results"`

	ID         string            `bun:"id,pk" json:"id"`
	AgentID    string            `bun:"agent_id" json:"agent_id"`
	Check      string            `bun:"check_name" json:"check"`
	Resource   string            `bun:"resource" json:"resource"`
	Status     string            `bun:"status" json:"status"`
	Output     string            `bun:"output" json:"output"`
	Labels     map[string]string `bun:"labels,type:text" json:"labels,omitempty"`
	Time       int64             `bun:"time" json:"time"` // Unix milliseconds, scheduled
	DurationUS int64             `bun:"duration_us" json:"duration_us"`
	ReceivedAt int64             `bun:"received_at" json:"received_at"`
}

// AgentEvent is something that happened to an agent: a start, a clock jump, a panic in a check.
type AgentEvent struct {
	bun.BaseModel `bun:"table:agent_events"`

	ID         string            `bun:"id,pk" json:"id"`
	AgentID    string            `bun:"agent_id" json:"agent_id"`
	Type       string            `bun:"type" json:"type"`
	Severity   string            `bun:"severity" json:"severity"`
	Message    string            `bun:"message" json:"message"`
	Attributes map[string]string `bun:"attributes,type:text" json:"attributes,omitempty"`
	Time       int64             `bun:"time" json:"time"` // Unix milliseconds
	ReceivedAt int64             `bun:"received_at" json:"received_at"`
}

// Store is the tables of results and events.
type Store struct {
	db     *db.DB
	keep   time.Duration
	logger *slog.Logger
}

// NewStore returns a Store whose rows live as long as keep; 0 means 30 days.
func NewStore(d *db.DB, keep time.Duration, logger *slog.Logger) *Store {
	if keep == 0 {
		keep = 30 * 24 * time.Hour
	}
	return &Store{db: d, keep: keep, logger: logger}
}

// Insert adds results and events inside tx. Rows whose id is there already are left as they are.
func (s *Store) Insert(ctx context.Context, tx bun.IDB, results []Result, events []AgentEvent) error {
	if len(results) > 0 {
		if _, err := tx.NewInsert().Model(&results).On("CONFLICT (id) DO NOTHING").Exec(ctx); err != nil {
			return fmt.Errorf("insert check results: %w", err)
		}
		if err := keepLatest(ctx, tx, results); err != nil {
			return err
		}
	}
	if len(events) > 0 {
		if _, err := tx.NewInsert().Model(&events).On("CONFLICT (id) DO NOTHING").Exec(ctx); err != nil {
			return fmt.Errorf("insert agent events: %w", err)
		}
	}
	return nil
}

// Latest returns the newest result of each check and resource of an agent, by check and resource.
func (s *Store) Latest(ctx context.Context, agentID string) ([]Result, error) {
	var out []Result
	err := s.db.NewSelect().Model(&out).
		Where("id IN (SELECT id FROM latest_results WHERE agent_id = ?)", agentID).
		Order("check_name", "resource").Limit(1000).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read latest results of agent %s: %w", agentID, err)
	}
	return out, nil
}

// Events returns an agent's newest events, at most limit.
func (s *Store) Events(ctx context.Context, agentID string, limit int) ([]AgentEvent, error) {
	var out []AgentEvent
	err := s.db.NewSelect().Model(&out).Where("agent_id = ?", agentID).OrderExpr("time DESC, id DESC").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read events of agent %s: %w", agentID, err)
	}
	return out, nil
}

// Run deletes rows that are older than they should be, once an hour, until ctx ends.
func (s *Store) Run(ctx context.Context) error {
	for {
		if err := s.prune(ctx, time.Now().Add(-s.keep)); err != nil && ctx.Err() == nil {
			s.logger.Error("delete old results and events", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Hour):
		}
	}
}

func (s *Store) prune(ctx context.Context, before time.Time) error {
	if _, err := s.db.NewDelete().Model((*Result)(nil)).Where("received_at < ?", before.UnixMilli()).Exec(ctx); err != nil {
		return fmt.Errorf("delete results: %w", err)
	}
	if _, err := s.db.NewDelete().Model((*latestRow)(nil)).Where("received_at < ?", before.UnixMilli()).Exec(ctx); err != nil {
		return fmt.Errorf("delete latest results: %w", err)
	}
	if _, err := s.db.NewDelete().Model((*AgentEvent)(nil)).Where("received_at < ?", before.UnixMilli()).Exec(ctx); err != nil {
		return fmt.Errorf("delete events: %w", err)
	}
	return nil
}
