package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/picketmon/picket/collector/event"
	"github.com/picketmon/picket/collector/fleet"
)

// summedOne is how many agents are asked about one by one; beyond, all are.
const summedOne = 100

// summed adds to agents what other nouns know of each, with one question and not one per agent.
func (a *api) summed(ctx context.Context, agents []fleet.Agent) ([]Agent, error) {
	var ids []string
	if len(agents) <= summedOne {
		ids = items(agents, func(a fleet.Agent) string { return string(a.ID) })
	}
	worst, err := a.Events.WorstOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := items(agents, agentOf)
	for i := range out {
		if w, ok := worst[out[i].ID]; ok {
			out[i].WorstResult = &WorstResult{Status: w.Status, NotOK: w.NotOK}
		} else if !out[i].LastSeenAt.IsZero() {
			out[i].WorstResult = &WorstResult{Status: "ok"}
		}
	}
	return out, nil
}

// ranked is an agent and the text whose order is the order asked for.
type ranked struct {
	agent Agent
	key   string
}

// sortedAgents returns a page in another order than that of instances. It looks at all agents: what they are ordered by may be
// known in memory only.
func (a *api) sortedAgents(ctx context.Context, q fleet.Query, by string) (*answer[list[Agent]], error) {
	field, down := strings.CutPrefix(by, "-")
	last, some := ranked{}, q.After != ""
	if some {
		var ok bool
		if last.key, last.agent.Instance, ok = strings.Cut(q.After, "\x00"); !ok {
			return nil, badCursor()
		}
	}
	agents, err := a.Fleet.AllAgents(ctx, q)
	if err != nil {
		return nil, err
	}
	summed, err := a.summed(ctx, agents)
	if err != nil {
		return nil, err
	}
	order := func(x, y ranked) int {
		c := cmp.Compare(x.key, y.key)
		if down {
			c = -c
		}
		return cmp.Or(c, cmp.Compare(x.agent.Instance, y.agent.Instance))
	}
	all := make([]ranked, 0, len(summed))
	for i := range summed {
		if r := (ranked{summed[i], rank(&summed[i], field)}); !some || order(r, last) > 0 {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, order)
	page := all[:min(len(all), q.Limit)]
	out := list[Agent]{Items: items(page, func(r ranked) Agent { return r.agent })}
	if len(page) < len(all) {
		end := page[len(page)-1]
		out.Next = cursor(end.key + "\x00" + end.agent.Instance)
	}
	return &answer[list[Agent]]{out}, nil
}

// rank returns a text whose order is that of the field's values.
func rank(a *Agent, field string) string {
	switch field {
	case "hostname":
		return a.Hostname
	case "state":
		return number(slices.Index([]fleet.State{fleet.StateRevoked, fleet.StateUp, fleet.StateNever, fleet.StateWarn, fleet.StateDown}, a.State))
	case "version":
		return a.Version
	case "last_seen_at":
		return moment(a.LastSeenAt)
	case "enrolled_at":
		return moment(a.EnrolledAt)
	case "certificate_expires_at":
		return moment(a.CertificateExpiresAt)
	case "gaps":
		return number(a.Gaps)
	case "worst_result":
		if a.WorstResult == nil {
			return ""
		}
		return number(len(event.Severities())-event.Severity(a.WorstResult.Status)) + number(a.WorstResult.NotOK)
	}
	return a.Instance
}

func number(n int) string { return fmt.Sprintf("%012d", n) }

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return fmt.Sprintf("%016d", t.UnixMilli())
}
