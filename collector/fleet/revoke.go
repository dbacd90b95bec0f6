package fleet

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/internal/errs"
)

const (
	maxReason = 500
	keepFor   = 90 * 24 * time.Hour
	// keepEpochs is how many spools of an agent are remembered: an old one can come back only from a copied disk.
	keepEpochs = 4
)

// Revoke shuts the agent with this id or instance out for good: its certificates are worthless from now on, its live stream
// ends at once (within WatchEvery when another process than the collector calls this), its series end, and its host comes
// back only as a new agent with a new token. Kinds: NotFound, Invalid, Conflict when it was revoked before.
func (f *Fleet) Revoke(ctx context.Context, name, reason string) (Agent, error) {
	if len(reason) > maxReason {
		return Agent{}, errs.New(errs.Invalid, "the reason has more than %d bytes", maxReason)
	}
	reason = db.Text(reason)
	var row *agentRow
	now := time.Now()
	err := f.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) (err error) {
		if row, err = findAgent(ctx, tx, name); err != nil {
			return err
		}
		if row.State == rowRevoked {
			return errs.New(errs.Conflict, "agent %s was revoked at %s", row.Instance, timeOf(row.RevokedAt).Format(time.RFC3339))
		}
		ms := now.UnixMilli()
		row.State, row.RevokedAt, row.RevokedReason = rowRevoked, &ms, reason
		if _, err := tx.NewUpdate().Model(row).Column("state", "revoked_at", "revoked_reason").WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("revoke agent %s: %w", row.ID, err)
		}
		if _, err := tx.NewUpdate().Model((*certRow)(nil)).Set("revoked_at = ?", ms).Set("revoked_reason = ?", reason).
			Where("agent_id = ?", row.ID).Where("revoked_at IS NULL").Exec(ctx); err != nil {
			return fmt.Errorf("revoke certificates of agent %s: %w", row.ID, err)
		}
		if err := clearCapabilities(ctx, tx, row.ID); err != nil {
			return err
		}
		f.opts.Audit(ctx, "agent.revoke", string(row.ID), map[string]any{"instance": row.Instance, "reason": reason})
		return nil
	})
	if err != nil {
		return Agent{}, err
	}
	f.dismiss(row.ID)
	f.metrics.revocations.Inc()
	f.logger.Info("revoked agent", "agent", row.ID, "instance", row.Instance, "reason", reason)
	a := row.agent()
	f.stamp(&a, now)
	return a, nil
}

// cleanUp deletes what nobody will ask for again: tokens and certificates that expired 90 days ago, drops of that age, and
// the delivery state of spools that were replaced several times.
func (f *Fleet) cleanUp(ctx context.Context, now time.Time) error {
	before := now.Add(-keepFor).UnixMilli()
	for _, d := range []struct {
		table string
		query *bun.DeleteQuery
	}{
		{"enroll_tokens", f.db.NewDelete().Model((*tokenRow)(nil)).Where("expires_at < ?", before)},
		{"agent_certificates", f.db.NewDelete().Model((*certRow)(nil)).Where("not_after < ?", before)},
		{"delivery_drops", f.db.NewDelete().Model((*dropRow)(nil)).Where("time < ?", before)},
	} {
		if _, err := d.query.Exec(ctx); err != nil {
			return fmt.Errorf("delete old rows of %s: %w", d.table, err)
		}
	}
	return f.cleanEpochs(ctx)
}

func (f *Fleet) cleanEpochs(ctx context.Context) error {
	var rows []struct {
		AgentID AgentID `bun:"agent_id"`
		Epoch   string  `bun:"epoch"`
	}
	err := f.db.NewSelect().Model((*deliveryRow)(nil)).Column("agent_id", "epoch").Group("agent_id", "epoch").
		OrderExpr("agent_id, max(updated_at) DESC, epoch").Scan(ctx, &rows)
	if err != nil {
		return fmt.Errorf("read epochs: %w", err)
	}
	var agent AgentID
	n := 0
	for _, r := range rows {
		if r.AgentID != agent {
			agent, n = r.AgentID, 0
		}
		if n++; n <= keepEpochs {
			continue
		}
		if _, err := f.db.NewDelete().Model((*deliveryRow)(nil)).Where("agent_id = ?", r.AgentID).
			Where("epoch = ?", r.Epoch).Exec(ctx); err != nil {
			return fmt.Errorf("delete epoch %s of agent %s: %w", r.Epoch, r.AgentID, err)
		}
	}
	return nil
}
