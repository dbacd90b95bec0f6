package metrics

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
)

// flaky is MetadataRows in memory that fails on request.
type flaky struct {
	mu    sync.Mutex
	rows  map[string]Metadata
	fail  error
	saves int
}

func (f *flaky) Load(context.Context, int) (map[string]Metadata, error) {
	return map[string]Metadata{}, nil
}

func (f *flaky) Save(_ context.Context, changed map[string]Metadata) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.saves++
	if f.fail != nil {
		return f.fail
	}
	maps.Copy(f.rows, changed)
	return nil
}

func (f *flaky) state() (int, int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.rows), f.saves
}

func TestCatalogBounds(t *testing.T) {
	c, err := NewCatalog(t.Context(), CatalogOptions{Rows: &flaky{}, Logger: logger(t), MaxNames: 2})
	if err != nil {
		t.Fatal(err)
	}
	c.Set("a", Metadata{Help: strings.Repeat("h", 5000), Kind: "gauge"})
	c.Set("b", Metadata{Help: "bad \xff and \x00", Unit: "seconds"})
	c.Set("c", Metadata{Kind: "counter"})
	c.Set("", Metadata{Kind: "counter"})
	c.Set("\xff", Metadata{Kind: "counter"})
	c.Set("a", Metadata{Kind: "counter"})
	want := map[string]Metadata{
		"a": {Kind: "counter"},
		"b": {Kind: "unknown", Help: "bad  and ", Unit: "seconds"},
	}
	if d := cmp.Diff(want, c.All()); d != "" {
		t.Error(d)
	}
	if m, ok := c.Get("a"); !ok || m.Kind != "counter" {
		t.Errorf("Get: %+v %v", m, ok)
	}
	if _, ok := c.Get("c"); ok || c.Len() != 2 {
		t.Error("the catalog grows beyond its limit")
	}
}

func TestCatalogSaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := &flaky{rows: map[string]Metadata{}, fail: errors.New("database away")}
		c, err := NewCatalog(t.Context(), CatalogOptions{Rows: rows, Logger: logger(t)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- c.Run(ctx) }()
		c.Set("a", Metadata{Kind: "gauge"})
		time.Sleep(defaultSaveEvery + time.Second)
		if n, saves := rows.state(); n != 0 || saves != 1 {
			t.Fatalf("%d rows after %d saves", n, saves)
		}
		rows.mu.Lock()
		rows.fail = nil
		rows.mu.Unlock()
		time.Sleep(defaultSaveEvery)
		if n, saves := rows.state(); n != 1 || saves != 2 {
			t.Fatalf("%d rows after %d saves: a failed save is not repeated", n, saves)
		}
		c.Set("a", Metadata{Kind: "gauge"})
		time.Sleep(2 * defaultSaveEvery)
		if _, saves := rows.state(); saves != 2 {
			t.Errorf("%d saves: what has not changed is saved again", saves)
		}
		c.Set("b", Metadata{Kind: "gauge"})
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if n, _ := rows.state(); n != 2 {
			t.Errorf("%d rows: the last change is lost at the end", n)
		}
	})
}

func TestRows(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		want := map[string]Metadata{}
		for i := range 1200 {
			want[fmt.Sprintf("metric_%d", i)] = Metadata{Kind: "counter", Help: "it's \"help\"", Unit: "seconds"}
		}
		if err := NewRows(d).Save(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		changed := map[string]Metadata{"metric_7": {Kind: "gauge", Help: "other"}}
		want["metric_7"] = changed["metric_7"]
		if err := NewRows(d).Save(t.Context(), changed); err != nil {
			t.Fatal(err)
		}
		c, err := NewCatalog(t.Context(), CatalogOptions{Rows: NewRows(d), Logger: logger(t)})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, c.All()); d != "" {
			t.Error(d)
		}
		few, err := NewRows(d).Load(t.Context(), 10)
		if err != nil || len(few) != 10 {
			t.Errorf("%d rows, want 10 (%v)", len(few), err)
		}
	})
}
