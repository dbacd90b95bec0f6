package db_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"
	"go.uber.org/goleak"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type setting struct {
	bun.BaseModel `bun:"table:settings"`
	Key           string `bun:",pk"`
	Value         json.RawMessage
}

func put(ctx context.Context, idb bun.IDB, key, value string) error {
	_, err := idb.NewInsert().Model(&setting{Key: key, Value: json.RawMessage(value)}).Exec(ctx)
	return err
}

func get(t *testing.T, idb bun.IDB, key string) string {
	t.Helper()
	var s setting
	err := idb.NewSelect().Model(&s).Where("key = ?", key).Scan(t.Context())
	if db.IsNoRows(err) {
		return "absent"
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(s.Value)
}

func TestOpenRefuses(t *testing.T) {
	logger := slog.New(slog.DiscardHandler)
	for name, tc := range map[string]struct {
		o    db.Options
		want string
	}{
		"no logger": {db.Options{DataDir: t.TempDir()}, "Logger"},
		"nothing":   {db.Options{Logger: logger}, "neither DataDir nor URL"},
		"scheme":    {db.Options{Logger: logger, URL: "mysql://u:secret@h/d"}, `"mysql"`},
		"bad URL":   {db.Options{Logger: logger, URL: "postgres://u:secret@h:port/d"}, "parse database URL"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := db.Open(t.Context(), tc.o)
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v, want %q and no password", err, tc.want)
			}
		})
	}
}

func TestFilesArePrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a folder?", "with #odd%20 names")
	d, err := db.Open(t.Context(), db.Options{DataDir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		seen[e.Name()] = true
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", e.Name(), info.Mode())
		}
	}
	if !seen["picket.db"] || !seen["picket.db-wal"] {
		t.Errorf("files %v", seen)
	}
}

func TestReopenKeepsRows(t *testing.T) {
	dbtest.EachOptions(t, func(t *testing.T, o db.Options) {
		for i, want := range []string{"absent", `{"a":  1}`, `{"a":  1}`} {
			d, err := db.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if got := get(t, d, "k"); got != want {
				t.Errorf("opening %d: %s, want %s", i, got, want)
			}
			if i == 0 {
				if err := put(t.Context(), d, "k", `{"a":  1}`); err != nil {
					t.Fatal(err)
				}
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
			if err := d.Close(); err != nil {
				t.Errorf("second Close: %v", err)
			}
		}
	})
}

func TestOpenAtOnce(t *testing.T) {
	for range 5 {
		dbtest.EachOptions(t, openAtOnce)
	}
}

func openAtOnce(t *testing.T, o db.Options) {
	const processes = 6
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for range processes {
		wg.Go(func() {
			<-begin
			d, err := db.Open(t.Context(), o)
			if err != nil {
				t.Error(err)
				return
			}
			if err := d.InTx(t.Context(), func(ctx context.Context, tx bun.Tx) error { return put(ctx, tx, db.NewID(), "1") }); err != nil {
				t.Error(err)
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	close(begin)
	wg.Wait()
}

func TestNewerSchemaIsRefused(t *testing.T) {
	dbtest.EachOptions(t, func(t *testing.T, o db.Options) {
		d, err := db.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.ExecContext(t.Context(), "INSERT INTO schema_versions (version_id, is_applied) VALUES (9000, true)"); err != nil {
			t.Fatal(err)
		}
		d.Close()
		if _, err := db.Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), "version 9000") {
			t.Errorf("got %v", err)
		}
	})
}

func TestReadersSeeCommitsAndCannotWrite(t *testing.T) {
	d := dbtest.Open(t)
	release, held := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- d.InTx(context.Background(), func(ctx context.Context, tx bun.Tx) error {
			err := put(ctx, tx, "slow", "1")
			close(held)
			<-release
			return err
		})
	}()
	<-held
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if n, err := d.NewSelect().Table("settings").Count(ctx); err != nil || n != 0 {
		t.Errorf("beside an open transaction: %d rows, %v", n, err)
	}
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := get(t, d, "slow"); got != "1" {
		t.Errorf("after the commit: %s", got)
	}
	if _, err := d.NewSelect().Table("settings").ColumnExpr("1").Exec(ctx); err != nil {
		t.Error(err)
	}
}

func TestErrors(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		if err := put(ctx, d, "k", "1"); err != nil {
			t.Fatal(err)
		}
		if err := put(ctx, d, "k", "1"); !db.IsUnique(err) || db.IsForeignKey(err) {
			t.Errorf("primary key: %v", err)
		}
		user := "INSERT INTO users VALUES (?, ?, '', '[]', false, 0, 0, 0)"
		if _, err := d.ExecContext(ctx, user, db.NewID(), "Ada"); err != nil {
			t.Fatal(err)
		}
		if _, err := d.ExecContext(ctx, user, db.NewID(), "aDA"); !db.IsUnique(err) {
			t.Errorf("unique index: %v", err)
		}
		_, err := d.ExecContext(ctx, "INSERT INTO sessions VALUES (?, 'h', ?, 0, 0, 0, '', '')", db.NewID(), db.NewID())
		if !db.IsForeignKey(err) || db.IsUnique(err) {
			t.Errorf("foreign key: %v", err)
		}
		if err := put(ctx, d, "bad", "not json"); err == nil || db.IsUnique(err) {
			t.Errorf("invalid JSON: %v", err)
		}
		if db.IsUnique(nil) || db.IsForeignKey(nil) || db.IsNoRows(nil) || !db.IsNoRows(sql.ErrNoRows) {
			t.Error("nil is no error")
		}
	})
}

