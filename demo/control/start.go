package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/picketmon/picket/demo"
)

// StartOptions say how the demo starts.
type StartOptions struct {
	Dir          string
	Interval     time.Duration // of agents and metrics
	Seed         uint64
	History      bool   // import a week that is invented
	AgentAddress string // where agents connect; empty is what the collector tells
	Env          func(string) string
	Out          io.Writer
}

// appearWithin is how long the hosts may take to appear at the collector.
const appearWithin = 90 * time.Second

// starter is what starting needs.
type starter struct {
	StartOptions
	dir      demo.Dir
	programs Programs
	client   *client
	plan     demo.Plan
	launched time.Time
}

// Start starts the demo, and returns when the collector knows all hosts. A demo that runs is left alone.
func Start(ctx context.Context, o StartOptions) error {
	if o.Interval < time.Second || o.Interval > time.Minute {
		return fmt.Errorf("--interval: %s is not between 1s and 1m", o.Interval)
	}
	dir, err := FolderOf(o.Dir)
	if err != nil {
		return err
	}
	s := &starter{StartOptions: o, dir: dir}
	if s.programs, err = FindPrograms(); err != nil {
		return err
	}
	if s.client, err = newClient(o.Env); err != nil {
		return err
	}
	now, err := readRunning(dir)
	if err != nil {
		return err
	}
	if now.Supervisor.alive() {
		return s.again(ctx)
	}
	if err := s.client.may(ctx, "enrol agents", "operator", "admin"); err != nil {
		return err
	}
	if s.plan, err = prepare(ctx, dir, s.programs, o, s.client.base); err != nil {
		return err
	}
	if err := s.run(ctx); err != nil {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		return errors.Join(err, dir.WritePlan(s.plan), endAll(stopping, dir))
	}
	return s.finish(ctx)
}

// again says that the demo runs, and adds its history if that was asked for and is missing.
func (s *starter) again(ctx context.Context) (err error) {
	if s.plan, err = s.dir.ReadPlan(); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "The demo runs already, since %s.\n", s.plan.Started.Format("15:04:05"))
	if s.plan.URL != s.client.base {
		return fmt.Errorf("it reports to %s, not to %s: \"picket demo clear\" ends it there", s.plan.URL, s.client.base)
	}
	return s.finish(ctx)
}

// finish imports the history when it was asked for, and says what there is to see.
func (s *starter) finish(ctx context.Context) error {
	if s.History && !s.plan.History {
		if err := s.importHistory(ctx); err != nil {
			return err
		}
	}
	s.tell()
	return nil
}

// run starts the processes and waits for the hosts to appear.
func (s *starter) run(ctx context.Context) error {
	s.plan.Runs++
	token, err := s.enrol(ctx)
	if err != nil {
		return err
	}
	if err := s.dir.WritePlan(s.plan); err != nil {
		return err
	}
	if err := s.launch(); err != nil {
		return err
	}
	if err := s.appear(ctx); err != nil {
		return err
	}
	if token == "" {
		return nil
	}
	if err := os.Remove(s.dir.Token()); err != nil {
		return fmt.Errorf("remove the token: %w", err)
	}
	err = s.client.do(ctx, http.MethodDelete, "/api/v1/enroll-tokens/"+url.PathEscape(token), nil, nil, nil)
	if statusOf(err) >= 400 && statusOf(err) < 500 {
		return nil // it is used up anyway
	}
	return err
}

// enrol makes a token for the agents that need one, and returns its id; empty when none does. An agent that was revoked or deleted
// meanwhile starts anew.
func (s *starter) enrol(ctx context.Context) (string, error) {
	needed := 0
	for _, h := range demo.Hosts() {
		identity := filepath.Join(s.dir.Agent(h.Name), "identity", "identity.json")
		if _, err := os.Stat(identity); err == nil {
			known, err := s.client.agent(ctx, s.plan.Agents[h.Name].ID)
			if err == nil && known.State != "revoked" {
				continue
			}
			if err != nil && statusOf(err) != http.StatusNotFound {
				return "", err
			}
			if err := os.RemoveAll(s.dir.Agent(h.Name)); err != nil {
				return "", fmt.Errorf("forget the former agent of %s: %w", h.Name, err)
			}
			if err := os.Mkdir(s.dir.Agent(h.Name), 0o700); err != nil {
				return "", fmt.Errorf("forget the former agent of %s: %w", h.Name, err)
			}
		}
		delete(s.plan.Agents, h.Name)
		needed++
	}
	if needed == 0 {
		return "", nil
	}
	var made struct{ ID, Token string }
	body := map[string]any{"uses": needed, "ttl_seconds": 900}
	if s.AgentAddress != "" {
		body["addresses"] = []string{s.AgentAddress}
	}
	if err := s.client.do(ctx, http.MethodPost, "/api/v1/enroll-tokens", nil, body, &made); err != nil {
		return "", err
	}
	return made.ID, demo.WriteFile(s.dir.Token(), []byte(made.Token+"\n"))
}

