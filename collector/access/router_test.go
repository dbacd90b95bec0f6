package access_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
	"github.com/picketmon/picket/internal/errs"
)

// house is a router with its store on a fresh database.
type house struct {
	*access.Router
	store *access.Store
	guard *access.Guard
	reg   *prometheus.Registry
	db    *db.DB
}

func newHouse(t testing.TB) *house {
	t.Helper()
	d := dbtest.Open(t)
	s := newStore(t, d)
	h := &house{store: s, guard: newGuard(t, s), reg: prometheus.NewRegistry(), db: d}
	var err error
	h.Router, err = access.NewRouter(access.RouterOptions{
		Guard: h.guard, Logger: slog.New(slog.DiscardHandler), Registerer: h.reg, TrustedOrigins: []string{"https://ui.example:8443"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) do(r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func request(method, path string, change ...func(*http.Request)) *http.Request {
	r := httptest.NewRequest(method, path, nil)
	for _, c := range change {
		c(r)
	}
	return r
}

func bearer(secret string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+secret) }
}

func basic(name, password string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(name, password) }
}

func cookie(secret string) func(*http.Request) {
	return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: access.SessionCookie, Value: secret}) }
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// whoami answers with the principal, so that a test sees who the router let in.
func whoami(w http.ResponseWriter, r *http.Request) {
	p := access.From(r.Context())
	fmt.Fprintf(w, "%s %s %s", p.Kind, p.Name, p.RemoteAddr)
}

func TestMatrixOfRolesAndRoutes(t *testing.T) {
	may := map[access.Role][]access.Role{ // role of the user -> roles of the routes that let it in
		access.Viewer:      {access.Viewer},
		access.Operator:    {access.Operator, access.Viewer},
		access.ServiceDesk: {access.ServiceDesk, access.Viewer},
		access.CheckAuthor: {access.CheckAuthor, access.Viewer},
		access.Admin:       {access.Viewer, access.Operator, access.ServiceDesk, access.CheckAuthor, access.Admin},
	}
	h := newHouse(t)
	for _, role := range append(access.UserRoles(), access.Public) {
		h.Route("GET", "/"+string(role), http.HandlerFunc(whoami), role)
		h.Route("POST", "/"+string(role), http.HandlerFunc(whoami), role)
	}
	check := func(who, method string, route access.Role, want int, change ...func(*http.Request)) {
		t.Helper()
		if got := h.do(request(method, "/"+string(route), change...)).StatusCode; got != want {
			t.Errorf("%s: %s /%s: %d, want %d", who, method, route, got, want)
		}
	}
	for _, role := range access.UserRoles() {
		name := string(role)
		u := addUser(t, h.store, name, role)
		token, _, err := h.store.CreateToken(as(u), access.NewAPIToken{Name: "t", UserID: u.ID, Roles: access.Roles{role}})
		if err != nil {
			t.Fatal(err)
		}
		session, _, err := h.guard.Login(httptest.NewRequest(http.MethodPost, "/", nil), name, password)
		if err != nil {
			t.Fatal(err)
		}
		for _, route := range access.UserRoles() {
			want := http.StatusForbidden
			if slices.Contains(may[role], route) {
				want = http.StatusOK
			}
			for _, method := range []string{"GET", "POST"} {
				check(name+" by password", method, route, want, basic(name, password))
				check(name+" by token", method, route, want, bearer(token))
				check(name+" by session", method, route, want, bearer(session))
				check(name+" by cookie", method, route, want, cookie(session))
				check("nobody", method, route, http.StatusUnauthorized)
				check("stranger", method, route, http.StatusUnauthorized, bearer("pkt_"+strings.Repeat("A", 43)))
			}
		}
		check(name, "GET", access.Public, http.StatusOK, basic(name, password))
	}
	check("nobody", "POST", access.Public, http.StatusOK)
	if got := body(t, h.do(request("GET", "/public", basic("admin", password)))); got != "anonymous  192.0.2.1" {
		t.Errorf("a public route sees %q", got)
	}
	if got := body(t, h.do(request("GET", "/viewer", basic("admin", password)))); got != "user admin 192.0.2.1" {
		t.Errorf("a route sees %q", got)
	}
}

