package fleet

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
)

// ups returns the up samples by instance; stale markers become -1.
func ups(values map[string]float64) map[string]float64 {
	got := make(map[string]float64)
	for series, v := range values {
		name, ok := strings.CutPrefix(series, "up{instance=")
		if !ok {
			continue
		}
		instance, _, _ := strings.Cut(name, ",")
		if math.Float64bits(v) == staleNaN {
			v = -1
		}
		got[instance] = v
	}
	return got
}

func TestUpFollowsTheAgentsWord(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := &recorder{}
		f := NewFleet(t, d, func(o *Options) { o.Samples = w })
		ctx := t.Context()
		talker, ht := enrolled(t, f, "talker", "1")
		enrolled(t, f, "mute", "2")
		s := session(t, f, talker, ht)
		start := time.Now()
		s.Seen(start)
		for _, step := range []struct {
			after time.Duration
			up    map[string]float64
			state State
		}{
			{0, map[string]float64{"talker": 1}, StateUp},
			{59 * time.Second, map[string]float64{"talker": 1}, StateUp},
			{60 * time.Second, map[string]float64{"talker": 1}, StateWarn},
			{119 * time.Second, map[string]float64{"talker": 1}, StateWarn},
			{121 * time.Second, map[string]float64{"talker": 0, "mute": 0}, StateDown},
		} {
			now := start.Add(step.after)
			if err := f.writeSamples(ctx, now); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(step.up, ups(w.take())); diff != "" {
				t.Errorf("after %s up is\n%s", step.after, diff)
			}
			a := talker
			if f.stamp(&a, now); a.State != step.state {
				t.Errorf("after %s the state is %s, want %s", step.after, a.State, step.state)
			}
		}
		s.Seen(start.Add(200 * time.Second))
		s.Seen(start.Add(100 * time.Second)) // late words change nothing
		if err := f.writeSamples(ctx, start.Add(201*time.Second)); err != nil {
			t.Fatal(err)
		}
		if got := ups(w.take()); got["talker"] != 1 {
			t.Errorf("back again, up is %v", got)
		}
	})
}

