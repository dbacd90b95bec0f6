package event

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
)

func TestWorstOfTheLatest(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		s := NewStore(d, time.Hour, slog.New(slog.DiscardHandler))
		now, n := db.Now(), 0
		insert := func(results ...Result) {
			t.Helper()
			if err := d.InTx(ctx, func(ctx context.Context, tx bun.Tx) error { return s.Insert(ctx, tx, results, nil) }); err != nil {
				t.Fatal(err)
			}
		}
		result := func(agent, resource, status string, after int64) Result {
			n++
			return Result{
				ID: fmt.Sprintf("%04d", n), AgentID: agent, Check: "filesystem", Resource: resource, Status: status,
				Time: now + after, ReceivedAt: now + after,
			}
		}
		worst := func(ids ...string) map[string]Worst {
			t.Helper()
			got, err := s.WorstOf(ctx, ids)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		// One batch may hold a subject twice, in any order, and of one time.
		insert(result("a", "/", "critical", 2), result("a", "/", "ok", 1), result("a", "/srv", "ok", 1), result("a", "/srv", "minor", 1),
			result("b", "/", "ok", 0), result("c", "/", "warning", 0), result("c", "/x", "unknown", 0), result("c", "/y", "ok", 0))
		if diff := cmp.Diff(map[string]Worst{"a": {"critical", 2}}, worst("a", "b", "nobody")); diff != "" {
			t.Errorf("some (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]Worst{"a": {"critical", 2}, "c": {"unknown", 2}}, worst()); diff != "" {
			t.Errorf("all (-want +got):\n%s", diff)
		}
		insert(result("a", "/", "ok", 3), result("c", "/x", "critical", -1)) // better; too late
		if diff := cmp.Diff(map[string]Worst{"a": {"minor", 1}, "c": {"unknown", 2}}, worst("a", "c")); diff != "" {
			t.Errorf("afterwards (-want +got):\n%s", diff)
		}
		latest, err := s.Latest(ctx, "a")
		if err != nil || len(latest) != 2 || latest[0].Status != "ok" || latest[1].Status != "minor" {
			t.Errorf("latest %+v, error %v", latest, err)
		}
		if err := s.prune(ctx, time.UnixMilli(now+2)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]Worst{}, worst()); diff != "" {
			t.Errorf("after pruning (-want +got):\n%s", diff)
		}
	})
}
