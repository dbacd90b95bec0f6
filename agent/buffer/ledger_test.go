package buffer

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLedgerAdd(t *testing.T) {
	for name, tc := range map[string]struct {
		add  []Range
		want ledger
	}{
		"from the start":       {[]Range{{1, 5}}, ledger{low: 5}},
		"above":                {[]Range{{3, 5}}, ledger{above: []Range{{3, 5}}}},
		"gap closes":           {[]Range{{3, 5}, {1, 2}}, ledger{low: 5}},
		"touching above":       {[]Range{{5, 6}, {9, 9}, {7, 8}}, ledger{above: []Range{{5, 9}}}},
		"overlap above":        {[]Range{{5, 8}, {7, 12}, {3, 5}}, ledger{above: []Range{{3, 12}}}},
		"swallows several":     {[]Range{{3, 3}, {5, 5}, {7, 7}, {2, 9}}, ledger{above: []Range{{2, 9}}}},
		"low swallows":         {[]Range{{3, 3}, {5, 5}, {9, 9}, {1, 7}}, ledger{low: 7, above: []Range{{9, 9}}}},
		"low touches":          {[]Range{{4, 6}, {1, 3}}, ledger{low: 6}},
		"stale":                {[]Range{{1, 9}, {2, 5}, {1, 9}}, ledger{low: 9}},
		"backwards is nothing": {[]Range{{5, 4}}, ledger{}},
	} {
		t.Run(name, func(t *testing.T) {
			var l ledger
			for _, r := range tc.add {
				l.add(r.First, r.Last)
			}
			if l.low != tc.want.low || !cmp.Equal(append([]Range{}, l.above...), append([]Range{}, tc.want.above...)) {
				t.Errorf("got %+v, want %+v", l, tc.want)
			}
		})
	}
}

func TestLedgerAgainstBitmap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		const n = 40
		var l ledger
		var bits [n + 2]bool
		for range rng.IntN(12) {
			first := 1 + rng.Uint64N(n)
			last := min(n, first+rng.Uint64N(6))
			l.add(first, last)
			for i := first; i <= last; i++ {
				bits[i] = true
			}
		}
		for i := uint64(1); i <= n; i++ {
			next := i
			for next <= n && bits[next] {
				next++
			}
			if l.has(i) != bits[i] || l.next(i) != next {
				t.Fatalf("%+v: at %d has %v want %v, next %d want %d", l, i, l.has(i), bits[i], l.next(i), next)
			}
		}
		first := 1 + rng.Uint64N(n)
		last := first + rng.Uint64N(n-first+1)
		var open uint64
		for i := first; i <= last; i++ {
			if !bits[i] {
				open++
			}
		}
		var sum uint64
		for _, r := range l.open(first, last) {
			for i := r.First; i <= r.Last; i++ {
				if bits[i] {
					t.Fatalf("%+v: open %d to %d has %d", l, first, last, i)
				}
			}
			sum += r.Last - r.First + 1
		}
		if sum != open || l.openCount(first, last) != open || l.covers(first, last) != (open == 0) {
			t.Fatalf("%+v: %d to %d: open %d, count %d, covers %v, want %d", l, first, last, sum,
				l.openCount(first, last), l.covers(first, last), open)
		}
	}
}