// launch starts the supervisor, which outlives this process.
func (s *starter) launch() error {
	out, err := os.OpenFile(filepath.Join(string(s.dir), "supervisor.err"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("start the supervisor: %w", err)
	}
	defer func() { _ = out.Close() }()
	s.launched = time.Now()
	cmd := exec.Command(s.programs.Demo, "supervise", "--dir", string(s.dir)) //nolint:noctx // it outlives this process
	cmd.Stdout, cmd.Stderr, cmd.Env, cmd.Dir, cmd.SysProcAttr = out, out, plainEnvironment(), string(s.dir), apart()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the supervisor: %w", err)
	}
	// Until the supervisor has noted itself, this is how it is found.
	mark, _ := markOf(cmd.Process.Pid)
	if err := writeRunning(s.dir, running{Supervisor: process{Name: "supervisor", PID: cmd.Process.Pid, Mark: mark, Started: time.Now(), Starts: 1}}); err != nil {
		return errors.Join(err, cmd.Process.Kill())
	}
	go func() { _ = cmd.Wait() }() // so that it is seen to end
	return nil
}

// appear waits until the collector has all hosts' metrics.
func (s *starter) appear(ctx context.Context) error {
	fmt.Fprintf(s.Out, "Starting %d hosts with a service and an agent each…\n", len(demo.Hosts()))
	ctx, cancel := context.WithTimeoutCause(ctx, appearWithin, errors.New("time is over"))
	defer cancel()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	var missing error
	for {
		found := s.missing(ctx)
		if found == nil {
			return s.dir.WritePlan(s.plan)
		}
		if missing == nil || ctx.Err() == nil { // what breaks off as time is over says little
			missing = found
		}
		now, err := readRunning(s.dir)
		if err != nil {
			return err
		}
		if !now.Supervisor.alive() {
			return fmt.Errorf("the supervisor ended: %s", s.lastWords())
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the hosts do not appear (%w): %w; see the logs below %s", context.Cause(ctx), missing, s.dir)
		case <-tick.C:
		}
	}
}

// lastWords is what the supervisor said.
func (s *starter) lastWords() string {
	raw, err := os.ReadFile(filepath.Join(string(s.dir), "supervisor.err"))
	if text := strings.TrimSpace(string(raw)); err == nil && text != "" {
		return text
	}
	return "see " + s.dir.Log()
}

// complaint is what a host's agent said last, nil when it said nothing.
func (s *starter) complaint(host string) error {
	raw, err := os.ReadFile(filepath.Join(s.dir.Logs(host), "agent.log"))
	if line := lastLine(raw); err == nil && line != "" {
		return errors.New(line)
	}
	return nil
}

// missing returns what is not there yet, and learns the agents' names on the way.
func (s *starter) missing(ctx context.Context) error {
	var instances []string
	for _, h := range demo.Hosts() {
		if _, known := s.plan.Agents[h.Name]; !known {
			a, err := askAgent(ctx, s.dir, s.programs.Agent, h.Name)
			if err != nil {
				return errors.Join(err, s.complaint(h.Name))
			}
			s.plan.Agents[h.Name] = demo.Member{ID: a.AgentID, Instance: a.Instance}
		}
		instances = append(instances, s.plan.Agents[h.Name].Instance)
	}
	for _, metric := range []string{"shop_build_info", "node_boot_time_seconds"} {
		n, err := s.client.count(ctx, fmt.Sprintf(`count(count by (instance) (timestamp(%s{%s=%q,instance=~%q}) >= %d))`,
			metric, demo.Label, demo.LabelValue, anyOf(instances), s.launched.Unix()))
		if err != nil {
			return err
		}
		if n != strconv.Itoa(len(instances)) {
			return fmt.Errorf("%s of %d hosts have %s", n, len(instances), metric)
		}
	}
	return nil
}

// anyOf returns a regular expression that matches each of the texts.
func anyOf(texts []string) string {
	var quoted []string
	for _, t := range texts {
		quoted = append(quoted, regexp.QuoteMeta(t))
	}
	return strings.Join(quoted, "|")
}

// tell says what there is to see.
func (s *starter) tell() {
	fmt.Fprintf(s.Out, `
The demo shop runs: 5 simulated hosts, 5 real services, 5 real agents, all marked %s="%s".

  Hosts       %[3]s/hosts
  Explore     %[3]s/explore?q=%[4]s
  The shop    http://%[5]s/
  Break it    picket demo break store        (also: latency, disk, noise, leak)
  Heal it     picket demo heal
  See it      picket demo status
  End it      picket demo stop, or picket demo clear to delete all that is of it

`, demo.Label, demo.LabelValue, s.client.base, url.QueryEscape(`sum by (service, code) (rate(shop_http_requests_total[1m]))`), s.plan.Address("shop-web-1"))
}

// FolderOf returns the demo's folder as an absolute path.
func FolderOf(dir string) (demo.Dir, error) {
	full, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("--dir: %w", err)
	}
	return demo.Dir(full), nil
}

// existing returns the folder and plan of a demo that was started some time.
func existing(folder string) (demo.Dir, demo.Plan, error) {
	dir, err := FolderOf(folder)
	if err != nil {
		return dir, demo.Plan{}, err
	}
	plan, err := dir.ReadPlan()
	if errors.Is(err, fs.ErrNotExist) {
		return dir, plan, fmt.Errorf("there is no demo in %s: \"picket demo start\" makes one", dir)
	}
	return dir, plan, err
}
