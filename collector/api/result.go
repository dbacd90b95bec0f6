package api

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/event"
	"github.com/picketmon/picket/collector/fleet"
)

// Result is a check's judgement about a host or one resource on it.
type Result struct {
	ID         string            `json:"id"`
	Check      string            `json:"check"`
	Resource   string            `json:"resource,omitempty"`
	Status     string            `json:"status" enum:"ok,minor,warning,major,critical,unknown"`
	Output     string            `json:"output"`
	Labels     map[string]string `json:"labels,omitempty"`
	Time       time.Time         `json:"time" doc:"When it was due"`
	DurationUS int64             `json:"duration_us"`
	ReceivedAt time.Time         `json:"received_at"`
}

func resultOf(r event.Result) Result {
	return Result{
		ID: r.ID, Check: r.Check, Resource: r.Resource, Status: r.Status, Output: r.Output, Labels: r.Labels, Time: db.Time(r.Time),
		DurationUS: r.DurationUS, ReceivedAt: db.Time(r.ReceivedAt),
	}
}

// AgentEvent is something that happened to an agent.
type AgentEvent struct {
	ID         string            `json:"id"`
	Type       string            `json:"type"`
	Severity   string            `json:"severity"`
	Message    string            `json:"message"`
	Attributes map[string]string `json:"attributes,omitempty"`
	Time       time.Time         `json:"time"`
	ReceivedAt time.Time         `json:"received_at"`
}

func agentEventOf(e event.AgentEvent) AgentEvent {
	return AgentEvent{
		ID: e.ID, Type: e.Type, Severity: e.Severity, Message: e.Message, Attributes: e.Attributes, Time: db.Time(e.Time),
		ReceivedAt: db.Time(e.ReceivedAt),
	}
}

// Drop is a run of records that an agent gave up.
type Drop struct {
	Class   string    `json:"class" doc:"Of delivery"`
	First   uint64    `json:"first" doc:"Sequence number"`
	Last    uint64    `json:"last"`
	Records uint64    `json:"records"`
	Bytes   uint64    `json:"bytes"`
	Reason  string    `json:"reason"`
	Time    time.Time `json:"time"`
}

func dropOf(d fleet.Drop) Drop {
	return Drop{
		Class: strings.ToLower(strings.TrimPrefix(d.Class.String(), "CLASS_")), First: d.First, Last: d.Last, Records: d.Records,
		Bytes: d.Bytes, Reason: d.Reason, Time: d.Time,
	}
}

// FactKind sums up the facts of one kind.
type FactKind struct {
	Kind      string    `json:"kind"`
	Count     int       `json:"count"`
	UpdatedAt time.Time `json:"updated_at" doc:"Of the one that changed last"`
}

func factKinds(facts map[string][]fleet.Fact) []FactKind {
	out := make([]FactKind, 0, len(facts))
	for kind, all := range facts {
		k := FactKind{Kind: kind, Count: len(all)}
		for _, f := range all {
			if f.UpdatedAt.After(k.UpdatedAt) {
				k.UpdatedAt = f.UpdatedAt
			}
		}
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b FactKind) int { return cmp.Compare(a.Kind, b.Kind) })
	return out
}

// Fact is one item of an agent's inventory.
type Fact struct {
	Kind       string          `json:"kind"`
	Class      string          `json:"class"`
	Key        string          `json:"key" doc:"Unique on the host and in its kind"`
	Attributes json.RawMessage `json:"attributes"`
	UpdatedAt  time.Time       `json:"updated_at"`
}

type factsInput struct {
	AgentInput
	Kind string `query:"kind" maxLength:"100" required:"true" doc:"One kind; an agent's detail lists them"`
	Paging
}

type eventsInput struct {
	AgentInput
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"The most items to return"`
}

func (a *api) mountResults() {
	viewer := []access.Role{access.Viewer}
	register(a, operation{
		id: "list-results", method: get, path: agentsPath + "/{id}/results", tag: "agent", roles: viewer,
		summary: "The latest result of each check and resource", description: "At most 1000, on one page.",
	}, a.results)
	register(a, operation{
		id: "list-events", method: get, path: agentsPath + "/{id}/events", tag: "agent", roles: viewer,
		summary: "The newest events of an agent",
	}, a.events)
	register(a, operation{
		id: "list-facts", method: get, path: agentsPath + "/{id}/facts", tag: "agent", roles: viewer,
		summary: "An agent's inventory of one kind",
	}, a.facts)
}

func (a *api) results(ctx context.Context, in *AgentInput) (*answer[list[Result]], error) {
	found, _, err := a.Fleet.Agent(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	all, err := a.Events.Latest(ctx, string(found.ID))
	return &answer[list[Result]]{list[Result]{Items: items(all, resultOf)}}, err
}

func (a *api) events(ctx context.Context, in *eventsInput) (*answer[list[AgentEvent]], error) {
	found, _, err := a.Fleet.Agent(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	all, err := a.Events.Events(ctx, string(found.ID), in.Limit)
	return &answer[list[AgentEvent]]{list[AgentEvent]{Items: items(all, agentEventOf)}}, err
}

func (a *api) facts(ctx context.Context, in *factsInput) (*answer[list[Fact]], error) {
	found, _, err := a.Fleet.Agent(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	all, err := a.Fleet.AgentFacts(ctx, found.ID, in.Kind)
	if err != nil {
		return nil, err
	}
	return pageOf(all[in.Kind], in.Paging, func(f fleet.Fact) string { return f.Key }, func(f fleet.Fact) Fact {
		return Fact{Kind: in.Kind, Class: f.Class, Key: f.Key, Attributes: f.Attributes, UpdatedAt: f.UpdatedAt}
	})
}