func TestDenyByDefault(t *testing.T) {
	h := newHouse(t)
	addUser(t, h.store, "root", access.Admin)
	h.Route("GET", "/api/v1/thing/{id}", http.HandlerFunc(whoami), access.Viewer)
	h.Route("PUT", "/api/v1/thing/{id}", http.HandlerFunc(whoami), access.Viewer)
	h.Route("GET", "/tree/", http.HandlerFunc(whoami), access.Viewer)
	for _, path := range []string{"/", "/api", "/api/v1/thing", "/api/v1/thing/", "/api/v1/thing/1/2", "/nothing", "/debug/pprof/", "/%2e%2e/etc"} {
		for _, method := range []string{"GET", "POST", "HEAD", "OPTIONS", "BREW"} {
			r := h.do(request(method, path, basic("root", password)))
			if r.StatusCode != http.StatusNotFound {
				t.Errorf("%s %s: %d", method, path, r.StatusCode)
			}
			checkJSON(t, r, "not_found")
		}
	}
	for _, method := range []string{"POST", "DELETE", "OPTIONS", "TRACE"} {
		r := h.do(request(method, "/api/v1/thing/1"))
		if r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Allow") != "GET, HEAD, PUT" {
			t.Errorf("%s: %d, Allow %q", method, r.StatusCode, r.Header.Get("Allow"))
		}
		checkJSON(t, r, "invalid")
	}
	if r := h.do(request("GET", "/tree", basic("root", password))); r.StatusCode/100 != 3 || r.Header.Get("Location") != "/tree/" {
		t.Errorf("the missing slash: %d %v", r.StatusCode, r.Header)
	}
	if r := h.do(request("GET", "/tree/../api/v1/thing/1")); r.StatusCode == http.StatusOK {
		t.Error("a path with dots passes without login")
	}
}

func checkJSON(t *testing.T, r *http.Response, kind string) {
	t.Helper()
	text := body(t, r)
	var answer struct {
		Error struct {
			Kind, Message string
			Fields        []errs.Field
		}
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.Error.Kind != kind || answer.Error.Message == "" {
		t.Errorf("answer %q, want kind %s (%v)", text, kind, err)
	}
	if got := r.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("content type %q", got)
	}
}

