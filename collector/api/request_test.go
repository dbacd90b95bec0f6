package api_test

import (
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/api"
)

var update = flag.Bool("update", false, "rewrite testdata/openapi.json")

func TestRequestsThatAreWrong(t *testing.T) {
	b := newBench(t)
	asType := func(ct string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Content-Type", ct) }
	}
	big := `{"name":"` + strings.Repeat("x", 70<<10) + `"}`
	for name, c := range map[string]struct {
		body   string
		change func(*http.Request)
		status int
		kind   string
		fields []string
	}{
		"no body":          {"", nil, 400, "invalid", nil},
		"half a body":      {`{"name":`, nil, 400, "invalid", []string{"body"}},
		"more than a body": {`{"name":"x","roles":["viewer"]} {}`, nil, 400, "invalid", []string{"body"}},
		"no object":        {`[]`, nil, 400, "invalid", []string{"body"}},
		"null":             {`null`, nil, 400, "invalid", []string{"body"}},
		"another type":     {`{"name":7,"roles":{}}`, nil, 400, "invalid", []string{"name", "roles"}},
		"missing":          {`{}`, nil, 400, "invalid", []string{"name", "roles"}},
		"unknown field":    {`{"name":"x","roles":["viewer"],"admin":true}`, nil, 400, "invalid", []string{"admin"}},
		"given twice":      {`{"name":"x","roles":["viewer"],"roles":["admin"]}`, nil, 400, "invalid", []string{"roles"}},
		"given in capital": {`{"Name":"x","roles":["viewer"]}`, nil, 400, "invalid", []string{"Name"}},
		"form":             {`name=x`, asType("application/x-www-form-urlencoded"), 400, "invalid", nil},
		"text":             {`{"name":"x","roles":["viewer"]}`, asType("text/plain"), 400, "invalid", nil},
		"too large":        {big, nil, 413, "too_large", nil},
		"too large, parts": {big, func(r *http.Request) { r.ContentLength = -1 }, 413, "too_large", nil},
		"problem":          {`{"name":"x","roles":["viewer"]}`, asType("application/problem+json"), 400, "invalid", nil},
		"two unknown":      {`{"name":"x","roles":["viewer"],"b":1,"a":1,"c":1}`, nil, 400, "invalid", []string{"a", "b", "c"}},
		"right":            {`{"name":"x","roles":["viewer"]}`, asType("application/json; charset=utf-8"), 201, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			change := []func(*http.Request){}
			if c.change != nil {
				change = append(change, c.change)
			}
			r := b.must(c.status, "viewer", "POST", "/api/v1/api-tokens", c.body, change...)
			kind, fields := r.kind()
			same(t, "kind", c.kind, kind)
			same(t, "fields", c.fields, fields)
			if ct := r.header.Get("Content-Type"); ct != "application/json" {
				t.Errorf("Content-Type %q", ct)
			}
		})
	}
}

// What is wrong with us is not told to strangers.
func TestInternalError(t *testing.T) {
	b := newBench(t)
	login(b, "viewer", "") // the password is remembered, so that the request gets past the door
	_, err := b.db.NewRaw("DROP TABLE enroll_tokens").Exec(t.Context())
	check(t, err)
	r := b.must(http.StatusInternalServerError, "operator", "GET", "/api/v1/enroll-tokens", "")
	same(t, "answer", `{"error":{"kind":"internal","message":"Internal error"}}`+"\n", r.text)
}

