// Package agent puts the host agent together.
//
//	checks ──> schedule ──> transport ──> buffer (spool on disk)
//	inventory ──────────────────┘  │          │
//	                               └── stream ┴──> collector
//	enroll: identity, renewal          status: unix socket
//
// New checks the configuration; Run enrols if need be, then measures and delivers until its context ends. The agent listens on no
// port and starts no program.
package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/oklog/run"

	"github.com/picketmon/picket/agent/buffer"
	"github.com/picketmon/picket/agent/enroll"
	"github.com/picketmon/picket/agent/inventory"
	"github.com/picketmon/picket/agent/schedule"
	"github.com/picketmon/picket/agent/status"
	"github.com/picketmon/picket/agent/transport"
	"github.com/picketmon/picket/checks"
)

// maxToken bounds what is read of a token file.
const maxToken = 64 << 10

// Agent is a host agent that has not started yet.
type Agent struct {
	opts   Options
	config Config
	logger *slog.Logger
}

// New returns an Agent, or all that is wrong with the options.
func New(o Options) (*Agent, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	return &Agent{opts: o, config: o.Config, logger: o.Logger}, nil
}

// Enroll makes this host an agent of the collector that the token names, in place of what it was before.
func (a *Agent) Enroll(ctx context.Context) (*enroll.Identity, error) {
	token, err := a.token()
	if err != nil {
		return nil, err
	}
	if token == "" {
		return nil, errors.New("this host is not enrolled: give a token (picket-collector token create prints one)")
	}
	host, err := enroll.ThisHost(ctx, enroll.HostOptions{Version: a.opts.Version, Hostname: a.config.Hostname, HostID: a.config.HostID, Root: a.root()})
	if err != nil {
		return nil, fmt.Errorf("describe this host: %w", err)
	}
	return enroll.Enroll(ctx, enroll.Options{DataDir: a.config.DataDir, Token: token, Addresses: a.addresses(), Host: host, Logger: a.logger})
}

func (a *Agent) root() string {
	if a.config.RootFS == "/" {
		return ""
	}
	return a.config.RootFS
}

func (a *Agent) addresses() []string {
	if a.config.Collector == "" {
		return nil
	}
	return []string{a.config.Collector}
}

// token returns the token given directly or by file; empty when there is none.
func (a *Agent) token() (string, error) {
	if a.config.TokenFile == "" {
		return strings.TrimSpace(a.config.Token), nil
	}
	in := io.Reader(os.Stdin)
	if a.config.TokenFile != "-" {
		f, err := os.Open(a.config.TokenFile)
		if err != nil {
			return "", fmt.Errorf("read token: %w", err)
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxToken))
	if err != nil {
		return "", fmt.Errorf("read token: %w", err)
	}
	return strings.TrimSpace(string(raw)), nil
}

// identity returns who this agent is, and enrols it when it is nobody yet.
func (a *Agent) identity(ctx context.Context) (*enroll.Identity, error) {
	id, err := enroll.Load(a.config.DataDir)
	if errors.Is(err, fs.ErrNotExist) {
		return a.Enroll(ctx)
	}
	return id, err
}

// Run measures and delivers until ctx ends. A data folder that is a copy of another host's is given an identity of its own.
func (a *Agent) Run(ctx context.Context) error {
	if err := os.MkdirAll(a.config.DataDir, 0o700); err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	for {
		err := a.runOnce(ctx)
		if !errors.Is(err, transport.ErrClone) {
			return err
		}
		a.logger.Warn("the data folder is a copy from another host: enrolling this one anew", "error", err)
		if err := a.becomeOneself(ctx); err != nil {
			return err
		}
	}
}

// becomeOneself gives a clone an identity and an empty spool.
func (a *Agent) becomeOneself(ctx context.Context) error {
	id, err := enroll.Load(a.config.DataDir)
	if err != nil {
		return err
	}
	host, err := enroll.ThisHost(ctx, enroll.HostOptions{Version: a.opts.Version, Hostname: a.config.Hostname, HostID: a.config.HostID, Identity: id, Root: a.root()})
	if err != nil {
		return fmt.Errorf("describe this host: %w", err)
	}
	// The spool goes first: if the agent dies in between, the clone is found out again, and nothing of the other host is ever sent.
	if err := os.RemoveAll(a.spoolDir()); err != nil {
		return fmt.Errorf("empty the other host's spool: %w", err)
	}
	return id.ReenrollAsClone(ctx, enroll.Options{DataDir: a.config.DataDir, Addresses: a.addresses(), Host: host, Logger: a.logger})
}

func (a *Agent) spoolDir() string { return filepath.Join(a.config.DataDir, "spool") }

// parts is one life of the agent: everything between a start and a clone's discovery.
type parts struct {
	id        *enroll.Identity
	buffer    *buffer.Buffer
	transport *transport.Transport
	schedule  *schedule.Scheduler
	renewer   *enroll.Renewer
	jobs      []schedule.Job
	unmade    []inventory.Found // checks that cannot be made on this host
	told      told
	started   time.Time
}

