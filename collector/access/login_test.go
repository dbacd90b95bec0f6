package access

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/picketmon/picket/collector/db/dbtest"
)

// An unknown name must cost what a known one costs: the dummy is hashed. Parameters that argon2 panics on show that it is.
func TestUnknownUsersCostAHash(t *testing.T) {
	s, err := NewStore(Options{DB: dbtest.Open(t), Logger: slog.New(slog.DiscardHandler), Hash: HashParams{Memory: 64, Time: 1, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	g, err := NewGuard(GuardOptions{Store: s, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"nobody", "no body\x00", ""} {
		s.hasher.dummy.params = HashParams{Memory: 64, Time: 1, Threads: 1}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.SetBasicAuth(name, "some password")
		if _, err := g.Authenticate(r); err == nil {
			t.Fatalf("%q got in", name)
		}
		s.hasher.dummy.params.Time = 0
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("for %q nothing was hashed", name)
				}
			}()
			_, _ = g.Authenticate(r)
		}()
	}
}

func TestTooManyWaitingLoginsAreRefused(t *testing.T) {
	h := newHasher(HashParams{Memory: 64, Time: 1, Threads: 1})
	for range hashesAtOnce {
		if err := h.acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	h.waiting.Store(hashesWaiting)
	if _, err := h.hash(t.Context(), "x"); err == nil {
		t.Error("one more may wait")
	}
	h.waiting.Store(0)
	for range hashesAtOnce {
		h.release()
	}
	if _, err := h.hash(t.Context(), "x"); err != nil || h.waiting.Load() != 0 {
		t.Errorf("afterwards: %v, %d waiting", err, h.waiting.Load())
	}
}

// The password changes between its check and the session: the session must not begin.
func TestNoSessionAfterAChange(t *testing.T) {
	s, err := NewStore(Options{DB: dbtest.Open(t), Logger: slog.New(slog.DiscardHandler), Hash: HashParams{Memory: 64, Time: 1, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	ctx := With(t.Context(), System("test"))
	for _, name := range []string{"root", "ada"} {
		if _, err := s.CreateUser(ctx, NewUser{Name: name, Password: "correct horse battery", Roles: Roles{Admin}}); err != nil {
			t.Fatal(err)
		}
	}
	row, err := s.userRowByName(ctx, "ada")
	if err != nil {
		t.Fatal(err)
	}
	begin := func() error {
		_, _, err := s.createSession(ctx, row, newSession{})
		return err
	}
	if err := s.SetDisabled(ctx, row.ID, true); err != nil || begin() == nil {
		t.Errorf("a session of a disabled user began (%v)", err)
	}
	if err := s.SetDisabled(ctx, row.ID, false); err != nil || begin() != nil {
		t.Errorf("no session of an enabled user (%v)", err)
	}
	if err := s.SetPassword(ctx, row.ID, "another long password"); err != nil || begin() == nil {
		t.Errorf("a session with the old password began (%v)", err)
	}
	if err := s.DeleteUser(ctx, row.ID); err != nil || begin() == nil {
		t.Errorf("a session of a deleted user began (%v)", err)
	}
}
