package access

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/picketmon/picket/internal/errs"
)

// unmatched is the route label of requests that met no route, so that strangers cannot make labels.
const unmatched = "none"

// statusClientGone is what metrics count when the client went away first; nobody reads the answer.
const statusClientGone = 499

// route is one mounted handler.
type route struct {
	*table
	settings
	name    string
	handler http.Handler
	roles   []Role
	public  bool
	seconds prometheus.Observer
}

// ServeHTTP serves a request to the route its pattern matches, or answers 404 or 405.
func (r *Router) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	x := &exchange{ResponseWriter: w, request: req, table: r.table}
	secureHeaders(w.Header())
	start := time.Now()
	defer x.end(start)
	r.mux.ServeHTTP(x, req)
}

func secureHeaders(h http.Header) {
	h["X-Content-Type-Options"] = []string{"nosniff"}
	h["X-Frame-Options"] = []string{"DENY"}
	h["Referrer-Policy"] = []string{"same-origin"}
	h["Cross-Origin-Opener-Policy"] = []string{"same-origin"}
	// Both are for answers of an API; a handler that serves pages sets its own.
	h["Content-Security-Policy"] = []string{"default-src 'none'; frame-ancestors 'none'"}
	h["Cache-Control"] = []string{"no-store"}
}

// ServeHTTP admits the request or refuses it.
func (rt *route) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	x := w.(*exchange)
	x.route = rt
	p, err := rt.admit(req)
	if err != nil {
		WriteError(x, req, err)
		return
	}
	if req.ContentLength > rt.maxBody {
		// The body stays unread, so the connection cannot be used again.
		x.Header().Set("Connection", "close")
		WriteError(x, req, &http.MaxBytesError{Limit: rt.maxBody})
		return
	}
	ctx := With(req.Context(), p)
	if rt.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, rt.timeout, errs.New(errs.Unavailable, "the request took longer than %s", rt.timeout))
		defer cancel()
	}
	req = req.WithContext(ctx)
	if req.Body != nil && req.Body != http.NoBody {
		req.Body = http.MaxBytesReader(x, req.Body, rt.maxBody)
	}
	rt.handler.ServeHTTP(x, req)
}

// admit returns the principal of a request that may pass.
func (rt *route) admit(req *http.Request) (Principal, error) {
	p, used := Principal{Kind: KindAnonymous}, schemeNone
	if rt.public {
		p.RemoteAddr = rt.guard.RemoteAddr(req)
	} else {
		var err error
		if p, used, err = rt.guard.authenticate(req, true); err != nil {
			return p, err
		}
		if p.Kind == KindAnonymous {
			return p, errs.New(errs.Unauthenticated, "log in first")
		}
	}
	// Browsers send cookies and Basic passwords with requests that other sites cause; a Bearer header they do not.
	if used != schemeBearer {
		if err := rt.origins.Check(req); err != nil {
			return p, errs.Wrap(errs.Denied, err, "the request comes from another site")
		}
	}
	if !rt.public && !p.Allows(rt.roles...) {
		return p, errs.New(errs.Denied, "this needs the role %s", joinRoles(rt.roles))
	}
	return p, nil
}

func joinRoles(roles []Role) string {
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return strings.Join(names, " or ")
}

// exchange is the ResponseWriter of a request: it knows the route and what was answered, and turns what http.ServeMux says
// about requests without route into JSON.
type exchange struct {
	http.ResponseWriter
	request *http.Request
	table   *table
	route   *route
	status  int
	drop    bool // the body that follows is ServeMux's text
}

// WriteHeader implements http.ResponseWriter.
func (x *exchange) WriteHeader(status int) {
	if x.status != 0 {
		x.ResponseWriter.WriteHeader(status) // net/http logs the second call
		return
	}
	if status == http.StatusNotFound && x.isRest() {
		x.Header().Del("Content-Type") // ServeMux's
		x.table.rest.ServeHTTP(x, x.request)
		x.drop = true
		return
	}
	if status >= 200 || status == http.StatusSwitchingProtocols {
		x.status = status
	}
	if x.route == nil && (status == http.StatusNotFound || status == http.StatusMethodNotAllowed) {
		x.drop = true
		err := errs.New(errs.NotFound, "there is nothing at %s", x.request.URL.Path)
		if status == http.StatusMethodNotAllowed {
			err = errs.New(errs.Invalid, "method %s is not allowed here", x.request.Method)
		}
		JSONErrors(x.ResponseWriter, x.request, status, err)
		return
	}
	x.ResponseWriter.WriteHeader(status)
}

// isRest reports whether Router.Rest's handler answers what no route does.
func (x *exchange) isRest() bool {
	return x.route == nil && x.table.rest != nil && (x.request.Method == http.MethodGet || x.request.Method == http.MethodHead)
}

// Write implements http.ResponseWriter.
func (x *exchange) Write(b []byte) (int, error) {
	if x.drop {
		return len(b), nil
	}
	if x.status == 0 {
		x.status = http.StatusOK
	}
	return x.ResponseWriter.Write(b)
}

// Flush implements http.Flusher.
func (x *exchange) Flush() { _ = x.FlushError() }

// FlushError is Flush for http.ResponseController, which hands the error on.
func (x *exchange) FlushError() error {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	return http.NewResponseController(x.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController reach the connection.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// end contains a panic and counts the request.
func (x *exchange) end(start time.Time) {
	v := recover()
	if err, ok := v.(error); v != nil && (!ok || !errors.Is(err, http.ErrAbortHandler)) {
		x.table.metrics.panics.Inc()
		x.table.logger.Error("handler panicked", "route", x.name(), "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		if x.status == 0 {
			x.errorWriter()(x, x.request, http.StatusInternalServerError, errs.New(errs.Internal, "panic"))
			v = nil
		} else {
			v = http.ErrAbortHandler // half an answer must not look like a whole one
		}
	}
	code := x.status
	switch {
	case code != 0:
	case x.request.Context().Err() != nil:
		code = statusClientGone
	default:
		code = http.StatusOK
	}
	x.table.metrics.requests.WithLabelValues(x.name(), strconv.Itoa(code)).Inc()
	if x.route != nil {
		x.route.seconds.Observe(time.Since(start).Seconds())
	}
	if v != nil {
		panic(v)
	}
}

func (x *exchange) name() string {
	if x.route == nil {
		return unmatched
	}
	return x.route.name
}

func (x *exchange) errorWriter() ErrorWriter {
	if x.route == nil {
		return JSONErrors
	}
	return x.route.errors
}
