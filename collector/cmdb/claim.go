package cmdb

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/picketmon/picket/collector/cmdb/class"
)

// claim is all that one source says of an item under one key: its native key, or else what it calls the item by. An item's values follow from its claims alone, so they do not
// depend on the order in which reports came, and items can be merged and parted again by moving claims.
type claim struct {
	Source    string
	Key       string // the native key, or one that begins with "~": see subject.key
	NativeKey string // blank when the source gave none
	First     int64  // the time of the oldest report
	Last      int64  // the time of the youngest
	body
	isNew, dirty, touched bool
}

// body is the part of a claim that is kept as JSON.
type body struct {
	Values    map[string]said     `json:"v"`
	Lookups   []lookup            `json:"l,omitempty"`
	LookupsAt int64               `json:"lt,omitempty"`
	Classes   map[string][2]int64 `json:"c"` // when each class was reported first and last
	Host      ItemID              `json:"h,omitempty"`
	HostAt    int64               `json:"ht,omitempty"`
	Feed      string              `json:"f,omitempty"`
	Gone      int64               `json:"g,omitempty"` // when the source saw that it is no more
}

// gone reports whether the source has not seen the item since it said that it is no more.
func (c *claim) gone() bool { return c.Gone != 0 && c.Gone >= c.Last }

// said is one value with the time of the report that said it last; 0 is the time of the claim's youngest report. A blank value is a
// null that the source was allowed to write.
type said struct {
	Value string `json:"v"`
	Time  int64  `json:"t,omitempty"`
}

func (c *claim) at(s said) int64 {
	if s.Time == 0 {
		return c.Last
	}
	return s.Time
}

// report takes what a subject says. What is older than the source's last word on an attribute changes nothing, and of two words of the
// same time the greater counts, so that reports may come in any order and several times.
func (c *claim) report(x *subject, authority func(attribute string) class.Authority) {
	if x.time > c.Last {
		c.move(x)
	}
	c.First = min(c.First, x.time)
	for name, value := range x.values {
		c.say(name, value, x.time)
	}
	for _, name := range x.nulls {
		if authority(name).MayEmpty(c.Source) {
			c.say(name, "", x.time)
		}
	}
	if len(x.lookups) > 0 && x.time >= c.LookupsAt && !slices.EqualFunc(c.Lookups, x.lookups, sameLookup) {
		c.Lookups, c.LookupsAt, c.dirty = x.lookups, x.time, true
	}
	if x.host != nil && c.Host != x.host.ID && x.time >= c.HostAt {
		c.Host, c.HostAt, c.dirty = x.host.ID, x.time, true
	}
	if x.feed != "" && c.Feed != x.feed {
		c.Feed, c.dirty = x.feed, true
	}
}

// move brings the claim to the time of a younger report. Words that it does not repeat keep their own time.
func (c *claim) move(x *subject) {
	for name, s := range c.Values {
		if v, repeated := x.values[name]; s.Time == 0 && (!repeated || v != s.Value) {
			c.Values[name] = said{s.Value, c.Last}
			c.dirty = true
		}
	}
	c.Last, c.touched = x.time, true
}

func (c *claim) say(name, value string, at int64) {
	old, ok := c.Values[name]
	if ok && (c.at(old) > at || c.at(old) == at && old.Value >= value) {
		return
	}
	next := said{Value: value, Time: at}
	if at == c.Last {
		next.Time = 0
	}
	if !ok || old != next {
		c.Values[name], c.dirty = next, true
	}
}

// reportClass notes the class that a report gave. It comes before report, which moves the claim's time.
func (c *claim) reportClass(name string, at int64) {
	span, ok := c.Classes[name]
	if !ok && len(c.Classes) == 1 {
		for other, s := range c.Classes {
			c.Classes[other] = [2]int64{s[0], c.Last}
		}
	}
	next := [2]int64{at, at}
	if ok {
		next = [2]int64{min(span[0], at), max(span[1], at)}
	}
	// The last time is told by the claim's own while there is one class only.
	if !ok || next[0] != span[0] || len(c.Classes) > 1 && next != span {
		c.Classes[name], c.dirty = next, true
	}
}