func (a *Agent) runOnce(ctx context.Context) (err error) {
	p := &parts{started: time.Now()}
	p.told = told{capabilities: inventory.NewTracker(), items: inventory.NewLooker(inventory.LookerOptions{
		Sources: a.config.sources(a.opts), Logger: a.logger.With("component", "inventory"),
		Send: func(b inventory.Batch) error { return p.transport.Inventory(b) },
	})}
	p.buffer, err = buffer.Open(buffer.Options{
		Dir: a.spoolDir(), MaxBytes: a.config.SpoolBytes, MaxAge: a.config.SpoolAge, Logger: a.logger.With("component", "spool"),
		OnDrop: func(d buffer.Drop) {
			p.transport.Dropped(d)
			p.told.dropped(d)
		},
	})
	if err != nil {
		return fmt.Errorf("open spool: %w", err)
	}
	defer func() { err = errors.Join(err, p.buffer.Close()) }()
	if p.id, err = a.identity(ctx); err != nil {
		return err
	}
	if err := a.assemble(ctx, p); err != nil {
		return err
	}
	if err := p.transport.Event("agent_started", checks.OK, "agent "+a.opts.Version+" started", nil); err != nil {
		a.logger.Error("note the start", "error", err)
	}
	return a.live(ctx, p)
}

// assemble makes the parts that need the identity.
func (a *Agent) assemble(ctx context.Context, p *parts) error {
	host, err := enroll.ThisHost(ctx, enroll.HostOptions{Version: a.opts.Version, Hostname: a.config.Hostname, HostID: a.config.HostID, Identity: p.id, Root: a.root()})
	if err != nil {
		return fmt.Errorf("describe this host: %w", err)
	}
	wireHost, err := host.Proto()
	if err != nil {
		return fmt.Errorf("describe this host: %w", err)
	}
	addresses := a.addresses()
	if len(addresses) == 0 {
		addresses = p.id.Addresses()
	}
	specs := append(a.config.Checks(), a.opts.Extra...)
	jobs, unmade, err := a.jobs(specs)
	if err != nil {
		return err
	}
	p.jobs, p.unmade = jobs, unmade
	p.transport, err = transport.New(transport.Options{
		Buffer: p.buffer, Dir: filepath.Join(a.config.DataDir, "schemas"), Addresses: addresses, TLS: p.id.TLS, Host: wireHost,
		BootID: bootID(a.config.ProcFS), Describe: describe(append(specs, selfSpec()), jobs), Logger: a.logger.With("component", "transport"),
		MaxAge: a.config.SpoolAge + time.Hour, OnResync: p.told.resend,
	})
	if err != nil {
		return err
	}
	if p.renewer, err = enroll.NewRenewer(enroll.RenewerOptions{Identity: p.id, Logger: a.logger, Addresses: addresses}); err != nil {
		return err
	}
	jobs = append(jobs, schedule.Job{Name: "agent", Check: &self{p: p, procfs: a.config.ProcFS}})
	p.schedule, err = schedule.New(schedule.Options{
		Jobs: jobs, Sink: p.transport, Logger: a.logger.With("component", "schedule"), Key: p.id.AgentID(), Interval: a.config.Interval,
		OnEvent: func(e schedule.Event) {
			if err := p.transport.Event(e.Type, checks.Warning, e.Message, map[string]string{"check": e.Check}); err != nil {
				a.logger.Error("note event", "type", e.Type, "error", err)
			}
		},
	})
	return err
}

// jobs makes the checks. One that cannot be made on this host is left out and said so; the others run.
func (a *Agent) jobs(specs []checks.Spec) (jobs []schedule.Job, unmade []inventory.Found, err error) {
	for _, spec := range specs {
		c, err := spec.New()
		if err != nil {
			a.logger.Warn("check does not run on this host", "check", spec.Name, "error", err)
			unmade = append(unmade, inventory.Found{Check: spec.Name, Err: err})
			continue
		}
		jobs = append(jobs, schedule.Job{Name: spec.Name, Check: c})
	}
	if len(jobs) == 0 {
		return nil, nil, errors.New("no check runs on this host")
	}
	return jobs, unmade, nil
}

// live runs the parts until ctx ends or one fails. The buffer is the last to stop, as all others write to it.
func (a *Agent) live(ctx context.Context, p *parts) error {
	spoolCtx, stopSpool := context.WithCancel(context.WithoutCancel(ctx))
	spoolDone := make(chan error, 1)
	go func() { spoolDone <- p.buffer.Run(spoolCtx) }()

	var g run.Group
	for _, part := range []func(context.Context) error{
		p.transport.Run,
		p.schedule.Run,
		p.renewer.Run,
		p.told.items.Run,
		func(ctx context.Context) error { return a.tell(ctx, p) },
		func(ctx context.Context) error {
			err := status.Serve(ctx, filepath.Join(a.config.DataDir, status.SocketName), func() status.Report { return a.report(p) })
			if err != nil {
				a.logger.Error("nobody can ask this agent for its status", "error", err)
				<-ctx.Done() // measuring goes on
			}
			return nil
		},
		func(ctx context.Context) error { <-ctx.Done(); return nil },
	} {
		partCtx, stop := context.WithCancel(ctx)
		g.Add(func() error { return part(partCtx) }, func(error) { stop() })
	}
	err := g.Run()
	for _, j := range p.jobs {
		if c, ok := j.Check.(io.Closer); ok {
			err = errors.Join(err, c.Close())
		}
	}
	stopSpool()
	return errors.Join(err, <-spoolDone)
}
