// Package access decides who may do what. Credentials and requests flow in, principals, refusals and audit entries flow out.
//
//	request ──> Router ──> Guard ──────────> Store ──> db
//	            table of   Basic, Bearer,    users, sessions,
//	            routes     cookie; limits    API tokens, audit log
//
// Router is the only place where a handler meets a path: Route demands roles, what is not mounted is 404, and Routes is the
// table that a test walks; gRPC methods have rows in the same table. Guard finds the principal of a request and limits
// guessing. Store keeps users, sessions, login links, API tokens and the audit log, each change with its audit entry in one transaction.
//
// The package does not know what the routes do, and it does not verify agents: package fleet does (RouterOptions.VerifyAgent).
package access

import (
	"errors"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/picketmon/picket/collector/db"
)

// Options are what a Store needs.
type Options struct {
	// DB and Logger are required.
	DB     *db.DB
	Logger *slog.Logger
	// Hash sets the cost of new passwords; the zero value means DefaultHash.
	Hash HashParams
	// Registerer takes the package's own metrics; nil keeps them private.
	Registerer prometheus.Registerer
}

// Store keeps users, sessions, API tokens and the audit log. It is safe for concurrent use. Its errors have the kinds of
// package errs.
type Store struct {
	db      *db.DB
	logger  *slog.Logger
	hasher  *hasher
	metrics *metrics
	lookups lookups
}

// NewStore returns a Store on o.DB.
func NewStore(o Options) (*Store, error) {
	if o.DB == nil || o.Logger == nil {
		return nil, errors.New("access: Options.DB or Options.Logger is missing")
	}
	if o.Hash == (HashParams{}) {
		o.Hash = DefaultHash()
	}
	if err := o.Hash.check(); err != nil {
		return nil, err
	}
	return &Store{
		db:      o.DB,
		logger:  o.Logger.With("component", "access"),
		hasher:  newHasher(o.Hash),
		metrics: newMetrics(o.Registerer),
		lookups: newLookups(o.DB),
	}, nil
}
