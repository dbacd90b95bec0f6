package event

import (
	"context"
	"fmt"
)

// forgetChunk bounds the rows of one statement: others write between two.
const forgetChunk = 5000

// Forget deletes all results and events of an agent. It is not one transaction: after an error some are gone.
func (s *Store) Forget(ctx context.Context, agentID string) error {
	for _, table := range []string{"check_results", "agent_events"} {
		for {
			res, err := s.db.NewRaw("DELETE FROM "+table+" WHERE id IN (SELECT id FROM "+table+" WHERE agent_id = ? LIMIT ?)",
				agentID, forgetChunk).Exec(ctx)
			if err != nil {
				return fmt.Errorf("delete %s of agent %s: %w", table, agentID, err)
			}
			n, err := res.RowsAffected()
			if err != nil {
				return fmt.Errorf("count deleted %s of agent %s: %w", table, agentID, err)
			}
			if n < forgetChunk {
				break
			}
		}
	}
	if _, err := s.db.NewDelete().Model((*latestRow)(nil)).Where("agent_id = ?", agentID).Exec(ctx); err != nil {
		return fmt.Errorf("delete latest results of agent %s: %w", agentID, err)
	}
	return nil
}
