package ingest

import (
	"testing"
	"time"
)

func TestASlowCollectorSlowsItsAgentsDownOldDataFirst(t *testing.T) {
	var p pace
	step := func(took time.Duration) (live, backlog uint32) {
		for range 50 {
			p.took(took)
		}
		return p.window()
	}
	for _, tt := range []struct {
		took          time.Duration
		live, backlog uint32
	}{{time.Millisecond, 32, 8}, {time.Second, 8, 1}, {5 * time.Second, 4, 0}, {time.Millisecond, 32, 8}} {
		live, backlog := step(tt.took)
		if live != tt.live || backlog != tt.backlog {
			t.Errorf("commits of %s: window %d live, %d backlog; want %d, %d", tt.took, live, backlog, tt.live, tt.backlog)
		}
		if !p.changed(live, backlog) || p.changed(live, backlog) {
			t.Errorf("commits of %s: a new window is told once", tt.took)
		}
	}
}
