package metrics

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// nameList is the names at one time, ready to be searched: every question looks at all of them, so what it looks at lies
// one behind the other in memory. A name is known by its place, by length and then alphabetically: what is found is in
// order already.
type nameList struct {
	names        []string
	alphabetical []int32 // places
	text         pile    // the names in lower case
	help         pile    // their help texts in lower case
	letters      []letterSet
	initials     []letterSet // of the words in the name

	made time.Time
	took time.Duration // to read and make
}

// newNameList makes a list of names that come in any order. It keeps the slice and the strings.
func newNameList(names []string, help func(name string) string) *nameList {
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	l := &nameList{
		names: names, alphabetical: make([]int32, len(names)), letters: make([]letterSet, len(names)), initials: make([]letterSet, len(names)),
	}
	lower := make([]string, len(names))
	for i, name := range names {
		lower[i], l.alphabetical[i] = strings.ToLower(name), int32(i)
		for at := range len(lower[i]) {
			set := setOf(lower[i][at])
			l.letters[i] |= set
			if wordStart(lower[i], at) {
				l.initials[i] |= set
			}
		}
	}
	slices.SortFunc(l.alphabetical, func(a, b int32) int { return cmp.Compare(names[a], names[b]) })
	l.text = newPile(lower)
	for i, name := range names {
		lower[i] = strings.ToLower(help(name))
	}
	l.help = newPile(lower)
	return l
}

// pile is many texts in one piece of memory.
type pile struct {
	text   string
	starts []int // of each, and the end
	pairs  []pairSet
}

func newPile(texts []string) pile {
	p := pile{text: strings.Join(texts, ""), starts: make([]int, len(texts)+1), pairs: make([]pairSet, len(texts))}
	for i, t := range texts {
		p.starts[i+1] = p.starts[i] + len(t)
		p.pairs[i] = pairsOf(t)
	}
	return p
}

// at returns one text.
func (p *pile) at(i int) string { return p.text[p.starts[i]:p.starts[i+1]] }

// index returns where a text holds a term, -1 when it does not.
func (p *pile) index(i int, t *term) int {
	if !p.pairs[i].has(&t.pairs) {
		return -1
	}
	return strings.Index(p.at(i), t.text)
}

// pairSet tells which pairs of letters follow each other, as far as 256 bits can: different pairs may share a bit. Most texts
// that do not hold a term are told by it without a look at them.
type pairSet [4]uint64

func pairsOf(text string) (s pairSet) {
	for i := 1; i < len(text); i++ {
		h := (uint32(text[i-1])<<8 | uint32(text[i])) * 0x9E3779B1 >> 24
		s[h>>6] |= 1 << (h & 63)
	}
	return s
}

// has reports whether all of o may be in s.
func (s *pairSet) has(o *pairSet) bool {
	return (o[0]&^s[0])|(o[1]&^s[1])|(o[2]&^s[2])|(o[3]&^s[3]) == 0
}

// letterSet tells which letters occur, as far as 64 bits can.
type letterSet uint64

func setOf(b byte) letterSet { return 1 << (b % 64) }

// term is a word of a search, in lower case.
type term struct {
	text  string
	pairs pairSet
}

// rank says how well a name fits a search: the lower the better.
type rank uint8

const (
	rankExact        rank = iota
	rankPrefix            // begins with it
	rankWord              // a word of the name begins with it
	rankPart              // holds it
	rankAbbreviation      // has its letters, in runs from the beginnings of words
	rankHelp              // the help text holds it
	rankLetters           // has its letters
	rankNone
)

// find returns the best names, at most limit, and the number of all that fit, see Finder.Find. The words of the search are in
// lower case.
func (l *nameList) find(search []string, limit int) (names []string, total int) {
	if len(search) == 0 {
		for _, at := range l.alphabetical[:min(limit, len(l.alphabetical))] {
			names = append(names, l.names[at])
		}
		return names, len(l.names)
	}
	q := newQuestion(search)
	var hits [rankNone][]int32
	for i := range l.names {
		r := l.rank(i, q)
		if r == rankNone {
			continue
		}
		total++
		if len(hits[r]) < limit {
			hits[r] = append(hits[r], int32(i))
		}
	}
	for _, places := range hits {
		for _, at := range places[:min(limit-len(names), len(places))] {
			names = append(names, l.names[at])
		}
	}
	return names, total
}

// question is a search ready to be compared.
type question struct {
	terms   []term
	letters string // the terms without space
	set     letterSet
}

func newQuestion(search []string) *question {
	q := &question{letters: strings.Join(search, "")}
	for _, text := range search {
		q.terms = append(q.terms, term{text, pairsOf(text)})
	}
	for i := range len(q.letters) {
		q.set |= setOf(q.letters[i])
	}
	return q
}

func (l *nameList) rank(i int, q *question) rank {
	worst, inName, inEither := rankExact, true, true
	for n := range q.terms {
		t := &q.terms[n]
		if at := l.text.index(i, t); at >= 0 {
			worst = max(worst, rankOfTerm(l.text.at(i), t.text, at))
			continue
		}
		inName, inEither = false, inEither && l.help.index(i, t) >= 0
	}
	if inName {
		return worst
	}
	fits := q.set&^l.letters[i] == 0 && hasLetters(l.text.at(i), q.letters)
	switch {
	case fits && setOf(q.letters[0])&l.initials[i] != 0 && abbreviates(q.letters, l.text.at(i)):
		return rankAbbreviation
	case inEither:
		return rankHelp
	case fits:
		return rankLetters
	}
	return rankNone
}

// rankOfTerm ranks a name that holds a term, first at a place.
func rankOfTerm(name, term string, at int) rank {
	if at == 0 {
		if len(name) == len(term) {
			return rankExact
		}
		return rankPrefix
	}
	for !wordStart(name, at) {
		next := strings.Index(name[at+1:], term)
		if next < 0 {
			return rankPart
		}
		at += 1 + next
	}
	return rankWord
}

// wordStart reports whether a word of the name begins at a place.
func wordStart(name string, at int) bool {
	return at == 0 || name[at-1] == '_' || name[at-1] == ':' || name[at-1] == '.'
}

// hasLetters reports whether name has the letters in their order.
func hasLetters(name, letters string) bool {
	next := 0
	for i := 0; i < len(name) && next < len(letters); i++ {
		if name[i] == letters[next] {
			next++
		}
	}
	return next == len(letters)
}

// abbreviates reports whether letters are runs of name that each begin where a word begins. A run goes on as long as it can.
func abbreviates(letters, name string) bool {
	at, begun := 0, false
	for i := range len(letters) {
		c := letters[i]
		if begun && at < len(name) && name[at] == c {
			at++
			continue
		}
		for at < len(name) && (name[at] != c || !wordStart(name, at)) {
			at++
		}
		if at == len(name) {
			return false
		}
		at, begun = at+1, true
	}
	return true
}
