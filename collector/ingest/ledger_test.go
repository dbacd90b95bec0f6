package ingest

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLedger(t *testing.T) {
	tests := map[string]struct {
		add  []span
		want ledger
	}{
		"in order":             {[]span{{1, 1}, {2, 2}, {3, 5}}, ledger{watermark: 5}},
		"live before backlog":  {[]span{{10, 10}, {11, 11}, {1, 4}}, ledger{4, []span{{10, 11}}}},
		"gap closes":           {[]span{{10, 11}, {1, 4}, {5, 9}}, ledger{watermark: 11}},
		"overlaps merge":       {[]span{{5, 6}, {9, 10}, {20, 20}, {6, 9}}, ledger{0, []span{{5, 10}, {20, 20}}}},
		"before all others":    {[]span{{10, 10}, {5, 6}}, ledger{0, []span{{5, 6}, {10, 10}}}},
		"repeats":              {[]span{{1, 3}, {1, 3}, {2, 2}}, ledger{watermark: 3}},
		"backwards is nothing": {[]span{{5, 4}}, ledger{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var l ledger
			for _, s := range tt.add {
				l.add(s.first, s.last)
			}
			if len(l.above) == 0 {
				l.above = nil
			}
			if diff := cmp.Diff(tt.want, l, cmp.AllowUnexported(ledger{}, span{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestLedgerAgainstASet(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		var l ledger
		var set [64]bool
		set[0] = true
		for range 40 {
			first := 1 + rnd.Uint64N(60)
			last := min(first+rnd.Uint64N(4), 63)
			l.add(first, last)
			for i := first; i <= last; i++ {
				set[i] = true
			}
			for i, want := range set {
				if got := l.has(uint64(i)); got != want {
					t.Fatalf("seed %d: has(%d) = %v after adding %d-%d to %+v", seed, i, got, first, last, l)
				}
			}
			for i := 1; i < len(l.above); i++ {
				if l.above[i].first <= l.above[i-1].last+1 {
					t.Fatalf("seed %d: ranges touch: %+v", seed, l)
				}
			}
		}
	}
}
