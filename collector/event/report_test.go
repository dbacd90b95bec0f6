package event

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
)

func TestResultsAndEvents(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		s := NewStore(d, time.Hour, slog.New(slog.DiscardHandler))
		now := db.Now()
		result := func(id, resource, status string, at int64) Result {
			return Result{
				ID: id, AgentID: "a", Check: "filesystem", Resource: resource, Status: status, Output: "it's so",
				Labels: map[string]string{"k": "v"}, Time: at, DurationUS: 5, ReceivedAt: now,
			}
		}
		results := []Result{
			result("01", "/", "ok", now-20), result("02", "/", "critical", now-10), result("03", "/srv", "ok", now-30),
		}
		events := []AgentEvent{
			{ID: "11", AgentID: "a", Type: "agent_started", Severity: "ok", Time: now - 5, ReceivedAt: now},
			{ID: "12", AgentID: "a", Type: "clock_jump", Severity: "warning", Time: now, ReceivedAt: now - 2*time.Hour.Milliseconds()},
		}
		for range 2 { // a repeat changes nothing
			err := d.InTx(ctx, func(ctx context.Context, tx bun.Tx) error { return s.Insert(ctx, tx, results, events) })
			if err != nil {
				t.Fatal(err)
			}
		}
		latest, err := s.Latest(ctx, "a")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]Result{results[1], results[2]}, latest); diff != "" {
			t.Errorf("latest (-want +got):\n%s", diff)
		}
		if err := s.prune(ctx, time.Now().Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
		got, err := s.Events(ctx, "a", 10)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(events[:1], got); diff != "" {
			t.Errorf("events after pruning (-want +got):\n%s", diff)
		}
	})
}
