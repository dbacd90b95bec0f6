package collector

import (
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/config"
)

func newTestCollector(t *testing.T, change func(*config.Config)) (*Collector, error) {
	t.Helper()
	var c config.Config
	if err := config.Settings(&c).Load("", func(string) (string, bool) { return "", false }); err != nil {
		t.Fatal(err)
	}
	c.DataDir, c.HTTPAddr, c.GRPCAddr, c.AdminPassword = filepath.Join(t.TempDir(), "data"), "127.0.0.1:0", "127.0.0.1:0", "long-enough-password"
	if change != nil {
		change(&c)
	}
	made, err := New(t.Context(), Options{Config: c, Version: "test", Logger: slog.New(slog.DiscardHandler), Notice: func(string, ...any) {}})
	if err == nil {
		t.Cleanup(func() {
			if err := made.close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
	return made, err
}

// Nothing is open to everybody but what stands here.
func TestEveryRouteHasRolesAndFewArePublic(t *testing.T) {
	c, err := newTestCollector(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	var public, agents []string
	for _, r := range c.router.Routes() {
		name := r.Method + " " + r.Pattern
		switch {
		case len(r.Roles) == 0:
			t.Errorf("%s has no roles", name)
		case slices.Contains(r.Roles, access.Public):
			public = append(public, name)
		case r.Method == "gRPC":
			agents = append(agents, fmt.Sprintf("%s %v", r.Pattern, r.Roles))
		case strings.HasSuffix(r.Pattern, "/write") && slices.Contains(r.Roles, access.Viewer):
			t.Errorf("%s writes and is for viewers", name)
		case strings.Contains(r.Pattern, "/admin/") && !slices.Equal(r.Roles, access.Roles{access.Admin}):
			t.Errorf("%s deletes and is not for admins alone", name)
		}
	}
	if diff := cmp.Diff([]string{"GET /", "GET /api/openapi.json", "POST /api/v1/login", "POST /api/v1/login-link", "GET /healthz", "GET /readyz"}, public); diff != "" {
		t.Errorf("public routes (-want +got):\n%s", diff)
	}
	want := []string{"/picket.v1.Delivery/Stream [agent]", "/picket.v1.Enrollment/Enroll [token]", "/picket.v1.Enrollment/Renew [agent]"}
	if diff := cmp.Diff(want, agents); diff != "" {
		t.Errorf("gRPC methods (-want +got):\n%s", diff)
	}
	if !slices.ContainsFunc(c.router.Routes(), func(r access.RouteInfo) bool {
		return r.Method == http.MethodGet && r.Pattern == "/prometheus/api/v1/query"
	}) {
		t.Error("PromQL is not mounted")
	}
}

func TestABusyPortIsNamed(t *testing.T) {
	first, err := newTestCollector(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = newTestCollector(t, func(c *config.Config) { c.HTTPAddr = first.HTTPAddr() })
	if err == nil || !strings.Contains(err.Error(), "http.addr: cannot listen on "+first.HTTPAddr()) {
		t.Errorf("got %v", err)
	}
}
