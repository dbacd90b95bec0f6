package buffer

import (
	"slices"
	"sort"
)

// ledger is the set of settled sequences of one class: acknowledged, rejected, dropped, lost, or never used. Every sequence
// that was given and is not in it is held on disk. Sequences count from 1.
type ledger struct {
	low   uint64  // all up to here
	above []Range // ascending, neither touching each other nor low
}

// add settles first to last.
func (l *ledger) add(first, last uint64) {
	if last <= l.low || first > last {
		return
	}
	if first <= l.low+1 {
		l.low = last
		n := 0
		for n < len(l.above) && l.above[n].First <= l.low+1 {
			l.low = max(l.low, l.above[n].Last)
			n++
		}
		l.above = slices.Delete(l.above, 0, n)
		return
	}
	i := sort.Search(len(l.above), func(i int) bool { return l.above[i].Last+1 >= first })
	j := sort.Search(len(l.above), func(j int) bool { return l.above[j].First > last+1 })
	if i < j {
		first, last = min(first, l.above[i].First), max(last, l.above[j-1].Last)
	}
	l.above = slices.Replace(l.above, i, j, Range{first, last})
}

// at returns the index of the first range that ends at or after seq.
func (l *ledger) at(seq uint64) int {
	return sort.Search(len(l.above), func(i int) bool { return l.above[i].Last >= seq })
}

// has says whether seq is settled.
func (l *ledger) has(seq uint64) bool {
	if seq <= l.low {
		return true
	}
	i := l.at(seq)
	return i < len(l.above) && l.above[i].First <= seq
}

// next returns the first sequence from seq on that is not settled.
func (l *ledger) next(seq uint64) uint64 {
	if seq <= l.low {
		seq = l.low + 1
	}
	if i := l.at(seq); i < len(l.above) && l.above[i].First <= seq {
		return l.above[i].Last + 1
	}
	return seq
}

// open returns what of first to last is not settled.
func (l *ledger) open(first, last uint64) []Range {
	var rs []Range
	for {
		first = l.next(first)
		if first > last {
			return rs
		}
		end := last
		if i := l.at(first); i < len(l.above) {
			end = min(end, l.above[i].First-1)
		}
		rs = append(rs, Range{first, end})
		first = end + 1
	}
}

// openCount returns how many of first to last are not settled, without allocating.
func (l *ledger) openCount(first, last uint64) uint64 {
	if first = max(first, l.low+1); first > last {
		return 0
	}
	n := last - first + 1
	for i := l.at(first); i < len(l.above) && l.above[i].First <= last; i++ {
		n -= min(last, l.above[i].Last) - max(first, l.above[i].First) + 1
	}
	return n
}

// covers says whether all of first to last are settled.
func (l *ledger) covers(first, last uint64) bool { return l.next(first) > last }
