package db

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/internal/errs"
)

// Bounds on the repetition of a transaction.
const (
	maxAttempts = 10
	retryBase   = 4 * time.Millisecond
	retryCap    = 500 * time.Millisecond
	retryFor    = 30 * time.Second
)

type txKey struct{}

func txFrom(ctx context.Context) (bun.Tx, bool) {
	tx, ok := ctx.Value(txKey{}).(bun.Tx)
	return tx, ok
}

// InTx runs fn in a transaction that is serializable on both databases: it commits when fn returns nil and rolls back on an
// error or panic. When the database says that others were in the way fn runs again, so it must have no effect outside tx
// before it returns; after 10 attempts or 30 s the error is of kind errs.Unavailable.
//
// Within fn use tx, or DB with fn's ctx, which is the same transaction. InTx inside fn joins the outer transaction: only the
// outermost commits. fn must not hand its ctx to a goroutine that outlives it. SQLite has one writer: do nothing slow in fn.
// On PostgreSQL a statement that fails ends the transaction, so fn cannot go on after IsUnique: let it say ON CONFLICT.
func (d *DB) InTx(ctx context.Context, fn func(ctx context.Context, tx bun.Tx) error) error {
	return d.inTx(ctx, sql.LevelSerializable, fn)
}

// InTxReadCommitted is InTx without serializability on PostgreSQL, for busy paths such as ingest whose statements are each
// right by themselves (insert … on conflict, update by key). On SQLite it is the same as InTx.
func (d *DB) InTxReadCommitted(ctx context.Context, fn func(ctx context.Context, tx bun.Tx) error) error {
	return d.inTx(ctx, sql.LevelReadCommitted, fn)
}

func (d *DB) inTx(ctx context.Context, level sql.IsolationLevel, fn func(context.Context, bun.Tx) error) error {
	if tx, ok := txFrom(ctx); ok {
		return fn(ctx, tx)
	}
	start := time.Now()
	defer func() { d.metrics.txSeconds.Observe(time.Since(start).Seconds()) }()
	for attempt := 1; ; attempt++ {
		err := d.tryTx(ctx, level, fn)
		if err == nil || !isBusy(err) {
			return err
		}
		if attempt == maxAttempts || time.Since(start) > retryFor {
			return errs.Wrap(errs.Unavailable, fmt.Errorf("give up transaction after %d attempts: %w", attempt, err), "the database is busy, try again")
		}
		d.metrics.txRetries.Inc()
		if err := sleep(ctx, rand.N(min(retryBase<<attempt, retryCap))); err != nil {
			return err
		}
	}
}

func (d *DB) tryTx(ctx context.Context, level sql.IsolationLevel, fn func(context.Context, bun.Tx) error) error {
	tx, err := d.BeginTx(ctx, &sql.TxOptions{Isolation: level})
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	// After a commit this does nothing; it matters for errors and panics.
	defer func() { _ = tx.Rollback() }()
	if err := fn(context.WithValue(ctx, txKey{}, tx), tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit transaction: %w", err)
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
