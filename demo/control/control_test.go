package control

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/picketmon/picket/demo"
	"github.com/picketmon/picket/demo/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func sleeper(t *testing.T) process {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Skip(err)
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-done
	})
	mark, ok := markOf(cmd.Process.Pid)
	if !ok || mark == "" {
		t.Fatal("a process that runs has no mark")
	}
	return process{Name: "sleep", PID: cmd.Process.Pid, Mark: mark}
}

// TestOnlyOurProcessesAreEnded: a process that merely has the pid that one of ours had is left alone.
func TestOnlyOurProcessesAreEnded(t *testing.T) {
	p := sleeper(t)
	other := p
	other.Mark = "another moment"
	if other.alive() {
		t.Error("another process is taken for ours")
	}
	if err := other.end(t.Context(), time.Second); err != nil {
		t.Error(err)
	}
	if !p.alive() {
		t.Fatal("the wrong process was ended")
	}
	if (process{}).alive() {
		t.Error("no process is alive")
	}
	dir := demo.Dir(t.TempDir())
	if err := writeRunning(dir, running{Supervisor: other, Children: []process{p}}); err != nil {
		t.Fatal(err)
	}
	if err := endAll(t.Context(), dir); err != nil {
		t.Error(err)
	}
	if p.alive() {
		t.Error("a child whose supervisor is gone was not ended")
	}
	if now, err := readRunning(dir); err != nil || len(now.Children) > 0 {
		t.Errorf("%+v, %v", now, err)
	}
}

func TestAFolderThatIsNoDemoIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := emptyFolder(dir); err == nil || !strings.Contains(err.Error(), "--dir") {
		t.Error(err)
	}
	if err := Clear(t.Context(), ClearOptions{Dir: dir, Local: true, Env: os.Getenv, Out: t.Output()}); err == nil || !strings.Contains(err.Error(), "there is no demo") {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "thesis.txt")); err != nil {
		t.Error(err)
	}
}

func TestAddressesOfCollectors(t *testing.T) {
	for address, good := range map[string]bool{
		"": true, "http://127.0.0.1:4600": true, "http://localhost:1": true, "https://picket.example.com": true, "https://[::1]:4/base/": true,
		"http://picket.example.com": false, "ftp://127.0.0.1": false, "127.0.0.1:4600": false, "https://u:p@x": false,
	} {
		_, err := newClient(func(name string) string { return map[string]string{EnvURL: address}[name] })
		if (err == nil) != good {
			t.Errorf("%q: %v", address, err)
		}
	}
	env := map[string]string{EnvURL: "http://picket.example.com", EnvInsecure: "1"}
	if _, err := newClient(func(name string) string { return env[name] }); err != nil {
		t.Error(err)
	}
}

func TestChildrenGetNoCredentials(t *testing.T) {
	t.Setenv(EnvToken, "secret")
	t.Setenv(EnvPassword, "secret")
	t.Setenv("PICKET_AGENT_COLLECTOR", "elsewhere:1")
	if left := strings.Join(plainEnvironment(), "\n"); strings.Contains(left, "PICKET_") || !strings.Contains(left, "PATH=") {
		t.Errorf("children get\n%s", left)
	}
}

