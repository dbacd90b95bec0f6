package agent

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/picketmon/picket/agent/buffer"
	"github.com/picketmon/picket/agent/inventory"
	"github.com/picketmon/picket/checks"
)

func TestLostInventoryIsToldAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		happens      func(*told)
		capabilities bool
		items        []string
	}{
		"the spool dropped some":     {func(t *told) { t.dropped(buffer.Drop{Class: buffer.Inventory, Reason: "bytes"}) }, true, []string{"disk", "host"}},
		"it dropped something else":  {func(t *told) { t.dropped(buffer.Drop{Class: buffer.Metrics, Reason: "bytes"}) }, false, nil},
		"what was refused stays so":  {func(t *told) { t.dropped(buffer.Drop{Class: buffer.Inventory, Reason: "rejected"}) }, false, nil},
		"the collector asks for all": {func(t *told) { t.resend("") }, true, []string{"disk", "host"}},
		"for capabilities":           {func(t *told) { t.resend("capability") }, true, nil},
		"for one kind":               {func(t *told) { t.resend("host") }, false, []string{"host"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var (
					mu   sync.Mutex
					sent []string
				)
				source := func(kind string) inventory.Source {
					return inventory.Source{Kind: kind, Every: time.Hour, Gather: func(context.Context) ([]inventory.Item, []checks.Gap, error) {
						return []inventory.Item{{Class: "c", Key: "k", Attributes: []byte(`{}`)}}, nil, nil
					}}
				}
				told := told{capabilities: inventory.NewTracker(), items: inventory.NewLooker(inventory.LookerOptions{
					Sources: []inventory.Source{source("host"), source("disk")}, Logger: slog.New(slog.DiscardHandler),
					Send: func(b inventory.Batch) error {
						mu.Lock()
						defer mu.Unlock()
						if !b.Full {
							t.Errorf("%s: a difference", b.Kind)
						}
						sent = append(sent, b.Kind)
						return nil
					},
				})}
				ctx, stop := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- told.items.Run(ctx) }()
				time.Sleep(time.Minute)
				synctest.Wait()
				all := []inventory.Capability{{Name: "cpu", Available: true}}
				if _, first := told.capabilities.Look(all, time.Now()); !first || len(sent) != 2 {
					t.Fatalf("told at first: %v, items of %v", first, sent)
				}
				sent = nil
				tc.happens(&told)
				synctest.Wait()
				if b, again := told.capabilities.Look(all, time.Now()); again != tc.capabilities || again && !b.Full {
					t.Errorf("capabilities told again: %v, all of them: %v", again, b.Full)
				}
				slices.Sort(sent)
				if !slices.Equal(sent, tc.items) {
					t.Errorf("told again: %v, want %v", sent, tc.items)
				}
				stop()
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}
