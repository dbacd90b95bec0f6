package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

const (
	sqliteFile    = "picket.db"
	sqliteReaders = 4
)

// openSQLite opens one writing connection, whose transactions are immediate, and a pool of connections that cannot write.
func openSQLite(ctx context.Context, o Options, logger *slog.Logger, m *metrics) (_ *DB, err error) {
	dir, err := filepath.Abs(o.DataDir)
	if err != nil {
		return nil, fmt.Errorf("find data folder %s: %w", o.DataDir, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	path := filepath.Join(dir, sqliteFile)
	if err := touchPrivate(path); err != nil {
		return nil, err
	}
	writer, err := sql.Open("sqlite", sqliteDSN(path, url.Values{
		"_txlock":       {"immediate"},
		"_journal_mode": {"WAL"},
		// With NORMAL a commit survives kill -9 but waits for no disk; walSync flushes each second, so that power loss
		// costs one second at most.
		"_synchronous": {"NORMAL"},
		"_pragma":      {"journal_size_limit(67108864)"},
	}))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, writer.Close())
		}
	}()
	writer.SetMaxOpenConns(1)
	if err := migrateSQLite(ctx, writer, dir, logger); err != nil {
		return nil, err
	}
	readers, err := sql.Open("sqlite", sqliteDSN(path, url.Values{"_query_only": {"1"}}))
	if err != nil {
		return nil, fmt.Errorf("open %s for reading: %w", path, err)
	}
	n := o.MaxConns
	if n <= 0 {
		n = sqliteReaders
	}
	readers.SetMaxOpenConns(n)
	readers.SetMaxIdleConns(n)
	b := bun.NewDB(writer, sqlitedialect.New(), bun.WithConnResolver(router{readers: readers}))
	return &DB{DB: b, logger: logger, metrics: m, readers: readers, sync: startWALSync(path, time.Second, logger)}, nil
}

// sqliteDSN returns the address of the file at path with settings every connection has, and more.
func sqliteDSN(path string, more url.Values) string {
	q := url.Values{"_busy_timeout": {"10000"}, "_foreign_keys": {"1"}, "_dqs": {"0"}}
	maps.Copy(q, more)
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: q.Encode()}).String()
}

// migrateSQLite runs migrations while no other process does. The lock is an exclusive transaction on a file beside the
// database, because a lock on the database itself would have to span the migrations' own transactions.
func migrateSQLite(ctx context.Context, writer *sql.DB, dir string, logger *slog.Logger) (err error) {
	path := filepath.Join(dir, "migrate.lock")
	if err := touchPrivate(path); err != nil {
		return err
	}
	lock, err := sql.Open("sqlite", sqliteDSN(path, url.Values{"_txlock": {"exclusive"}, "_busy_timeout": {"60000"}}))
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	tx, err := lock.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("wait for another process's migration (%s): %w", path, err)
	}
	defer func() { _ = tx.Rollback() }()
	return migrate(ctx, goose.DialectSQLite3, writer, logger)
}

// touchPrivate makes the file at path when absent, readable by its owner only. SQLite gives its side files the same mode.
func touchPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	return f.Close()
}
