package api_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/event"
	"github.com/picketmon/picket/collector/fleet"
)

// can stores what an agent can collect.
func (b *bench) can(id fleet.AgentID, at time.Time, all ...fleet.Capability) {
	b.t.Helper()
	check(b.t, b.db.InTx(context.Background(), func(ctx context.Context, tx bun.Tx) error {
		_, err := b.fleet.SaveCapabilities(ctx, tx, id, fleet.Capabilities{Full: true, Items: all, Time: at})
		return err
	}))
}

// judge stores results of an agent, one for each status.
func (b *bench) judge(id fleet.AgentID, statuses ...string) {
	b.t.Helper()
	results := make([]event.Result, len(statuses))
	for i, s := range statuses {
		results[i] = event.Result{ID: db.NewID(), AgentID: string(id), Check: "c", Resource: fmt.Sprint(i), Status: s, Time: db.Now(), ReceivedAt: db.Now()}
	}
	check(b.t, b.db.InTx(context.Background(), func(ctx context.Context, tx bun.Tx) error { return b.events.Insert(ctx, tx, results, nil) }))
}

var (
	canCPU     = fleet.Capability{Name: "cpu", Available: true}
	noPressure = fleet.Capability{Name: "pressure", Reason: "it is off", Fix: "boot with psi=1"}
	noSensors  = fleet.Capability{Name: "hwmon", Reason: "a virtual machine has none"}
	hungMount  = fleet.Capability{Name: "filesystem:/mnt", Reason: "does not answer (nfs4)", Fix: "umount -f -l /mnt"}
)

func TestGaps(t *testing.T) {
	b := newBench(t)
	at := time.Now().UTC().Truncate(time.Second).Add(-time.Hour)
	b.can(b.addAgent("web1"), at, canCPU, noPressure, noSensors)
	b.can(b.addAgent("web2"), at, canCPU, noPressure, hungMount)
	b.can(b.addAgent("web3"), at, canCPU)

	detail := b.must(http.StatusOK, "viewer", "GET", "/api/v1/agents/web1", "")
	since := at.Format(time.RFC3339)
	same(t, "capabilities", []any{
		map[string]any{"name": "cpu", "available": true, "since": since},
		map[string]any{"name": "hwmon", "available": false, "reason": "a virtual machine has none", "since": since},
		map[string]any{"name": "pressure", "available": false, "reason": "it is off", "fix": "boot with psi=1", "since": since},
	}, detail.item("capabilities"))
	same(t, "gaps of one", 1.0, detail.item("gaps"))

	all := b.must(http.StatusOK, "viewer", "GET", "/api/v1/gaps", "")
	same(t, "gaps", []string{"pressure", "filesystem:/mnt", "hwmon"}, all.names("name"))
	first := all.item("items").([]any)[0].(map[string]any)
	same(t, "agents", []any{2.0, []any{"web1", "web2"}, "boot with psi=1", 2},
		[]any{first["agents"], first["instances"], first["fix"], len(first["agent_ids"].([]any))})
	for query, want := range map[string][]string{
		"fixable=true": {"pressure", "filesystem:/mnt"}, "fixable=false": {"hwmon"}, "name=filesystem": {"filesystem:/mnt"}, "name=cpu": {},
	} {
		same(t, query, want, b.must(http.StatusOK, "viewer", "GET", "/api/v1/gaps?"+query, "").names("name"))
	}
	page := b.must(http.StatusOK, "viewer", "GET", "/api/v1/gaps?limit=2", "")
	same(t, "second page", []string{"hwmon"},
		b.must(http.StatusOK, "viewer", "GET", "/api/v1/gaps?limit=2&after="+page.item("next").(string), "").names("name"))
	for _, bad := range []string{"fixable=maybe", "after=bm9uZQ", "limit=0", "colour=red"} {
		b.must(http.StatusBadRequest, "viewer", "GET", "/api/v1/gaps?"+bad, "")
	}
	same(t, "agents with the gap", []string{"web2"}, b.must(http.StatusOK, "viewer", "GET", "/api/v1/agents?gap=filesystem", "").names("instance"))

	// A revoked agent is no longer missing anything.
	b.must(http.StatusOK, "operator", "POST", "/api/v1/agents/web2/revoke", `{}`)
	same(t, "gaps that are left", []string{"pressure", "hwmon"}, b.must(http.StatusOK, "viewer", "GET", "/api/v1/gaps", "").names("name"))
	same(t, "its own", []any{}, b.must(http.StatusOK, "viewer", "GET", "/api/v1/agents/web2", "").item("capabilities"))
}

