package fleet

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
)

// FactFeed is one kind of an agent's facts that changed since it was fed into something else.
type FactFeed struct {
	Agent    AgentID
	Instance string // blank when the agent is gone
	Kind     string
	Changed  time.Time // the last change
	Fed      time.Time // up to which change they were fed; zero for never
	Gone     bool      // the agent was deleted, and its facts with it
}

type feedRow struct {
	bun.BaseModel `bun:"table:fact_feeds,alias:fact_feeds"`
	AgentID       AgentID `bun:"agent_id,pk"`
	Kind          string  `bun:"kind,pk"`
	UpdatedAt     int64   `bun:"updated_at"`
}

// Unfed returns up to limit kinds of facts that changed since they were fed, those of one agent together, and those of agents that are
// gone.
func (f *Fleet) Unfed(ctx context.Context, kinds []string, limit int64) ([]FactFeed, error) {
	var rows []struct {
		AgentID  AgentID
		Instance string
		Kind     string
		Changed  int64
		Fed      int64
	}
	err := f.db.NewSelect().TableExpr("agent_fact_state AS s").Join("JOIN agents AS a ON a.id = s.agent_id").
		Join("LEFT JOIN fact_feeds AS f ON f.agent_id = s.agent_id AND f.kind = s.kind").
		ColumnExpr("s.agent_id, a.instance, s.kind, s.updated_at AS changed, COALESCE(f.updated_at, 0) AS fed").
		Where("s.kind IN ?", bun.Tuple(kinds)).Where("f.updated_at IS NULL OR f.updated_at < s.updated_at").
		OrderExpr("s.agent_id, s.kind").Limit(limit).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("read which facts changed: %w", err)
	}
	list := make([]FactFeed, len(rows))
	for i, r := range rows {
		list[i] = FactFeed{Agent: r.AgentID, Instance: r.Instance, Kind: r.Kind, Changed: db.Time(r.Changed), Fed: db.Time(r.Fed)}
	}
	var left []feedRow
	err = f.db.NewSelect().Model(&left).Where("NOT EXISTS (SELECT 1 FROM agents AS a WHERE a.id = fact_feeds.agent_id)").OrderExpr("agent_id, kind").Limit(limit).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("read facts of agents that are gone: %w", err)
	}
	for _, r := range left {
		list = append(list, FactFeed{Agent: r.AgentID, Kind: r.Kind, Fed: db.Time(r.UpdatedAt), Gone: true})
	}
	return list, nil
}

// FactsSince returns an agent's facts of a kind that changed at or after a time, and the keys of all.
func (f *Fleet) FactsSince(ctx context.Context, id AgentID, kind string, since time.Time) (changed []Fact, keys []string, err error) {
	var rows []factRow
	if err := f.db.NewSelect().Model(&rows).Where("agent_id = ?", id).Where("kind = ?", kind).Where("updated_at >= ?", db.Millis(since)).OrderExpr("item_key").Scan(ctx); err != nil {
		return nil, nil, fmt.Errorf("read facts %s of agent %s: %w", kind, id, err)
	}
	for _, r := range rows {
		changed = append(changed, Fact{Class: r.Class, Key: r.ItemKey, Attributes: r.Attributes, UpdatedAt: db.Time(r.UpdatedAt)})
	}
	if err := f.db.NewSelect().Model((*factRow)(nil)).Column("item_key").Where("agent_id = ?", id).Where("kind = ?", kind).OrderExpr("item_key").Scan(ctx, &keys); err != nil {
		return nil, nil, fmt.Errorf("read facts %s of agent %s: %w", kind, id, err)
	}
	return changed, keys, nil
}

// SetFed notes that a kind of facts was fed up to its last change, or, of an agent that is gone, that nothing is left to do.
func (f *Fleet) SetFed(ctx context.Context, feed FactFeed) error {
	row := &feedRow{AgentID: feed.Agent, Kind: feed.Kind, UpdatedAt: db.Millis(feed.Changed)}
	var err error
	if feed.Gone {
		_, err = f.db.NewDelete().Model(row).WherePK().Exec(ctx)
	} else {
		_, err = f.db.NewInsert().Model(row).On("CONFLICT (agent_id, kind) DO UPDATE").Set("updated_at = EXCLUDED.updated_at").Exec(ctx)
	}
	if err != nil {
		return fmt.Errorf("note that facts %s of agent %s were fed: %w", feed.Kind, feed.Agent, err)
	}
	return nil
}
