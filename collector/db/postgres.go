package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

const postgresConns = 16

// openPostgres opens a pool of connections.
func openPostgres(ctx context.Context, o Options, logger *slog.Logger, m *metrics) (_ *DB, err error) {
	cfg, err := pgx.ParseConfig(o.URL)
	if err != nil {
		return nil, fmt.Errorf("parse database URL: %w", err)
	}
	// bun writes values into the statement, so preparing and caching statements by their text would only cost.
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "picket-collector"
	}
	pool := stdlib.OpenDB(*cfg)
	defer func() {
		if err != nil {
			err = errors.Join(err, pool.Close())
		}
	}()
	n := o.MaxConns
	if n <= 0 {
		n = postgresConns
	}
	n = max(n, 2)
	pool.SetMaxOpenConns(n)
	pool.SetMaxIdleConns(n)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	if err := migrate(ctx, goose.DialectPostgres, pool, logger, goose.WithSessionLocker(migrationLock{})); err != nil {
		return nil, err
	}
	b := bun.NewDB(pool, pgdialect.New(), bun.WithConnResolver(router{}))
	return &DB{DB: b, logger: logger, metrics: m}, nil
}

// migrationLock is the advisory lock that a migrating process holds while others wait. PostgreSQL frees it when the
// connection ends. Goose's own locker asks again and again instead of waiting.
type migrationLock struct{}

// migrationLockID has no meaning.
const migrationLockID = 0x7069636b6574

// SessionLock implements lock.SessionLocker of goose.
func (migrationLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", migrationLockID); err != nil {
		return fmt.Errorf("wait for another process's migration: %w", err)
	}
	return nil
}

// SessionUnlock implements lock.SessionLocker of goose.
func (migrationLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", migrationLockID); err != nil {
		return fmt.Errorf("free the migration lock: %w", err)
	}
	return nil
}
