package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/picketmon/picket/collector/access"
)

func TestUsers(t *testing.T) {
	b := newBench(t)
	made := b.must(http.StatusCreated, "admin", "POST", "/api/v1/users", `{"name":"Ada","password":"`+password+`","roles":["operator","viewer"]}`)
	path := made.header.Get("Location")
	if id, _ := made.item("id").(string); path != "/api/v1/users/"+id {
		t.Errorf("Location %q for %v", path, made.body)
	}
	shown := b.must(http.StatusOK, "admin", "GET", path, "")
	same(t, "shown", made.body, shown.body)
	b.must(http.StatusConflict, "admin", "POST", "/api/v1/users", `{"name":"ADA","password":"`+password+`","roles":["viewer"]}`)

	changed := b.must(http.StatusOK, "admin", "PATCH", path, `{"roles":["service_desk"]}`)
	same(t, "roles", []any{"service_desk"}, changed.item("roles"))
	same(t, "disabled", false, changed.item("disabled"))
	b.must(http.StatusBadRequest, "admin", "PATCH", path, `{}`)
	b.must(http.StatusBadRequest, "admin", "PATCH", path, `{"roles":[]}`)

	b.must(http.StatusNoContent, "admin", "PUT", path+"/password", `{"password":"another long password"}`)
	b.must(http.StatusUnauthorized, "Ada", "GET", "/api/v1/me", "")
	b.must(http.StatusNoContent, "admin", "DELETE", path, "")
	for _, method := range []string{"GET", "DELETE"} {
		b.must(http.StatusNotFound, "admin", method, path, "")
	}
	b.must(http.StatusNotFound, "admin", "PATCH", path, `{"disabled":true}`)
	b.must(http.StatusNotFound, "admin", "PUT", path+"/password", `{"password":"another long password"}`)
}

// Everything that is wrong is told at once, and nothing of what was sent comes back.
func TestUserProblems(t *testing.T) {
	b := newBench(t)
	r := b.must(http.StatusBadRequest, "admin", "POST", "/api/v1/users", `{"name":"a:b","password":"hunter2","roles":["king"],"passwort":"hunter2"}`)
	kind, fields := r.kind()
	same(t, "kind", "invalid", kind)
	same(t, "fields", []string{"name", "password", "passwort", "roles[0]"}, fields)
	if strings.Contains(r.text, "hunter2") || strings.Contains(r.text, "king") {
		t.Errorf("values come back: %s", r.text)
	}
}

// A change of two things happens as a whole or not at all.
func TestUserChangeIsOne(t *testing.T) {
	b := newBench(t)
	path := "/api/v1/users/" + b.users["admin"].ID
	b.must(http.StatusConflict, "admin", "PATCH", path, `{"roles":["admin","viewer"],"disabled":true}`)
	u, err := b.access.User(system(), b.users["admin"].ID)
	check(t, err)
	same(t, "roles", access.Roles{access.Admin}, u.Roles)
	b.must(http.StatusConflict, "admin", "DELETE", path, "")
}

func TestUserPages(t *testing.T) {
	b := newBench(t)
	var names []string
	next, pages := "", 0
	for {
		r := b.must(http.StatusOK, "admin", "GET", "/api/v1/users?limit=2&after="+next, "")
		names = append(names, r.names("name")...)
		pages++
		if next, _ = r.item("next").(string); next == "" {
			break
		}
	}
	same(t, "names", []string{"admin", "check_author", "operator", "service_desk", "viewer"}, names)
	same(t, "pages", 3, pages)
	for _, bad := range []string{"after=!", "limit=0", "limit=1001", "limit=x"} {
		b.must(http.StatusBadRequest, "admin", "GET", "/api/v1/users?"+bad, "")
	}
}

func TestAPITokens(t *testing.T) {
	b := newBench(t)
	made := b.must(http.StatusCreated, "operator", "POST", "/api/v1/api-tokens", `{"name":"ci","roles":["viewer"],"expires_at":"2100-01-01T00:00:00Z"}`)
	secret, id := made.item("token").(string), made.item("id").(string)
	same(t, "Location", "/api/v1/api-tokens/"+id, made.header.Get("Location"))
	me := b.must(http.StatusOK, "", "GET", "/api/v1/me", "", bearer(secret))
	same(t, "name", "operator/ci", me.item("name").(string))
	b.must(http.StatusForbidden, "", "GET", "/api/v1/enroll-tokens", "", bearer(secret)) // it is a viewer only
	b.must(http.StatusForbidden, "", "POST", "/api/v1/api-tokens", `{"name":"more","roles":["operator"]}`, bearer(secret))
	b.must(http.StatusForbidden, "", "PUT", "/api/v1/me/password", `{"present":"`+password+`","next":"another long password"}`, bearer(secret))

	b.must(http.StatusForbidden, "viewer", "POST", "/api/v1/api-tokens", `{"name":"x","roles":["admin"]}`)
	b.must(http.StatusForbidden, "viewer", "POST", "/api/v1/api-tokens", `{"name":"x","roles":["viewer"],"user_id":"`+b.users["admin"].ID+`"}`)
	b.must(http.StatusBadRequest, "viewer", "POST", "/api/v1/api-tokens", `{"name":"x","roles":["viewer"],"expires_at":"2001-01-01T00:00:00Z"}`)
	other := b.must(http.StatusCreated, "admin", "POST", "/api/v1/api-tokens", `{"name":"for viewer","roles":["viewer"],"user_id":"`+b.users["viewer"].ID+`"}`)

	own := b.must(http.StatusOK, "operator", "GET", "/api/v1/api-tokens", "")
	same(t, "own", []string{"ci"}, own.names("name"))
	if strings.Contains(own.text, secret) {
		t.Error("the list shows the secret")
	}
	b.must(http.StatusForbidden, "operator", "GET", "/api/v1/api-tokens?all=true", "")
	page := b.must(http.StatusOK, "admin", "GET", "/api/v1/api-tokens?all=true&limit=1", "")
	same(t, "all, first page", []string{"for viewer"}, page.names("name"))
	page = b.must(http.StatusOK, "admin", "GET", "/api/v1/api-tokens?all=true&limit=1&after="+page.item("next").(string), "")
	same(t, "all, second page", []string{"ci"}, page.names("name"))
	same(t, "next at the end", nil, page.item("next"))

	b.must(http.StatusForbidden, "operator", "DELETE", "/api/v1/api-tokens/"+other.item("id").(string), "")
	for range 2 {
		b.must(http.StatusNoContent, "operator", "DELETE", "/api/v1/api-tokens/"+id, "")
	}
	b.must(http.StatusUnauthorized, "", "GET", "/api/v1/me", "", bearer(secret))
	b.must(http.StatusNotFound, "operator", "DELETE", "/api/v1/api-tokens/nosuch", "")
}
