package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/picketmon/picket/collector/access"
)

func login(b *bench, name, more string) reply {
	b.t.Helper()
	return b.must(http.StatusOK, "", "POST", "/api/v1/login", `{"name":"`+name+`","password":"`+password+`"`+more+`}`)
}

func cookieOf(t *testing.T, r reply) *http.Cookie {
	t.Helper()
	cookies, err := http.ParseSetCookie(r.header.Get("Set-Cookie"))
	check(t, err)
	return cookies
}

func withCookie(c *http.Cookie) func(*http.Request) {
	return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value}) }
}

func TestLoginByCookie(t *testing.T) {
	b := newBench(t)
	in := login(b, "VIEWER", "")
	c := cookieOf(t, in)
	if c.Name != access.SessionCookie || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.MaxAge <= 0 || in.item("token") != nil {
		t.Errorf("cookie %v, token %v", c, in.item("token"))
	}
	same(t, "user", "viewer", in.item("user").(map[string]any)["name"])
	me := b.must(http.StatusOK, "", "GET", "/api/v1/me", "", withCookie(c))
	same(t, "me", map[string]any{
		"user_id": b.users["viewer"].ID, "name": "viewer", "kind": "user", "roles": []any{"viewer"},
		"credential_id": in.item("session").(map[string]any)["id"],
	}, me.body)

	t.Run("another site cannot use it", func(t *testing.T) {
		r := b.do("", "POST", "/api/v1/api-tokens", `{"name":"x","roles":["viewer"]}`, withCookie(c), func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		})
		same(t, "status", http.StatusForbidden, r.status)
		b.must(http.StatusCreated, "", "POST", "/api/v1/api-tokens", `{"name":"x","roles":["viewer"]}`, withCookie(c))
	})
	t.Run("logout", func(t *testing.T) {
		out := b.must(http.StatusNoContent, "", "POST", "/api/v1/logout", "", withCookie(c))
		same(t, "life of the cookie", -1, cookieOf(t, out).MaxAge)
		b.must(http.StatusUnauthorized, "", "GET", "/api/v1/me", "", withCookie(c))
	})
}

func TestLoginByBearer(t *testing.T) {
	b := newBench(t)
	in := login(b, "operator", `,"bearer":true`)
	secret, _ := in.item("token").(string)
	if !strings.HasPrefix(secret, "pks_") || in.header.Get("Set-Cookie") != "" {
		t.Fatalf("token %q, cookie %q", secret, in.header.Get("Set-Cookie"))
	}
	b.must(http.StatusOK, "", "GET", "/api/v1/me", "", bearer(secret))
	b.must(http.StatusNoContent, "", "POST", "/api/v1/logout", "", bearer(secret))
	b.must(http.StatusUnauthorized, "", "GET", "/api/v1/me", "", bearer(secret))
}

func TestLoginRefused(t *testing.T) {
	b := newBench(t)
	check(t, b.access.SetDisabled(system(), b.users["operator"].ID, true))
	texts := map[string]bool{}
	for _, who := range []string{"viewer", "operator", "nobody", "odd\\u0000 ' name"} {
		r := b.must(http.StatusUnauthorized, "", "POST", "/api/v1/login", `{"name":"`+who+`","password":"`+password+`x"}`)
		texts[r.text] = true
	}
	if len(texts) != 1 {
		t.Errorf("refusals tell users apart: %v", texts)
	}
	for range 50 {
		r := b.do("", "POST", "/api/v1/login", `{"name":"viewer","password":"wrong"}`)
		if r.status == http.StatusTooManyRequests {
			if r.header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			return
		}
	}
	t.Error("attempts are not limited")
}

func TestChangePassword(t *testing.T) {
	b := newBench(t)
	secret := login(b, "viewer", `,"bearer":true`).item("token").(string)
	b.must(http.StatusUnauthorized, "", "PUT", "/api/v1/me/password", `{"present":"wrong","next":"another long password"}`, bearer(secret))
	short := b.must(http.StatusBadRequest, "", "PUT", "/api/v1/me/password", `{"present":"`+password+`","next":"short"}`, bearer(secret))
	_, fields := short.kind()
	same(t, "fields", []string{"next"}, fields)
	b.must(http.StatusNoContent, "", "PUT", "/api/v1/me/password", `{"present":"`+password+`","next":"another long password"}`, bearer(secret))
	b.must(http.StatusUnauthorized, "", "GET", "/api/v1/me", "", bearer(secret))
	b.must(http.StatusOK, "", "POST", "/api/v1/login", `{"name":"viewer","password":"another long password"}`)
}

