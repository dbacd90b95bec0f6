package access_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"
	"go.uber.org/goleak"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
	"github.com/picketmon/picket/internal/errs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const password = "correct horse battery"

// cheap keeps tests fast; the real cost is measured in a benchmark.
func cheap() access.HashParams { return access.HashParams{Memory: 64, Time: 1, Threads: 1} }

func newStore(t testing.TB, d *db.DB) *access.Store {
	t.Helper()
	s, err := access.NewStore(access.Options{DB: d, Logger: slog.New(slog.DiscardHandler), Hash: cheap()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// setup is how a test changes what another process would.
func setup() context.Context { return access.With(context.Background(), access.System("test")) }

func addUser(t testing.TB, s *access.Store, name string, roles ...access.Role) access.User {
	t.Helper()
	u, err := s.CreateUser(setup(), access.NewUser{Name: name, Password: password, Roles: roles})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// as returns a context in which u acts.
func as(u access.User) context.Context {
	return access.With(context.Background(), access.Principal{UserID: u.ID, Name: u.Name, Roles: u.Roles, Kind: access.KindUser, RemoteAddr: "192.0.2.1"})
}

func wantKind(t *testing.T, what string, err error, want errs.Code) {
	t.Helper()
	if got := errs.Kind(err); got != want {
		t.Errorf("%s: kind %q (%v), want %q", what, got, err, want)
	}
}

func TestUsers(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, ctx := newStore(t, d), setup()
		admin := addUser(t, s, "admin", access.Admin)
		ada := addUser(t, s, "Ada.L+1@example-host_x", access.Operator, access.Viewer, access.Operator)
		if diff := cmp.Diff(access.Roles{access.Operator, access.Viewer}, ada.Roles); diff != "" {
			t.Error(diff)
		}
		got, err := s.UserByName(ctx, "aDA.l+1@EXAMPLE-host_x")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(ada, got); diff != "" {
			t.Error(diff)
		}
		_, err = s.CreateUser(ctx, access.NewUser{Name: strings.ToUpper(ada.Name), Password: password, Roles: access.Roles{access.Viewer}})
		wantKind(t, "same name", err, errs.Conflict)
		_, err = s.User(ctx, db.NewID())
		wantKind(t, "unknown id", err, errs.NotFound)
		_, err = s.User(ctx, "'; --")
		wantKind(t, "odd id", err, errs.NotFound)
		_, err = s.UserByName(ctx, "nobody")
		wantKind(t, "unknown name", err, errs.NotFound)

		if err := s.SetRoles(ctx, ada.ID, access.Roles{access.ServiceDesk}); err != nil {
			t.Fatal(err)
		}
		if err := s.SetDisabled(ctx, ada.ID, true); err != nil {
			t.Fatal(err)
		}
		if got, err = s.User(ctx, ada.ID); err != nil || !got.Disabled || !got.Roles.Allows(access.ServiceDesk) || got.Roles.Allows(access.Operator) {
			t.Errorf("after the changes: %+v, %v", got, err)
		}
		wantKind(t, "no roles", s.SetRoles(ctx, ada.ID, nil), errs.Invalid)
		wantKind(t, "special role", s.SetRoles(ctx, ada.ID, access.Roles{access.Agent}), errs.Invalid)
		wantKind(t, "short password", s.SetPassword(ctx, ada.ID, "12345678901"), errs.Invalid)
		wantKind(t, "unknown user", s.SetPassword(ctx, db.NewID(), password), errs.NotFound)

		addUser(t, s, "bob", access.Viewer)
		names := func(after string, limit int) string {
			users, more, err := s.Users(ctx, after, limit)
			if err != nil {
				t.Fatal(err)
			}
			var out []string
			for _, u := range users {
				out = append(out, u.Name)
			}
			return fmt.Sprint(out, more)
		}
		if got, want := names("", 2), "[Ada.L+1@example-host_x admin] true"; got != want {
			t.Errorf("page 1: %s, want %s", got, want)
		}
		if got, want := names("admin", 2), "[bob] false"; got != want {
			t.Errorf("page 2: %s, want %s", got, want)
		}
		if err := s.DeleteUser(ctx, ada.ID); err != nil {
			t.Fatal(err)
		}
		wantKind(t, "deleted", s.DeleteUser(ctx, ada.ID), errs.NotFound)
		if got, want := names("", 0), "[admin bob] false"; got != want {
			t.Errorf("after deletion: %s, want %s", got, want)
		}
		wantKind(t, "last admin", s.DeleteUser(ctx, admin.ID), errs.Conflict)
	})
}

func TestCreateUserNamesAllProblems(t *testing.T) {
	s := newStore(t, dbtest.Open(t))
	for name, tc := range map[string]struct {
		user access.NewUser
		want []string
	}{
		"all":         {access.NewUser{}, []string{"name", "password", "roles"}},
		"colon":       {access.NewUser{Name: "a:b", Password: password, Roles: access.Roles{access.Viewer}}, []string{"name"}},
		"not ASCII":   {access.NewUser{Name: "jörg", Password: password, Roles: access.Roles{access.Viewer}}, []string{"name"}},
		"long name":   {access.NewUser{Name: strings.Repeat("a", 65), Password: password, Roles: access.Roles{access.Viewer}}, []string{"name"}},
		"11 chars":    {access.NewUser{Name: "a", Password: "äöüäöüäöüäö", Roles: access.Roles{access.Viewer}}, []string{"password"}},
		"1025 bytes":  {access.NewUser{Name: "a", Password: strings.Repeat("x", 1025), Roles: access.Roles{access.Viewer}}, []string{"password"}},
		"public role": {access.NewUser{Name: "a", Password: password, Roles: access.Roles{access.Viewer, access.Public}}, []string{"roles"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.CreateUser(setup(), tc.user)
			wantKind(t, name, err, errs.Invalid)
			var got []string
			for _, f := range errs.Fields(err) {
				got = append(got, f.Name)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, pw := range []string{"äöüäöüäöüäöü", strings.Repeat("x", 1024)} {
		if _, err := s.CreateUser(setup(), access.NewUser{Name: "u" + db.NewID(), Password: pw, Roles: access.Roles{access.Viewer}}); err != nil {
			t.Errorf("a password of %d bytes: %v", len(pw), err)
		}
	}
}

func TestLastAdminStays(t *testing.T) {
	ways := map[string]func(*access.Store, string) error{
		"delete":  func(s *access.Store, id string) error { return s.DeleteUser(setup(), id) },
		"disable": func(s *access.Store, id string) error { return s.SetDisabled(setup(), id, true) },
		"demote": func(s *access.Store, id string) error {
			return s.SetRoles(setup(), id, access.Roles{access.Operator, access.ServiceDesk, access.CheckAuthor})
		},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := newStore(t, d)
		last := addUser(t, s, "last", access.Admin)
		other := addUser(t, s, "other", access.Admin)
		if err := s.SetDisabled(setup(), other.ID, true); err != nil {
			t.Fatal(err)
		}
		for name, way := range ways {
			wantKind(t, name, way(s, last.ID), errs.Conflict)
		}
		if u, err := s.User(setup(), last.ID); err != nil || u.Disabled || !u.Roles.Allows(access.Admin) {
			t.Fatalf("the last admin is %+v, %v", u, err)
		}
		// Two admins that go at the same time: exactly one may.
		for name, way := range ways {
			a, b := addUser(t, s, "a"+name, access.Admin), addUser(t, s, "b"+name, access.Admin)
			if err := s.SetRoles(setup(), last.ID, access.Roles{access.Viewer}); err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			failed := make(chan error, 2)
			for _, u := range []access.User{a, b} {
				wg.Go(func() {
					if err := way(s, u.ID); err != nil {
						failed <- err
					}
				})
			}
			wg.Wait()
			if len(failed) != 1 {
				t.Errorf("%s: %d of 2 were refused", name, len(failed))
			}
			if err := s.SetRoles(setup(), last.ID, access.Roles{access.Admin}); err != nil {
				t.Fatal(err)
			}
			for _, u := range []access.User{a, b} {
				if err := s.DeleteUser(setup(), u.ID); err != nil && !errs.Is(err, errs.NotFound) {
					t.Fatal(err)
				}
			}
		}
	})
}

func TestAuditGoesWithTheChange(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := newStore(t, d)
		admin := addUser(t, s, "root", access.Admin)
		ada, err := s.CreateUser(as(admin), access.NewUser{Name: "ada", Password: password, Roles: access.Roles{access.Viewer}})
		if err != nil {
			t.Fatal(err)
		}
		steps := []error{
			s.SetRoles(as(admin), ada.ID, access.Roles{access.Operator}), s.SetPassword(as(ada), ada.ID, password+"!"),
			s.SetDisabled(as(admin), ada.ID, true), s.SetDisabled(as(admin), ada.ID, false), s.DeleteUser(as(admin), ada.ID),
		}
		if err := errors.Join(steps...); err != nil {
			t.Fatal(err)
		}
		// A change that is refused leaves nothing, and so does an entry whose transaction fails.
		if s.DeleteUser(as(admin), admin.ID) == nil {
			t.Error("the last admin went")
		}
		_ = d.InTx(as(admin), func(ctx context.Context, _ bun.Tx) error {
			if err := s.Audit(ctx, access.Entry{Action: "ghost.write", TargetType: "ghost"}); err != nil {
				t.Error(err)
			}
			return errors.New("rolled back")
		})
		entries, more, err := s.AuditLog(setup(), access.AuditQuery{TargetID: ada.ID})
		if err != nil || more {
			t.Fatal(err, more)
		}
		var got []string
		for _, e := range entries {
			got = append(got, fmt.Sprintf("%s %s@%s %s %s", e.ActorType, e.ActorName, e.RemoteAddr, e.Action, e.Detail))
			if time.Since(e.Time) > time.Minute || e.TargetType != "user" {
				t.Errorf("%+v", e)
			}
		}
		want := []string{
			`user root@192.0.2.1 user.delete {"name":"ada"}`,
			`user root@192.0.2.1 user.enable `,
			`user root@192.0.2.1 user.disable `,
			`user ada@192.0.2.1 user.set_password `,
			`user root@192.0.2.1 user.set_roles {"from":["viewer"],"to":["operator"]}`,
			`user root@192.0.2.1 user.create {"name":"ada","roles":["viewer"]}`,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		all, _, err := s.AuditLog(setup(), access.AuditQuery{})
		if err != nil || len(all) != 7 {
			t.Errorf("%d entries in all, %v", len(all), err)
		}
		if secrets, _ := json.Marshal(all); strings.Contains(string(secrets), "argon2") || strings.Contains(string(secrets), password) {
			t.Error("the audit log holds passwords")
		}
	})
}

func TestAuditPagesAndFilters(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := newStore(t, d)
		for i := range 25 {
			if err := s.Audit(access.With(t.Context(), access.System(fmt.Sprint(i%2))), access.Entry{Action: fmt.Sprintf("thing.%d", i), TargetType: "thing", TargetID: fmt.Sprint(i % 5)}); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		q := access.AuditQuery{Limit: 10}
		for pages := 1; ; pages++ {
			entries, more, err := s.AuditLog(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				got = append(got, e.Action)
				q.Before = e.ID
			}
			if !more {
				if pages != 3 {
					t.Errorf("%d pages", pages)
				}
				break
			}
		}
		if len(got) != 25 || got[0] != "thing.24" || got[24] != "thing.0" {
			t.Errorf("%v", got)
		}
		for name, tc := range map[string]struct {
			q    access.AuditQuery
			want int
		}{
			"target": {access.AuditQuery{TargetType: "thing", TargetID: "3"}, 5},
			"action": {access.AuditQuery{Action: "thing.7"}, 1},
			"nobody": {access.AuditQuery{ActorID: "x"}, 0},
			"since":  {access.AuditQuery{Since: time.Now().Add(time.Hour)}, 0},
			"until":  {access.AuditQuery{Until: time.Now().Add(time.Hour)}, 25},
		} {
			if entries, _, err := s.AuditLog(t.Context(), tc.q); err != nil || len(entries) != tc.want {
				t.Errorf("%s: %d entries, want %d (%v)", name, len(entries), tc.want, err)
			}
		}
		_, _, err := s.AuditLog(t.Context(), access.AuditQuery{Before: "nonsense"})
		wantKind(t, "bad cursor", err, errs.Invalid)
		if s.Audit(t.Context(), access.Entry{TargetType: "x"}) == nil || s.Audit(t.Context(), access.Entry{Action: "a", TargetType: "x", Detail: func() {}}) == nil {
			t.Error("entries without sense pass")
		}
	})
}

func TestEnsureAdmin(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s, dir := newStore(t, d), t.TempDir()
		file := filepath.Join(dir, access.AdminPasswordFile)
		_, _, err := s.EnsureAdmin(t.Context(), "short", dir)
		wantKind(t, "short password", err, errs.Invalid)
		if _, _, err = s.EnsureAdmin(t.Context(), "", filepath.Join(dir, "absent")); err == nil {
			t.Error("a password that cannot be kept was made")
		}
		if _, err := s.UserByName(t.Context(), "admin"); !errs.Is(err, errs.NotFound) {
			t.Fatalf("there is an admin after errors: %v", err)
		}
		generated, secret, err := s.EnsureAdmin(t.Context(), "", dir)
		if err != nil || !generated || len(secret) < 20 {
			t.Fatalf("generated %v, %d chars, %v", generated, len(secret), err)
		}
		kept, err := os.ReadFile(file)
		if err != nil || string(kept) != secret+"\n" {
			t.Errorf("kept %q, %v", kept, err)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 1 {
			t.Errorf("left %v", entries)
		}
		for range 2 {
			if generated, secret, err := s.EnsureAdmin(t.Context(), "another password", dir); err != nil || generated || secret != "" {
				t.Errorf("a second time: %v %q %v", generated, secret, err)
			}
		}
		g := newGuard(t, s)
		if _, err := g.Authenticate(basicRequest("admin", secret)); err != nil {
			t.Error(err)
		}
		if _, err := g.Authenticate(basicRequest("admin", "another password")); !errs.Is(err, errs.Unauthenticated) {
			t.Errorf("the later password works: %v", err)
		}
	})
}

func TestEnsureAdminWithGivenPassword(t *testing.T) {
	s, dir := newStore(t, dbtest.Open(t)), t.TempDir()
	generated, secret, err := s.EnsureAdmin(t.Context(), password, dir)
	if err != nil || generated || secret != password {
		t.Errorf("%v %q %v", generated, secret, err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("a given password was kept: %v", entries)
	}
	if _, err := newGuard(t, s).Authenticate(basicRequest("admin", password)); err != nil {
		t.Error(err)
	}
}
