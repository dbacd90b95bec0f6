package access_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/db/dbtest"
	"github.com/picketmon/picket/internal/errs"
)

func TestBodyLimit(t *testing.T) {
	h := newHouse(t)
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			access.WriteError(w, r, err)
			return
		}
		_, _ = w.Write(b)
	})
	h.With(access.MaxBody(10)).Route("POST", "/small", echo, access.Public)
	h.Route("POST", "/default", echo, access.Public)
	for name, tc := range map[string]struct {
		path  string
		bytes int
		known bool
		want  int
	}{
		"at the limit":       {"/small", 10, true, 200},
		"above, announced":   {"/small", 11, true, 413},
		"above, unannounced": {"/small", 11, false, 413},
		"default":            {"/default", access.DefaultMaxBody, true, 200},
		"above the default":  {"/default", access.DefaultMaxBody + 1, false, 413},
	} {
		r := httptest.NewRequest(http.MethodPost, tc.path, bytes.NewReader(make([]byte, tc.bytes)))
		if !tc.known {
			r.ContentLength = -1
		}
		if got := h.do(r); got.StatusCode != tc.want {
			t.Errorf("%s: %d, want %d", name, got.StatusCode, tc.want)
		} else if tc.want == 413 {
			checkJSON(t, got, "too_large")
		}
	}
}

func TestPanicsAreContained(t *testing.T) {
	var log bytes.Buffer
	s := newStore(t, dbtest.Open(t))
	r, err := access.NewRouter(access.RouterOptions{Guard: newGuard(t, s), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	r.Route("GET", "/early", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("kaboom") }), access.Public)
	r.Route("GET", "/late", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		panic("kaboom")
	}), access.Public)
	r.Route("GET", "/abort", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), access.Public)
	server := httptest.NewServer(r)
	defer server.Close() // also below, where it waits for handlers to end
	get := func(path string) (*http.Response, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		return server.Client().Do(req)
	}
	res, err := get("/early")
	if err != nil {
		t.Fatal(err)
	}
	checkJSON(t, res, "internal")
	res.Body.Close()
	if res.StatusCode != http.StatusInternalServerError {
		t.Errorf("status %d", res.StatusCode)
	}
	res, err = get("/late")
	if err == nil {
		_, err = io.ReadAll(res.Body)
		res.Body.Close()
	}
	if err == nil {
		t.Error("half an answer looks whole")
	}
	if res, err := get("/abort"); err == nil {
		res.Body.Close()
		t.Error("an aborted answer looks whole")
	}
	server.Close()
	if strings.Count(log.String(), "kaboom") != 2 || strings.Count(log.String(), "handler panicked") != 2 || !strings.Contains(log.String(), "serve_test.go") {
		t.Errorf("log %s", log.String())
	}
}

func TestHeaders(t *testing.T) {
	h := newHouse(t)
	h.Route("GET", "/api", http.HandlerFunc(whoami), access.Public)
	h.Route("GET", "/page", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'")
		w.Header().Set("Cache-Control", "max-age=60")
	}), access.Public)
	h.Route("GET", "/closed", http.HandlerFunc(whoami), access.Admin)
	for path, want := range map[string][2]string{
		"/api":    {"default-src 'none'; frame-ancestors 'none'", "no-store"},
		"/closed": {"default-src 'none'; frame-ancestors 'none'", "no-store"},
		"/absent": {"default-src 'none'; frame-ancestors 'none'", "no-store"},
		"/page":   {"default-src 'self'", "max-age=60"},
	} {
		r := h.do(request("GET", path))
		got := map[string]string{}
		for _, name := range []string{"X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy"} {
			got[name] = r.Header.Get(name)
		}
		if diff := cmp.Diff(map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
		}, got); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
		if diff := cmp.Diff(want, [2]string{r.Header.Get("Content-Security-Policy"), r.Header.Get("Cache-Control")}); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
}