func TestSessions(t *testing.T) {
	b := newBench(t)
	first := login(b, "viewer", `,"bearer":true`)
	second := login(b, "viewer", `,"bearer":true`)
	other := login(b, "operator", `,"bearer":true`)
	id := func(r reply) string { return r.item("session").(map[string]any)["id"].(string) }
	secret := bearer(second.item("token").(string))

	list := b.must(http.StatusOK, "", "GET", "/api/v1/sessions", "", secret)
	same(t, "own sessions", []string{id(second), id(first)}, list.names("id"))
	current := []any{}
	for _, i := range list.body["items"].([]any) {
		current = append(current, i.(map[string]any)["current"])
	}
	same(t, "current", []any{true, false}, current)

	b.must(http.StatusForbidden, "", "DELETE", "/api/v1/sessions/"+id(other), "", secret)
	b.must(http.StatusNoContent, "", "DELETE", "/api/v1/sessions/"+id(first), "", secret)
	b.must(http.StatusNotFound, "", "DELETE", "/api/v1/sessions/"+id(first), "", secret)
	b.must(http.StatusUnauthorized, "", "GET", "/api/v1/me", "", bearer(first.item("token").(string)))
	b.must(http.StatusNoContent, "admin", "DELETE", "/api/v1/sessions/"+id(other), "")
}

func TestLoginByLink(t *testing.T) {
	b := newBench(t)
	secret, _, err := b.access.CreateLoginLink(system(), b.users["operator"].ID, access.DefaultLinkTTL)
	check(t, err)
	body := `{"secret":"` + secret + `"}`

	other := b.do("", "POST", "/api/v1/login-link", body, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") })
	same(t, "from another site", http.StatusForbidden, other.status)
	form := b.do("", "POST", "/api/v1/login-link", body, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") })
	same(t, "as a form sends it", http.StatusBadRequest, form.status)

	in := b.must(http.StatusOK, "", "POST", "/api/v1/login-link", body)
	c := cookieOf(t, in)
	if c.Name != access.SessionCookie || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.MaxAge <= 0 || in.item("token") != nil {
		t.Errorf("cookie %v, token %v", c, in.item("token"))
	}
	same(t, "user", "operator", in.item("user").(map[string]any)["name"])
	me := b.must(http.StatusOK, "", "GET", "/api/v1/me", "", withCookie(c))
	same(t, "me", "operator", me.item("name"))
	keys := func(r reply) (names []string) {
		for k := range r.body {
			names = append(names, k)
		}
		slices.Sort(names)
		return names
	}
	same(t, "answer is like login's", keys(login(b, "operator", "")), keys(in))

	again := b.must(http.StatusUnauthorized, "", "POST", "/api/v1/login-link", body)
	never := b.must(http.StatusUnauthorized, "", "POST", "/api/v1/login-link", `{"secret":"x"}`)
	same(t, "refusals", again.text, never.text)
	if !strings.Contains(again.text, "this link was used or is too old; make a new one with picket-collector login-link") || again.header.Get("Set-Cookie") != "" {
		t.Errorf("refusal %s, cookie %q", again.text, again.header.Get("Set-Cookie"))
	}

	secret, _, err = b.access.CreateLoginLink(system(), b.users["viewer"].ID, access.DefaultLinkTTL)
	check(t, err)
	in = b.must(http.StatusOK, "", "POST", "/api/v1/login-link", `{"secret":"`+secret+`","bearer":true}`)
	if in.header.Get("Set-Cookie") != "" {
		t.Error("a cookie beside a token")
	}
	b.must(http.StatusOK, "", "GET", "/api/v1/me", "", bearer(in.item("token").(string)))
}
