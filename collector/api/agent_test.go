package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/event"
	"github.com/picketmon/picket/collector/fleet"
)

func TestAgents(t *testing.T) {
	b := newBench(t)
	for _, name := range []string{"web2", "db1", "web1", "web3"} {
		b.addAgent(name)
	}
	_, err := b.db.NewRaw("UPDATE agents SET last_seen_at = NULL WHERE instance = 'web3'").Exec(context.Background())
	check(t, err)

	first := b.must(http.StatusOK, "viewer", "GET", "/api/v1/agents?limit=3", "")
	same(t, "first page", []string{"db1", "web1", "web2"}, first.names("instance"))
	second := b.must(http.StatusOK, "viewer", "GET", "/api/v1/agents?limit=3&after="+first.item("next").(string), "")
	same(t, "second page", []string{"web3"}, second.names("instance"))
	for query, want := range map[string][]string{
		"text=WEB": {"web1", "web2", "web3"}, "state=never": {"web3"}, "state=up&text=web": {"web1", "web2"}, "state=revoked": {},
	} {
		same(t, query, want, b.must(http.StatusOK, "viewer", "GET", "/api/v1/agents?"+query, "").names("instance"))
	}
	for _, bad := range []string{"state=odd", "limit=0", "after=%21", "colour=red"} {
		b.must(http.StatusBadRequest, "viewer", "GET", "/api/v1/agents?"+bad, "")
	}
	status := b.must(http.StatusOK, "viewer", "GET", "/api/v1/status", "")
	same(t, "counts", map[string]any{"up": 3.0, "warn": 0.0, "down": 0.0, "never": 1.0, "revoked": 0.0}, status.item("agents"))
	same(t, "storage", map[string]any{"series": 7.0, "metrics_bytes": 1048576.0, "database_bytes": 4096.0}, status.item("storage"))
	if up, _ := status.item("uptime_seconds").(float64); up < 60 || up > 600 || status.item("version") != "test" {
		t.Errorf("status %s", status.text)
	}
}

func TestAgentDetail(t *testing.T) {
	b := newBench(t)
	id := b.addAgent("rack/7 ä")
	b.addAgent("other")
	now := time.Now().UTC().Truncate(time.Second)
	b.report(id, now)

	path := "/api/v1/agents/" + url.PathEscape("rack/7 ä")
	detail := b.must(http.StatusOK, "viewer", "GET", path, "")
	same(t, "by id", detail.text, b.must(http.StatusOK, "viewer", "GET", "/api/v1/agents/"+string(id), "").text)
	same(t, "instance", "rack/7 ä", detail.item("instance").(string))
	at := now.Format(time.RFC3339)
	result := map[string]any{
		"id": "r2", "check": "filesystem", "resource": "/", "status": "critical", "output": "full", "labels": map[string]any{"k": "v"},
		"time": at, "duration_us": 5.0, "received_at": at,
	}
	same(t, "results", []any{result}, detail.item("results"))
	event := map[string]any{
		"id": "e1", "type": "agent_started", "severity": "ok", "message": "here", "time": at, "received_at": at,
		"attributes": map[string]any{"pid": "1"},
	}
	same(t, "events", []any{event}, detail.item("events"))
	same(t, "drops", []any{map[string]any{
		"class": "metrics", "first": 3.0, "last": 9.0, "records": 7.0, "bytes": 700.0, "reason": "spool full", "time": at,
	}}, detail.item("drops"))
	same(t, "certificates", []any{map[string]any{
		"serial": "c" + string(id), "not_before": "1970-01-01T00:00:01Z", "not_after": "1970-01-01T00:00:02Z", "issued_at": "1970-01-01T00:00:01Z",
	}}, detail.item("certificates"))
	kinds := []string{}
	for _, f := range detail.item("facts").([]any) {
		kinds = append(kinds, f.(map[string]any)["kind"].(string))
	}
	same(t, "kinds of facts", []string{"disk", "os"}, kinds)

	same(t, "list of results", []any{result}, b.must(http.StatusOK, "viewer", "GET", path+"/results", "").item("items"))
	same(t, "list of events", []any{event}, b.must(http.StatusOK, "viewer", "GET", path+"/events?limit=1", "").item("items"))
	facts := b.must(http.StatusOK, "viewer", "GET", path+"/facts?kind=disk&limit=1", "")
	same(t, "facts", []string{"sda"}, facts.names("key"))
	facts = b.must(http.StatusOK, "viewer", "GET", path+"/facts?kind=disk&limit=1&after="+facts.item("next").(string), "")
	same(t, "facts, second page", []string{"sdb"}, facts.names("key"))
	same(t, "attributes", map[string]any{"size": 2.0}, facts.item("items").([]any)[0].(map[string]any)["attributes"])
	b.must(http.StatusBadRequest, "viewer", "GET", path+"/facts", "")

	other := b.must(http.StatusOK, "viewer", "GET", "/api/v1/agents/other", "")
	for _, empty := range []string{"results", "events", "drops", "facts"} {
		same(t, "other's "+empty, []any{}, other.item(empty))
	}
	for _, below := range []string{"", "/results", "/events", "/facts?kind=os"} {
		b.must(http.StatusNotFound, "viewer", "GET", "/api/v1/agents/nosuch"+below, "")
	}
}

