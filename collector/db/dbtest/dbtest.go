// Package dbtest gives tests databases with the present schema: a fresh SQLite file, and a fresh database in a PostgreSQL
// server that it starts itself, once per test binary, with its own data folder and socket. It needs Debian's PostgreSQL
// binaries (or those named by PICKET_TEST_POSTGRES_BIN); without them a test is skipped, or fails when
// PICKET_TEST_SERVERS=1. Only tests import it.
package dbtest

import (
	"context"
	"log/slog"
	"testing"

	"github.com/picketmon/picket/collector/db"
)

// Open returns a fresh SQLite database in t.TempDir, closed when t ends.
func Open(t testing.TB) *db.DB {
	t.Helper()
	return open(t, db.Options{DataDir: t.TempDir()})
}

// OpenPostgres returns a fresh PostgreSQL database, dropped when t ends. It skips or fails t without a server.
func OpenPostgres(t testing.TB) *db.DB {
	t.Helper()
	s := running(t)
	if err := migrated(); err != nil {
		t.Fatal(err)
	}
	return open(t, db.Options{URL: s.create(t, "migrated")})
}

// Each runs fn as subtests "sqlite" and "postgres", each with a fresh database.
func Each(t *testing.T, fn func(t *testing.T, d *db.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, Open(t)) })
	t.Run("postgres", func(t *testing.T) { fn(t, OpenPostgres(t)) })
}

// EachOptions is Each for tests that open the database themselves, maybe several times.
func EachOptions(t *testing.T, fn func(t *testing.T, o db.Options)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, db.Options{DataDir: t.TempDir(), Logger: logger(t)}) })
	t.Run("postgres", func(t *testing.T) { fn(t, db.Options{URL: PostgresURL(t), Logger: logger(t)}) })
}

func open(t testing.TB, o db.Options) *db.DB {
	t.Helper()
	o.Logger = logger(t)
	d, err := db.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close database: %v", err)
		}
	})
	return d
}

func logger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}
