package access_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
	"github.com/picketmon/picket/internal/errs"
)

func TestTokens(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := newStore(t, d)
		g := newGuard(t, s)
		root := addUser(t, s, "root", access.Admin)
		ada := addUser(t, s, "ada", access.Operator, access.ServiceDesk)
		secret, token, err := s.CreateToken(as(ada), access.NewAPIToken{Name: "ci", UserID: ada.ID, Roles: access.Roles{access.Operator}})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(secret, "pkt_") || len(secret) != 47 {
			t.Errorf("secret %q", secret)
		}
		got, err := g.Authenticate(bearerRequest(secret))
		if err != nil {
			t.Fatal(err)
		}
		want := access.Principal{
			UserID: ada.ID, Name: "ada/ci", Roles: access.Roles{access.Operator}, Kind: access.KindToken, CredentialID: token.ID, RemoteAddr: "192.0.2.1",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if n, err := d.NewSelect().Table("api_tokens").Where("token_hash LIKE '%' || ? || '%'", secret[4:]).Count(t.Context()); n != 0 || err != nil {
			t.Errorf("the secret itself is kept (%v)", err)
		}
		wantKind(t, "as a cookie", second(g.Authenticate(cookieRequest(secret))), errs.Unauthenticated)
		last := secret[len(secret)-2]
		other := secret[:len(secret)-2] + string(rune('A'+(last+1)%26)) + secret[len(secret)-1:]
		wantKind(t, "one letter changed", second(g.Authenticate(bearerRequest(other))), errs.Unauthenticated)

		// What the user loses its token loses, at once.
		if err := s.SetRoles(setup(), ada.ID, access.Roles{access.Viewer}); err != nil {
			t.Fatal(err)
		}
		if p, err := g.Authenticate(bearerRequest(secret)); err != nil || len(p.Roles) != 0 || p.Allows(access.Viewer) {
			t.Errorf("the user was demoted, the token is %+v, %v", p, err)
		}
		if err := s.SetRoles(setup(), ada.ID, access.Roles{access.Admin}); err != nil {
			t.Fatal(err)
		}
		if p, err := g.Authenticate(bearerRequest(secret)); err != nil || !p.Allows(access.Operator) || p.Allows(access.Admin) {
			t.Errorf("the user was promoted, the token is %+v, %v", p, err)
		}
		ends := []struct {
			name string
			end  func() error
			undo func() error
		}{
			{"disable", func() error { return s.SetDisabled(setup(), ada.ID, true) }, func() error { return s.SetDisabled(setup(), ada.ID, false) }},
			{"expire", func() error {
				return second(d.ExecContext(t.Context(), "UPDATE api_tokens SET expires_at = ?", db.Now()))
			}, func() error { return second(d.ExecContext(t.Context(), "UPDATE api_tokens SET expires_at = NULL")) }},
			{"revoke", func() error { return s.RevokeToken(as(root), token.ID) }, nil},
		}
		for _, e := range ends {
			if err := e.end(); err != nil {
				t.Fatal(err)
			}
			wantKind(t, e.name, second(g.Authenticate(bearerRequest(secret))), errs.Unauthenticated)
			if e.undo != nil {
				if err := e.undo(); err != nil {
					t.Fatal(err)
				}
				wantKind(t, "undone "+e.name, second(g.Authenticate(bearerRequest(secret))), "")
			}
		}
		if err := s.RevokeToken(as(ada), token.ID); err != nil {
			t.Errorf("revoking twice: %v", err)
		}
	})
}

