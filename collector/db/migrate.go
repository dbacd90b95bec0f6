package db

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/pressly/goose/v3"
)

// migrations holds one numbered sequence per dialect; both make the same schema, which a test compares.
//
//go:embed migrations/sqlite/*.sql migrations/postgres/*.sql
var migrations embed.FS

// migrate brings the schema up to date, each migration in its own transaction. It refuses a schema newer than it knows.
func migrate(ctx context.Context, d goose.Dialect, pool *sql.DB, logger *slog.Logger, opts ...goose.ProviderOption) error {
	folder := "migrations/sqlite"
	if d == goose.DialectPostgres {
		folder = "migrations/postgres"
	}
	files, err := fs.Sub(migrations, folder)
	if err != nil {
		return fmt.Errorf("find migrations: %w", err)
	}
	opts = append(opts, goose.WithTableName("schema_versions"), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	p, err := goose.NewProvider(d, pool, files, opts...)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	results, err := p.Up(ctx)
	if err != nil {
		return fmt.Errorf("migrate database: %w", err)
	}
	for _, r := range results {
		logger.Info("migrated database", "version", r.Source.Version, "duration", r.Duration)
	}
	current, known, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if current > known {
		return fmt.Errorf("the database has schema version %d, this program knows %d: run the newer program", current, known)
	}
	return nil
}
