package agent

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	inventories "github.com/picketmon/picket/agent/inventory/all"
	"github.com/picketmon/picket/agent/schedule"
	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/all"
	"github.com/picketmon/picket/internal/conf"
)

// Config is what users set. Settings describes each field.
type Config struct {
	DataDir    string
	Collector  string
	Token      string
	TokenFile  string
	Hostname   string
	HostID     string
	Interval   time.Duration
	Enable     []string
	Disable    []string
	SpoolBytes int64
	SpoolAge   time.Duration
	ProcFS     string
	SysFS      string
	RootFS     string
	Textfile   string
	LogLevel   string
	LogFormat  string

	NoInventory   []string
	CommandLines  bool
	CloudMetadata bool
}

// Settings returns the agent's settings, which fill c.
func Settings(c *Config) *conf.Set {
	s := conf.New("PICKET_AGENT")
	s.String(&c.DataDir, "data-dir", "/var/lib/picket-agent", "folder of identity, spool and status socket")
	s.String(&c.Collector, "collector", "", "address of the collector as host:port; by default the one in the token or of the last connection")
	s.String(&c.Token, "token", "", "enrolment token; needed once. It is visible to other users of the host while the agent starts: prefer token-file")
	s.String(&c.TokenFile, "token-file", "", "file that holds the enrolment token; - is standard input")
	s.String(&c.Hostname, "hostname", "", "what to call this host instead of its own name, set before enrolment; for containers and several agents on one machine")
	s.String(&c.HostID, "host-id", "", "what identifies this host instead of its firmware and machine-id; for containers and several agents on one machine")
	s.Duration(&c.Interval, "interval", 10*time.Second, "how often checks run")
	s.Strings(&c.Enable, "checks.enable", nil, "checks to run that are off by default")
	s.Strings(&c.Disable, "checks.disable", nil, "checks not to run")
	s.Bytes(&c.SpoolBytes, "spool.bytes", 512<<20, "how much the spool may hold")
	s.Duration(&c.SpoolAge, "spool.age", 24*time.Hour, "how old what the spool holds may get")
	s.String(&c.ProcFS, "path.procfs", "/proc", "where procfs is mounted")
	s.String(&c.SysFS, "path.sysfs", "/sys", "where sysfs is mounted")
	s.String(&c.RootFS, "path.rootfs", "/", "where the host's root filesystem is mounted")
	s.String(&c.Textfile, "path.textfile", "", "folder whose *.prom files check textfile reads; the check is off while none is set")
	s.Strings(&c.NoInventory, "inventory.disable", nil, "kinds of inventory not to look for; picket-agent inventory lists all")
	s.Bool(&c.CommandLines, "inventory.command-lines", true, "tell the command lines of applications, without the secrets in them")
	s.Bool(&c.CloudMetadata, "inventory.cloud-metadata", false, "ask the cloud's metadata service for size, region and account")
	s.String(&c.LogLevel, "log.level", "info", "debug, info, warn or error")
	s.String(&c.LogFormat, "log.format", "text", "text or json")
	return s
}

// What a host may be called.
const (
	maxHostname     = 253
	hostnameLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"
)

// Validate reports all settings that cannot be.
func (c *Config) Validate() error {
	var problems []error
	if c.DataDir == "" {
		problems = append(problems, errors.New("data-dir must not be empty"))
	}
	if c.Collector != "" {
		if _, _, err := net.SplitHostPort(c.Collector); err != nil {
			problems = append(problems, fmt.Errorf("collector: %q is not host:port", c.Collector))
		}
	}
	if c.Token != "" && c.TokenFile != "" {
		problems = append(problems, errors.New("token and token-file exclude each other"))
	}
	if len(c.Hostname) > maxHostname || strings.Trim(c.Hostname, hostnameLetters) != "" {
		problems = append(problems, fmt.Errorf("hostname: %q is not up to %d letters, digits, hyphens, dots and underscores", c.Hostname, maxHostname))
	}
	if c.Interval < time.Second || c.Interval > time.Hour {
		problems = append(problems, fmt.Errorf("interval: %s is not between 1s and 1h", c.Interval))
	}
	if c.SpoolBytes < 1<<20 {
		problems = append(problems, errors.New("spool.bytes must be at least 1MiB"))
	}
	if c.SpoolAge < time.Minute {
		problems = append(problems, errors.New("spool.age must be at least 1m"))
	}
	known := map[string]bool{}
	for _, spec := range c.builtin() {
		known[spec.Name] = true
	}
	for _, name := range slices.Concat(c.Enable, c.Disable) {
		if !known[name] {
			problems = append(problems, fmt.Errorf("checks: there is no check %q", name))
		}
	}
	for _, kind := range c.NoInventory {
		if !slices.Contains(inventories.Kinds(), kind) {
			problems = append(problems, fmt.Errorf("inventory.disable: there is no kind %q on this system", kind))
		}
	}
	return errors.Join(problems...)
}

func (c *Config) builtin() []checks.Spec {
	return all.Builtin(all.Options{Proc: c.ProcFS, Sys: c.SysFS, Run: filepath.Join(c.RootFS, "run"), Root: c.RootFS, Textfile: c.Textfile})
}

// Checks returns the checks this configuration asks for.
func (c *Config) Checks() []checks.Spec {
	var out []checks.Spec
	for _, spec := range c.builtin() {
		if slices.Contains(c.Disable, spec.Name) || spec.Off && !slices.Contains(c.Enable, spec.Name) {
			continue
		}
		out = append(out, spec)
	}
	return out
}

// Options are what an Agent is made of.
type Options struct {
	Config  Config
	Version string
	Logger  *slog.Logger
	// Extra checks run beside the built-in ones; for tests and programs that embed the agent.
	Extra []checks.Spec
}

func (o *Options) validate() error {
	if o.Logger == nil {
		return errors.New("the agent needs a logger")
	}
	return o.Config.Validate()
}

// describe looks a metric's documentation up in the specs, then asks the checks that know more.
func describe(specs []checks.Spec, jobs []schedule.Job) func(string) (help, unit string) {
	return func(name string) (string, string) {
		for _, s := range specs {
			if m, ok := s.Lookup(name); ok {
				return m.Help, m.Unit
			}
		}
		for _, j := range jobs {
			if d, ok := j.Check.(checks.Describer); ok {
				if m, ok := d.Describe(name); ok {
					return m.Help, m.Unit
				}
			}
		}
		return "", unitOf(name)
	}
}

func unitOf(name string) string {
	for _, u := range []string{"seconds", "bytes", "ratio"} {
		if strings.HasSuffix(strings.TrimSuffix(name, "_total"), "_"+u) {
			return u
		}
	}
	return ""
}