func sameLookup(a, b lookup) bool { return a.Table == b.Table && maps.Equal(a.Values, b.Values) }

// word is a value with who said it and when.
type word struct {
	Value  string
	Source string
	Time   int64
}

// resolve returns the values of an item of class c and whose they are. It is a function of the claims alone. Of an attribute counts,
// among the sources with authority whose word is not stale, the one of the strongest priority, of equal ones the youngest, of equal age
// the one whose name comes first. Those without authority fill what is empty.
func resolve(m *class.Model, c *class.Class, claims []*claim) map[string]word {
	words := map[string][]word{}
	for _, cl := range claims {
		for name, s := range cl.Values {
			if c.Attribute(name) != nil {
				words[name] = append(words[name], word{s.Value, cl.Source, cl.at(s)})
			}
		}
	}
	won := make(map[string]word, len(words))
	for name, list := range words {
		best := list[0]
		if len(list) > 1 {
			best = strongest(m, c, m.Authority(c, name), list)
		}
		if best.Value != "" {
			won[name] = best
		}
	}
	return won
}

// strongest returns the word that counts. Where that is a null, a value of weaker sources fills it.
func strongest(m *class.Model, c *class.Class, a class.Authority, list []word) word {
	ranked := make([]rankedWord, len(list))
	var newest int64
	for _, w := range list {
		newest = max(newest, w.Time)
	}
	for i, w := range list {
		ranked[i] = rankedWord{word: w, rank: rankFills}
		if p, ok := a.Priority(w.Source); ok {
			ranked[i].rank, ranked[i].priority = rankCounts, p
			if after, may := m.StaleAfter(c, w.Source); may && a.Ruled() && newest > w.Time && newest-w.Time >= after {
				ranked[i].rank = rankStale
			}
		}
	}
	slices.SortFunc(ranked, rankedWord.compare)
	best := ranked[0]
	for _, w := range ranked {
		if w.Value != "" && (w.rank != best.rank || w.priority != best.priority || best.Value != "") {
			return w.word
		}
	}
	return best.word
}

// The ranks of words.
const (
	rankCounts = iota // of a source with authority
	rankStale         // of one that has been silent for too long
	rankFills         // of a source without authority
)

type rankedWord struct {
	word
	rank, priority int
}

func (w rankedWord) compare(v rankedWord) int {
	return cmp.Or(cmp.Compare(w.rank, v.rank), cmp.Compare(w.priority, v.priority), cmp.Compare(v.Time, w.Time),
		strings.Compare(w.Source, v.Source), strings.Compare(v.Value, w.Value))
}

// resolveClass returns the class that follows from what was reported: the first one, changed by each later one as far as the model
// allows it.
func resolveClass(m *class.Model, claims []*claim) *class.Class {
	type event struct {
		at           int64
		source, name string
	}
	var events []event
	for _, cl := range claims {
		for name, span := range cl.Classes {
			last := span[1]
			if len(cl.Classes) == 1 {
				last = cl.Last
			}
			events = append(events, event{span[0], cl.Source, name}, event{last, cl.Source, name})
		}
	}
	slices.SortFunc(events, func(a, b event) int {
		return cmp.Or(cmp.Compare(a.at, b.at), strings.Compare(a.source, b.source), strings.Compare(a.name, b.name))
	})
	var now *class.Class
	for _, e := range events {
		switch c := m.Class(e.name); {
		case c == nil:
		case now == nil:
			now = c
		default:
			now = m.Reclassified(now, c)
		}
	}
	return now
}

func (c *claim) encode() (string, error) {
	raw, err := json.Marshal(c.body)
	if err != nil {
		return "", fmt.Errorf("encode what %s says: %w", c.Source, err)
	}
	return string(raw), nil
}

func newClaim(x *subject) *claim {
	at := x.time
	return &claim{Source: x.source, Key: x.key, NativeKey: x.native, First: at, Last: at, body: body{Values: map[string]said{}, Classes: map[string][2]int64{}}, isNew: true, dirty: true}
}