func TestAgentsInOrder(t *testing.T) {
	b := newBench(t)
	ids := map[string]fleet.AgentID{}
	for i, name := range []string{"a", "b", "c", "d"} {
		ids[name] = b.addAgent(name)
		_, err := b.db.NewRaw("UPDATE agent_certificates SET not_after = ? WHERE agent_id = ?", (10-i)*1000, ids[name]).Exec(context.Background())
		check(t, err)
	}
	for name, ago := range map[string]time.Duration{"b": 90 * time.Second, "c": time.Hour} {
		_, err := b.db.NewRaw("UPDATE agents SET last_seen_at = ? WHERE instance = ?", time.Now().Add(-ago).UnixMilli(), name).Exec(context.Background())
		check(t, err)
	}
	_, err := b.db.NewRaw("UPDATE agents SET last_seen_at = NULL, version = 'v0', hostname = 'z' WHERE instance = 'd'").Exec(context.Background())
	check(t, err)
	b.can(ids["b"], time.Now(), noPressure, hungMount, noSensors)
	b.can(ids["c"], time.Now(), noPressure, noSensors)
	b.judge(ids["a"], "ok", "ok")
	b.judge(ids["b"], "warning", "ok", "warning")
	b.judge(ids["c"], "critical", "ok")

	list := func(query string) []string {
		var names []string
		for after := ""; ; {
			page := b.must(http.StatusOK, "viewer", "GET", "/api/v1/agents?limit=3&"+query+after, "")
			names = append(names, page.names("instance")...)
			next, more := page.item("next").(string)
			if !more {
				return names
			}
			after = "&after=" + next
		}
	}
	for query, want := range map[string][]string{
		"sort=instance": {"a", "b", "c", "d"}, "sort=-instance": {"d", "c", "b", "a"}, "sort=hostname": {"a", "b", "c", "d"},
		"sort=-hostname": {"d", "c", "b", "a"}, "sort=-state": {"c", "b", "d", "a"}, "sort=state": {"a", "d", "b", "c"},
		"sort=version": {"d", "a", "b", "c"}, "sort=last_seen_at": {"d", "c", "b", "a"}, "sort=-last_seen_at": {"a", "b", "c", "d"},
		"sort=-gaps": {"b", "c", "a", "d"}, "sort=gaps": {"a", "d", "c", "b"}, "sort=-worst_result": {"c", "b", "a", "d"},
		"sort=worst_result": {"d", "a", "b", "c"}, "sort=certificate_expires_at": {"d", "c", "b", "a"},
		"state=down,warn": {"b", "c"}, "state=down,never&sort=-state": {"c", "d"}, "state=up": {"a"}, "gap=pressure&sort=-gaps": {"b", "c"},
	} {
		same(t, query, want, list(query))
	}
	for _, bad := range []string{"sort=colour", "state=up,odd", "sort=gaps&after=bm9uZQ", "sort=--gaps"} {
		b.must(http.StatusBadRequest, "viewer", "GET", "/api/v1/agents?"+bad, "")
	}
	all := b.must(http.StatusOK, "viewer", "GET", "/api/v1/agents", "").item("items").([]any)
	item := all[1].(map[string]any)
	same(t, "in the list", []any{2.0, map[string]any{"status": "warning", "not_ok": 2.0}, "1970-01-01T00:00:09Z"},
		[]any{item["gaps"], item["worst_result"], item["certificate_expires_at"]})
	if worst, ok := all[3].(map[string]any)["worst_result"]; ok {
		t.Errorf("an agent without results has %v", worst)
	}
}

// BenchmarkAgentList is a page of 1,000 agents with 24 latest results and 17 capabilities each, and the gaps of all.
func BenchmarkAgentList(b *testing.B) {
	const agents, results = 1000, 24
	x := newBench(b)
	caps := []fleet.Capability{noPressure, noSensors}
	for i := range 15 {
		caps = append(caps, fleet.Capability{Name: fmt.Sprint("check", i), Available: true})
	}
	for i := range agents {
		id := x.addAgent(fmt.Sprintf("host%04d", i))
		x.can(id, time.Now(), caps...)
		statuses := make([]string, results)
		for j := range statuses {
			statuses[j] = "ok"
		}
		if i%10 == 0 {
			statuses[3] = "warning"
		}
		x.judge(id, statuses...)
	}
	for _, path := range []string{
		"/api/v1/agents?limit=1000", "/api/v1/agents?limit=100", "/api/v1/agents?limit=100&sort=-worst_result", "/api/v1/gaps",
	} {
		b.Run(path, func(b *testing.B) {
			token := x.must(http.StatusCreated, "viewer", "POST", "/api/v1/api-tokens", `{"name":"bench","roles":["viewer"]}`).item("token").(string)
			for b.Loop() {
				r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, x.url+path, nil)
				check(b, err)
				bearer(token)(r)
				x.send(r)
			}
		})
	}
}