func TestRequestsAreCounted(t *testing.T) {
	h := newHouse(t)
	h.Route("GET", "/thing/{id}", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("id") == "teapot" {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusTeapot)
		}
	}), access.Public)
	h.Route("GET", "/closed", http.HandlerFunc(whoami), access.Viewer)
	h.Route("GET", "/panic", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("x") }), access.Public)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, r := range []*http.Request{
		request("GET", "/thing/1"), request("GET", "/thing/2"), request("GET", "/thing/teapot"), request("GET", "/closed"), request("GET", "/panic"),
		request("GET", "/absent/1"), request("GET", "/absent/2"), request("POST", "/thing/1"), request("GET", "/thing/3").WithContext(gone),
	} {
		h.do(r)
	}
	families, err := h.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			key := f.GetName()
			for _, l := range m.GetLabel() {
				key += " " + l.GetValue()
			}
			if c := m.GetCounter(); c != nil {
				got[key] = c.GetValue()
			} else {
				got[key] = float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	want := map[string]float64{
		"picket_http_requests_total 200 GET /thing/{id}": 2, "picket_http_requests_total 418 GET /thing/{id}": 1,
		"picket_http_requests_total 499 GET /thing/{id}": 1, "picket_http_requests_total 401 GET /closed": 1,
		"picket_http_requests_total 500 GET /panic": 1, "picket_http_requests_total 404 none": 2, "picket_http_requests_total 405 none": 1,
		"picket_http_request_seconds GET /thing/{id}": 4, "picket_http_request_seconds GET /closed": 1, "picket_http_request_seconds GET /panic": 1,
		"picket_http_panics_total": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWiringThatMakesNoSensePanics(t *testing.T) {
	h := newHouse(t)
	ok := http.HandlerFunc(whoami)
	h.Route("GET", "/taken/{id}", ok, access.Viewer)
	h.RouteGRPC("/pkg.Service/Taken", access.Agent)
	for name, mount := range map[string]func(){
		"no roles":       func() { h.Route("GET", "/x", ok) },
		"no handler":     func() { h.Route("GET", "/x", nil, access.Viewer) },
		"unknown role":   func() { h.Route("GET", "/x", ok, "king") },
		"agent":          func() { h.Route("GET", "/x", ok, access.Agent) },
		"token":          func() { h.Route("GET", "/x", ok, access.Viewer, access.Token) },
		"public & more":  func() { h.Route("GET", "/x", ok, access.Viewer, access.Public) },
		"no method":      func() { h.Route("", "/x", ok, access.Viewer) },
		"lower method":   func() { h.Route("get", "/x", ok, access.Viewer) },
		"host":           func() { h.Route("GET", "example.com/x", ok, access.Viewer) },
		"taken":          func() { h.Route("GET", "/taken/{name}", ok, access.Viewer) },
		"grpc no roles":  func() { h.RouteGRPC("/pkg.Service/Method") },
		"grpc user role": func() { h.RouteGRPC("/pkg.Service/Method", access.Viewer) },
		"grpc public":    func() { h.RouteGRPC("/pkg.Service/Method", access.Public) },
		"grpc name":      func() { h.RouteGRPC("pkg.Service.Method", access.Agent) },
		"grpc taken":     func() { h.RouteGRPC("/pkg.Service/Taken", access.Token) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s passes", name)
				}
			}()
			mount()
		}()
	}
	want := []access.RouteInfo{
		{Method: "gRPC", Pattern: "/pkg.Service/Taken", Roles: access.Roles{access.Agent}},
		{Method: "GET", Pattern: "/taken/{id}", Roles: access.Roles{access.Viewer}},
	}
	if diff := cmp.Diff(want, h.Routes()); diff != "" {
		t.Error(diff)
	}
}

func TestOptionsAreRequired(t *testing.T) {
	d := dbtest.Open(t)
	logger := slog.New(slog.DiscardHandler)
	s := newStore(t, d)
	_, badOrigin := access.NewRouter(access.RouterOptions{Guard: newGuard(t, s), Logger: logger, TrustedOrigins: []string{"not an origin"}})
	for name, err := range map[string]error{
		"store without db":      second(access.NewStore(access.Options{Logger: logger})),
		"store without logger":  second(access.NewStore(access.Options{DB: d})),
		"store with bad hash":   second(access.NewStore(access.Options{DB: d, Logger: logger, Hash: access.HashParams{Memory: 1}})),
		"guard without store":   second(access.NewGuard(access.GuardOptions{Logger: logger})),
		"router without guard":  second(access.NewRouter(access.RouterOptions{Logger: logger})),
		"router without logger": second(access.NewRouter(access.RouterOptions{Guard: newGuard(t, s)})),
		"router with bad site":  badOrigin,
	} {
		if err == nil {
			t.Errorf("%s passes", name)
		}
	}
}

func TestFlushAndUnwrapReachTheConnection(t *testing.T) {
	h := newHouse(t)
	h.Route("GET", "/stream", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if err := http.NewResponseController(w).Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
			t.Error(err)
		}
	}), access.Public)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request("GET", "/stream"))
	if !w.Flushed {
		t.Error("not flushed")
	}
}

func TestRest(t *testing.T) {
	h := newHouse(t)
	h.Route("GET", "/data/{id}", http.HandlerFunc(whoami), access.Viewer)
	h.Route("POST", "/login", http.HandlerFunc(whoami), access.Public)
	h.Rest(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/page":
			_, _ = io.WriteString(w, "page for "+string(access.From(r.Context()).Kind))
		case "/panic":
			panic("oh")
		case "/silent":
		default:
			access.WriteError(w, r, errs.New(errs.NotFound, "no page"))
		}
	}))
	addUser(t, h.store, "ada", access.Admin)
	for _, c := range []struct {
		method, path string
		status       int
		want         string // in the body
	}{
		{"GET", "/page", 200, "page for anonymous"},
		{"HEAD", "/page", 200, ""},
		{"GET", "/silent", 200, ""},
		{"GET", "/nowhere", 404, "no page"},
		{"GET", "/panic", 500, "Internal error"},
		{"POST", "/page", 404, "there is nothing at /page"},
		{"GET", "/data/x", 401, "log in first"},
		{"DELETE", "/data/x", 405, "not allowed"},
		{"GET", "/login", 405, "not allowed"}, // a path that is known for something else is no page
	} {
		res := h.do(request(c.method, c.path))
		if got := body(t, res); res.StatusCode != c.status || !strings.Contains(got, c.want) || strings.Contains(got, "404 page") {
			t.Errorf("%s %s: %d %q, want %d %q", c.method, c.path, res.StatusCode, got, c.status, c.want)
		}
	}
	if got := body(t, h.do(request("GET", "/page", basic("ada", "wrong password")))); got != "page for anonymous" {
		t.Errorf("with a password: %q", got) // it is public: nobody is asked who they are
	}
	if !slices.ContainsFunc(h.Routes(), func(r access.RouteInfo) bool {
		return r.Method == http.MethodGet && r.Pattern == "/" && slices.Equal(r.Roles, access.Roles{access.Public})
	}) {
		t.Errorf("the table does not tell of the rest: %v", h.Routes())
	}
	for name, wrong := range map[string]http.Handler{"nothing": nil, "a second": http.NotFoundHandler()} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was mounted", name)
				}
			}()
			h.Rest(wrong)
		}()
	}
}
