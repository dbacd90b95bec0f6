package access_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
	"github.com/picketmon/picket/internal/errs"
)

func newGuard(t testing.TB, s *access.Store, proxies ...netip.Prefix) *access.Guard {
	t.Helper()
	g, err := access.NewGuard(access.GuardOptions{Store: s, Logger: slog.New(slog.DiscardHandler), TrustedProxies: proxies})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func basicRequest(name, password string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.SetBasicAuth(name, password)
	return r
}

func bearerRequest(secret string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+secret)
	return r
}

func cookieRequest(secret string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: access.SessionCookie, Value: secret})
	return r
}

func authKind(g *access.Guard, r *http.Request) errs.Code {
	_, err := g.Authenticate(r)
	return errs.Kind(err)
}

func TestBasic(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := newStore(t, d)
		g := newGuard(t, s)
		ada := addUser(t, s, "Ada", access.Operator)
		want := access.Principal{UserID: ada.ID, Name: "Ada", Roles: access.Roles{access.Operator}, Kind: access.KindUser, RemoteAddr: "192.0.2.1"}
		for range 2 { // checked, then remembered
			got, err := g.Authenticate(basicRequest("aDA", password))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
		p, err := g.Authenticate(httptest.NewRequest(http.MethodGet, "/", nil))
		if err != nil || p.Kind != access.KindAnonymous || p.Allows(access.Viewer) {
			t.Errorf("without credentials: %+v, %v", p, err)
		}
		for name, r := range map[string]*http.Request{
			"wrong password": basicRequest("ada", password+"x"), "no password": basicRequest("ada", ""), "unknown": basicRequest("eve", password),
			"odd name": basicRequest("a\x00da' --", password), "long": basicRequest("ada", strings.Repeat("x", 2000)),
		} {
			_, err := g.Authenticate(r)
			wantKind(t, name, err, errs.Unauthenticated)
			if got := errs.Message(err); got != "wrong user name or password" {
				t.Errorf("%s tells %q", name, got)
			}
		}
	})
}

// What another process changes must count at once, although the password was remembered.
func TestRememberedPasswordEndsWithAnyChange(t *testing.T) {
	changes := map[string]func(*testing.T, *access.Store, access.User) error{
		"password": func(_ *testing.T, s *access.Store, u access.User) error {
			return s.SetPassword(setup(), u.ID, "another long password")
		},
		"disable": func(_ *testing.T, s *access.Store, u access.User) error { return s.SetDisabled(setup(), u.ID, true) },
		"delete":  func(_ *testing.T, s *access.Store, u access.User) error { return s.DeleteUser(setup(), u.ID) },
	}
	dbtest.EachOptions(t, func(t *testing.T, o db.Options) {
		open := func() *db.DB {
			d, err := db.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { d.Close() })
			return d
		}
		here, there := newStore(t, open()), newStore(t, open())
		addUser(t, here, "root", access.Admin)
		g := newGuard(t, here)
		for name, change := range changes {
			u := addUser(t, here, name, access.Viewer)
			if kind := authKind(g, basicRequest(name, password)); kind != "" {
				t.Fatalf("%s before: %s", name, kind)
			}
			if err := change(t, there, u); err != nil {
				t.Fatal(err)
			}
			if kind := authKind(g, basicRequest(name, password)); kind != errs.Unauthenticated {
				t.Errorf("%s after: %q", name, kind)
			}
		}
		if kind := authKind(g, basicRequest("password", "another long password")); kind != "" {
			t.Errorf("the new password: %s", kind)
		}
		u := addUser(t, here, "roles", access.Viewer)
		authKind(g, basicRequest("roles", password))
		if err := there.SetRoles(setup(), u.ID, access.Roles{access.Operator}); err != nil {
			t.Fatal(err)
		}
		if p, err := g.Authenticate(basicRequest("roles", password)); err != nil || !p.Allows(access.Operator) {
			t.Errorf("new roles: %+v, %v", p, err)
		}
	})
}

