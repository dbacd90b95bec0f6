package prometheus

import (
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/picketmon/picket/collector/metrics"
)

// seriesCache finds a series by the bytes of its labels as the sender wrote them, so that they need not be decoded, sorted and
// looked up with each sample. It keeps no labels but two hashes with secret, independent seeds: to take one series for another both
// must collide, which for a given pair of series has a chance of about 2^-128.
//
// It is bounded: each shard has two generations; when the young one is full it becomes the old one, whose entries are forgotten
// unless they were asked for meanwhile. A stale ref does no harm, the engine refuses it.
type seriesCache struct {
	seeds    [2]maphash.Seed
	shardMax int // entries in one generation of a shard
	shards   [cacheShards]cacheShard
	misses   atomic.Uint64
}

const (
	cacheShards = 64
	entryBytes  = 48 // of an entry in a table, with the room that tables leave
)

type cacheShard struct {
	mu         sync.Mutex
	young, old refTable
	_          [56]byte // shards do not share cache lines
}

// cacheKey stands for the labels of a series.
type cacheKey [2]uint64

// newSeriesCache returns a cache that takes about maxBytes.
func newSeriesCache(maxBytes int) *seriesCache {
	return &seriesCache{
		seeds:    [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		shardMax: max(maxBytes/entryBytes/cacheShards/2, 1),
	}
}

// get returns the series with these labels, 0 when unknown, and the key for put.
func (c *seriesCache) get(labels []byte) (metrics.Ref, cacheKey) {
	key := cacheKey{maphash.Bytes(c.seeds[0], labels), maphash.Bytes(c.seeds[1], labels)}
	s := &c.shards[key[0]%cacheShards]
	s.mu.Lock()
	ref := s.young.get(key)
	if ref == 0 {
		if ref = s.old.get(key); ref != 0 {
			c.insert(s, key, ref)
		}
	}
	s.mu.Unlock()
	if ref == 0 {
		c.misses.Add(1)
	}
	return ref, key
}

// put remembers a series under the key that get returned.
func (c *seriesCache) put(key cacheKey, ref metrics.Ref) {
	s := &c.shards[key[0]%cacheShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	c.insert(s, key, ref)
}

func (c *seriesCache) insert(s *cacheShard, key cacheKey, ref metrics.Ref) {
	s.young.put(key, ref)
	if s.young.used >= c.shardMax {
		s.old, s.young = s.young, refTable{}
	}
}

// len returns the number of entries; one may count twice, in both generations.
func (c *seriesCache) len() int {
	n := 0
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		n += s.young.used + s.old.used
		s.mu.Unlock()
	}
	return n
}

// refTable maps keys, which are random numbers already, to refs other than 0. It is one flat array with linear probing because a
// lookup is one cold cache line, where Go's map has four: that is a tenth of the CPU time of a request.
type refTable struct {
	slots []refSlot // a power of two, at most three quarters full
	used  int
}

type refSlot struct {
	key cacheKey
	ref metrics.Ref // 0: free
}

const firstSlots = 16

// find returns the slot of key, or the free one where it belongs. The table must have slots.
func (t *refTable) find(key cacheKey) *refSlot {
	mask := uint64(len(t.slots) - 1)
	for i := key[0] / cacheShards; ; i++ {
		if s := &t.slots[i&mask]; s.ref == 0 || s.key == key {
			return s
		}
	}
}

func (t *refTable) get(key cacheKey) metrics.Ref {
	if t.used == 0 {
		return 0
	}
	return t.find(key).ref
}

func (t *refTable) put(key cacheKey, ref metrics.Ref) {
	if t.used >= len(t.slots)/4*3 {
		bigger := refTable{slots: make([]refSlot, max(2*len(t.slots), firstSlots)), used: t.used}
		for _, s := range t.slots {
			if s.ref != 0 {
				*bigger.find(s.key) = s
			}
		}
		*t = bigger
	}
	s := t.find(key)
	if s.ref == 0 {
		t.used++
	}
	*s = refSlot{key, ref}
}
