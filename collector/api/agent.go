package api

import (
	"context"
	"time"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/fleet"
)

const agentsPath = "/api/v1/agents"

// Agent is one enrolled agent.
type Agent struct {
	ID             string      `json:"id"`
	Instance       string      `json:"instance" doc:"The value of the instance label: unique and stable"`
	Hostname       string      `json:"hostname" doc:"As the host last told"`
	State          fleet.State `json:"state" enum:"up,warn,down,never,revoked"`
	OS             string      `json:"os"`
	Arch           string      `json:"arch"`
	Version        string      `json:"version" doc:"Of the agent"`
	Fingerprint    string      `json:"fingerprint" doc:"Of the host, hex SHA-256"`
	BootID         string      `json:"boot_id,omitempty"`
	RemoteAddr     string      `json:"remote_addr,omitempty" doc:"As of the last connection"`
	EnrolledWith   string      `json:"enrolled_with" doc:"The id of the enrolment token, or clone: and the id of the agent it was cloned from"`
	EnrolledAt     time.Time   `json:"enrolled_at"`
	LastSeenAt     time.Time   `json:"last_seen_at,omitzero"`
	ConnectedAt    time.Time   `json:"connected_at,omitzero"`
	DisconnectedAt time.Time   `json:"disconnected_at,omitzero"`
	RevokedAt      time.Time   `json:"revoked_at,omitzero"`
	RevokedReason  string      `json:"revoked_reason,omitempty"`

	CertificateExpiresAt time.Time    `json:"certificate_expires_at,omitzero" doc:"Of the newest that is not revoked"`
	Gaps                 int          `json:"gaps" doc:"How many things it cannot collect that could be mended"`
	WorstResult          *WorstResult `json:"worst_result,omitempty" doc:"Of the latest result of each check and resource; absent of an agent that was never heard of"`
}

// WorstResult sums up an agent's latest results.
type WorstResult struct {
	Status string `json:"status" enum:"ok,minor,warning,major,critical,unknown" doc:"The worst"`
	NotOK  int    `json:"not_ok" doc:"How many are not ok"`
}

func agentOf(a fleet.Agent) Agent {
	return Agent{
		ID: string(a.ID), Instance: a.Instance, Hostname: a.Hostname, State: a.State, OS: a.OS, Arch: a.Arch, Version: a.Version,
		Fingerprint: a.Fingerprint, BootID: a.BootID, RemoteAddr: a.RemoteAddr, EnrolledWith: a.EnrolledWith,
		EnrolledAt: a.EnrolledAt, LastSeenAt: a.LastSeenAt, ConnectedAt: a.ConnectedAt, DisconnectedAt: a.DisconnectedAt,
		RevokedAt: a.RevokedAt, RevokedReason: a.RevokedReason, Gaps: a.Gaps, CertificateExpiresAt: a.CertificateExpiresAt,
	}
}

// Certificate is one certificate issued to an agent.
type Certificate struct {
	Serial        string    `json:"serial"`
	NotBefore     time.Time `json:"not_before"`
	NotAfter      time.Time `json:"not_after"`
	IssuedAt      time.Time `json:"issued_at"`
	RevokedAt     time.Time `json:"revoked_at,omitzero"`
	RevokedReason string    `json:"revoked_reason,omitempty"`
}

func certificateOf(c fleet.Certificate) Certificate {
	return Certificate{
		Serial: c.Serial, NotBefore: c.NotBefore, NotAfter: c.NotAfter, IssuedAt: c.IssuedAt, RevokedAt: c.RevokedAt,
		RevokedReason: c.RevokedReason,
	}
}

// AgentDetail is all about one agent, as far as it fits on a screen.
type AgentDetail struct {
	Agent
	Certificates []Certificate `json:"certificates" nullable:"false" doc:"The newest first"`
	Capabilities []Capability  `json:"capabilities" nullable:"false" doc:"What it can and cannot collect, by name"`
	Facts        []FactKind    `json:"facts" nullable:"false" doc:"How many there are of each kind"`
	Results      []Result      `json:"results" nullable:"false" doc:"The latest of each check and resource"`
	Events       []AgentEvent  `json:"events" nullable:"false" doc:"The newest 20"`
	Drops        []Drop        `json:"drops" nullable:"false" doc:"What the agent gave up in the last 24 hours, the newest first"`
}

