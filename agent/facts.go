package agent

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/picketmon/picket/agent/inventory"
)

// hostFacts is what inventory says of the host itself.
type hostFacts struct {
	Hostname  string `json:"hostname"`
	OS        string `json:"os"`
	Arch      string `json:"arch"`
	Platform  string `json:"platform,omitempty"` // the distribution, as os-release calls itself
	Kernel    string `json:"kernel,omitempty"`
	CPUs      int    `json:"cpus"`
	Memory    uint64 `json:"memory_bytes,omitempty"`
	MachineID string `json:"machine_id,omitempty"`
	Agent     string `json:"agent_version"`
}

func gatherFacts(_ context.Context, c Config, version string) (inventory.Batch, error) {
	name := c.Hostname
	if name == "" {
		var err error
		if name, err = os.Hostname(); err != nil {
			return inventory.Batch{}, fmt.Errorf("read hostname: %w", err)
		}
	}
	f := hostFacts{Hostname: name, OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(), Agent: version}
	f.Platform, f.Kernel, f.Memory, f.MachineID = platformFacts(c)
	raw, err := json.Marshal(f)
	if err != nil {
		return inventory.Batch{}, fmt.Errorf("encode host facts: %w", err)
	}
	hash := sha256.Sum256(raw)
	return inventory.Batch{
		Kind: "host", Full: true, Hash: hash[:], Time: time.Now(),
		Items: []inventory.Item{{Class: "host", Key: "host", Attributes: raw}},
	}, nil
}

// firstLine returns the first line of a small file, empty when it cannot be read.
func firstLine(path string) string {
	raw, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(raw), "\n")
	return strings.TrimSpace(line)
}
