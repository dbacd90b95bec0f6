package api

import (
	"context"
	"time"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/fleet"
)

// Capability says whether one thing can be collected on a host.
type Capability struct {
	Name      string    `json:"name" doc:"A check, or check:part"`
	Available bool      `json:"available"`
	Reason    string    `json:"reason,omitempty" doc:"Why it is not available"`
	Fix       string    `json:"fix,omitempty" doc:"What mends it; without one the host lacks the thing and there is nothing to mend"`
	Since     time.Time `json:"since" doc:"When it became available or ceased to be"`
}

func capabilityOf(c fleet.Capability) Capability {
	return Capability{Name: c.Name, Available: c.Available, Reason: c.Reason, Fix: c.Fix, Since: c.Since}
}

// Gap is one thing that cannot be collected, for one reason, and the agents where that is so.
type Gap struct {
	Name      string   `json:"name" doc:"A check, or check:part"`
	Reason    string   `json:"reason"`
	Fix       string   `json:"fix,omitempty" doc:"What mends it; without one there is nothing to mend"`
	Agents    int      `json:"agents" doc:"On how many"`
	AgentIDs  []string `json:"agent_ids" nullable:"false" doc:"The first ten, by instance; the list of agents shows all with gap"`
	Instances []string `json:"instances" nullable:"false" doc:"Of the same"`
}

func gapOf(g fleet.Gap) Gap {
	return Gap{
		Name: g.Name, Reason: g.Reason, Fix: g.Fix, Agents: g.Agents, Instances: g.Instances,
		AgentIDs: items(g.AgentIDs, func(id fleet.AgentID) string { return string(id) }),
	}
}

type gapsInput struct {
	Paging
	Name    string `query:"name" maxLength:"200" doc:"A check, with its parts, or check:part"`
	Fixable string `query:"fixable" enum:"true,false" doc:"Only those that can be mended, or only those that cannot"`
}

func (a *api) mountGaps() {
	register(a, operation{
		id: "list-gaps", method: get, path: "/api/v1/gaps", tag: "agent", roles: []access.Role{access.Viewer},
		summary: "What cannot be collected, over all agents",
		description: "One item for each name, reason and fix: what can be mended first, then by the number of agents. " +
			"Revoked agents do not count.",
	}, a.gaps)
}

func (a *api) gaps(ctx context.Context, in *gapsInput) (*answer[list[Gap]], error) {
	q := fleet.GapQuery{Name: in.Name}
	if in.Fixable != "" {
		fixable := in.Fixable == "true"
		q.Fixable = &fixable
	}
	all, err := a.Fleet.Gaps(ctx, q)
	if err != nil {
		return nil, err
	}
	return pageOf(all, in.Paging, func(g fleet.Gap) string { return g.ID }, gapOf)
}
