package api

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/db/dbtest"
)

func TestOperationWithoutRolesPanics(t *testing.T) {
	logger := slog.New(slog.DiscardHandler)
	store, err := access.NewStore(access.Options{DB: dbtest.Open(t), Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	guard, err := access.NewGuard(access.GuardOptions{Store: store, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	router, err := access.NewRouter(access.RouterOptions{Guard: guard, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	a := &api{huma: huma.NewAPI(humaConfig("test"), adapter{router})}
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, "/api/v1/open has no roles") {
			t.Errorf("recovered %q", text)
		}
		if n := len(router.Routes()); n != 0 {
			t.Errorf("%d routes are mounted", n)
		}
	}()
	register(a, operation{id: "open", method: http.MethodGet, path: "/api/v1/open"}, func(context.Context, *nothing) (*nothing, error) { return nil, nil })
}

func FuzzTopKeys(f *testing.F) {
	f.Add([]byte(`{"a":1,"a":{"b":[]},"C":null}`))
	f.Add([]byte(`{"a`))
	f.Add([]byte(`[{"a":1}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if keys := topKeys(body); len(keys) > len(body)/2 {
			t.Errorf("%d keys in %d bytes", len(keys), len(body))
		}
	})
}