type agentsInput struct {
	Paging
	State []fleet.State `query:"state" enum:"up,warn,down,never,revoked" doc:"Any of these, separated by commas"`
	Text  string        `query:"text" maxLength:"253" doc:"Part of the instance, the hostname or the id, in any case"`
	Gap   string        `query:"gap" maxLength:"200" doc:"Agents that cannot collect this: a check, with its parts, or check:part"`
	Sort  string        `query:"sort" default:"instance" enum:"instance,-instance,hostname,-hostname,state,-state,version,-version,last_seen_at,-last_seen_at,enrolled_at,-enrolled_at,certificate_expires_at,-certificate_expires_at,gaps,-gaps,worst_result,-worst_result" doc:"With - in front the other way round; -state begins with down, -worst_result with critical"`
}

// AgentInput names an agent.
type AgentInput struct {
	ID string `path:"id" maxLength:"1024" doc:"The agent's id or instance"`
}

type revokeInput struct {
	AgentInput
	Body revokeBody
}

type revokeBody struct {
	Reason string `json:"reason,omitempty" maxLength:"500" doc:"For the list of agents and the audit log"`
}

// detailEvents and detailDrops bound what an agent's detail holds.
const (
	detailEvents = 20
	detailDrops  = 24 * time.Hour
)

func (a *api) mountAgents() {
	viewer := []access.Role{access.Viewer}
	register(a, operation{
		id: "list-agents", method: get, path: agentsPath, tag: "agent", roles: viewer, summary: "Agents",
	}, a.agents)
	register(a, operation{
		id: "show-agent", method: get, path: agentsPath + "/{id}", tag: "agent", roles: viewer,
		summary: "One agent with its certificates, results, events and losses",
	}, a.agent)
	register(a, operation{
		id: "revoke-agent", method: post, path: agentsPath + "/{id}/revoke", tag: "agent", roles: []access.Role{access.Operator},
		summary: "Shut an agent out for good",
		description: "Its certificates are worthless from now on and its stream ends at once. " +
			"Its host comes back only as a new agent with a new token.",
	}, a.revokeAgent)
	register(a, operation{
		id: "delete-agent", method: remove, path: agentsPath + "/{id}", tag: "agent", roles: []access.Role{access.Operator},
		summary: "Forget a revoked agent",
		description: "Its facts, results and events go with it, and its certificates stay worthless; the audit log and its samples stay. " +
			"Its instance is free for the next host of that name. 409 when it is not revoked.",
	}, a.deleteAgent)
}

func (a *api) agents(ctx context.Context, in *agentsInput) (*answer[list[Agent]], error) {
	after, err := in.position()
	if err != nil {
		return nil, err
	}
	q := fleet.Query{States: in.State, Text: in.Text, Gap: in.Gap, After: after, Limit: in.Limit}
	if in.Sort != "instance" {
		return a.sortedAgents(ctx, q, in.Sort)
	}
	page, next, err := a.Fleet.Agents(ctx, q)
	if err != nil {
		return nil, err
	}
	out, err := a.summed(ctx, page)
	return &answer[list[Agent]]{list[Agent]{Items: out, Next: cursor(next)}}, err
}

func (a *api) agent(ctx context.Context, in *AgentInput) (*answer[AgentDetail], error) {
	found, certs, err := a.Fleet.Agent(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	facts, err := a.Fleet.AgentFacts(ctx, found.ID, "")
	if err != nil {
		return nil, err
	}
	results, err := a.Events.Latest(ctx, string(found.ID))
	if err != nil {
		return nil, err
	}
	events, err := a.Events.Events(ctx, string(found.ID), detailEvents)
	if err != nil {
		return nil, err
	}
	capabilities, err := a.Fleet.AgentCapabilities(ctx, found.ID)
	if err != nil {
		return nil, err
	}
	drops, err := a.Fleet.Drops(ctx, found.ID, time.Now().Add(-detailDrops))
	if err != nil {
		return nil, err
	}
	summed, err := a.summed(ctx, []fleet.Agent{found})
	if err != nil {
		return nil, err
	}
	return &answer[AgentDetail]{AgentDetail{
		Agent: summed[0], Certificates: items(certs, certificateOf), Capabilities: items(capabilities, capabilityOf),
		Facts: factKinds(facts), Results: items(results, resultOf),
		Events: items(events, agentEventOf), Drops: items(drops, dropOf),
	}}, nil
}

func (a *api) revokeAgent(ctx context.Context, in *revokeInput) (*answer[Agent], error) {
	revoked, err := a.Fleet.Revoke(ctx, in.ID, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	summed, err := a.summed(ctx, []fleet.Agent{revoked})
	if err != nil {
		return nil, err
	}
	return &answer[Agent]{summed[0]}, nil
}

func (a *api) deleteAgent(ctx context.Context, in *AgentInput) (*nothing, error) {
	return nil, a.Fleet.Delete(ctx, in.ID, func(ctx context.Context, id fleet.AgentID) error { return a.Events.Forget(ctx, string(id)) })
}
