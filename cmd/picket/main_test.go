package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite testdata/*.golden")

// A day and a zone in which all tests run.
var noon = time.Date(2026, 11, 23, 13, 0, 0, 0, time.FixedZone("CET", 3600))

// fake is a collector that knows some answers and notes what it was asked.
type fake struct {
	*httptest.Server
	answers  map[string]string // "GET /path?query" to the body, or to "status body"
	requests []string          // method, path, query and body
	auth     []string          // Authorization of each
}

func newFake(t *testing.T, answers map[string]string) *fake {
	t.Helper()
	f := &fake{answers: answers}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

// ServeHTTP implements http.Handler.
func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	what := r.Method + " " + r.URL.EscapedPath()
	if q, err := url.QueryUnescape(r.URL.RawQuery); err == nil && q != "" {
		what += "?" + q
	}
	f.requests = append(f.requests, strings.TrimSpace(what+" "+string(body)))
	f.auth = append(f.auth, r.Header.Get("Authorization"))
	answer, ok := f.answers[what]
	if !ok {
		answer = `404 {"error":{"kind":"not_found","message":"the fake knows no ` + r.Method + ` ` + r.URL.Path + `"}}`
	}
	status := http.StatusOK
	if n, err := fmt.Sscanf(answer, "%d ", &status); n == 1 && err == nil {
		answer = answer[4:]
	}
	if status >= 300 && status < 400 {
		w.Header().Set("Location", answer)
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, answer)
}

// user is somebody with a shell.
type user struct {
	t        *testing.T
	env      map[string]string
	stdin    string
	terminal bool
	secret   string // what is typed without echo
}

func newUser(t *testing.T, url string) *user {
	return &user{t: t, env: map[string]string{"PICKET_URL": url, "PICKET_TOKEN": "pkt_secret", "XDG_CONFIG_HOME": t.TempDir()}}
}

// run runs picket with the arguments.
func (u *user) run(args ...string) (stdout, stderr string, err error) {
	u.t.Helper()
	a := &app{
		in: strings.NewReader(u.stdin), env: func(name string) string { return u.env[name] }, now: func() time.Time { return noon },
		terminal: func() bool { return u.terminal }, password: func() ([]byte, error) { return []byte(u.secret), nil },
	}
	var out, errOut bytes.Buffer
	root := newRoot(a)
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&errOut)
	err = root.ExecuteContext(context.Background())
	return out.String(), errOut.String(), err
}

// must is run, and fails the test on an error.
func (u *user) must(args ...string) (stdout, stderr string) {
	u.t.Helper()
	stdout, stderr, err := u.run(args...)
	if err != nil {
		u.t.Fatalf("picket %s: %v", strings.Join(args, " "), err)
	}
	return stdout, stderr
}

// fails is run, and fails the test without an error that contains text.
func (u *user) fails(text string, args ...string) {
	u.t.Helper()
	stdout, _, err := u.run(args...)
	if err == nil || !strings.Contains(err.Error(), text) {
		u.t.Errorf("picket %s: error %v, want one with %q", strings.Join(args, " "), err, text)
	}
	if stdout != "" {
		u.t.Errorf("picket %s: failed and printed %q", strings.Join(args, " "), stdout)
	}
}

func same(t testing.TB, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// golden compares with the file, in which the fake's address is http://collector.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", strings.ReplaceAll(name, " ", "-")+".golden")
	if *update {
		check(t, os.MkdirAll("testdata", 0o755))
		check(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	check(t, err)
	same(t, file, string(want), got)
}

// What the program decodes must be what the API describes.
func TestFieldsAreTheAPIs(t *testing.T) {
	raw, err := os.ReadFile("../../collector/api/testdata/openapi.json")
	check(t, err)
	var api struct {
		Paths      map[string]map[string]any
		Components struct {
			Schemas map[string]struct{ Properties map[string]json.RawMessage }
		}
	}
	check(t, json.Unmarshal(raw, &api))
	for schema, v := range map[string]any{
		"Agent": agent{}, "AgentDetail": agentDetail{Results: []agentResult{{}}}, "NewEnrollTokenResult": enrollToken{}, "Status": collectorStatus{},
		"Result": agentResult{}, "Capability": capability{}, "Gap": fleetGap{},
	} {
		var fields map[string]any
		text, err := json.Marshal(v)
		check(t, err)
		check(t, json.Unmarshal(text, &fields))
		for name := range maps.Keys(fields) {
			if _, ok := api.Components.Schemas[schema].Properties[name]; !ok {
				t.Errorf("the API's %s has no field %s", schema, name)
			}
		}
	}
	for path, method := range map[string]string{
		agentsPath: "get", agentsPath + "/{id}": "get", agentsPath + "/{id}/revoke": "post", tokensPath: "post", tokensPath + "/{id}": "delete",
		gapsPath: "get", "/api/v1/login": "post", "/api/v1/logout": "post", "/api/v1/status": "get",
	} {
		if api.Paths[path][method] == nil {
			t.Errorf("the API has no %s %s", method, path)
		}
	}
}