func TestFailedLoginsAreLimited(t *testing.T) {
	s := newStore(t, dbtest.Open(t))
	g := newGuard(t, s)
	addUser(t, s, "ada", access.Viewer)
	addUser(t, s, "bob", access.Viewer)
	if kind := authKind(g, basicRequest("bob", password)); kind != "" {
		t.Fatal(kind)
	}
	from := func(addr string, r *http.Request) *http.Request { r.RemoteAddr = addr + ":1234"; return r }

	// Per user, from anywhere.
	for i := range 10 {
		if kind := authKind(g, from("198.51.100."+string(rune('0'+i)), basicRequest("ada", "wrong"))); kind != errs.Unauthenticated {
			t.Fatalf("attempt %d: %q", i, kind)
		}
	}
	_, err := g.Authenticate(from("203.0.113.1", basicRequest("ADA", password)))
	wantKind(t, "attempt 11 of one user", err, errs.TooMany)
	if after, ok := access.RetryAfter(err); !ok || after <= 0 || after > 7*time.Second {
		t.Errorf("retry after %s", after)
	}
	// Per address, whatever the user.
	for i := range 30 {
		if kind := authKind(g, basicRequest("nobody"+string(rune('a'+i)), "wrong")); kind != errs.Unauthenticated {
			t.Fatalf("attempt %d: %q", i, kind)
		}
	}
	wantKind(t, "attempt 31 of one address", second(g.Authenticate(basicRequest("carol", "wrong"))), errs.TooMany)
	// Others are not held up, nor what was remembered.
	if kind := authKind(g, basicRequest("bob", password)); kind != "" {
		t.Errorf("a remembered login: %s", kind)
	}
	if kind := authKind(g, from("203.0.113.1", basicRequest("dora", "wrong"))); kind != errs.Unauthenticated {
		t.Errorf("another address: %s", kind)
	}
}

func second[T any](_ T, err error) error { return err }

// Successes are not limited: many first requests at once, and many logins.
func TestSuccessesAreNotLimited(t *testing.T) {
	s := newStore(t, dbtest.Open(t))
	g := newGuard(t, s)
	ada := addUser(t, s, "ada", access.Viewer)
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			if kind := authKind(g, basicRequest("ada", password)); kind != "" {
				t.Error(kind)
			}
		})
	}
	wg.Wait()
	addUser(t, s, "root", access.Admin)
	for range 40 { // each new password is checked anew
		if err := s.SetPassword(setup(), ada.ID, password); err != nil {
			t.Fatal(err)
		}
		if kind := authKind(g, basicRequest("ada", password)); kind != "" {
			t.Fatal(kind)
		}
	}
}

func TestSessions(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := newStore(t, d)
		g := newGuard(t, s)
		addUser(t, s, "root", access.Admin)
		ada, eve := addUser(t, s, "ada", access.Operator), addUser(t, s, "eve", access.Viewer)
		login := func() (string, access.Session) {
			r := httptest.NewRequest(http.MethodPost, "/login", nil)
			r.Header.Set("User-Agent", strings.Repeat("agent\x00", 100))
			secret, session, err := g.Login(r, "ada", password)
			if err != nil {
				t.Fatal(err)
			}
			return secret, session
		}
		wantKind(t, "wrong password", third(g.Login(httptest.NewRequest(http.MethodPost, "/", nil), "ada", "wrong")), errs.Unauthenticated)
		secret, session := login()
		want := access.Principal{UserID: ada.ID, Name: "ada", Roles: ada.Roles, Kind: access.KindUser, CredentialID: session.ID, RemoteAddr: "192.0.2.1"}
		for _, r := range []*http.Request{cookieRequest(secret), bearerRequest(secret)} {
			got, err := g.Authenticate(r)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
		if n, err := d.NewSelect().Table("sessions").Where("token_hash LIKE '%' || ? || '%'", secret[4:]).Count(t.Context()); n != 0 || err != nil {
			t.Errorf("the secret itself is kept (%v)", err)
		}
		wantKind(t, "stranger", s.EndSession(as(eve), session.ID), errs.Denied)
		if err := g.Logout(access.With(t.Context(), want)); err != nil {
			t.Fatal(err)
		}
		if err := g.Logout(access.With(t.Context(), want)); err != nil {
			t.Errorf("logging out twice: %v", err)
		}
		ended := map[string]func() error{
			"logout":   func() error { return nil },
			"password": func() error { return s.SetPassword(setup(), ada.ID, password) },
			"disable": func() error {
				if err := s.SetDisabled(setup(), ada.ID, true); err != nil {
					return err
				}
				return s.SetDisabled(setup(), ada.ID, false)
			},
			"idle": func() error {
				_, err := d.ExecContext(t.Context(), "UPDATE sessions SET expires_at = ?", db.Now())
				return err
			},
			"too old": func() error {
				_, err := d.ExecContext(t.Context(), "UPDATE sessions SET created_at = ?", db.Now()-access.SessionMax.Milliseconds())
				return err
			},
		}
		for name, end := range ended {
			if name != "logout" {
				secret, _ = login()
			}
			if err := end(); err != nil {
				t.Fatal(err)
			}
			if kind := authKind(g, cookieRequest(secret)); kind != errs.Unauthenticated {
				t.Errorf("%s: %q", name, kind)
			}
		}
	})
}

func third[A, B any](_ A, _ B, err error) error { return err }

