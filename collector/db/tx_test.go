package db_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
	"github.com/picketmon/picket/internal/errs"
)

func TestInTx(t *testing.T) {
	boom := errors.New("boom")
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		if err := d.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
			if err := put(ctx, tx, "committed", "1"); err != nil {
				return err
			}
			// Nested, and through DB: the same transaction.
			return d.InTx(ctx, func(ctx context.Context, _ bun.Tx) error {
				var n int
				if err := d.NewSelect().Table("settings").ColumnExpr("count(*)").Scan(ctx, &n); err != nil || n != 1 {
					t.Errorf("inside: %d rows, %v", n, err)
				}
				return put(ctx, d, "nested", "1")
			})
		}); err != nil {
			t.Fatal(err)
		}
		if err := d.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
			if err := put(ctx, d, "rolled back", "1"); err != nil {
				return err
			}
			if err := d.InTx(ctx, func(ctx context.Context, tx bun.Tx) error { return put(ctx, tx, "rolled back too", "1") }); err != nil {
				return err
			}
			return boom
		}); !errors.Is(err, boom) {
			t.Errorf("got %v, want boom", err)
		}
		func() {
			defer func() { _ = recover() }()
			_ = d.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
				if err := put(ctx, tx, "panicked", "1"); err != nil {
					return err
				}
				panic("boom")
			})
		}()
		got := map[string]string{}
		for _, k := range []string{"committed", "nested", "rolled back", "rolled back too", "panicked"} {
			got[k] = get(t, d, k)
		}
		want := map[string]string{"committed": "1", "nested": "1", "rolled back": "absent", "rolled back too": "absent", "panicked": "absent"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// Two transactions that each keep "at least one of two" by reading both and deleting one must not both succeed.
func TestInTxIsSerializable(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for range 10 {
			for _, k := range []string{"a", "b"} {
				if _, err := d.NewInsert().Model(&setting{Key: k, Value: json.RawMessage("1")}).On("CONFLICT DO NOTHING").Exec(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			var wg sync.WaitGroup
			for _, k := range []string{"a", "b"} {
				wg.Go(func() {
					if err := d.InTx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
						n, err := tx.NewSelect().Table("settings").Count(ctx)
						if err != nil || n < 2 {
							return err
						}
						_, err = tx.NewDelete().Table("settings").Where("key = ?", k).Exec(ctx)
						return err
					}); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if n, err := d.NewSelect().Table("settings").Count(t.Context()); err != nil || n != 1 {
				t.Fatalf("%d rows left, want 1 (%v)", n, err)
			}
		}
	})
}

func TestInTxCountsConcurrently(t *testing.T) {
	const workers, each = 8, 10
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		if err := put(t.Context(), d, "n", "0"); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for range each {
					if err := d.InTx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
						var n int
						if err := tx.NewSelect().Table("settings").Column("value").Where("key = 'n'").Scan(ctx, &n); err != nil {
							return err
						}
						v, _ := json.Marshal(n + 1)
						_, err := tx.NewUpdate().Table("settings").Set("value = ?", string(v)).Where("key = 'n'").Exec(ctx)
						return err
					}); err != nil {
						// Contention this hard may exhaust the attempts on PostgreSQL; that must be said, not lost.
						if !errs.Is(err, errs.Unavailable) {
							t.Error(err)
						}
						return
					}
				}
			})
		}
		wg.Wait()
		if got := get(t, d, "n"); got == "0" || (!d.Postgres() && got != "80") {
			t.Errorf("counted to %s", got)
		}
	})
}

func TestInTxEndsWithContext(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		err := d.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
			if err := put(ctx, tx, "k", "1"); err != nil {
				return err
			}
			cancel()
			return nil
		})
		if err == nil {
			t.Error("committed after the context ended")
		}
		if got := get(t, d, "k"); got != "absent" {
			t.Errorf("k is %s", got)
		}
	})
}