func TestActivity(t *testing.T) {
	now := time.Now()
	was := demo.Report{Time: now.Add(-2 * time.Second), PID: 1, Started: now.Add(-time.Hour), Requests: 100, Written: 1000}
	is := demo.Report{Time: now, PID: 1, Started: was.Started, Requests: 120, Written: 3000, InFlight: 3, Leaked: 7}
	for name, tc := range map[string]struct {
		before, after demo.Report
		runs          bool
		want          sim.Activity
	}{
		"works":         {was, is, true, sim.Activity{Requests: 10, Written: 1000, Waiting: 3, Leaked: 7}},
		"started anew":  {was, demo.Report{Time: now, PID: 2, Started: now.Add(-10 * time.Second), Requests: 50}, true, sim.Activity{Requests: 5}},
		"says nothing":  {was, demo.Report{Time: now.Add(-time.Minute), PID: 1}, true, sim.Activity{}},
		"does not run":  {was, is, false, sim.Activity{Down: true}},
		"nothing newer": {is, is, true, sim.Activity{Waiting: 3, Leaked: 7}},
	} {
		if diff := cmp.Diff(tc.want, activity(tc.before, tc.after, tc.runs, now)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// api is a collector's API that says yes, or what it is told to say, and keeps what was asked.
type api struct {
	asked []string
	roles []string
	says  map[string]int
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	what := r.Method + " " + r.URL.Path
	if m := r.URL.Query()["match[]"]; len(m) > 0 {
		what += " " + strings.Join(m, " ")
	}
	a.asked = append(a.asked, what)
	if user, password, _ := r.BasicAuth(); user != "ada" || password != "secret" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if code := a.says[what]; code != 0 {
		w.WriteHeader(code)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"name": "ada", "roles": a.roles})
}

func (a *api) env(t *testing.T) func(string) string {
	t.Helper()
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	env := map[string]string{EnvURL: server.URL, EnvUser: "ada", EnvPassword: "secret"}
	return func(name string) string { return env[name] }
}

// TestClear follows what is deleted: agents that are gone already do not matter, a refusal keeps the folder.
func TestClear(t *testing.T) {
	a := &api{roles: []string{"operator"}, says: map[string]int{
		"POST /api/v1/agents/id-web/revoke": http.StatusConflict, "DELETE /api/v1/agents/id-app": http.StatusNotFound,
	}}
	env := a.env(t)
	dir := demo.Dir(filepath.Join(t.TempDir(), "demo"))
	if err := os.Mkdir(string(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := dir.WritePlan(demo.Plan{URL: env(EnvURL), Agents: map[string]demo.Member{
		"shop-web-1": {ID: "id-web", Instance: "shop-web-1"}, "shop-app-1": {ID: "id-app", Instance: "shop-app-1-2"},
	}}); err != nil {
		t.Fatal(err)
	}
	o := ClearOptions{Dir: string(dir), Env: env, Out: t.Output()}
	if err := Clear(t.Context(), o); err == nil || !strings.Contains(err.Error(), "ada may not delete series") {
		t.Errorf("as operator: %v", err)
	}
	a.roles = []string{"admin"}
	last := `POST /prometheus/api/v1/admin/tsdb/delete_series {demo="true"} {instance=~"shop-web-1|shop-app-1-2"}`
	a.says[last] = http.StatusServiceUnavailable
	if err := Clear(t.Context(), o); err == nil {
		t.Error("no error though the series are there still")
	}
	if _, err := dir.ReadPlan(); err != nil {
		t.Fatal("the folder is gone though the series are there still")
	}
	delete(a.says, last)
	a.asked = nil
	if err := Clear(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"GET /api/v1/me", "POST /api/v1/agents/id-web/revoke", "DELETE /api/v1/agents/id-web", "POST /api/v1/agents/id-app/revoke",
		"DELETE /api/v1/agents/id-app", last,
	}
	if diff := cmp.Diff(want, a.asked); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := os.Stat(string(dir)); !os.IsNotExist(err) {
		t.Error("the folder is there still")
	}
}

func TestBreakAndHeal(t *testing.T) {
	dir := demo.Dir(t.TempDir())
	if err := dir.WritePlan(demo.Plan{}); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, step := range []struct {
		do   func() error
		says string
		on   []demo.Break
	}{
		{func() error { return Heal(string(dir), nil, &out) }, "Nothing is broken", nil},
		{func() error { return BreakIt(string(dir), "store", &out) }, "on shop-store-1", []demo.Break{"store"}},
		{func() error { return BreakIt(string(dir), "store", &out) }, "broken already", []demo.Break{"store"}},
		{func() error { return BreakIt(string(dir), "disk", &out) }, "97 %", []demo.Break{"disk", "store"}},
		{func() error { return Heal(string(dir), []string{"store"}, &out) }, "store is healed", []demo.Break{"disk"}},
		{func() error { return Heal(string(dir), nil, &out) }, "disk is healed", nil},
	} {
		out.Reset()
		if err := step.do(); err != nil || !strings.Contains(out.String(), step.says) {
			t.Errorf("%v, %q, want %q", err, out.String(), step.says)
		}
		if b, err := dir.ReadBreaks(); err != nil || !slices.Equal(b.Lasting(), step.on) {
			t.Errorf("%v, %v, want %v", b, err, step.on)
		}
	}
	if err := BreakIt(string(dir), "everything", &out); err == nil {
		t.Error("everything can be broken")
	}
}

// TestAChildIsKept: it is started again when it ends, with its name in the list of processes, and ends with its supervisor.
func TestAChildIsKept(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, "left.prom")
	c := &child{name: "true", log: filepath.Join(dir, "out.log"), leaves: []string{left}, make: func(ctx context.Context) *exec.Cmd {
		return exec.CommandContext(ctx, "sh", "-c", "echo hello; touch "+left)
	}}
	if err := c.once(t.Context(), func() {}); err != nil {
		t.Fatal(err)
	}
	if err := c.once(t.Context(), func() {
		if p, running := c.now(); running && p.Starts != 2 {
			t.Errorf("%+v", p)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if raw, err := os.ReadFile(c.log); err != nil || string(raw) != "hello\nhello\n" {
		t.Errorf("%q, %v", raw, err)
	}
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Error("its metrics outlive it")
	}
	c.make = func(ctx context.Context) *exec.Cmd { return exec.CommandContext(ctx, "sleep", "60") }
	ctx, cancel := context.WithCancel(t.Context())
	began := time.Now()
	_ = c.once(ctx, func() {
		if _, running := c.now(); running {
			cancel()
		}
	})
	if p, running := c.now(); running || p.alive() || time.Since(began) > 5*time.Second {
		t.Errorf("still runs after %s", time.Since(began))
	}
}
