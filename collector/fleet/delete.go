package fleet

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/internal/errs"
)

// Delete forgets the revoked agent with this id or instance: nothing is known of it afterwards but what the audit log says.
// Its certificates stay worthless, because an agent that is not known is refused whatever it shows; its instance is free for
// the next host of that name. Its samples stay. Others remove what they keep of the agent; they run first, so that after a
// failure it can be deleted again. Kinds: NotFound, Conflict when it is not revoked, Unavailable when its last stream does
// not end.
//
// Only the process that serves the streams may call it: others could not tell that one is left.
func (f *Fleet) Delete(ctx context.Context, name string, others ...func(context.Context, AgentID) error) error {
	row, err := findAgent(ctx, f.db, name)
	if err != nil {
		return err
	}
	if row.State != rowRevoked {
		return errs.New(errs.Conflict, "agent %s is not revoked: only an agent that is shut out can be deleted, so revoke it first",
			row.Instance)
	}
	if err := f.evict(ctx, row); err != nil {
		return err
	}
	for _, remove := range others {
		if err := remove(ctx, row.ID); err != nil {
			return err
		}
	}
	if err := f.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error { return f.deleteRows(ctx, tx, row) }); err != nil {
		return err
	}
	f.opts.Changed(row.ID)
	f.logger.Info("deleted agent", "agent", row.ID, "instance", row.Instance)
	return nil
}

// evict waits until nothing works for a revoked agent any more that could write rows of it.
func (f *Fleet) evict(ctx context.Context, row *agentRow) error {
	const pause = 10 * time.Millisecond
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for end := time.Now().Add(f.opts.ReleaseWithin); ; {
		alone := !f.sessions.has(row.ID)
		f.dismiss(row.ID) // after the question: a stream that was just arriving put itself into the roster before it left
		if alone {
			return nil
		}
		if time.Now().After(end) {
			return errs.New(errs.Unavailable, "the last stream of agent %s did not end within %s, try again", row.Instance, f.opts.ReleaseWithin)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the last stream of agent %s: %w", row.ID, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// has reports whether the agent has a stream or one that is about to begin.
func (r *sessions) has(id AgentID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.places[id]
	return ok
}

// deleteRows deletes an agent and all that refers to it; the database itself deletes what has it as foreign key.
func (f *Fleet) deleteRows(ctx context.Context, tx bun.Tx, row *agentRow) error {
	for _, model := range []any{(*deliveryRow)(nil), (*dropRow)(nil), (*factRow)(nil), (*factStateRow)(nil)} {
		if _, err := tx.NewDelete().Model(model).Where("agent_id = ?", row.ID).Exec(ctx); err != nil {
			return fmt.Errorf("delete what is known of agent %s: %w", row.ID, err)
		}
	}
	res, err := tx.NewDelete().Model(row).WherePK().Where("state = ?", rowRevoked).Exec(ctx)
	if err != nil {
		return fmt.Errorf("delete agent %s: %w", row.ID, err)
	}
	if n, err := res.RowsAffected(); err == nil && n == 0 {
		return errs.New(errs.NotFound, "agent %s is deleted already", row.Instance)
	}
	f.opts.Audit(ctx, "agent.delete", string(row.ID), map[string]any{"instance": row.Instance, "hostname": row.Hostname})
	return nil
}
