package access_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
	"github.com/picketmon/picket/internal/errs"
)

// fromAddr is a request of someone who is not signed in.
func fromAddr(addr string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.RemoteAddr = addr + ":1234"
	return r
}

func makeLink(t testing.TB, s *access.Store, u access.User, ttl time.Duration) string {
	t.Helper()
	secret, link, err := s.CreateLoginLink(setup(), u.ID, ttl)
	if err != nil {
		t.Fatal(err)
	}
	if link.UserID != u.ID || link.ExpiresAt.Sub(link.CreatedAt) != ttl || !strings.HasPrefix(secret, "pkl_") {
		t.Errorf("link %+v, secret %s", link, secret)
	}
	return secret
}

func TestLoginLinkWorksOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := newStore(t, d)
		g := newGuard(t, s)
		addUser(t, s, "root", access.Admin)
		ada := addUser(t, s, "ada", access.Operator)
		link := makeLink(t, s, ada, access.DefaultLinkTTL)
		if n, err := d.NewSelect().Table("login_links").Where("secret_hash = ?", link).Count(t.Context()); err != nil || n != 0 {
			t.Errorf("the secret itself is stored (%v)", err)
		}
		secret, session, err := g.LoginByLink(fromAddr("192.0.2.1"), link)
		if err != nil || session.UserID != ada.ID || session.RemoteAddr != "192.0.2.1" {
			t.Fatalf("session %+v, %v", session, err)
		}
		r := fromAddr("192.0.2.1")
		bearer(secret)(r)
		if p, err := g.Authenticate(r); err != nil || p.Name != "ada" || p.CredentialID != session.ID || !p.Allows(access.Operator) {
			t.Errorf("the session's principal is %+v, %v", p, err)
		}
		_, _, err = g.LoginByLink(fromAddr("192.0.2.1"), link)
		wantKind(t, "second use", err, errs.Unauthenticated)
		if !strings.Contains(errs.Message(err), "picket-collector login-link") {
			t.Errorf("the refusal does not help: %v", err)
		}
		// A link is no credential of another kind.
		r = fromAddr("192.0.2.1")
		bearer(makeLink(t, s, ada, time.Hour))(r)
		_, err = g.Authenticate(r)
		wantKind(t, "as Bearer token", err, errs.Unauthenticated)

		var told []string
		entries, _, err := s.AuditLog(t.Context(), access.AuditQuery{Limit: 3})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			told = append(told, e.Action+" by "+e.ActorName+" "+e.RemoteAddr)
			if strings.Contains(string(e.Detail), link[4:]) {
				t.Errorf("the audit log holds the secret: %s", e.Detail)
			}
		}
		want := []string{"login_link.create by test ", "session.create by ada 192.0.2.1", "login_link.create by test "}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Error(diff)
		}
	})
}

// Of many who hold the same link one gets in.
func TestLoginLinkUsedByManyAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := newStore(t, d)
		g := newGuard(t, s)
		ada := addUser(t, s, "ada", access.Admin)
		link := makeLink(t, s, ada, time.Hour)
		var (
			wg    sync.WaitGroup
			kinds = make(chan errs.Code, 16)
		)
		for i := range cap(kinds) {
			wg.Go(func() {
				_, _, err := g.LoginByLink(fromAddr(fmt.Sprintf("192.0.2.%d", i)), link)
				kinds <- errs.Kind(err)
			})
		}
		wg.Wait()
		close(kinds)
		got := map[errs.Code]int{}
		for k := range kinds {
			got[k]++
		}
		if diff := cmp.Diff(map[errs.Code]int{"": 1, errs.Unauthenticated: 15}, got); diff != "" {
			t.Error(diff)
		}
		if all, err := s.Sessions(t.Context(), ada.ID); err != nil || len(all) != 1 {
			t.Errorf("%d sessions, %v", len(all), err)
		}
	})
}

