package agent

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/picketmon/picket/agent/enroll"
	"github.com/picketmon/picket/agent/inventory"
	"github.com/picketmon/picket/agent/status"
)

// Finding is one thing that was examined. Problem is empty when all is well; Fix says what mends it. With Gap the agent works, but
// cannot collect the thing; a Gap without Fix cannot be mended.
type Finding struct {
	Subject, Detail, Problem, Fix string
	Gap                           bool
}

// Examine looks for what keeps an agent with this configuration from working. It changes nothing.
func Examine(ctx context.Context, c Config, version string, logger *slog.Logger) []Finding {
	out := []Finding{examineFolder(c)}
	id, f := examineIdentity(c)
	out = append(out, f)
	if id != nil {
		out = append(out, examineHost(ctx, c, id, version), examineCollector(ctx, c, id))
	}
	running, err := status.Read(ctx, filepath.Join(c.DataDir, status.SocketName))
	if err != nil {
		out = append(out, Finding{Subject: "agent process", Detail: "does not run with this data folder"})
	} else {
		out = append(out, examineProcess(running)...)
	}
	if len(running.Capabilities) > 0 {
		return append(out, examineRunning(running)...)
	}
	return append(out, examineChecks(ctx, c, version, logger)...)
}

// examineRunning tells what the running agent can collect: that counts, as it may be allowed less than who asks here.
func examineRunning(r status.Report) []Finding {
	failing := map[string]bool{}
	for _, c := range r.Checks {
		failing[c.Name] = c.Error != ""
	}
	out := make([]Finding, 0, len(r.Capabilities))
	for _, c := range r.Capabilities {
		if c.Name != inventory.Check {
			out = append(out, findingOf(c, failing[c.Name]))
		}
	}
	items := 0
	for _, k := range r.Inventory {
		items += k.Items
	}
	return append(out, foundAll(items, len(r.Inventory)))
}

func foundAll(items, kinds int) Finding {
	return Finding{Subject: "inventory", Detail: fmt.Sprintf("%d items of %d kinds", items, kinds)}
}

// examineChecks runs every check once and looks for all kinds of inventory, here and now.
func examineChecks(ctx context.Context, c Config, version string, logger *slog.Logger) []Finding {
	var (
		found   []inventory.Found
		failing = map[string]bool{}
	)
	for _, spec := range c.Checks() {
		one, err := probe(ctx, spec, logger, io.Discard)
		failing[spec.Name] = err != nil
		found = append(found, one)
	}
	items, sources := 0, c.sources(Options{Version: version, Logger: logger})
	for _, s := range sources {
		all, one, _ := inventory.Once(ctx, s) // an error is among what was found
		items += len(all)
		found = append(found, one)
	}
	var out []Finding
	for _, one := range inventory.Capabilities(inventory.ThisHost(c.ProcFS, c.SysFS), found) {
		if one.Name != inventory.Check {
			out = append(out, findingOf(one, failing[one.Name]))
		}
	}
	return append(out, foundAll(items, len(sources)))
}

// findingOf makes a finding of a capability; one whose check fails is a problem.
func findingOf(c inventory.Capability, failing bool) Finding {
	f := Finding{Subject: c.Name}
	if !strings.HasPrefix(c.Name, inventory.Check+":") {
		f.Subject = "check " + c.Name
	}
	if !c.Available {
		f.Problem, f.Fix, f.Gap = c.Reason, c.Fix, !failing
	}
	return f
}

// remedy says what mends a gap.
func remedy(c inventory.Capability) string {
	if c.Fix == "" {
		return "nothing to mend"
	}
	return "mend: " + c.Fix
}

