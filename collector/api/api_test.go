package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/api"
	"github.com/picketmon/picket/collector/cmdb"
	"github.com/picketmon/picket/collector/cmdb/class"
	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
	"github.com/picketmon/picket/collector/event"
	"github.com/picketmon/picket/collector/fleet"
	"github.com/picketmon/picket/collector/live"
	"github.com/picketmon/picket/collector/metrics"
)

const password = "correct horse battery"

// bench is the API on a real database behind the real router, with a user named after each role.
type bench struct {
	t       testing.TB
	db      *db.DB
	access  *access.Store
	fleet   *fleet.Fleet
	events  *event.Store
	cmdb    *cmdb.Store
	store   *metrics.Store
	catalog *metrics.Catalog
	live    *live.Hub
	router  *access.Router
	url     string
	users   map[string]access.User
}

// system is how a test changes what another process would.
func system() context.Context { return access.With(context.Background(), access.System("test")) }

func newBench(t testing.TB) *bench {
	t.Helper()
	return newBenchOn(t, dbtest.Open(t))
}

func newBenchOn(t testing.TB, d *db.DB) *bench {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	b := &bench{t: t, db: d, users: map[string]access.User{}}
	var err error
	b.access, err = access.NewStore(access.Options{DB: b.db, Logger: logger, Hash: access.HashParams{Memory: 64, Time: 1, Threads: 1}})
	check(t, err)
	guard, err := access.NewGuard(access.GuardOptions{Store: b.access, Logger: logger})
	check(t, err)
	ca, err := fleet.OpenCA(t.TempDir(), fleet.CAOptions{Logger: logger})
	check(t, err)
	b.fleet, err = fleet.New(fleet.Options{DB: b.db, CA: ca, Logger: logger, Audit: func(ctx context.Context, action, id string, detail map[string]any) {
		check(t, b.access.Audit(ctx, access.Entry{Action: action, TargetType: "fleet", TargetID: id, Detail: detail}))
	}})
	check(t, err)
	b.events = event.NewStore(b.db, 0, logger)
	model, err := class.Load(class.Builtin()...)
	check(t, err)
	b.cmdb, err = cmdb.New(cmdb.Options{DB: b.db, Model: model, Logger: logger})
	check(t, err)
	b.store, err = metrics.Open(metrics.Options{Dir: t.TempDir(), Logger: logger})
	check(t, err)
	t.Cleanup(func() { check(t, b.store.Close()) })
	b.catalog, err = metrics.NewCatalog(t.Context(), metrics.CatalogOptions{Rows: metrics.NewRows(b.db), Logger: logger})
	check(t, err)
	finder, err := metrics.NewFinder(b.store, b.catalog, logger)
	check(t, err)
	b.live = runHub(t)
	b.router, err = access.NewRouter(access.RouterOptions{Guard: guard, Logger: logger})
	check(t, err)
	check(t, api.Mount(b.router, api.Options{
		Access: b.access, Guard: guard, Fleet: b.fleet, Events: b.events, CMDB: b.cmdb, Names: finder, ImportMaxBytes: 1 << 20,
		Import: func(ctx context.Context, text io.Reader, labels map[string]string, confirm func(metrics.ImportResult) error) (metrics.ImportResult, error) {
			return b.store.Import(ctx, text, metrics.ImportOptions{Labels: labels, Catalog: b.catalog, MaxBytes: 1 << 20, Confirm: confirm})
		},
		Live: b.live, PingEvery: 50 * time.Millisecond, Version: "test", Started: time.Now().Add(-time.Minute),
		AgentAddresses: []string{"collector.test:4601"},
		Storage: func(context.Context) (api.Storage, error) {
			return api.Storage{Series: 7, MetricsBytes: 1 << 20, DatabaseBytes: 4096}, nil
		},
		InTx: func(ctx context.Context, fn func(context.Context) error) error {
			return b.db.InTx(ctx, func(ctx context.Context, _ bun.Tx) error { return fn(ctx) })
		},
	}))
	s := httptest.NewServer(b.router)
	t.Cleanup(s.Close)
	b.url = s.URL
	for _, r := range access.UserRoles() {
		b.addUser(string(r), r)
	}
	return b
}

func (b *bench) addUser(name string, roles ...access.Role) {
	b.t.Helper()
	u, err := b.access.CreateUser(system(), access.NewUser{Name: name, Password: password, Roles: roles})
	check(b.t, err)
	b.users[name] = u
}

// addAgent adds an agent as enrolment would.
func (b *bench) addAgent(instance string) fleet.AgentID {
	b.t.Helper()
	id := db.NewID()
	_, err := b.db.NewRaw("INSERT INTO agents (id, instance, hostname, fingerprint, public_key_hash, os, arch, version, boot_id, enrolled_at, "+
		"last_seen_at, state, revoked_reason, remote_addr, token_id) VALUES (?, ?, ?, 'f00d', ?, 'linux', 'amd64', 'v1', '', ?, ?, 'enrolled', '', "+
		"'192.0.2.7', 'tok')", id, instance, instance, id, db.Now(), db.Now()).Exec(context.Background())
	check(b.t, err)
	_, err = b.db.NewRaw("INSERT INTO agent_certificates (serial, agent_id, public_key_hash, not_before, not_after, issued_at, revoked_reason) "+
		"VALUES (?, ?, ?, 1000, 2000, 1000, '')", "c"+id, id, id).Exec(context.Background())
	check(b.t, err)
	return fleet.AgentID(id)
}

// reply is an answer as a test looks at it.
type reply struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

// item returns a field of the body.
func (r reply) item(name string) any { return r.body[name] }

// kind is the kind of the error, and its fields.
func (r reply) kind() (kind string, fields []string) {
	e, _ := r.body["error"].(map[string]any)
	kind, _ = e["kind"].(string)
	list, _ := e["fields"].([]any)
	for _, f := range list {
		name, _ := f.(map[string]any)["field"].(string)
		fields = append(fields, name)
	}
	return kind, fields
}

// names lists one field of every item of a list.
func (r reply) names(field string) []string {
	list, _ := r.body["items"].([]any)
	out := []string{}
	for _, i := range list {
		name, _ := i.(map[string]any)[field].(string)
		out = append(out, name)
	}
	return out
}

// do sends a request as a user with the usual password; "" is nobody.
func (b *bench) do(who, method, path, body string, change ...func(*http.Request)) reply {
	b.t.Helper()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(context.Background(), method, b.url+path, in)
	check(b.t, err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if who != "" {
		r.SetBasicAuth(who, password)
	}
	for _, c := range change {
		c(r)
	}
	return b.send(r)
}

func (b *bench) send(r *http.Request) reply {
	b.t.Helper()
	res, err := http.DefaultTransport.RoundTrip(r)
	check(b.t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	check(b.t, err)
	out := reply{status: res.StatusCode, header: res.Header, text: string(raw)}
	if len(bytes.TrimSpace(raw)) > 0 && strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") && !strings.HasPrefix(res.Header.Get("Content-Type"), "application/jsonl") {
		check(b.t, json.Unmarshal(raw, &out.body))
	}
	return out
}

// must is do, and fails the test for another status.
func (b *bench) must(want int, who, method, path, body string, change ...func(*http.Request)) reply {
	b.t.Helper()
	r := b.do(who, method, path, body, change...)
	if r.status != want {
		b.t.Fatalf("%s %s as %q: status %d, want %d: %s", method, path, who, r.status, want, r.text)
	}
	return r
}

func bearer(secret string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+secret) }
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same(t testing.TB, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