func TestLoginLinkThatIsUseless(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := newStore(t, d)
		g := newGuard(t, s)
		addUser(t, s, "root", access.Admin)
		for name, spoil := range map[string]func(u access.User, link string) string{
			"unknown":   func(access.User, string) string { return "pkl_" + strings.Repeat("A", 43) },
			"malformed": func(_ access.User, link string) string { return link + "\n" },
			"empty":     func(access.User, string) string { return "" },
			"other kind": func(u access.User, _ string) string {
				secret, _, err := s.CreateToken(as(u), access.NewAPIToken{Name: "t", UserID: u.ID, Roles: u.Roles})
				wantKind(t, "make token", err, "")
				return secret
			},
			"disabled user": func(u access.User, link string) string {
				wantKind(t, "disable", s.SetDisabled(setup(), u.ID, true), "")
				return link
			},
			"user that was disabled meanwhile": func(u access.User, link string) string {
				wantKind(t, "disable", s.SetDisabled(setup(), u.ID, true), "")
				wantKind(t, "enable", s.SetDisabled(setup(), u.ID, false), "")
				return link
			},
			"changed password": func(u access.User, link string) string {
				wantKind(t, "set password", s.SetPassword(setup(), u.ID, "another long password"), "")
				return link
			},
			"deleted user": func(u access.User, link string) string {
				wantKind(t, "delete", s.DeleteUser(setup(), u.ID), "")
				return link
			},
			"older than 20 others": func(u access.User, link string) string {
				for range 20 {
					makeLink(t, s, u, time.Hour)
				}
				return link
			},
		} {
			u := addUser(t, s, strings.ReplaceAll(name, " ", "."), access.Viewer)
			_, _, err := g.LoginByLink(fromAddr("192.0.2.1"), spoil(u, makeLink(t, s, u, time.Hour)))
			wantKind(t, name, err, errs.Unauthenticated)
		}
	})
}

func TestWhoMayMakeLoginLinks(t *testing.T) {
	s := newStore(t, dbtest.Open(t))
	root, ada := addUser(t, s, "root", access.Admin), addUser(t, s, "ada", access.Operator)
	link := func(who access.User, u string, ttl time.Duration) error {
		_, _, err := s.CreateLoginLink(as(who), u, ttl)
		return err
	}
	wantKind(t, "admin", link(root, ada.ID, time.Minute), "")
	wantKind(t, "for herself", link(ada, ada.ID, time.Minute), errs.Denied)
	wantKind(t, "for the admin", link(ada, root.ID, time.Minute), errs.Denied)
	wantKind(t, "nobody", link(root, db.NewID(), time.Minute), errs.NotFound)
	wantKind(t, "for ever", link(root, ada.ID, 25*time.Hour), errs.Invalid)
	wantKind(t, "for no time", link(root, ada.ID, 0), errs.Invalid)
	wantKind(t, "disable", s.SetDisabled(setup(), ada.ID, true), "")
	wantKind(t, "disabled user", link(root, ada.ID, time.Minute), errs.Invalid)
}

func TestLoginLinkExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := dbtest.Open(t)
		s := newStore(t, d)
		g := newGuard(t, s)
		ada := addUser(t, s, "ada", access.Admin)
		soon, late := makeLink(t, s, ada, time.Minute), makeLink(t, s, ada, time.Minute)
		time.Sleep(time.Minute - time.Millisecond)
		if _, _, err := g.LoginByLink(fromAddr("192.0.2.1"), soon); err != nil {
			t.Errorf("in time: %v", err)
		}
		time.Sleep(time.Millisecond)
		_, _, err := g.LoginByLink(fromAddr("192.0.2.1"), late)
		wantKind(t, "too late", err, errs.Unauthenticated)
		wantKind(t, "expire", s.Expire(t.Context()), "")
		if n, err := d.NewSelect().Table("login_links").Count(t.Context()); err != nil || n != 0 {
			t.Errorf("%d links are kept (%v)", n, err)
		}
	})
}

func TestGuessingLoginLinksIsLimited(t *testing.T) {
	s := newStore(t, dbtest.Open(t))
	g := newGuard(t, s)
	ada := addUser(t, s, "ada", access.Admin)
	for range 60 { // those who get in are not slowed down
		if _, _, err := g.LoginByLink(fromAddr("192.0.2.1"), makeLink(t, s, ada, time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 60 {
		_, _, err := g.LoginByLink(fromAddr("192.0.2.1"), "pkl_"+strings.Repeat("A", 43))
		if _, limited := access.RetryAfter(err); limited {
			if n < 10 || !errs.Is(err, errs.TooMany) {
				t.Errorf("guess %d: %v", n, err)
			}
			_, _, err = g.LoginByLink(fromAddr("192.0.2.1"), makeLink(t, s, ada, time.Hour))
			wantKind(t, "a right one from there", err, errs.TooMany)
			_, _, err = g.LoginByLink(fromAddr("192.0.2.2"), makeLink(t, s, ada, time.Hour))
			wantKind(t, "a right one from elsewhere", err, "")
			return
		}
	}
	t.Error("guesses are not limited")
}
