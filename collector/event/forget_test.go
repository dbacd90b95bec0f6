package event

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
)

func TestForget(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		s := NewStore(d, time.Hour, slog.New(slog.DiscardHandler))
		var results []Result
		for n := range forgetChunk + 10 {
			results = append(results, Result{
				ID: fmt.Sprintf("%05d", n), AgentID: "a", Check: "c", Resource: "/", Status: "ok", Time: int64(n), ReceivedAt: int64(n),
			})
		}
		results = append(results, Result{ID: "x", AgentID: "b", Check: "c", Status: "ok", Time: 1, ReceivedAt: 1})
		events := []AgentEvent{{ID: "1", AgentID: "a", Time: 1}, {ID: "2", AgentID: "b", Time: 1}}
		if err := d.InTx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
			for len(results) > 0 {
				n := min(len(results), 500)
				if err := s.Insert(ctx, tx, results[:n], events); err != nil {
					return err
				}
				results = results[n:]
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if err := s.Forget(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		for _, table := range []string{"check_results", "agent_events", "latest_results"} {
			var of []string
			if err := d.NewSelect().Table(table).Column("agent_id").Scan(t.Context(), &of); err != nil {
				t.Fatal(err)
			}
			if len(of) != 1 || of[0] != "b" {
				t.Errorf("%s: rows of %.100s are left", table, of)
			}
		}
	})
}
