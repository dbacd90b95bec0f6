package db

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

const postgresConns = 16

// migrationLock is the advisory lock that migrating processes hold; the number has no meaning.
const migrationLock = 0x7069636b6574

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
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(migrationLock), lock.WithLockTimeout(1, 300))
	if err != nil {
		return nil, fmt.Errorf("prepare migration lock: %w", err)
	}
	if err := migrate(ctx, goose.DialectPostgres, pool, logger, goose.WithSessionLocker(locker)); err != nil {
		return nil, err
	}
	b := bun.NewDB(pool, pgdialect.New(), bun.WithConnResolver(router{}))
	return &DB{DB: b, logger: logger, metrics: m}, nil
}
