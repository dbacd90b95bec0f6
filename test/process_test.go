package test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picketmon/picket/agent/enroll"
	"github.com/picketmon/picket/agent/status"
)

const adminPassword = "story-admin-password"

// process is a child whose output is kept.
type process struct {
	t    *testing.T
	name string
	make func() *exec.Cmd
	cmd  *exec.Cmd
	done chan struct{}
	mu   sync.Mutex
	out  bytes.Buffer
}

// Write implements io.Writer for the child's output.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

func (p *process) start() {
	p.t.Helper()
	p.cmd, p.done = p.make(), make(chan struct{})
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if err := p.cmd.Start(); err != nil {
		p.t.Fatalf("start %s: %v", p.name, err)
	}
	cmd, done := p.cmd, p.done
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
}

// stop ends the child as Ctrl-C does, and kills it when it does not obey in 20 s.
func (p *process) stop() {
	p.t.Helper()
	_ = p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.done:
		if code := p.cmd.ProcessState.ExitCode(); code != 0 {
			p.t.Errorf("%s ended with code %d after an interrupt:\n%s", p.name, code, tail(p.output()))
		}
	case <-time.After(20 * time.Second):
		p.t.Errorf("%s does not stop:\n%s", p.name, tail(p.output()))
		p.kill()
	}
}

// kill ends the child with SIGKILL.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

func tail(s string) string {
	if len(s) > 4000 {
		return "…" + s[len(s)-4000:]
	}
	return s
}

// collector is a picket-collector with its own data folder and ports.
type collector struct {
	*process
	dir, http, grpc string
	database        string // URL; empty is SQLite in dir
}

func freeAddr(t *testing.T) string {
	t.Helper()
	addr, err := anyAddr()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// anyAddr returns a loopback address that was free a moment ago.
func anyAddr() (string, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func newCollector(t *testing.T, args ...string) *collector {
	t.Helper()
	c := &collector{dir: filepath.Join(t.TempDir(), "collector"), http: freeAddr(t), grpc: freeAddr(t)}
	c.process = &process{t: t, name: "collector", make: func() *exec.Cmd {
		cmd := exec.CommandContext(context.Background(), binary("picket-collector"), append([]string{
			"run", "--data-dir", c.dir, "--http-addr", c.http, "--grpc-addr", c.grpc,
		}, args...)...)
		cmd.Env = append(os.Environ(), "PICKET_ADMIN_PASSWORD="+adminPassword, "PICKET_COLLECTOR_DATABASE_URL="+c.database)
		return cmd
	}}
	return c
}

// token makes an enrolment token with the command users have.
func (c *collector) token(uses int) string {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), binary("picket-collector"), "token", "create", "--data-dir", c.dir, "--grpc-addr", c.grpc,
		"--uses", fmt.Sprint(uses))
	cmd.Env = append(os.Environ(), "PICKET_COLLECTOR_DATABASE_URL="+c.database)
	cmd.Stderr = io.Discard
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatalf("create token: %v", err)
	}
	return strings.TrimSpace(string(out))
}

func (c *collector) waitReady() {
	c.t.Helper()
	eventually(c.t, 30*time.Second, "the collector is ready", func() error {
		resp, err := http.Get("http://" + c.http + "/readyz")
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("status %s", resp.Status)
		}
		return nil
	})
}

// get asks the collector as admin and decodes the answer.
func (c *collector) get(path string, query url.Values, into any) error {
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, "http://"+c.http+path+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	req.SetBasicAuth("admin", adminPassword)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return fmt.Errorf("GET %s: %s: %s", path, resp.Status, body)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

// promSeries is one series of a PromQL answer. Values are [seconds, "value"].
type promSeries struct {
	Metric map[string]string `json:"metric"`
	Value  [2]any            `json:"value"`
	Values [][2]any          `json:"values"`
}

func (c *collector) query(expr string) ([]promSeries, error) {
	var answer struct {
		Data struct {
			Result []promSeries `json:"result"`
		} `json:"data"`
	}
	err := c.get("/prometheus/api/v1/query", url.Values{"query": {expr}}, &answer)
	return answer.Data.Result, err
}

// eventually calls f until it returns nil, and fails the test when that takes too long.
func eventually(t *testing.T, within time.Duration, what string, f func() error) {
	t.Helper()
	deadline := time.Now().Add(within)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not in %s: %s: %v", within, what, err)
		}
		<-tick.C
	}
}

func readStatus(agentDir string) (status.Report, error) {
	return status.Read(context.Background(), filepath.Join(agentDir, status.SocketName))
}

// instanceOf returns the instance of an agent that is stopped.
func instanceOf(t *testing.T, a *ledgerAgent) string {
	t.Helper()
	id, err := enroll.Load(a.dir)
	if err != nil {
		t.Fatal(err)
	}
	return id.Instance()
}
