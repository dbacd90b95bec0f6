package access_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/picketmon/picket/collector/access"
)

// discard is a ResponseWriter that costs nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func benchmarkRequest(b *testing.B, credential func(*house, access.User) func(*http.Request)) {
	h := newHouse(b)
	h.Route("GET", "/api/v1/thing/{id}", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), access.Viewer)
	r := request("GET", "/api/v1/thing/1")
	if credential != nil {
		credential(h, addUser(b, h.store, "ada", access.Viewer))(r)
		if code := h.do(r).StatusCode; code != http.StatusOK {
			b.Fatal(code)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(discard{http.Header{}}, r)
	}
}

func BenchmarkRefused(b *testing.B) { benchmarkRequest(b, nil) }

func BenchmarkBearerToken(b *testing.B) {
	benchmarkRequest(b, func(h *house, u access.User) func(*http.Request) {
		token, _, err := h.store.CreateToken(as(u), access.NewAPIToken{Name: "b", UserID: u.ID, Roles: u.Roles})
		if err != nil {
			b.Fatal(err)
		}
		return bearer(token)
	})
}

func BenchmarkSession(b *testing.B) {
	benchmarkRequest(b, func(h *house, _ access.User) func(*http.Request) {
		secret, _, err := h.guard.Login(httptest.NewRequest(http.MethodPost, "/", nil), "ada", password)
		if err != nil {
			b.Fatal(err)
		}
		return cookie(secret)
	})
}

func BenchmarkBasicRemembered(b *testing.B) {
	benchmarkRequest(b, func(*house, access.User) func(*http.Request) { return basic("ada", password) })
}

func BenchmarkPasswordHash(b *testing.B) {
	h := newHouse(b)
	s, err := access.NewStore(access.Options{DB: h.db, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	addUser(b, s, "root", access.Admin)
	ada := addUser(b, s, "ada", access.Viewer)
	b.ReportAllocs()
	for b.Loop() {
		if err := s.SetPassword(setup(), ada.ID, password); err != nil {
			b.Fatal(err)
		}
	}
}
