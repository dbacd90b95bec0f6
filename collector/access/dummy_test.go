package access

import (
	"log/slog"
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
		r := httptest.NewRequest("GET", "/", nil)
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
