package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/internal/errs"
)

// bodyTimeout is how long a client may take to send a request body.
const bodyTimeout = 20 * time.Second

// adapter lets huma mount through the table of routes and nowhere else.
type adapter struct{ router *access.Router }

// Handle implements huma.Adapter. It panics when the operation's metadata names no roles.
func (a adapter) Handle(op *huma.Operation, handler func(huma.Context)) {
	roles, _ := op.Metadata[rolesKey].([]access.Role)
	router := a.router
	if op.Metadata[streamKey] == true {
		router = router.With(access.Timeout(0))
	}
	upload, _ := op.Metadata[uploadKey].(*upload)
	if upload != nil {
		router = router.With(access.Timeout(0), access.MaxBody(upload.limit))
	}
	if limit, _ := op.Metadata[limitKey].(int64); limit > 0 {
		router = router.With(access.MaxBody(limit))
	}
	router.Route(op.Method, op.Path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{w: w}
		x.r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
		x.humaContext = humago.NewContext(op, x.r, w)
		if op.RequestBody != nil && upload == nil {
			x.err = x.readBody(op)
		}
		if x.err == nil {
			handler(x)
		}
		if x.err != nil {
			access.WriteError(w, r, x.err)
		}
	}), roles...)
}

// ServeHTTP implements huma.Adapter.
func (a adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.router.ServeHTTP(w, r) }

type exchangeKey struct{}

type humaContext huma.Context

// exchange is one request and its answer. An error is kept until huma is done, because access writes errors.
type exchange struct {
	humaContext
	w      http.ResponseWriter
	r      *http.Request
	err    error
	status int
}

// exchangeOf returns the exchange that a handler works for.
func exchangeOf(ctx context.Context) *exchange { return ctx.Value(exchangeKey{}).(*exchange) }

// SetStatus implements huma.Context.
func (x *exchange) SetStatus(code int) {
	if x.err == nil && x.status == 0 {
		x.status = code
		x.humaContext.SetStatus(code)
	}
}

// Header implements huma.Context. There is one form of answers, so what the client accepts is not asked.
func (x *exchange) Header(name string) string {
	if name == "Accept" {
		return ""
	}
	return x.humaContext.Header(name)
}

// BodyWriter implements huma.Context.
func (x *exchange) BodyWriter() io.Writer {
	if x.err != nil {
		return io.Discard
	}
	return x.w
}

// readBody reads the body in bounded time; the router bounds its size. The time limit ends with the body: left in place it
// would cut off a handler that takes long.
func (x *exchange) readBody(op *huma.Operation) error {
	deadline := http.NewResponseController(x.w)
	_ = deadline.SetReadDeadline(time.Now().Add(bodyTimeout)) // a writer of tests has none
	body, err := io.ReadAll(x.r.Body)
	_ = deadline.SetReadDeadline(time.Time{})
	if err != nil {
		if access.Status(err) == http.StatusRequestEntityTooLarge {
			return err
		}
		return errs.Wrap(errs.Invalid, err, "the request body did not arrive whole")
	}
	x.r.Body = io.NopCloser(bytes.NewReader(body))
	return checkKeys(body, op)
}

// checkKeys refuses keys that JSON decoders disagree about: one given twice, or one that differs from a field by case only.
// All else that can be wrong with a body is huma's to tell.
func checkKeys(body []byte, op *huma.Operation) error {
	var p errs.Problems
	seen := map[string]string{}
	for _, key := range topKeys(body) {
		folded := strings.ToLower(key)
		if _, ok := seen[folded]; ok {
			p.Add(key, "is given twice")
		}
		seen[folded] = key
	}
	for _, field := range op.Metadata[fieldsKey].([]string) {
		if given, ok := seen[field]; ok && given != field {
			p.Add(given, "unexpected property, there is %s", field)
		}
	}
	return p.Err()
}

// topKeys returns the keys of the object that body begins with, as far as it is well-formed.
func topKeys(body []byte) (keys []string) {
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	for d.More() {
		t, err := d.Token()
		key, ok := t.(string)
		if err != nil || !ok {
			return keys
		}
		keys = append(keys, key)
		var skipped json.RawMessage
		if d.Decode(&skipped) != nil {
			return keys
		}
	}
	return keys
}