func TestErrorsOfHandlers(t *testing.T) {
	var problems errs.Problems
	problems.Add("name", "is empty")
	for name, tc := range map[string]struct {
		err        error
		status     int
		json       string
		prometheus string
	}{
		"invalid": {
			fmt.Errorf("parse: %w", problems.Err()), 400,
			`{"error":{"kind":"invalid","message":"name: is empty","fields":[{"field":"name","message":"is empty"}]}}`,
			`{"status":"error","errorType":"bad_data","error":"name: is empty"}`,
		},
		"not found":   {errs.New(errs.NotFound, "no x"), 404, `{"error":{"kind":"not_found","message":"no x"}}`, `{"status":"error","errorType":"not_found","error":"no x"}`},
		"conflict":    {errs.New(errs.Conflict, "x"), 409, `{"error":{"kind":"conflict","message":"x"}}`, `{"status":"error","errorType":"conflict","error":"x"}`},
		"denied":      {errs.New(errs.Denied, "x"), 403, `{"error":{"kind":"denied","message":"x"}}`, `{"status":"error","errorType":"forbidden","error":"x"}`},
		"too many":    {errs.New(errs.TooMany, "x"), 429, `{"error":{"kind":"too_many","message":"x"}}`, `{"status":"error","errorType":"too_many","error":"x"}`},
		"unavailable": {errs.Wrap(errs.Unavailable, io.EOF, "x"), 503, `{"error":{"kind":"unavailable","message":"x"}}`, `{"status":"error","errorType":"unavailable","error":"x"}`},
		"internal":    {errors.New("secret"), 500, `{"error":{"kind":"internal","message":"Internal error"}}`, `{"status":"error","errorType":"internal","error":"Internal error"}`},
		"deadline":    {fmt.Errorf("q: %w", context.DeadlineExceeded), 503, `{"error":{"kind":"unavailable","message":"the request took too long"}}`, `{"status":"error","errorType":"unavailable","error":"the request took too long"}`},
		"too large": {
			fmt.Errorf("read: %w", &http.MaxBytesError{Limit: 7}), 413, `{"error":{"kind":"too_large","message":"the request body is larger than 7 bytes"}}`,
			`{"status":"error","errorType":"bad_data","error":"the request body is larger than 7 bytes"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { access.WriteError(wrapped{w}, r, tc.err) })
			h.Route("GET", "/own", handler, access.Public)
			h.With(access.Errors(access.PrometheusErrors)).Route("GET", "/prometheus", handler, access.Public)
			for path, want := range map[string]string{"/own": tc.json, "/prometheus": tc.prometheus} {
				r := h.do(request("GET", path))
				if got := strings.TrimSpace(body(t, r)); got != want || r.StatusCode != tc.status {
					t.Errorf("%s: %d %s\nwant %d %s", path, r.StatusCode, got, tc.status, want)
				}
			}
			w := httptest.NewRecorder() // without a router
			access.WriteError(w, request("GET", "/"), tc.err)
			if got := strings.TrimSpace(w.Body.String()); got != tc.json || w.Code != tc.status {
				t.Errorf("%d %s", w.Code, got)
			}
		})
	}
}

// wrapped is what a compressing middleware does to a ResponseWriter.
type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func TestRefusalsInTheFormOfTheRoute(t *testing.T) {
	h := newHouse(t)
	addUser(t, h.store, "ada", access.Viewer)
	h.With(access.Errors(access.PrometheusErrors)).Route("GET", "/q", http.HandlerFunc(whoami), access.Admin)
	h.Route("GET", "/own", http.HandlerFunc(whoami), access.Admin)
	r := h.do(request("GET", "/q"))
	if got := strings.TrimSpace(body(t, r)); r.StatusCode != http.StatusUnauthorized || got != `{"status":"error","errorType":"unauthorized","error":"log in first"}` {
		t.Errorf("%d %s", r.StatusCode, got)
	}
	if diff := cmp.Diff([]string{`Basic realm="Picket", charset="UTF-8"`, `Bearer realm="Picket"`}, r.Header["Www-Authenticate"]); diff != "" {
		t.Error(diff)
	}
	r = h.do(request("GET", "/q", header("Sec-Fetch-Mode", "cors")))
	if diff := cmp.Diff([]string{`Bearer realm="Picket"`}, r.Header["Www-Authenticate"]); diff != "" {
		t.Errorf("a script: %s", diff)
	}
	r = h.do(request("GET", "/q", basic("ada", password)))
	if got := strings.TrimSpace(body(t, r)); r.StatusCode != http.StatusForbidden || got != `{"status":"error","errorType":"forbidden","error":"this needs the role admin"}` {
		t.Errorf("%d %s", r.StatusCode, got)
	}
	for range 10 {
		h.do(request("GET", "/q", basic("eve", "wrong")))
	}
	r = h.do(request("GET", "/own", basic("eve", "wrong")))
	if r.StatusCode != http.StatusTooManyRequests || r.Header.Get("Retry-After") == "" || r.Header.Get("Retry-After") == "0" {
		t.Errorf("%d, Retry-After %q", r.StatusCode, r.Header.Get("Retry-After"))
	}
	checkJSON(t, r, "too_many")
}

func TestOtherSitesAreRefused(t *testing.T) {
	h := newHouse(t)
	ada := addUser(t, h.store, "ada", access.Viewer)
	h.Route("POST", "/x", http.HandlerFunc(whoami), access.Viewer)
	h.Route("GET", "/x", http.HandlerFunc(whoami), access.Viewer)
	h.Route("POST", "/login", http.HandlerFunc(whoami), access.Public)
	session, _, err := h.guard.Login(httptest.NewRequest(http.MethodPost, "/", nil), "ada", password)
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := h.store.CreateToken(as(ada), access.NewAPIToken{Name: "t", UserID: ada.ID, Roles: access.Roles{access.Viewer}})
	if err != nil {
		t.Fatal(err)
	}
	site := func(v string) func(*http.Request) { return header("Sec-Fetch-Site", v) }
	origin := func(v string) func(*http.Request) { return header("Origin", v) }
	for name, tc := range map[string]struct {
		method, path string
		change       []func(*http.Request)
		want         int
	}{
		"program":             {"POST", "/x", []func(*http.Request){cookie(session)}, 200},
		"same origin":         {"POST", "/x", []func(*http.Request){cookie(session), site("same-origin")}, 200},
		"cross site":          {"POST", "/x", []func(*http.Request){cookie(session), site("cross-site")}, 403},
		"same site":           {"POST", "/x", []func(*http.Request){cookie(session), site("same-site")}, 403},
		"old browser":         {"POST", "/x", []func(*http.Request){cookie(session), origin("https://evil.example")}, 403},
		"old browser at home": {"POST", "/x", []func(*http.Request){cookie(session), origin("http://example.com")}, 200},
		"trusted origin":      {"POST", "/x", []func(*http.Request){cookie(session), site("cross-site"), origin("https://ui.example:8443")}, 200},
		"basic cross site":    {"POST", "/x", []func(*http.Request){basic("ada", password), site("cross-site")}, 403},
		"bearer cross site":   {"POST", "/x", []func(*http.Request){bearer(token), site("cross-site")}, 200},
		"login cross site":    {"POST", "/login", []func(*http.Request){site("cross-site")}, 403},
		"reading cross site":  {"GET", "/x", []func(*http.Request){cookie(session), site("cross-site")}, 200},
		"nobody cross site":   {"POST", "/x", []func(*http.Request){site("cross-site")}, 401},
	} {
		if got := h.do(request(tc.method, tc.path, tc.change...)).StatusCode; got != tc.want {
			t.Errorf("%s: %d, want %d", name, got, tc.want)
		}
	}
}

func TestConcurrentRequestsAndChanges(t *testing.T) {
	h := newHouse(t)
	h.Route("GET", "/x", http.HandlerFunc(whoami), access.Operator)
	ada := addUser(t, h.store, "ada", access.Operator)
	token, _, err := h.store.CreateToken(as(ada), access.NewAPIToken{Name: "t", UserID: ada.ID, Roles: access.Roles{access.Operator}})
	if err != nil {
		t.Fatal(err)
	}
	addUser(t, h.store, "root", access.Admin)
	ctx, cancel := context.WithCancel(t.Context())
	var run, wg sync.WaitGroup
	run.Go(func() { _ = h.guard.Run(ctx) })
	for range 4 {
		wg.Go(func() {
			for range 50 {
				for _, change := range []func(*http.Request){bearer(token), basic("ada", password)} {
					if code := h.do(request("GET", "/x", change)).StatusCode; code != 200 && code != 403 {
						t.Errorf("status %d", code)
					}
				}
			}
		})
	}
	for i := range 20 {
		role := []access.Role{access.Viewer, access.Operator}[i%2]
		if err := h.store.SetRoles(setup(), ada.ID, access.Roles{role}); err != nil {
			t.Error(err)
		}
		// From here on nobody may see the roles before.
		want := []int{403, 200}[i%2]
		if code := h.do(request("GET", "/x", bearer(token))).StatusCode; code != want {
			t.Errorf("change %d: status %d, want %d", i, code, want)
		}
	}
	wg.Wait()
	cancel()
	run.Wait()
}

func TestTimeoutEndsTheContext(t *testing.T) {
	h := newHouse(t)
	wait := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		access.WriteError(w, r, context.Cause(r.Context()))
	})
	h.With(access.Timeout(time.Millisecond)).Route("GET", "/short", wait, access.Public)
	h.With(access.Timeout(0)).Route("GET", "/never", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := r.Context().Deadline(); ok {
			t.Error("there is a deadline")
		}
	}), access.Public)
	r := h.do(request("GET", "/short"))
	if got := strings.TrimSpace(body(t, r)); r.StatusCode != http.StatusServiceUnavailable || got != `{"error":{"kind":"unavailable","message":"the request took longer than 1ms"}}` {
		t.Errorf("%d %s", r.StatusCode, got)
	}
	h.do(request("GET", "/never"))
}