func TestCreateTokenRefuses(t *testing.T) {
	s := newStore(t, dbtest.Open(t))
	root := addUser(t, s, "root", access.Admin)
	ada, eve := addUser(t, s, "ada", access.Operator), addUser(t, s, "eve", access.Operator)
	viewer := access.Principal{UserID: ada.ID, Kind: access.KindToken, Roles: access.Roles{access.Viewer}}
	fine := access.NewAPIToken{Name: "x", UserID: ada.ID, Roles: access.Roles{access.Viewer}}
	with := func(change func(*access.NewAPIToken)) access.NewAPIToken {
		n := fine
		change(&n)
		return n
	}
	for name, tc := range map[string]struct {
		new  access.NewAPIToken
		by   access.Principal
		want errs.Code
	}{
		"own":                  {fine, access.From(as(ada)), ""},
		"admin for another":    {fine, access.From(as(root)), ""},
		"by a token":           {fine, viewer, ""},
		"for another":          {fine, access.From(as(eve)), errs.Denied},
		"by nobody":            {fine, access.Principal{}, errs.Denied},
		"by an agent":          {fine, access.Principal{UserID: ada.ID, Kind: access.KindAgent}, errs.Denied},
		"more than the owner":  {with(func(n *access.NewAPIToken) { n.Roles = access.Roles{access.Admin} }), access.From(as(root)), errs.Denied},
		"more than the caller": {with(func(n *access.NewAPIToken) { n.Roles = access.Roles{access.Operator} }), viewer, errs.Denied},
		"unknown user":         {with(func(n *access.NewAPIToken) { n.UserID = db.NewID() }), access.From(as(root)), errs.NotFound},
		"no name":              {with(func(n *access.NewAPIToken) { n.Name = "" }), access.From(as(ada)), errs.Invalid},
		"no roles":             {with(func(n *access.NewAPIToken) { n.Roles = nil }), access.From(as(ada)), errs.Invalid},
		"past":                 {with(func(n *access.NewAPIToken) { n.ExpiresAt = time.Now().Add(-time.Second) }), access.From(as(ada)), errs.Invalid},
	} {
		_, _, err := s.CreateToken(access.With(t.Context(), tc.by), tc.new)
		wantKind(t, name, err, tc.want)
	}
	tokens, err := s.Tokens(t.Context(), "")
	if err != nil || len(tokens) != 3 {
		t.Fatalf("%d tokens, %v", len(tokens), err)
	}
	wantKind(t, "revoke another's", s.RevokeToken(as(eve), tokens[0].ID), errs.Denied)
	wantKind(t, "revoke unknown", s.RevokeToken(as(root), db.NewID()), errs.NotFound)
	for range 97 {
		if _, _, err := s.CreateToken(as(ada), fine); err != nil {
			t.Fatal(err)
		}
	}
	wantKind(t, "token 101", third(s.CreateToken(as(ada), fine)), errs.Conflict)
}

func TestRemoteAddrAndCookies(t *testing.T) {
	s := newStore(t, dbtest.Open(t))
	proxied := newGuard(t, s, netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32"))
	plain := newGuard(t, s)
	for name, tc := range map[string]struct {
		from      string
		forwarded []string
		proxied   string
		plain     string
	}{
		"direct":          {"192.0.2.1:5", nil, "192.0.2.1", "192.0.2.1"},
		"forged":          {"192.0.2.1:5", []string{"198.51.100.9"}, "192.0.2.1", "192.0.2.1"},
		"proxy":           {"127.0.0.1:5", []string{"198.51.100.9"}, "198.51.100.9", "127.0.0.1"},
		"forged by proxy": {"127.0.0.1:5", []string{"10.9.9.9, 198.51.100.9"}, "198.51.100.9", "127.0.0.1"},
		"two proxies":     {"[2001:db8::1]:5", []string{"198.51.100.9", "127.0.0.2"}, "198.51.100.9", "2001:db8::1"},
		"nonsense":        {"127.0.0.1:5", []string{"198.51.100.9, unknown"}, "127.0.0.1", "127.0.0.1"},
		"nothing":         {"127.0.0.1:5", nil, "127.0.0.1", "127.0.0.1"},
		"socket":          {"@", nil, "@", "@"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr, r.Header["X-Forwarded-For"] = tc.from, tc.forwarded
		if got := proxied.RemoteAddr(r); got != tc.proxied {
			t.Errorf("%s behind a proxy: %s, want %s", name, got, tc.proxied)
		}
		if got := plain.RemoteAddr(r); got != tc.plain {
			t.Errorf("%s: %s, want %s", name, got, tc.plain)
		}
	}
	for name, tc := range map[string]struct {
		guard  *access.Guard
		change func(*http.Request)
		secure bool
	}{
		"plain":       {plain, func(*http.Request) {}, false},
		"TLS":         {plain, func(r *http.Request) { r.TLS = &tls.ConnectionState{} }, true},
		"forged":      {plain, func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https") }, false},
		"behind TLS":  {proxied, func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https") }, true},
		"behind HTTP": {proxied, func(*http.Request) {}, false},
	} {
		r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
		r.RemoteAddr = "127.0.0.1:5"
		tc.change(r)
		tc.guard.SetCookie(w, r, "pks_x", access.Session{CreatedAt: time.Now().Add(-time.Hour)})
		c := w.Result().Cookies()[0]
		want := int((access.SessionMax - time.Hour).Seconds())
		if c.Name != "picket_session" || c.Value != "pks_x" || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure != tc.secure || c.Path != "/" || c.MaxAge < want-5 || c.MaxAge > want {
			t.Errorf("%s: %+v", name, c)
		}
		w = httptest.NewRecorder()
		tc.guard.ClearCookie(w, r)
		if c := w.Result().Cookies()[0]; c.MaxAge >= 0 || c.Value != "" {
			t.Errorf("%s: cleared %+v", name, c)
		}
	}
}
