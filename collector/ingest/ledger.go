package ingest

import "slices"

// span is a range of sequences, both ends included.
type span struct{ first, last uint64 }

// ledger is the set of sequences of one class and epoch that are settled: stored, or known never to come. It is a watermark
// plus ranges above it; there are few, as an agent sends each lane in order.
type ledger struct {
	watermark uint64
	above     []span // ascending, apart from each other and from the watermark
}

// has reports whether seq is settled.
func (l *ledger) has(seq uint64) bool {
	if seq <= l.watermark {
		return true
	}
	for _, s := range l.above {
		if seq >= s.first && seq <= s.last {
			return true
		}
	}
	return false
}

// add settles first to last.
func (l *ledger) add(first, last uint64) {
	if last < first || last <= l.watermark {
		return
	}
	first = max(first, l.watermark+1)
	i, _ := slices.BinarySearchFunc(l.above, first, func(s span, first uint64) int {
		if s.last+1 < first { // not even touching
			return -1
		}
		return 1
	})
	j := i
	for j < len(l.above) && l.above[j].first <= last+1 {
		first, last = min(first, l.above[j].first), max(last, l.above[j].last)
		j++
	}
	if i < len(l.above) && j == i+1 { // the common case: a range grows
		l.above[i] = span{first, last}
	} else {
		l.above = slices.Replace(l.above, i, j, span{first, last})
	}
	if l.above[0].first == l.watermark+1 {
		l.watermark = l.above[0].last
		l.above = l.above[:copy(l.above, l.above[1:])]
	}
}

// clone returns a ledger that does not share memory with l.
func (l *ledger) clone() ledger {
	return ledger{watermark: l.watermark, above: slices.Clone(l.above)}
}

// equal reports whether both hold the same sequences.
func (l *ledger) equal(o ledger) bool {
	return l.watermark == o.watermark && slices.Equal(l.above, o.above)
}
