package access

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Defaults of routes.
const (
	DefaultMaxBody = 10 << 20
	DefaultTimeout = 2 * time.Minute
)

// RouterOptions are what a Router needs.
type RouterOptions struct {
	// Guard and Logger are required.
	Guard  *Guard
	Logger *slog.Logger
	// VerifyAgent returns the agent behind a gRPC call, from the client certificate in its context. Without it a call needs
	// a certificate chain that TLS verified, and the principal is its subject's common name.
	VerifyAgent func(ctx context.Context) (Principal, error)
	// TrustedOrigins may send unsafe requests from browsers beside our own origin: "https://host:port".
	TrustedOrigins []string
	// Registerer takes the metrics of requests; nil keeps them private.
	Registerer prometheus.Registerer
}

// RouteInfo is one row of the table of routes.
type RouteInfo struct {
	Method  string // HTTP method, or "gRPC"
	Pattern string // of http.ServeMux, or the full gRPC method
	Roles   Roles  // one of them is enough
}

// Router serves what was mounted, to those who may. Mount everything before serving.
type Router struct {
	*table
	settings settings
}

// table is what all views of a Router share.
type table struct {
	guard       *Guard
	logger      *slog.Logger
	metrics     *routerMetrics
	verifyAgent func(context.Context) (Principal, error)
	origins     *http.CrossOriginProtection
	mux         *http.ServeMux
	rest        *route // nil for none

	mu   sync.RWMutex
	rows []RouteInfo
	grpc map[string]Roles
}

// settings of a route.
type settings struct {
	errors  ErrorWriter
	maxBody int64
	timeout time.Duration
}

// RouteOption changes how routes are served. See Router.With.
type RouteOption func(*settings)

// Errors lets w write the refusals and errors of a route.
func Errors(w ErrorWriter) RouteOption { return func(s *settings) { s.errors = w } }

// MaxBody bounds the request body to n bytes; more is answered with 413.
func MaxBody(n int64) RouteOption { return func(s *settings) { s.maxBody = n } }

// Timeout ends the request's context after d; 0 means never.
func Timeout(d time.Duration) RouteOption { return func(s *settings) { s.timeout = d } }

// NewRouter returns a Router without routes.
func NewRouter(o RouterOptions) (*Router, error) {
	if o.Guard == nil || o.Logger == nil {
		return nil, errors.New("access: RouterOptions.Guard or RouterOptions.Logger is missing")
	}
	t := &table{
		guard:       o.Guard,
		logger:      o.Logger.With("component", "http"),
		metrics:     newRouterMetrics(o.Registerer),
		verifyAgent: o.VerifyAgent,
		origins:     http.NewCrossOriginProtection(),
		mux:         http.NewServeMux(),
		grpc:        map[string]Roles{},
	}
	if t.verifyAgent == nil {
		t.verifyAgent = certificatePrincipal
	}
	for _, origin := range o.TrustedOrigins {
		if err := t.origins.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("trusted origin: %w", err)
		}
	}
	return &Router{table: t, settings: settings{errors: JSONErrors, maxBody: DefaultMaxBody, timeout: DefaultTimeout}}, nil
}

// With returns a view of the same router whose Route mounts with these options.
func (r *Router) With(options ...RouteOption) *Router {
	view := &Router{table: r.table, settings: r.settings}
	for _, o := range options {
		o(&view.settings)
	}
	return view
}

// Route mounts h at the pattern of http.ServeMux (without method or host) for principals with one of the roles, or for
// everybody with the single role Public. It is the only way to mount a handler, and it panics on wiring that makes no sense:
// no roles, roles that are none, a pattern that is taken.
func (r *Router) Route(method, pattern string, h http.Handler, roles ...Role) {
	name := method + " " + pattern
	switch {
	case h == nil:
		panic("access: route " + name + " has no handler")
	case method == "" || method != strings.ToUpper(method) || !strings.HasPrefix(pattern, "/"):
		panic("access: route " + name + " needs a method in capitals and a pattern that begins with /")
	case len(roles) == 0:
		panic("access: route " + name + " has no roles")
	case slices.Contains(roles, Public) && len(roles) > 1:
		panic("access: route " + name + " is public and asks for roles")
	}
	for _, role := range roles {
		if role != Public && !slices.Contains(userRoles, role) {
			panic("access: route " + name + " asks for " + string(role) + ", which no HTTP request has")
		}
	}
	r.mux.Handle(name, r.route(name, h, roles))
	r.add(RouteInfo{Method: method, Pattern: pattern, Roles: slices.Clone(Roles(roles))})
}

// Rest lets h answer the GET and HEAD requests for which there is no path in the table: pages, and what belongs to them, which
// hold no data and are for everybody. A path that other methods know stays 405. It panics when it is called twice.
func (r *Router) Rest(h http.Handler) {
	if h == nil || r.rest != nil {
		panic("access: there must be one handler for the rest")
	}
	r.rest = r.route(http.MethodGet+" /", h, []Role{Public})
	r.add(RouteInfo{Method: http.MethodGet, Pattern: "/", Roles: Roles{Public}})
}

func (r *Router) route(name string, h http.Handler, roles []Role) *route {
	return &route{
		table: r.table, settings: r.settings, name: name, handler: h, roles: roles, public: roles[0] == Public,
		seconds: r.metrics.seconds.WithLabelValues(name),
	}
}

func (t *table) add(row RouteInfo) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows = append(t.rows, row)
}

// Routes returns the table of all routes and gRPC methods, by pattern and method.
func (t *table) Routes() []RouteInfo {
	t.mu.RLock()
	defer t.mu.RUnlock()
	rows := slices.Clone(t.rows)
	slices.SortFunc(rows, func(a, b RouteInfo) int {
		return cmp.Or(cmp.Compare(a.Pattern, b.Pattern), cmp.Compare(a.Method, b.Method))
	})
	return rows
}