// report stores what an agent would send.
func (b *bench) report(id fleet.AgentID, at time.Time) {
	b.t.Helper()
	ms := at.UnixMilli()
	check(b.t, b.db.InTx(context.Background(), func(ctx context.Context, tx bun.Tx) error {
		older := event.Result{ID: "r1", AgentID: string(id), Check: "filesystem", Resource: "/", Status: "ok", Time: ms - 1000, ReceivedAt: ms}
		newer := event.Result{
			ID: "r2", AgentID: string(id), Check: "filesystem", Resource: "/", Status: "critical", Output: "full", Labels: map[string]string{"k": "v"},
			Time: ms, DurationUS: 5, ReceivedAt: ms,
		}
		started := event.AgentEvent{
			ID: "e1", AgentID: string(id), Type: "agent_started", Severity: "ok", Message: "here", Attributes: map[string]string{"pid": "1"},
			Time: ms, ReceivedAt: ms,
		}
		if err := b.events.Insert(ctx, tx, []event.Result{older, newer}, []event.AgentEvent{started}); err != nil {
			return err
		}
		item := func(key, attributes string) fleet.Fact {
			return fleet.Fact{Class: "disk", Key: key, Attributes: json.RawMessage(attributes)}
		}
		for kind, facts := range map[string][]fleet.Fact{"disk": {item("sda", `{"size":1}`), item("sdb", `{"size":2}`)}, "os": {item("os", `{}`)}} {
			if _, err := b.fleet.SaveFacts(ctx, tx, id, fleet.Facts{Kind: kind, Full: true, Items: facts, Time: at}); err != nil {
				return err
			}
		}
		return b.fleet.SaveDrops(ctx, tx, id, 1, []fleet.Drop{
			{Class: 3, First: 3, Last: 9, Records: 7, Bytes: 700, Reason: "spool full", Time: at},
			{Class: 3, First: 1, Last: 2, Records: 2, Bytes: 200, Reason: "age", Time: at.Add(-25 * time.Hour)},
		})
	}))
}

func TestRevokeAgent(t *testing.T) {
	b := newBench(t)
	id := b.addAgent("web1")
	r := b.must(http.StatusOK, "operator", "POST", "/api/v1/agents/web1/revoke", `{"reason":"stolen"}`)
	same(t, "state and reason", []any{"revoked", "stolen"}, []any{r.item("state"), r.item("revoked_reason")})
	b.must(http.StatusConflict, "operator", "POST", "/api/v1/agents/"+string(id)+"/revoke", `{}`)
	b.must(http.StatusNotFound, "operator", "POST", "/api/v1/agents/nosuch/revoke", `{}`)
	detail := b.must(http.StatusOK, "viewer", "GET", "/api/v1/agents/web1", "")
	same(t, "reason at the certificate", any("stolen"), detail.item("certificates").([]any)[0].(map[string]any)["revoked_reason"])

	log := b.must(http.StatusOK, "admin", "GET", "/api/v1/audit-log?action=agent.revoke&target_id="+string(id), "")
	same(t, "who revoked", []string{"operator"}, log.names("actor_name"))
}

func TestEnrollTokens(t *testing.T) {
	b := newBench(t)
	const path = "/api/v1/enroll-tokens"
	made := b.must(http.StatusCreated, "operator", "POST", path, `{}`)
	secret, id := made.item("token").(string), made.item("id").(string)
	same(t, "Location", path+"/"+id, made.header.Get("Location"))
	same(t, "defaults", []any{1.0, true, []any{"collector.test:4601"}, "operator"},
		[]any{made.item("uses_max"), made.item("allow_reinstall"), made.item("addresses"), made.item("created_by")})
	second := b.must(http.StatusCreated, "operator", "POST", path,
		`{"uses":5,"ttl_seconds":60,"not_before":"2001-01-01T00:00:00Z","allow_reinstall":false,"addresses":["a:1","[::1]:2"]}`)
	same(t, "as asked", []any{5.0, false, []any{"a:1", "[::1]:2"}, "2001-01-01T00:01:00Z"},
		[]any{second.item("uses_left"), second.item("allow_reinstall"), second.item("addresses"), second.item("expires_at")})

	for body, want := range map[string][]string{
		`{"uses":0,"ttl_seconds":7776001}`: {"ttl_seconds", "uses"}, `{"addresses":["noport"]}`: {"addresses"}, `{"addresses":[]}`: {"addresses"},
		`{"uses":"1"}`: {"uses"}, `{"not_before":"soon"}`: {"not_before"}, `{"uses":1.5}`: {"uses"},
	} {
		_, fields := b.must(http.StatusBadRequest, "operator", "POST", path, body).kind()
		same(t, body, want, fields)
	}
	page := b.must(http.StatusOK, "operator", "GET", path+"?limit=1", "")
	same(t, "first page", []string{second.item("id").(string)}, page.names("id"))
	page = b.must(http.StatusOK, "operator", "GET", path+"?limit=1&after="+page.item("next").(string), "")
	same(t, "second page", []string{id}, page.names("id"))
	if page.text == "" || json.Valid([]byte(secret)) || page.item("token") != nil {
		t.Errorf("the list shows the secret: %s", page.text)
	}
	b.must(http.StatusBadRequest, "operator", "GET", path+"?after=bm9uZQ", "")

	b.must(http.StatusNoContent, "operator", "DELETE", path+"/"+id, "")
	b.must(http.StatusConflict, "operator", "DELETE", path+"/"+id, "")
	b.must(http.StatusNotFound, "operator", "DELETE", path+"/"+db.NewID(), "")
}