func examineFolder(c Config) Finding {
	f := Finding{Subject: "data folder " + c.DataDir}
	info, err := os.Stat(c.DataDir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Detail = "is made at the first start"
	case err != nil:
		f.Problem, f.Fix = err.Error(), "run as the agent's user"
	case !info.IsDir():
		f.Problem, f.Fix = "is not a folder", "remove it or choose another with --data-dir"
	case info.Mode().Perm()&0o077 != 0:
		f.Problem, f.Fix = fmt.Sprintf("others may enter it (mode %04o); it holds the agent's key", info.Mode().Perm()), "chmod 700 "+c.DataDir
	default:
		probe, err := os.CreateTemp(c.DataDir, ".doctor-*")
		if err != nil {
			f.Problem, f.Fix = err.Error(), "give the agent's user the folder: chown -R USER "+c.DataDir
			return f
		}
		_ = probe.Close()
		_ = os.Remove(probe.Name())
	}
	return f
}

func examineIdentity(c Config) (*enroll.Identity, Finding) {
	f := Finding{Subject: "identity"}
	id, err := enroll.Load(c.DataDir)
	if errors.Is(err, fs.ErrNotExist) {
		f.Problem, f.Fix = "this host is not enrolled", "on the collector: picket-collector token create; here: picket-agent enroll --token-file -"
		return nil, f
	}
	if err != nil {
		f.Problem, f.Fix = err.Error(), "enrol anew with picket-agent enroll"
		return nil, f
	}
	f.Detail = fmt.Sprintf("%s (agent %s), certificate valid until %s", id.Instance(), id.AgentID(), id.NotAfter().Format(time.DateOnly))
	if time.Now().After(id.NotAfter()) {
		f.Problem, f.Fix = "the certificate expired at "+id.NotAfter().Format(time.RFC3339), "enrol anew with a token: picket-agent enroll"
	}
	return id, f
}

func examineHost(ctx context.Context, c Config, id *enroll.Identity, version string) Finding {
	f := Finding{Subject: "host's fingerprint"}
	host, err := enroll.ThisHost(ctx, enroll.HostOptions{Version: version, Hostname: c.Hostname, HostID: c.HostID, Identity: id})
	if err != nil {
		f.Problem, f.Fix = err.Error(), "set host-id to a text that stays the same on this host and differs on others"
		return f
	}
	f.Detail = "from " + host.Evidence.Source
	return f
}

func examineCollector(ctx context.Context, c Config, id *enroll.Identity) Finding {
	addresses := id.Addresses()
	if c.Collector != "" {
		addresses = []string{c.Collector}
	}
	f := Finding{Subject: "collector"}
	for _, address := range addresses {
		d := tls.Dialer{NetDialer: &net.Dialer{Timeout: 5 * time.Second}, Config: id.TLS()}
		began := time.Now()
		conn, err := d.DialContext(ctx, "tcp", address)
		if err != nil {
			f.Problem = fmt.Sprintf("%s: %v", address, err)
			f.Fix = "check the address, the firewall and that the collector runs; a certificate error means another collector answers there"
			continue
		}
		_ = conn.Close()
		f.Problem, f.Fix = "", ""
		f.Detail = fmt.Sprintf("%s answers over TLS in %s", address, time.Since(began).Round(time.Millisecond))
		return f
	}
	return f
}

// examineProcess looks at what the running agent says of itself.
func examineProcess(r status.Report) []Finding {
	f := Finding{Subject: "agent process", Detail: fmt.Sprintf("pid %d, up %s", r.PID, time.Since(r.Started).Round(time.Second))}
	if !r.Collector.Connected {
		f.Problem = "has no stream to the collector: " + r.Collector.LastError
		f.Fix = "see the finding about the collector; what is measured meanwhile waits in the spool"
	}
	skew := Finding{Subject: "clock", Detail: fmt.Sprintf("%.3f s off the collector's", r.Collector.SkewSeconds)}
	if s := r.Collector.SkewSeconds; s > 60 || s < -60 {
		skew.Problem, skew.Fix = skew.Detail, "set the clock with NTP (timedatectl set-ntp true)"
	}
	return []Finding{f, skew}
}
