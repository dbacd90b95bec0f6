// Package db is the one door to rows: SQLite in the data folder, or PostgreSQL when a URL is given. It opens the database,
// brings its schema up to date, runs transactions, and makes ids and times; the questions and answers are in the stores of
// the nouns, written with bun. In go statements of any store, out go rows; it knows no noun.
//
// Rules that hold on both databases: ids are TEXT (NewID), times are BIGINT Unix milliseconds UTC (Now), JSON is kept byte
// for byte, and strings hold no NUL (Text). A SELECT made with bun goes to a reader, everything else to the writer; inside
// InTx everything goes to the transaction, also what is asked of DB with the transaction's context. Text is ordered by bytes on
// SQLite and by the database's collation on PostgreSQL.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
)

// Options say which database to open.
type Options struct {
	// DataDir is the folder of SQLite's file picket.db; it is made when absent. Unused with a URL.
	DataDir string
	// URL is a postgres:// or postgresql:// address; empty means SQLite.
	URL string
	// MaxConns bounds the connections to PostgreSQL and the readers of SQLite. 0 means 16 and 4.
	MaxConns int
	// Logger is required.
	Logger *slog.Logger
	// Registerer takes the package's own metrics; nil keeps them private.
	Registerer prometheus.Registerer
}

// DB is an open database with an up-to-date schema. It is safe for concurrent use.
type DB struct {
	*bun.DB
	logger  *slog.Logger
	metrics *metrics
	readers *sql.DB  // nil on PostgreSQL
	sync    *walSync // nil on PostgreSQL
}

// Open opens the database, creates it when absent and runs pending migrations. Several processes may do so at once. The
// caller must Close it.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Logger == nil {
		return nil, errors.New("open database: Options.Logger is missing")
	}
	logger := o.Logger.With("component", "db")
	m := newMetrics(o.Registerer)
	switch {
	case o.URL == "" && o.DataDir == "":
		return nil, errors.New("open database: neither DataDir nor URL is given")
	case o.URL == "":
		return openSQLite(ctx, o, logger, m)
	case strings.HasPrefix(o.URL, "postgres://"), strings.HasPrefix(o.URL, "postgresql://"):
		return openPostgres(ctx, o, logger, m)
	}
	scheme, _, _ := strings.Cut(o.URL, ":")
	return nil, fmt.Errorf("open database: URL of scheme %q; only postgres:// is known", scheme)
}

// Postgres reports whether the database is PostgreSQL; otherwise it is SQLite.
func (d *DB) Postgres() bool { return d.Dialect().Name() == dialect.PG }

// Close makes what was committed durable and closes all connections. It is safe to call twice.
func (d *DB) Close() error {
	var err error
	if d.sync != nil {
		err = d.sync.stop()
	}
	return errors.Join(err, d.DB.Close())
}

// router sends a query to the transaction of its context, else a SELECT to the readers, else to the writer.
type router struct {
	readers *sql.DB // nil: the writer reads too
}

// ResolveConn implements bun.ConnResolver; nil means the writer.
func (r router) ResolveConn(ctx context.Context, query bun.Query) bun.IConn {
	if tx, ok := txFrom(ctx); ok {
		return tx.Tx
	}
	// A RawQuery calls itself a SELECT whatever it holds, so the type decides.
	if _, ok := query.(*bun.SelectQuery); ok && r.readers != nil {
		return r.readers
	}
	return nil
}

// Close implements bun.ConnResolver.
func (r router) Close() error {
	if r.readers == nil {
		return nil
	}
	return r.readers.Close()
}
