// Package api is the collector's own REST API under /api/v1, described by /api/openapi.json (OpenAPI 3.1).
//
//	request ─> access.Router ─> adapter ─> huma: decode, validate ─> noun's handler ─> access, fleet, event
//	           roles, limits    errors of all kinds leave through access.WriteError
//
// One file per noun holds its wire types and its operations. In come requests whose principal the router has found; out go
// JSON, and changes through the nouns' own stores, which audit them. The package keeps nothing, decides no rights beyond the
// roles it names at each operation, and knows no SQL.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/cmdb"
	"github.com/picketmon/picket/collector/event"
	"github.com/picketmon/picket/collector/fleet"
	"github.com/picketmon/picket/collector/live"
)

// Options are what the API serves from. All but Storage and PingEvery are required.
type Options struct {
	Access *access.Store
	Guard  *access.Guard
	Fleet  *fleet.Fleet
	Events *event.Store
	CMDB   *cmdb.Store
	Names  NameFinder
	// Import stores texts of at most ImportMaxBytes, packed or not.
	Import         ImportFunc
	ImportMaxBytes int64
	// Live is where changes are told, PingEvery how often its streams are looked after; default 15 s.
	Live      *live.Hub
	PingEvery time.Duration
	// Version is the collector's, Started the time it began.
	Version string
	Started time.Time
	// AgentAddresses are where agents connect, host:port; enrolment tokens carry them unless they are made with others.
	AgentAddresses []string
	// Storage returns what the stores hold; nil leaves it out of the status.
	Storage func(context.Context) (Storage, error)
	// InTx runs fn in one transaction of the database: what the nouns do with fn's context happens as a whole or not at all.
	InTx func(ctx context.Context, fn func(ctx context.Context) error) error
}

func (o Options) check() error {
	for name, missing := range map[string]bool{
		"Access": o.Access == nil, "Guard": o.Guard == nil, "Fleet": o.Fleet == nil, "Events": o.Events == nil, "CMDB": o.CMDB == nil, "Live": o.Live == nil, "Names": o.Names == nil,
		"Import": o.Import == nil, "ImportMaxBytes": o.ImportMaxBytes <= 0,
		"Version": o.Version == "", "Started": o.Started.IsZero(), "AgentAddresses": len(o.AgentAddresses) == 0, "InTx": o.InTx == nil,
	} {
		if missing {
			return errors.New("mount API: Options." + name + " is missing")
		}
	}
	return nil
}

// maxBody is the largest request body: all of them are small objects.
const maxBody = 64 << 10

// api is the API while it is mounted and its handlers' receiver.
type api struct {
	Options
	huma huma.API
	// requests are the names of the schemas of request bodies.
	requests map[string]bool
	// failed is how every operation may fail, for the description.
	failed *huma.Response
}

// Mount mounts every operation and the description on r. It panics on an operation without roles, like access.Router.Route.
func Mount(r *access.Router, o Options) error {
	if err := o.check(); err != nil {
		return err
	}
	r = r.With(access.MaxBody(maxBody), access.Errors(access.JSONErrors))
	a := &api{Options: o, huma: huma.NewAPI(humaConfig(o.Version), adapter{r}), requests: map[string]bool{}}
	a.failed = &huma.Response{
		Description: "What went wrong; the status follows from its kind",
		Content: map[string]*huma.MediaType{"application/json": {
			Schema: a.schemaOf(failureBody{}),
		}},
	}
	a.mountSessions()
	a.mountUsers()
	a.mountAPITokens()
	a.mountAuditLog()
	a.mountAgents()
	a.mountResults()
	a.mountGaps()
	a.mountEnrollTokens()
	a.mountMetricNames()
	a.mountImports()
	a.mountClasses()
	a.mountItems()
	a.mountRelations()
	a.mountIdentify()
	a.mountItemImport()
	a.mountDuplicates()
	a.mountStatus()
	a.mountLive()
	return a.mountDescription(r)
}

// mountDescription serves the description. It holds nothing that is not in the program's source.
func (a *api) mountDescription(r *access.Router) error {
	schemas := a.huma.OpenAPI().Components.Schemas.Map()
	for _, unused := range []string{"ErrorModel", "ErrorDetail"} { // huma's own form of errors, which never leaves
		delete(schemas, unused)
	}
	for name, s := range schemas {
		if !a.requests[name] && s.AdditionalProperties == false {
			s.AdditionalProperties = nil // answers may get fields; clients must not stumble over them
		}
	}
	text, err := json.Marshal(a.huma.OpenAPI())
	if err != nil {
		return fmt.Errorf("describe API: %w", err)
	}
	text = append(text, '\n')
	r.Route(http.MethodGet, "/api/openapi.json", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(text) // whoever asked has gone away otherwise
	}), access.Public)
	return nil
}
