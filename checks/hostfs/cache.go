package hostfs

import "strings"

// Cache remembers what was made of raw bytes (a metric name, a label value, a device), so that a cycle which sees the same
// bytes again allocates nothing. It is bounded: a full cache starts anew. The zero value holds up to 4096 entries. It is for
// one goroutine at a time.
type Cache[V any] struct {
	Max int // entries, 0 means 4096
	m   map[string]V
}

// Get returns what was put for key.
func (c *Cache[V]) Get(key []byte) (V, bool) {
	v, ok := c.m[string(key)]
	return v, ok
}

// Put remembers v for key.
func (c *Cache[V]) Put(key []byte, v V) {
	limit := c.Max
	if limit == 0 {
		limit = 4096
	}
	if c.m == nil || len(c.m) >= limit {
		c.m = make(map[string]V)
	}
	c.m[string(key)] = v
}

// Sweep drops everything when the cache holds far more than the seen entries that the last cycle used: the host makes and
// removes devices all the time.
func (c *Cache[V]) Sweep(seen int) {
	if len(c.m) > 2*seen+64 {
		c.m = nil
	}
}

// Strings turns raw bytes into label values, each made once.
type Strings struct{ c Cache[string] }

// Get returns b as a string that is valid UTF-8; bytes that are not become U+FFFD.
func (s *Strings) Get(b []byte) string {
	v, ok := s.c.Get(b)
	if !ok {
		v = Label(b)
		s.c.Put(b, v)
	}
	return v
}

// Sweep is Cache.Sweep.
func (s *Strings) Sweep(seen int) { s.c.Sweep(seen) }

// Label makes a label value of b: a string of valid UTF-8.
func Label(b []byte) string { return strings.ToValidUTF8(string(b), "�") }
