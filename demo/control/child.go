package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/picketmon/picket/demo"
)

// How children are treated.
const (
	firstPause = time.Second // before a child that ended is started again; it doubles up to
	mostPause  = 15 * time.Second
	steady     = time.Minute // a child that ran that long ended by chance
	patience   = 10 * time.Second
)

// child is a program that is kept running.
type child struct {
	name, host string
	make       func(ctx context.Context) *exec.Cmd
	log        string   // where its output goes
	leaves     []string // files that must not outlive it

	mu      sync.Mutex
	process process
	running bool
}

// keep starts the child, and starts it again when it ends, until ctx ends. changed is called when a process comes or goes.
func (c *child) keep(ctx context.Context, logger *slog.Logger, changed func()) {
	logger = logger.With("process", c.name, "host", c.host)
	wait := firstPause
	for ctx.Err() == nil {
		began := time.Now()
		err := c.once(ctx, changed)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > steady {
			wait = firstPause
		}
		logger.Warn("process ended, starting it again", "error", err, "in", wait)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, mostPause)
	}
}

// once runs the child once.
func (c *child) once(ctx context.Context, changed func()) (err error) {
	out, err := demo.OpenLogFile(c.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	cmd := c.make(ctx)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = plainEnvironment()
	cmd.SysProcAttr = tied()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = patience
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", c.name, err)
	}
	mark, _ := markOf(cmd.Process.Pid)
	c.note(process{Name: c.name, Host: c.host, PID: cmd.Process.Pid, Mark: mark, Started: time.Now()}, true)
	changed()
	err = cmd.Wait()
	c.note(process{}, false)
	for _, file := range c.leaves {
		if e := os.Remove(file); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	changed()
	return err
}

func (c *child) note(p process, running bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running = running; running {
		p.Starts = c.process.Starts + 1
		c.process = p
	}
}

// now returns the process, and whether it runs.
func (c *child) now() (process, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.process, c.running
}

// kill ends the process at once, as a kernel without memory does.
func (c *child) kill() error {
	p, running := c.now()
	if !running {
		return nil
	}
	return p.signal(os.Kill)
}

// plainEnvironment is what children get of ours: nothing of Picket's, above all no credentials.
func plainEnvironment() []string {
	var out []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "PICKET_") {
			out = append(out, v)
		}
	}
	return out
}

// services returns the children that are the shop.
func services(dir demo.Dir) []*child {
	var out []*child
	for _, h := range demo.Hosts() {
		out = append(out, &child{
			name: h.Service, host: h.Name, log: filepath.Join(dir.Logs(h.Name), "output.log"),
			make: func(ctx context.Context) *exec.Cmd {
				return exec.CommandContext(ctx, dir.Bin(h.Service), string(dir), h.Name)
			},
			leaves: []string{filepath.Join(dir.Textfile(h.Name), "shop.prom"), dir.Report(h.Name)},
		})
	}
	return out
}

// agents returns the children that watch the hosts. They work in the demo's folder, as the path of their status socket must be short.
func agents(dir demo.Dir, plan demo.Plan, program string, disable []string) []*child {
	var out []*child
	here := demo.Dir("")
	for _, h := range demo.Hosts() {
		root := here.Root(h.Name)
		args := []string{
			"run", "--data-dir", here.Agent(h.Name), "--hostname", h.Name, "--host-id", "picket-demo " + plan.ID + " " + h.Name,
			"--token-file", here.Token(), "--interval", plan.Interval.String(), "--checks-disable", strings.Join(disable, ","),
			"--path-textfile", here.Textfile(h.Name), "--path-rootfs", root, "--path-procfs", filepath.Join(root, "proc"),
			"--path-sysfs", filepath.Join(root, "sys"), "--log-level", "warn",
		}
		out = append(out, &child{
			name: "picket-agent", host: h.Name, log: filepath.Join(dir.Logs(h.Name), "agent.log"),
			make: func(ctx context.Context) *exec.Cmd {
				cmd := exec.CommandContext(ctx, program, args...)
				cmd.Dir = string(dir)
				return cmd
			},
		})
	}
	return out
}

// agentStatus is the part of an agent's own status that the demo looks at.
type agentStatus struct {
	AgentID   string `json:"agent_id"`
	Instance  string `json:"instance"`
	Collector struct {
		Connected bool   `json:"connected"`
		LastError string `json:"last_error"`
	} `json:"collector"`
}

// askAgent asks the agent of a host how it is.
func askAgent(ctx context.Context, dir demo.Dir, program, host string) (s agentStatus, err error) {
	cmd := exec.CommandContext(ctx, program, "status", "--json", "--data-dir", demo.Dir("").Agent(host))
	cmd.Dir, cmd.Env = string(dir), plainEnvironment()
	out, err := cmd.Output()
	if err != nil {
		return s, fmt.Errorf("the agent of %s does not say how it is: %w", host, err)
	}
	if err := json.Unmarshal(out, &s); err != nil {
		return s, fmt.Errorf("the agent of %s: %w", host, err)
	}
	return s, nil
}

// otherChecks asks the agent for its checks and returns all but textfile.
func otherChecks(ctx context.Context, program string) ([]string, error) {
	cmd := exec.CommandContext(ctx, program, "check", "list")
	cmd.Env = plainEnvironment()
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list the agent's checks: %w", err)
	}
	var others []string
	found := false
	for line := range strings.Lines(string(out)) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch name {
		case "textfile":
			found = true
		case "CHECK", "":
		default:
			others = append(others, name)
		}
	}
	if !found {
		return nil, fmt.Errorf("%s is another version: it has no check textfile", program)
	}
	return others, nil
}