func TestSessionsPerUserAreBounded(t *testing.T) {
	s := newStore(t, dbtest.Open(t))
	g := newGuard(t, s)
	ada := addUser(t, s, "ada", access.Viewer)
	var first, last string
	for i := range 55 {
		secret, _, err := g.Login(httptest.NewRequest(http.MethodPost, "/", nil), "ada", password)
		if err != nil {
			t.Fatal(err)
		}
		if last = secret; i == 0 {
			first = secret
		}
	}
	if sessions, err := s.Sessions(t.Context(), ada.ID); err != nil || len(sessions) != 50 {
		t.Errorf("%d sessions, %v", len(sessions), err)
	}
	if authKind(g, bearerRequest(first)) != errs.Unauthenticated || authKind(g, bearerRequest(last)) != "" {
		t.Error("not the oldest sessions ended")
	}
}

func TestRunProlongsAndExpires(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := newStore(t, d)
		g := newGuard(t, s)
		ada := addUser(t, s, "ada", access.Viewer)
		secret, session, err := g.Login(httptest.NewRequest(http.MethodPost, "/", nil), "ada", password)
		if err != nil {
			t.Fatal(err)
		}
		token, _, err := s.CreateToken(as(ada), access.NewAPIToken{Name: "ci", UserID: ada.ID, Roles: access.Roles{access.Viewer}})
		if err != nil {
			t.Fatal(err)
		}
		useBy := func(ask func(*http.Request) (access.Principal, error)) {
			for _, secret := range []string{secret, token} {
				if _, err := ask(bearerRequest(secret)); err != nil {
					t.Fatal(err)
				}
			}
			// Run writes what was used when its context ends.
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := g.Run(ctx); err != nil {
				t.Fatal(err)
			}
		}
		use := func() { useBy(g.Authenticate) }
		set := func(column string, ago time.Duration) {
			t.Helper()
			if _, err := d.ExecContext(t.Context(), "UPDATE sessions SET "+column+" = ?", db.Now()-ago.Milliseconds()); err != nil {
				t.Fatal(err)
			}
		}
		read := func() access.Session {
			t.Helper()
			sessions, err := s.Sessions(t.Context(), ada.ID)
			if err != nil || len(sessions) != 1 {
				t.Fatalf("%d sessions, %v", len(sessions), err)
			}
			return sessions[0]
		}
		use()
		if got := read(); !got.ExpiresAt.Equal(session.ExpiresAt) {
			t.Errorf("prolonged after no time: %s", got.ExpiresAt.Sub(session.ExpiresAt))
		}
		set("last_seen_at", 2*time.Minute)
		set("expires_at", -time.Hour)
		if useBy(g.Recheck); time.Until(read().ExpiresAt) > time.Hour || time.Since(read().LastSeenAt) < 2*time.Minute {
			t.Errorf("looking whether it is still good is a use: %+v", read())
		}
		use()
		if left := time.Until(read().ExpiresAt); left < access.SessionIdle-time.Minute || left > access.SessionIdle {
			t.Errorf("%s left after a use", left)
		}
		set("last_seen_at", 2*time.Minute)
		set("created_at", access.SessionMax-time.Hour)
		use()
		if left := time.Until(read().ExpiresAt); left > time.Hour || left < 59*time.Minute {
			t.Errorf("%s left of a session of nearly %s", left, access.SessionMax)
		}
		tokens, err := s.Tokens(t.Context(), ada.ID)
		if err != nil || len(tokens) != 1 || time.Since(tokens[0].LastUsedAt) > time.Minute {
			t.Errorf("%+v, %v", tokens, err)
		}
		set("expires_at", 0)
		long := db.Now() - (31 * 24 * time.Hour).Milliseconds()
		if _, err := d.ExecContext(t.Context(), "UPDATE api_tokens SET expires_at = ?", long); err != nil {
			t.Fatal(err)
		}
		if err := s.Expire(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, table := range []string{"sessions", "api_tokens"} {
			if n, err := d.NewSelect().Table(table).Count(t.Context()); n != 0 || err != nil {
				t.Errorf("%d left in %s, %v", n, table, err)
			}
		}
	})
}

func TestChangePassword(t *testing.T) {
	s := newStore(t, dbtest.Open(t))
	g := newGuard(t, s)
	addUser(t, s, "root", access.Admin)
	ada := addUser(t, s, "ada", access.Viewer)
	wantKind(t, "wrong present one", g.ChangePassword(as(ada), "wrong", "another long password"), errs.Unauthenticated)
	wantKind(t, "short new one", g.ChangePassword(as(ada), password, "short"), errs.Invalid)
	wantKind(t, "nobody", g.ChangePassword(t.Context(), password, "another long password"), errs.Denied)
	token := access.With(t.Context(), access.Principal{UserID: ada.ID, Kind: access.KindToken})
	wantKind(t, "token", g.ChangePassword(token, password, "another long password"), errs.Denied)
	if err := g.ChangePassword(as(ada), password, "another long password"); err != nil {
		t.Fatal(err)
	}
	if authKind(g, basicRequest("ada", password)) != errs.Unauthenticated || authKind(g, basicRequest("ada", "another long password")) != "" {
		t.Error("the password is not the new one")
	}
}
