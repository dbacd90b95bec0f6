package metrics

import (
	"hash/maphash"
	"math"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// importSeries are the series of a text, known by a number each. They are found by the bytes that stand for them, of which two
// hashes with secret seeds are kept: two texts with equal ones are not to be met.
type importSeries struct {
	symbols *labels.SymbolTable
	seeds   [2]maphash.Seed
	byText  map[importKey]uint32
	byHash  map[uint64]uint32 // the newest with the hash
	chain   []uint32          // one before with the same hash, or noSeries
	labels  []labels.Labels
}

type importKey [2]uint64

// noSeries stands for a series that has a problem, which is told once.
const noSeries = math.MaxUint32

func newImportSeries() importSeries {
	return importSeries{
		symbols: labels.NewSymbolTable(), seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		byText: map[importKey]uint32{}, byHash: map[uint64]uint32{},
	}
}

// key stands for a text; the type counts because the parser writes the labels le and quantile anew for some.
func (s *importSeries) key(raw []byte, kind model.MetricType) importKey {
	k := importKey{maphash.Bytes(s.seeds[0], raw), maphash.Bytes(s.seeds[1], raw)}
	switch kind {
	case model.MetricTypeHistogram:
		k[0]++
	case model.MetricTypeSummary:
		k[0]--
	}
	return k
}

func (s *importSeries) find(raw []byte, kind model.MetricType) (uint32, bool) {
	id, ok := s.byText[s.key(raw, kind)]
	return id, ok
}

// textsPerSeries bounds the ways to write one series that are remembered.
const textsPerSeries = 4

func (s *importSeries) add(raw []byte, kind model.MetricType, id uint32) uint32 {
	if len(s.byText) > textsPerSeries*(len(s.labels)+1000) {
		clear(s.byText)
	}
	s.byText[s.key(raw, kind)] = id
	return id
}

// of returns the series with these labels.
func (s *importSeries) of(l labels.Labels) (uint32, bool) {
	id, ok := s.byHash[l.Hash()]
	for ok && id != noSeries {
		if labels.Equal(s.labels[id], l) {
			return id, true
		}
		id = s.chain[id]
	}
	return 0, false
}

func (s *importSeries) create(l labels.Labels) uint32 {
	id, hash := uint32(len(s.labels)), l.Hash()
	before, ok := s.byHash[hash]
	if !ok {
		before = noSeries
	}
	s.byHash[hash] = id
	s.labels, s.chain = append(s.labels, l), append(s.chain, before)
	return id
}