// Changes are in the audit log, and secrets are not.
func TestAuditLog(t *testing.T) {
	b := newBench(t)
	b.addAgent("web1")
	made := b.must(http.StatusCreated, "admin", "POST", "/api/v1/users", `{"name":"ada","password":"a very secret word","roles":["viewer"]}`)
	user := made.header.Get("Location")
	b.must(http.StatusNoContent, "admin", "PUT", user+"/password", `{"password":"a very secret word 2"}`)
	b.must(http.StatusOK, "admin", "PATCH", user, `{"roles":["operator"],"disabled":true}`)
	token := b.must(http.StatusCreated, "admin", "POST", "/api/v1/api-tokens", `{"name":"t","roles":["viewer"]}`)
	b.must(http.StatusNoContent, "admin", "DELETE", token.header.Get("Location"), "")
	enroll := b.must(http.StatusCreated, "admin", "POST", "/api/v1/enroll-tokens", `{}`)
	b.must(http.StatusNoContent, "admin", "DELETE", enroll.header.Get("Location"), "")
	b.must(http.StatusOK, "admin", "POST", "/api/v1/agents/web1/revoke", `{}`)
	session := login(b, "admin", `,"bearer":true`)
	b.must(http.StatusNoContent, "admin", "DELETE", "/api/v1/sessions/"+session.item("session").(map[string]any)["id"].(string), "")
	b.must(http.StatusNoContent, "admin", "DELETE", user, "")

	log := b.must(http.StatusOK, "admin", "GET", "/api/v1/audit-log?actor_id="+b.users["admin"].ID, "")
	got := log.names("action")
	slices.Reverse(got)
	same(t, "actions", []string{
		"user.create", "user.set_password", "user.set_roles", "user.disable", "token.create", "token.revoke", "token.create", "token.revoke",
		"agent.revoke", "session.create", "session.end", "user.delete",
	}, got)
	for _, secret := range []string{"very secret", token.item("token").(string), enroll.item("token").(string), session.item("token").(string)} {
		if strings.Contains(log.text, secret) {
			t.Errorf("the audit log holds the secret %s", secret)
		}
	}
	page := b.must(http.StatusOK, "admin", "GET", "/api/v1/audit-log?action=user.disable&limit=1&since=2020-01-01T00:00:00Z", "")
	same(t, "filtered", []string{"user.disable"}, page.names("action"))
	older := b.must(http.StatusOK, "admin", "GET", "/api/v1/audit-log?limit=2", "")
	older = b.must(http.StatusOK, "admin", "GET", "/api/v1/audit-log?limit=1&after="+older.item("next").(string), "")
	same(t, "third newest", []string{"session.create"}, older.names("action"))
	same(t, "before all", []string{}, b.must(http.StatusOK, "admin", "GET", "/api/v1/audit-log?until=2020-01-01T00:00:00Z", "").names("action"))
	b.must(http.StatusBadRequest, "admin", "GET", "/api/v1/audit-log?since=yesterday", "")
	b.must(http.StatusBadRequest, "admin", "GET", "/api/v1/audit-log?after=bm9uZQ", "")
}

// The description is part of the public surface: a change of it must be seen. Run with -update to accept one.
func TestDescription(t *testing.T) {
	b := newBench(t)
	r := b.must(http.StatusOK, "", "GET", "/api/openapi.json", "")
	got, err := json.MarshalIndent(r.body, "", "  ")
	check(t, err)
	got = append(got, '\n')
	if *update {
		check(t, os.WriteFile("testdata/openapi.json", got, 0o644))
	}
	want, err := os.ReadFile("testdata/openapi.json")
	check(t, err)
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("the description changed (-want +got):\n%s", diff)
	}

	paths := r.body["paths"].(map[string]any)
	for _, route := range b.router.Routes() {
		if route.Pattern == "/api/openapi.json" {
			continue
		}
		op, ok := paths[route.Pattern].(map[string]any)[strings.ToLower(route.Method)].(map[string]any)
		description, _ := op["description"].(string)
		for _, role := range route.Roles {
			if !ok || role != access.Public && !strings.Contains(description, "Needs the role "+string(role)) {
				t.Errorf("%s %s is not described with its role %s", route.Method, route.Pattern, role)
			}
		}
	}
	if strings.Contains(r.text, "ErrorModel") || strings.Contains(r.text, "problem+json") {
		t.Error("the description speaks of errors in a form that is never sent")
	}
}

func TestMountNeedsEverything(t *testing.T) {
	b := newBench(t)
	if err := api.Mount(b.router, api.Options{}); err == nil || !strings.Contains(err.Error(), "is missing") {
		t.Errorf("Mount without anything: %v", err)
	}
}
