package metrics

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// spans returns the blocks as hours since base, those of late samples with a + in front.
func spans(s *Store, base int64) (out []string) {
	hours := func(t int64) string { return time.Duration((t - base) * 1e6).Truncate(time.Hour).String() }
	for _, m := range s.db.BlockMetas() {
		text := hours(m.MinTime) + "-" + hours(m.MaxTime)
		if m.Compaction.FromOutOfOrder() {
			text = "+" + text
		}
		out = append(out, text)
	}
	slices.Sort(out)
	return out
}

// Samples that came in order and are in memory only survive a restart although late samples of the same hours were written
// into a block and blocks were compacted.
func TestRestartAfterCompactionOfLateSamples(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	const minute, hour = int64(60_000), int64(3_600_000)
	base := now()/(6*hour)*(6*hour) - 12*hour
	fill := func(from, to int64) {
		for at := base + from; at <= base+to; at += minute {
			put(t, s, named("steady", "a"), sample{at, 1})
		}
	}
	compact := func(want ...string) {
		t.Helper()
		if err := s.db.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, spans(s, base)); diff != "" {
			t.Errorf("blocks %s", diff)
		}
	}
	fill(0, 7*hour)
	put(t, s, named("late", "b"), sample{base + 7*hour, 1}, sample{base + 5*hour, 1}, sample{base + 6*hour + 30*minute, 1})
	// In order up to 4 h; late ones up to 8 h, because blocks are made of two hours each.
	compact("+4h0m0s-6h0m0s", "+6h0m0s-8h0m0s", "0s-2h0m0s", "2h0m0s-4h0m0s")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: dir})
	if got := len(raw(t, s, "steady")[named("steady", "a").String()]); got != 7*60+1 {
		t.Errorf("%d samples after the restart, want %d", got, 7*60+1)
	}
	if got := len(raw(t, s, "late")[named("late", "b").String()]); got != 3 {
		t.Errorf("%d late samples after the restart, want 3", got)
	}
	// When the samples in order have caught up, all is compacted.
	fill(7*hour+minute, 9*hour+minute)
	put(t, s, named("late", "b"), sample{base + 9*hour, 1})
	if err := s.db.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	fill(9*hour+2*minute, 11*hour+30*minute)
	compact("0s-6h0m0s", "6h0m0s-8h0m0s", "8h0m0s-10h0m0s")
	if got := len(raw(t, s, "steady")[named("steady", "a").String()]); got != 11*60+31 {
		t.Errorf("%d samples at the end, want %d", got, 11*60+31)
	}
}
