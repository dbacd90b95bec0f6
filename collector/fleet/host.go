package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"unicode"
	"unicode/utf8"

	"github.com/picketmon/picket/proto/gen/picketv1"
)

// Limits on what a host says about itself, in bytes.
const (
	maxHostname = 253
	maxPlatform = 32
	maxVersion  = 64
	maxBootID   = 64
)

// Host is what an agent says about the machine it runs on.
type Host struct {
	Hostname    string
	Fingerprint string // hex SHA-256
	OS, Arch    string
	Version     string // of the agent
	BootID      string // hex; empty at enrolment
}

// HostFromProto checks what an agent said about its host. Errors are refusals.
func HostFromProto(h *picketv1.Host, bootID []byte) (Host, error) {
	if h == nil {
		return Host{}, refusef(reasonHost, "the host is missing")
	}
	if len(h.GetFingerprint()) != sha256.Size {
		return Host{}, refusef(reasonHost, "the host's fingerprint has %d bytes, not %d", len(h.GetFingerprint()), sha256.Size)
	}
	if len(bootID) > maxBootID {
		return Host{}, refusef(reasonHost, "the boot id has more than %d bytes", maxBootID)
	}
	if h.GetHostname() == "" {
		return Host{}, refusef(reasonHost, "the hostname is empty")
	}
	for _, t := range []struct {
		name, value string
		limit       int
	}{
		{"hostname", h.GetHostname(), maxHostname},
		{"os", h.GetOs(), maxPlatform},
		{"arch", h.GetArch(), maxPlatform},
		{"agent version", h.GetAgentVersion(), maxVersion},
	} {
		if len(t.value) > t.limit {
			return Host{}, refusef(reasonHost, "the %s has more than %d bytes", t.name, t.limit)
		}
		if !printable(t.value) {
			return Host{}, refusef(reasonHost, "the %s is not printable UTF-8", t.name)
		}
	}
	return Host{
		Hostname: h.GetHostname(), Fingerprint: hex.EncodeToString(h.GetFingerprint()), OS: h.GetOs(), Arch: h.GetArch(),
		Version: h.GetAgentVersion(), BootID: hex.EncodeToString(bootID),
	}, nil
}

func printable(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// CheckHost refuses with ErrClone when the agent speaks from another host than the one it was enrolled on.
func (f *Fleet) CheckHost(a Agent, h Host) error {
	if a.Fingerprint == h.Fingerprint {
		return nil
	}
	return f.refuse(refusef(ReasonClone, "agent %s (%s) was enrolled on another host than %s; this one must enrol as a clone",
		a.ID, a.Instance, h.Hostname))
}
