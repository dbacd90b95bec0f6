package api_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/picketmon/picket/collector/fleet"
)

// agentTables returns the tables that name agents, and of those the ones that have rows of one agent. What became items outlives the
// agent until the items are marked as gone.
func (b *bench) agentTables(id fleet.AgentID) (all, filled []string) {
	b.t.Helper()
	check(b.t, b.db.NewRaw("SELECT m.name FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c ON c.name = 'agent_id' "+
		"WHERE m.type = 'table' AND m.name <> 'fact_feeds' ORDER BY m.name").Scan(context.Background(), &all))
	for _, table := range all {
		n, err := b.db.NewSelect().Table(table).Where("agent_id = ?", id).Count(context.Background())
		check(b.t, err)
		if n > 0 {
			filled = append(filled, table)
		}
	}
	return all, filled
}

func TestDeleteAgent(t *testing.T) {
	b := newBench(t)
	id, other := b.addAgent("web1"), b.addAgent("web2")
	b.report(id, time.Now())
	b.can(id, time.Now(), noPressure)
	_, err := b.db.NewRaw("INSERT INTO delivery_state (agent_id, epoch, class, watermark, above, updated_at) VALUES (?, 'e', 1, 1, '[]', 1)", id).Exec(t.Context())
	check(t, err)
	all, filled := b.agentTables(id)
	if diff := slices.DeleteFunc(all, func(table string) bool { return slices.Contains(filled, table) }); len(diff) > 0 {
		t.Errorf("this test stores nothing in %v: nobody knows whether they are emptied", diff)
	}

	b.must(http.StatusConflict, "operator", "DELETE", "/api/v1/agents/web1", "")
	b.must(http.StatusOK, "operator", "POST", "/api/v1/agents/web1/revoke", `{}`)
	b.must(http.StatusNoContent, "operator", "DELETE", "/api/v1/agents/web1", "")
	b.must(http.StatusNotFound, "operator", "DELETE", "/api/v1/agents/web1", "")
	b.must(http.StatusNotFound, "viewer", "GET", "/api/v1/agents/"+string(id), "")
	if _, filled := b.agentTables(id); len(filled) > 0 {
		t.Errorf("rows are left in %v", filled)
	}
	if _, filled := b.agentTables(other); len(filled) == 0 {
		t.Error("the other agent lost its rows")
	}
	log := b.must(http.StatusOK, "admin", "GET", "/api/v1/audit-log?action=agent.delete&target_id="+string(id), "")
	same(t, "who deleted", []string{"operator"}, log.names("actor_name"))
	same(t, "what", []any{map[string]any{"instance": "web1", "hostname": "web1"}}, []any{log.item("items").([]any)[0].(map[string]any)["detail"]})
	same(t, "what led there is still known", 1, len(b.must(http.StatusOK, "admin", "GET", "/api/v1/audit-log?action=agent.revoke", "").names("id")))
}