func TestInfoSeries(t *testing.T) {
	w := &recorder{}
	f := NewFleet(t, dbtest.Open(t), func(o *Options) { o.Samples = w })
	a, h := enrolled(t, f, "web1", "m1")
	s := session(t, f, a, h)
	write := func() map[string]float64 {
		if err := f.writeSamples(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
		values := w.take()
		for series := range values {
			if !strings.HasPrefix(series, "picket_agent_info") {
				delete(values, series)
			}
		}
		return values
	}
	one := "picket_agent_info{agent_id=" + string(a.ID) + ",arch=amd64,hostname=web1,instance=web1,job=node,os=linux,version=1.0.0}"
	if diff := cmp.Diff([]string{one}, keys(write())); diff != "" {
		t.Error(diff)
	}
	s.Close()
	h.Version = "1.1.0"
	session(t, f, a, h)
	two := strings.Replace(one, "1.0.0", "1.1.0", 1)
	// Both happen in one write: there is no moment with two info series, on which joins would fail.
	first, second := write(), write()
	if first[two] != 1 || math.Float64bits(first[one]) != staleNaN {
		t.Errorf("after an upgrade: %v", first)
	}
	if diff := cmp.Diff([]string{two}, keys(second)); diff != "" {
		t.Error(diff)
	}
}

func TestSeriesEndWithRevocation(t *testing.T) {
	w := &recorder{}
	f := NewFleet(t, dbtest.Open(t), func(o *Options) { o.Samples = w })
	a, h := enrolled(t, f, "web1", "m1")
	session(t, f, a, h)
	if err := f.writeSamples(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Revoke(t.Context(), "web1", ""); err != nil {
		t.Fatal(err)
	}
	w.fail = errors.New("the store is away")
	if err := f.writeSamples(t.Context(), time.Now()); err == nil {
		t.Error("no error although the store is away")
	}
	w.fail = nil
	for i, want := range []int{2, 0} {
		w.take()
		if err := f.writeSamples(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
		values := w.take()
		if len(values) != want {
			t.Errorf("write %d after the revocation: %v, want %d stale markers", i+1, values, want)
		}
		for series, v := range values {
			if math.Float64bits(v) != staleNaN {
				t.Errorf("%s is %v, want a stale marker", series, v)
			}
		}
	}
}

func TestCollectorsRestartMakesNobodyDown(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		former := NewFleet(t, d, nil)
		seen := map[string]time.Duration{"up": time.Hour, "silent": time.Hour + 100*time.Second, "down": 2 * time.Hour, "fresh": 10 * time.Second}
		for name, ago := range seen {
			a, _ := enrolled(t, former, name, name)
			if name == "fresh" {
				continue
			}
			if _, err := d.NewUpdate().Model((*agentRow)(nil)).Set("last_seen_at = ?", time.Now().Add(-ago).UnixMilli()).
				Where("id = ?", a.ID).Exec(ctx); err != nil {
				t.Fatal(err)
			}
		}
		w := &recorder{}
		f := NewFleet(t, d, func(o *Options) { o.Samples = w })
		if err := f.loadRoster(ctx); err != nil {
			t.Fatal(err)
		}
		started := f.roster.started
		for _, step := range []struct {
			after time.Duration
			up    map[string]float64
		}{
			// Nothing is said of those that had no chance to speak yet; who was down before stays down.
			{time.Second, map[string]float64{"down": 0}},
			{119 * time.Second, map[string]float64{"down": 0}},
			{121 * time.Second, map[string]float64{"down": 0, "up": 0, "silent": 0, "fresh": 0}},
		} {
			if err := f.writeSamples(ctx, started.Add(step.after)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(step.up, ups(w.take())); diff != "" {
				t.Errorf("%s after the start up is\n%s", step.after, diff)
			}
		}
	})
}

func TestShortRestartKeepsUp(t *testing.T) {
	d := dbtest.Open(t)
	former := NewFleet(t, d, nil)
	a, h := enrolled(t, former, "web1", "m1")
	if _, err := former.Connect(t.Context(), a, h); err != nil {
		t.Fatal(err)
	}
	w := &recorder{}
	f := NewFleet(t, d, func(o *Options) { o.Samples = w })
	if err := f.loadRoster(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := f.writeSamples(t.Context(), time.Now().Add(20*time.Second)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]float64{"web1": 1}, ups(w.take())); diff != "" {
		t.Error(diff)
	}
}

func TestPresenceIsSavedInOneGo(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := NewFleet(t, d, nil)
		ctx := t.Context()
		const n = 7
		want := map[string]int64{}
		var last *Session
		base := time.Now().Add(time.Minute).Truncate(time.Second)
		for i := range n {
			name := strings.Repeat("x", i+1)
			a, h := enrolled(t, f, name, name)
			last = session(t, f, a, h)
			last.Seen(base.Add(time.Duration(i) * time.Second))
			want[name] = base.Add(time.Duration(i) * time.Second).UnixMilli()
		}
		last.Close()
		if err := f.savePresence(ctx, time.Now()); err != nil {
			t.Fatal(err)
		}
		var rows []agentRow
		if err := d.NewSelect().Model(&rows).Scan(ctx); err != nil {
			t.Fatal(err)
		}
		got := map[string]int64{}
		gone := 0
		for _, r := range rows {
			got[r.Instance] = *r.LastSeenAt
			if r.ConnectedAt == nil {
				t.Errorf("%s has no connected_at", r.Instance)
			}
			if r.DisconnectedAt != nil {
				gone++
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if gone != 1 {
			t.Errorf("%d agents are disconnected, want 1", gone)
		}
		if rows := f.roster.changed(); len(rows) != 0 {
			t.Errorf("%d rows would be saved again", len(rows))
		}
	})
}

func TestPresenceThatCouldNotBeSavedIsTriedAgain(t *testing.T) {
	r := newRoster()
	m := r.put(Agent{ID: "a"})
	m.see(5)
	rows := r.changed()
	r.saved(rows, false)
	if again := r.changed(); len(again) != 1 {
		t.Errorf("%d rows after a failure, want 1", len(again))
	} else {
		r.saved(again, true)
	}
	if rest := r.changed(); len(rest) != 0 {
		t.Errorf("%d rows after success, want none", len(rest))
	}
}
