package fleet

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
)

// told gathers which agents were told of as changed.
type told struct {
	mu  sync.Mutex
	ids []AgentID
}

func (w *told) add(id AgentID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids = append(w.ids, id)
}

func (w *told) take() []AgentID {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := w.ids
	w.ids = nil
	return ids
}

func TestSilenceIsTold(t *testing.T) {
	w := &told{}
	f := NewFleet(t, dbtest.Open(t), func(o *Options) { o.Changed = w.add })
	a, ha := enrolled(t, f, "a", "a")
	b, hb := enrolled(t, f, "b", "b")
	enrolled(t, f, "never", "c")
	sa, sb := session(t, f, a, ha), session(t, f, b, hb)
	start := time.Now()
	sa.Seen(start)
	w.take()
	for _, step := range []struct {
		after time.Duration
		want  []AgentID
	}{
		{0, nil}, // the first look
		{59 * time.Second, nil},
		{60 * time.Second, []AgentID{a.ID}}, // warn
		{62 * time.Second, nil},
		{100 * time.Second, nil},
		{121 * time.Second, []AgentID{a.ID}}, // down
		{200 * time.Second, []AgentID{a.ID}}, // up again
	} {
		now := start.Add(step.after)
		sb.Seen(now)
		if step.after == 200*time.Second {
			sa.Seen(now)
		}
		if err := f.watchStates(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.want, w.take()); diff != "" {
			t.Errorf("after %s (-want +got):\n%s", step.after, diff)
		}
	}
}

func TestComingAndGoingIsTold(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := &told{}
		c := NewCollector(t, d, func(o *Options) { o.Changed, o.WatchEvery = w.add, time.Hour })
		expect := func(what string, want AgentID) {
			t.Helper()
			if got := w.take(); !slices.Contains(got, want) {
				t.Errorf("%s: told of %v, want %s", what, got, want)
			}
		}
		key, answer := c.enroll(t, addToken(t, c.Fleet, TokenOptions{}), testHost("web1", "m1"))
		id := AgentID(answer.GetAgentId())
		expect("enrolled", id)
		if _, err := hello(t, c.dial(t, key, answer.GetCertificateDer()), testHost("web1", "m1")); err != nil {
			t.Fatal(err)
		}
		expect("connected", id)
		// By another process: only looking finds it.
		if _, err := NewFleet(t, d, func(o *Options) { o.CA = c.ca }).Revoke(context.Background(), "web1", ""); err != nil {
			t.Fatal(err)
		}
		if err := c.watch(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
		var got []AgentID
		for end := time.Now().Add(10 * time.Second); len(got) < 2 && time.Now().Before(end); <-time.After(time.Millisecond) {
			got = append(got, w.take()...)
		}
		if len(got) < 2 || got[0] != id || got[1] != id {
			t.Errorf("revoked and disconnected: told of %v", got)
		}
		if err := c.watch(t.Context(), time.Now()); err != nil || len(w.take()) > 0 {
			t.Errorf("the revocation is told again (%v)", err)
		}
	})
}
