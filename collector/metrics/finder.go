package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"

	"github.com/picketmon/picket/internal/errs"
)

const (
	// finderFresh is the age from which on a list of names is read anew, by the next question.
	finderFresh = 5 * time.Second
	// finderPatience is how long a question waits for the new list before it is answered from the old one.
	finderPatience = 100 * time.Millisecond
	// finderShare bounds the work: between two readings of the names pass as many times the duration of one.
	finderShare = 20
	// maxTerms bounds the words of a search: each costs a look at every name.
	maxTerms = 8
	// finderBytes bounds the memory of the names of one list; what is beyond it is not found, and logged.
	finderBytes = 128 << 20
)

// FoundName is a metric name with what is known about it.
type FoundName struct {
	Name string
	Metadata
}

// Found is what a search found: the best names, and how many there are in all.
type Found struct {
	Names []FoundName
	Total int
}

// Finder searches the metric names that have samples in a Store. It works on a list in memory that it reads anew, when
// asked, every few seconds; two lists exist while that lasts. It is safe for concurrent use.
type Finder struct {
	catalog *Catalog
	logger  *slog.Logger
	read    func() (names []string, left int, err error)

	mu      sync.Mutex
	list    *nameList     // nil before the first one
	reading chan struct{} // closed at the end of the reading that runs; nil when none does
	failure error         // of the latest reading
}

// NewFinder returns a Finder. It reads nothing before it is asked.
func NewFinder(s *Store, c *Catalog, logger *slog.Logger) (*Finder, error) {
	if s == nil || c == nil || logger == nil {
		return nil, errors.New("metrics: NewFinder needs a store, a catalog and a logger")
	}
	return &Finder{catalog: c, logger: logger.With("component", "finder"), read: s.names}, nil
}

// Find returns the best names for a search, at most limit. A name is found when it or its help text holds all words of the
// search, in any case, or when it has the letters of the search in this order. Better come first: the very name, names
// that begin with the words, with the words at the beginnings of their own words, with the words anywhere, abbreviations
// ("ncst" for node_cpu_seconds_total), names whose help text has the words, names with the letters anywhere. Among equals
// the shorter comes first. Without words all names are returned in alphabetical order.
//
// Kinds: Invalid when there are more than eight words.
func (f *Finder) Find(ctx context.Context, search string, limit int) (Found, error) {
	terms := searchTerms(search)
	if len(terms) > maxTerms {
		return Found{}, errs.New(errs.Invalid, "the search has %d words, at most %d are allowed", len(terms), maxTerms)
	}
	list, err := f.names(ctx)
	if err != nil {
		return Found{}, err
	}
	names, total := list.find(terms, limit)
	found := Found{Names: make([]FoundName, len(names)), Total: total}
	for i, name := range names {
		md, _ := f.catalog.describe(name)
		found.Names[i] = FoundName{name, md}
	}
	return found, nil
}

// searchTerms returns the words of a search as they are compared, each once.
func searchTerms(search string) (terms []string) {
	for term := range strings.FieldsSeq(strings.ToLower(strings.ToValidUTF8(search, ""))) {
		if !slices.Contains(terms, term) {
			terms = append(terms, term)
		}
	}
	return terms
}

// names returns a list that is fresh, or the former one when reading takes too long. Only the first question of all waits
// for as long as it takes.
func (f *Finder) names(ctx context.Context) (*nameList, error) {
	f.mu.Lock()
	list := f.list
	if list != nil && time.Since(list.made) < max(finderFresh, finderShare*list.took) {
		f.mu.Unlock()
		return list, nil
	}
	if f.reading == nil {
		f.reading = make(chan struct{})
		go f.renew() // the store waits for its readers when it is closed
	}
	done := f.reading
	f.mu.Unlock()

	var patience <-chan time.Time
	if list != nil {
		t := time.NewTimer(finderPatience)
		defer t.Stop()
		patience = t.C
	}
	select {
	case <-done:
	case <-patience:
		return list, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the metric names: %w", context.Cause(ctx))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.list == nil {
		return nil, f.failure
	}
	return f.list, nil
}

// renew reads the names and puts them in place of the former ones.
func (f *Finder) renew() {
	start := time.Now()
	names, left, err := f.read()
	var list *nameList
	if err == nil {
		list = newNameList(names, func(name string) string {
			md, _ := f.catalog.describe(name)
			return md.Help
		})
		list.made, list.took = time.Now(), time.Since(start)
		if left > 0 {
			f.logger.Warn("too many metric names, some cannot be found", "kept", len(list.names), "left_out", left, "max_bytes", finderBytes)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case err == nil:
		f.list = list
	case f.list != nil:
		f.logger.Warn("metric names not read, answering from the former list", "err", err)
	}
	f.failure = err
	close(f.reading)
	f.reading = nil
}

// names returns the metric names of all series in memory and in blocks, and how many it left out.
func (s *Store) names() (names []string, left int, err error) {
	q, err := s.Querier(math.MinInt64, math.MaxInt64)
	if err != nil {
		return nil, 0, fmt.Errorf("read metric names: %w", err)
	}
	defer func() { err = errors.Join(err, q.Close()) }()
	ctx := context.Background()
	all, _, err := q.LabelValues(ctx, model.MetricNameLabel, nil)
	if err != nil {
		return nil, 0, fmt.Errorf("read metric names: %w", err)
	}
	hidden, err := s.hiddenNames(ctx, q)
	if err != nil {
		return nil, 0, fmt.Errorf("read deleted metric names: %w", err)
	}
	all = slices.DeleteFunc(all, func(name string) bool { return hidden[name] })
	// They may point into blocks, which are unmapped some time after the querier is closed.
	names, left = copyNames(all, finderBytes)
	return names, left, nil
}

// copyNames copies names into one piece of memory of at most maxBytes, and returns how many did not fit.
func copyNames(all []string, maxBytes int) (names []string, left int) {
	size := 0
	for i, name := range all {
		if size += len(name); size > maxBytes {
			size -= len(name)
			all, left = all[:i], len(all)-i
			break
		}
	}
	var b strings.Builder
	b.Grow(size)
	for _, name := range all {
		b.WriteString(name)
	}
	text := b.String()
	names = make([]string, len(all))
	for i, name := range all {
		names[i], text = text[:len(name)], text[len(name):]
	}
	return names, left
}