func TestJSONAndTextRoundTrip(t *testing.T) {
	type row struct {
		bun.BaseModel `bun:"table:agent_events"`
		ID            string            `bun:",pk"`
		AgentID       string            ``
		Type          string            ``
		Severity      string            ``
		Message       string            ``
		Attributes    map[string]string ``
		Time          int64             ``
		ReceivedAt    int64             ``
	}
	odd := "it's a \"quote\" \\ back\\'slash ? ?0 %s €😀\n" + db.Text("nul\x00 bad\xff")
	in := row{ID: db.NewID(), AgentID: db.NewID(), Type: "t", Severity: "ok", Message: odd, Attributes: map[string]string{odd: odd, "": ""}, Time: 1<<62 + 1, ReceivedAt: -1}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		if _, err := d.NewInsert().Model(&in).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		var out row
		if err := d.NewSelect().Model(&out).Where("message = ?", odd).Scan(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(in, out); diff != "" {
			t.Error(diff)
		}
	})
}

func TestStmt(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		stmt := d.Prepare("SELECT value FROM settings WHERE key = ? AND key <> ?")
		ask := func(ctx context.Context) string {
			var v string
			if err := stmt.QueryRow(ctx, "k", "x").Scan(&v); err != nil && !db.IsNoRows(err) {
				t.Error(err)
			}
			return v
		}
		_ = d.InTx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
			if err := put(ctx, tx, "k", "1"); err != nil {
				t.Error(err)
			}
			if in, out := ask(ctx), ask(t.Context()); in != "1" || out != "" {
				t.Errorf("inside %q, outside %q", in, out)
			}
			return nil
		})
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if got := ask(t.Context()); got != "1" {
					t.Errorf("got %q", got)
				}
			})
		}
		wg.Wait()
		if err := d.Prepare("SELECT nonsense FROM nowhere").QueryRow(t.Context()).Scan(new(string)); err == nil || !strings.Contains(err.Error(), "nowhere") {
			t.Errorf("got %v", err)
		}
	})
}

func TestIDsAndTimes(t *testing.T) {
	last := ""
	for range 1000 {
		id := db.NewID()
		if !db.IsID(id) || id <= last {
			t.Fatalf("%q after %q", id, last)
		}
		last = id
	}
	for _, bad := range []string{"", last[1:], last + "0", strings.ToUpper("a" + last[1:]), "g" + last[1:]} {
		if db.IsID(bad) {
			t.Errorf("%q passes as an id", bad)
		}
	}
	if db.Millis(time.Time{}) != 0 || !db.Time(0).IsZero() {
		t.Error("zero times differ")
	}
	now := db.Now()
	if got := db.Millis(db.Time(now)); got != now || db.Time(now).Location() != time.UTC {
		t.Errorf("%d became %d", now, got)
	}
	if got := db.Text("a\x00b\xffc€"); got != "a\uFFFDb\uFFFDc€" {
		t.Errorf("%q", got)
	}
}
