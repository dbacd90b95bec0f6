package fleet

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/internal/errs"
)

// State is what is known of an agent's life.
type State string

// The states of an agent.
const (
	StateUp      State = "up"      // heard of lately
	StateWarn    State = "warn"    // silent for longer than WarnAfter
	StateDown    State = "down"    // silent for longer than DownAfter
	StateNever   State = "never"   // enrolled, and never heard of
	StateRevoked State = "revoked" // shut out
)

// States lists all states, in the order in which people want to read them.
func States() []State { return []State{StateUp, StateWarn, StateDown, StateNever, StateRevoked} }

const (
	rowEnrolled = "enrolled"
	rowRevoked  = "revoked"
)

// Agent is one enrolled agent. Times that did not happen are zero.
type Agent struct {
	ID             AgentID
	Instance       string // the value of the instance label: unique and stable
	Hostname       string // as the host last told
	Fingerprint    string // hex SHA-256
	OS, Arch       string
	Version        string // of the agent
	BootID         string // hex, as of the last connection
	RemoteAddr     string // as of the last connection
	EnrolledWith   string // the id of the token, or "clone:" and the id of the agent it was cloned from
	State          State
	EnrolledAt     time.Time
	LastSeenAt     time.Time
	ConnectedAt    time.Time
	DisconnectedAt time.Time
	RevokedAt      time.Time
	RevokedReason  string

	// Set by lists and Agent only.
	Gaps                 int       // what it cannot collect and could be mended
	CertificateExpiresAt time.Time // of the newest certificate that is not revoked

	serial   string    // of the certificate it was authenticated with
	notAfter time.Time // of that certificate
}

// Certificate is one certificate issued to an agent.
type Certificate struct {
	Serial        string // hex
	NotBefore     time.Time
	NotAfter      time.Time
	IssuedAt      time.Time
	RevokedAt     time.Time
	RevokedReason string
}

// agentRow is an agent as the table agents has it.
type agentRow struct {
	bun.BaseModel  `bun:"table:agents"`
	ID             AgentID `bun:"id,pk"`
	Instance       string  `bun:"instance"`
	Hostname       string  `bun:"hostname"`
	Fingerprint    string  `bun:"fingerprint"`
	PublicKeyHash  string  `bun:"public_key_hash"`
	OS             string  `bun:"os"`
	Arch           string  `bun:"arch"`
	Version        string  `bun:"version"`
	BootID         string  `bun:"boot_id"`
	EnrolledAt     int64   `bun:"enrolled_at"`
	LastSeenAt     *int64  `bun:"last_seen_at"`
	ConnectedAt    *int64  `bun:"connected_at"`
	DisconnectedAt *int64  `bun:"disconnected_at"`
	State          string  `bun:"state"`
	RevokedAt      *int64  `bun:"revoked_at"`
	RevokedReason  string  `bun:"revoked_reason"`
	RemoteAddr     string  `bun:"remote_addr"`
	TokenID        string  `bun:"token_id"`
}

// certRow is a certificate as the table agent_certificates has it.
type certRow struct {
	bun.BaseModel `bun:"table:agent_certificates"`
	Serial        string  `bun:"serial,pk"`
	AgentID       AgentID `bun:"agent_id"`
	PublicKeyHash string  `bun:"public_key_hash"`
	NotBefore     int64   `bun:"not_before"`
	NotAfter      int64   `bun:"not_after"`
	IssuedAt      int64   `bun:"issued_at"`
	RevokedAt     *int64  `bun:"revoked_at"`
	RevokedReason string  `bun:"revoked_reason"`
}

func (r *agentRow) agent() Agent {
	return Agent{
		ID: r.ID, Instance: r.Instance, Hostname: r.Hostname, Fingerprint: r.Fingerprint, OS: r.OS, Arch: r.Arch,
		Version: r.Version, BootID: r.BootID, RemoteAddr: r.RemoteAddr, EnrolledWith: r.TokenID,
		EnrolledAt: db.Time(r.EnrolledAt), LastSeenAt: timeOf(r.LastSeenAt), ConnectedAt: timeOf(r.ConnectedAt),
		DisconnectedAt: timeOf(r.DisconnectedAt), RevokedAt: timeOf(r.RevokedAt), RevokedReason: r.RevokedReason,
	}
}

func (r *certRow) certificate() Certificate {
	return Certificate{
		Serial: r.Serial, NotBefore: db.Time(r.NotBefore), NotAfter: db.Time(r.NotAfter), IssuedAt: db.Time(r.IssuedAt),
		RevokedAt: timeOf(r.RevokedAt), RevokedReason: r.RevokedReason,
	}
}

func timeOf(ms *int64) time.Time {
	if ms == nil {
		return time.Time{}
	}
	return db.Time(*ms)
}

// agentByID returns one agent's row, nil when there is none.
func agentByID(ctx context.Context, q bun.IDB, id AgentID) (*agentRow, error) {
	row := new(agentRow)
	err := q.NewSelect().Model(row).Where("id = ?", id).Scan(ctx)
	if db.IsNoRows(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read agent %s: %w", id, err)
	}
	return row, nil
}

// findAgent returns the row of the agent with this id or instance; the error is of kind NotFound without one.
func findAgent(ctx context.Context, q bun.IDB, name string) (*agentRow, error) {
	row := new(agentRow)
	// Both at once, the id first: an instance could look like another agent's id.
	err := q.NewSelect().Model(row).Where("id = ?", name).WhereOr("instance = ?", name).
		OrderExpr("CASE WHEN id = ? THEN 0 ELSE 1 END", name).Limit(1).Scan(ctx)
	if db.IsNoRows(err) {
		return nil, errs.New(errs.NotFound, "no agent has the id or instance %q", name)
	}
	if err != nil {
		return nil, fmt.Errorf("read agent %q: %w", name, err)
	}
	return row, nil
}
