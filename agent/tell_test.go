package agent

import (
	"testing"
	"time"

	"github.com/picketmon/picket/agent/buffer"
	"github.com/picketmon/picket/agent/inventory"
)

func TestLostInventoryIsToldAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		happens             func(*told)
		capabilities, facts bool
	}{
		"the spool dropped some":     {func(t *told) { t.dropped(buffer.Drop{Class: buffer.Inventory, Reason: "bytes"}) }, true, true},
		"it dropped something else":  {func(t *told) { t.dropped(buffer.Drop{Class: buffer.Metrics, Reason: "bytes"}) }, false, false},
		"what was refused stays so":  {func(t *told) { t.dropped(buffer.Drop{Class: buffer.Inventory, Reason: "rejected"}) }, false, false},
		"the collector asks for all": {func(t *told) { t.resend("") }, true, true},
		"for capabilities":           {func(t *told) { t.resend("capability") }, true, false},
		"for facts":                  {func(t *told) { t.resend("host") }, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			told := newTold()
			all := []inventory.Capability{{Name: "cpu", Available: true}}
			if _, first := told.capabilities.Look(all, time.Now()); !first {
				t.Fatal("nothing was told at first")
			}
			tc.happens(&told)
			if b, again := told.capabilities.Look(all, time.Now()); again != tc.capabilities || again && !b.Full {
				t.Errorf("capabilities told again: %v, all of them: %v", again, b.Full)
			}
			if again := told.factsOwing.Load(); again != tc.facts {
				t.Errorf("facts told again: %v", again)
			}
		})
	}
}
