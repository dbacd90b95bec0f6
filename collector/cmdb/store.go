// Package cmdb keeps items and their relations: it decides which item a report means (identification), whose word counts on each
// attribute (reconciliation), and what changed when. In go payloads of many sources, in any order and several times; out come
// items, relations, their history, and sets of duplicates. What kinds of items there are stands in cmdb/class. It collects nothing and
// knows neither agents nor HTTP.
//
//	payload ──> prepare ──> identify ──> apply ──> relate ──> flush
//	            canonical    sys_id,      claims    parent,    items, claims, keys,
//	            values       native key,  settle    child,     relations, history
//	                         entries      bridge    type
//
// An item's values are a function of its claims, which hold what each source said last and when. So the outcome does not depend on the
// order of reports, and a merge of two items can be undone.
package cmdb

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/picketmon/picket/collector/cmdb/class"
	"github.com/picketmon/picket/collector/db"
)

// Options say what a Store works on.
type Options struct {
	DB     *db.DB
	Model  *class.Model
	Logger *slog.Logger
	// Registerer takes the package's own metrics; nil keeps them private.
	Registerer prometheus.Registerer
	// Now is the clock; nil means the present.
	Now func() time.Time
}

// Store is the CMDB. It is safe for concurrent use.
type Store struct {
	db      *db.DB
	model   *class.Model
	logger  *slog.Logger
	metrics *metrics
	now     func() time.Time
	writing sync.Mutex
	graph   *graph // nil until it is asked for; guarded by writing
}

// New returns a Store.
func New(o Options) (*Store, error) {
	if o.DB == nil || o.Model == nil || o.Logger == nil {
		return nil, errors.New("open CMDB: DB, Model or Logger is missing")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Store{db: o.DB, model: o.Model, logger: o.Logger.With("component", "cmdb"), metrics: newMetrics(o.Registerer), now: o.Now}, nil
}

// Model returns the classes and rules.
func (s *Store) Model() *class.Model { return s.model }
