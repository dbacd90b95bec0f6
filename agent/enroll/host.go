package enroll

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/picketmon/picket/proto/gen/picketv1"
)

// The sources a host's fingerprint can come from, the best first.
const (
	sourceOption    = "host_id"    // the operator's word
	sourceDMI       = "dmi"        // the machine's UUID from its firmware
	sourceMachineID = "machine-id" // the installation's id with the first physical network card
	sourcePlatform  = "platform"   // what gopsutil calls the host's id, outside Linux
	sourceHostname  = "hostname"   // the name with the first physical network card
)

// Host is this machine as the collector is to know it.
type Host struct {
	Hostname string
	Version  string // of the agent
	Evidence Evidence
}

// Evidence is what identifies a machine: one SHA-256 per source that could be read, and which of them is the fingerprint.
type Evidence struct {
	Source      string            `json:"source"`
	Fingerprint string            `json:"fingerprint"` // hex
	Seen        map[string]string `json:"seen"`        // source to hex
}

// HostOptions say how to describe this machine.
type HostOptions struct {
	// Version is the agent's.
	Version string
	// Hostname replaces the host's own name when set; for containers and several agents on one machine.
	Hostname string
	// HostID replaces all other sources when set; for containers and tests. Set it before enrolment: another fingerprint is
	// another host.
	HostID string
	// Identity is that of an enrolled agent; nil before enrolment.
	Identity *Identity
	// Root is the folder that holds proc, sys and etc; empty means /. For tests.
	Root string
}

// ThisHost describes this machine. The fingerprint comes from the best source that can be read, and for an enrolled agent
// from the source it enrolled with as long as that can be read. When it cannot (the firmware's UUID is for root only, and
// the agent was started as root first and is not now), the best other source known since enrolment decides: if it says the
// same as then, this is the same host and keeps its fingerprint, else it is another host.
func ThisHost(ctx context.Context, o HostOptions) (Host, error) {
	name := o.Hostname
	if name == "" {
		var err error
		if name, err = os.Hostname(); err != nil {
			return Host{}, fmt.Errorf("read hostname: %w", err)
		}
	}
	seen, order := map[string]string{}, []string{}
	note := func(source, value string) {
		seen[source] = digest(source, value)
		order = append(order, source)
	}
	if id := strings.TrimSpace(o.HostID); id != "" {
		note(sourceOption, id)
	} else {
		for _, s := range readSources(ctx, o.Root, name) {
			note(s.name, s.value)
		}
	}
	var former Evidence
	if o.Identity != nil {
		former = o.Identity.evidence()
	}
	e, err := judge(former, seen, order)
	if err != nil {
		return Host{}, err
	}
	return Host{Hostname: name, Version: o.Version, Evidence: e}, nil
}

// judge chooses the fingerprint from what can be seen now, in order of worth, and what was seen at enrolment.
func judge(former Evidence, seen map[string]string, order []string) (Evidence, error) {
	if len(order) == 0 {
		return Evidence{}, fmt.Errorf("nothing identifies this host; set host_id")
	}
	best := Evidence{Source: order[0], Fingerprint: seen[order[0]], Seen: seen}
	if former.Source == "" || order[0] == sourceOption {
		return best, nil
	}
	if now, ok := seen[former.Source]; ok {
		return Evidence{Source: former.Source, Fingerprint: now, Seen: seen}, nil
	}
	if former.Source == sourceOption {
		return best, nil
	}
	for _, source := range order {
		then, ok := former.Seen[source]
		if !ok || source == sourceHostname { // which says little: hosts are renamed
			continue
		}
		if seen[source] != then {
			return best, nil
		}
		break
	}
	return former, nil
}

// Proto returns the host as the wire has it.
func (h Host) Proto() (*picketv1.Host, error) {
	fingerprint, err := hex.DecodeString(h.Evidence.Fingerprint)
	if err != nil || len(fingerprint) != sha256.Size {
		return nil, fmt.Errorf("describe host: fingerprint %q is not a SHA-256", h.Evidence.Fingerprint)
	}
	return &picketv1.Host{
		Hostname: h.Hostname, Fingerprint: fingerprint, Os: runtime.GOOS, Arch: runtime.GOARCH, AgentVersion: h.Version,
	}, nil
}

// source is one thing that identifies a machine.
type source struct{ name, value string }

// digest hashes a value with the name of its source, so that no id of the host leaves it readable.
func digest(source, value string) string {
	sum := sha256.Sum256([]byte("picket host 1\x00" + source + "\x00" + value))
	return hex.EncodeToString(sum[:])
}
