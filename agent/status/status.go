// Package status answers on a unix socket what the agent is doing: whoever connects gets one JSON document and the end of the
// stream. There is no request, so there is nothing to parse; who may ask is decided by the socket's permissions.
package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"time"

	"github.com/picketmon/picket/agent/inventory"
)

// SocketName is the name of the socket in the agent's data folder.
const SocketName = "status.sock"

// maxReport bounds what Read accepts.
const maxReport = 4 << 20

// Report is the state of an agent. Times are RFC 3339, durations seconds.
type Report struct {
	Version    string    `json:"version"`
	PID        int       `json:"pid"`
	Started    time.Time `json:"started"`
	AgentID    string    `json:"agent_id"`
	Instance   string    `json:"instance"`
	DataDir    string    `json:"data_dir"`
	Collector  Collector `json:"collector"`
	Expires    time.Time `json:"certificate_expires"`
	Spool      []Class   `json:"spool"`
	Checks     []Check   `json:"checks"`
	SpoolLimit int64     `json:"spool_limit_bytes"`
	// Capabilities are what can and cannot be collected here, as the collector was told.
	Capabilities []inventory.Capability `json:"capabilities"`
	// Inventory is how it stands with what is looked for on the host.
	Inventory []inventory.Kind `json:"inventory"`
}

// Collector is the connection to the collector.
type Collector struct {
	Address     string    `json:"address"`
	Connected   bool      `json:"connected"`
	Since       time.Time `json:"since"`
	LastError   string    `json:"last_error,omitempty"`
	Streams     uint64    `json:"streams"`
	Attempts    uint64    `json:"attempts"`
	SkewSeconds float64   `json:"clock_skew_seconds"`
	SentSamples uint64    `json:"sent_samples"`
	Payload     uint64    `json:"sent_payload_bytes"`
	SentBytes   uint64    `json:"wire_sent_bytes"`
	ReadBytes   uint64    `json:"wire_received_bytes"`
}

// Class is what the spool holds of a delivery class.
type Class struct {
	Class      string            `json:"class"`
	Records    uint64            `json:"records"`
	Bytes      int64             `json:"bytes"`
	LagSeconds float64           `json:"lag_seconds"` // age of the oldest record
	Dropped    map[string]uint64 `json:"dropped,omitempty"`
}

// Check is a check's recent past.
type Check struct {
	Name        string    `json:"name"`
	Runs        uint64    `json:"runs"`
	Failures    uint64    `json:"failures"`
	Timeouts    uint64    `json:"timeouts"`
	Panics      uint64    `json:"panics"`
	Overlaps    uint64    `json:"overlaps"`
	Series      int       `json:"series"`
	LastSeconds float64   `json:"last_seconds"`
	LastRun     time.Time `json:"last_run"`
	Error       string    `json:"error,omitempty"`
}

// Serve answers on the socket at path until ctx ends. A socket left by a dead agent is replaced.
func Serve(ctx context.Context, path string, report func() Report) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("replace status socket: %w", err)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return fmt.Errorf("open status socket: %w", err)
	}
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	if err := os.Chmod(path, 0o600); err != nil {
		return errors.Join(fmt.Errorf("protect status socket: %w", err), l.Close())
	}
	for {
		c, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept on status socket: %w", err)
		}
		answer(c, report())
	}
}

// answer writes the report; one caller at a time, each for a second at most.
func answer(c net.Conn, r Report) {
	_ = c.SetDeadline(time.Now().Add(time.Second))
	_ = json.NewEncoder(c).Encode(r) // a caller that went away misses nothing
	_ = c.Close()
}

// Read returns the report of the agent that serves the socket at path.
func Read(ctx context.Context, path string) (Report, error) {
	c, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", path)
	if err != nil {
		return Report{}, fmt.Errorf("ask the agent: %w", err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	var r Report
	if err := json.NewDecoder(io.LimitReader(c, maxReport)).Decode(&r); err != nil {
		return Report{}, fmt.Errorf("read the agent's status: %w", err)
	}
	return r, nil
}
