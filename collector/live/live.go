// Package live tells watchers what has changed, so that pages need not ask again and again. In come topics and keys, from whoever
// stored something; out go, to each subscription and at most once a second, the keys that changed since the last time.
//
//	fleet, ingest ─ Publish ─> feed per topic: a set ─ Run, once a second ─> Subscription ─ Take ─> api: a stream of events
//
// Publish never blocks, and costs nothing while nobody watches its topic. Sets are bounded: what grows beyond is told as "all".
// It says that something changed, not what it is now, keeps nothing, and does not know who may see what.
package live

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/picketmon/picket/internal/errs"
)

// Topic is a kind of change.
type Topic string

// The topics, and what their keys are.
const (
	Agent  Topic = "agent"  // an agent came, went, changed its state, was revoked, has new facts or another certificate: its id
	Result Topic = "result" // check results or events of an agent were stored: its id
	Sample Topic = "sample" // samples of an instance were stored: the instance
)

// Topics lists all topics.
func Topics() []Topic { return []Topic{Agent, Result, Sample} }

const topics = 3

func index(t Topic) int {
	switch t {
	case Agent:
		return 0
	case Result:
		return 1
	case Sample:
		return 2
	}
	return -1
}

// Bounds.
const (
	MaxKeys      = 500  // that a Change names
	PerSession   = 10   // subscriptions of one session or API token
	PerUser      = 100  // subscriptions of one user
	MaxStreams   = 1000 // subscriptions in all
	MaxInstances = 200  // that a subscription names

	maxPending = 1 << 16 // keys that wait in a feed
)

// Options configure a Hub. The zero value is good.
type Options struct {
	// Every is how often a subscription hears of changes at most; default 1 s.
	Every time.Duration
	// Registerer takes the package's own metrics; nil keeps them private.
	Registerer prometheus.Registerer
}

// Hub takes changes and hands them to subscriptions. It is safe for concurrent use and must Run.
type Hub struct {
	every   time.Duration
	feeds   [topics]feed
	wake    chan struct{} // holds a token while feeds have something
	closed  chan struct{}
	metrics *metrics

	mu            sync.Mutex
	subscriptions map[*Subscription]struct{}
	sessions      map[string]int // subscriptions by session
	users         map[string]int // and by user
	ended         bool           // closed is closed
}

// feed gathers what changed in a topic since it was told last.
type feed struct {
	listeners atomic.Int32

	mu   sync.Mutex
	keys map[string]struct{}
	all  bool
}

// batch is what changed in one topic: keys, ascending and never changed, or all of them.
type batch struct {
	keys []string
	all  bool
}

func (b batch) empty() bool { return len(b.keys) == 0 && !b.all }

type metrics struct {
	streams prometheus.Gauge
	refused *prometheus.CounterVec
}

// The limits that refuse subscriptions.
const (
	limitSession  = "session"
	limitUser     = "user"
	limitAll      = "all"
	limitStopping = "stopping"
)

// New returns a Hub.
func New(o Options) *Hub {
	if o.Every <= 0 {
		o.Every = time.Second
	}
	f := promauto.With(o.Registerer)
	h := &Hub{
		every: o.Every, wake: make(chan struct{}, 1), closed: make(chan struct{}), subscriptions: map[*Subscription]struct{}{},
		sessions: map[string]int{}, users: map[string]int{},
		metrics: &metrics{
			streams: f.NewGauge(prometheus.GaugeOpts{Name: "picket_live_streams", Help: "Streams of changes that are open."}),
			refused: f.NewCounterVec(prometheus.CounterOpts{
				Name: "picket_live_refused_total", Help: "Streams of changes that were refused, by the limit that was reached.",
			}, []string{"limit"}),
		},
	}
	for i := range h.feeds {
		h.feeds[i].keys = map[string]struct{}{}
	}
	for _, l := range []string{limitSession, limitUser, limitAll, limitStopping} {
		h.metrics.refused.WithLabelValues(l)
	}
	return h
}

// Publish notes that the thing named key changed. It never blocks.
func (h *Hub) Publish(t Topic, key string) {
	i := index(t)
	if i < 0 || h.feeds[i].listeners.Load() == 0 {
		return
	}
	h.feeds[i].add(key)
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

func (f *feed) add(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all {
		return
	}
	if f.keys[key] = struct{}{}; len(f.keys) > maxPending {
		f.all = true
		f.keys = map[string]struct{}{}
	}
}

// take empties the feed.
func (f *feed) take() (b batch) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b = batch{keys: slices.Sorted(maps.Keys(f.keys)), all: f.all}
	clear(f.keys)
	f.all = false
	return b
}

// Run hands changes on until ctx ends.
func (h *Hub) Run(ctx context.Context) error {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-pause.C:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-h.wake:
		}
		h.flush()
		pause.Reset(h.every)
	}
}

// flush hands what the feeds have to the subscriptions, which share the keys.
func (h *Hub) flush() {
	var news [topics]batch
	for i := range h.feeds {
		news[i] = h.feeds[i].take()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.subscriptions {
		s.offer(news)
	}
}

// Close ends the hub: Closed is closed, and no subscription is made any more.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.ended {
		h.ended = true
		close(h.closed)
	}
}

// Closed is closed when streams are to end.
func (h *Hub) Closed() <-chan struct{} { return h.closed }

// admit reports why no more subscriptions are allowed to the watcher, nil when one is. The caller holds h.mu.
func (h *Hub) admit(w Watch) error {
	switch {
	case h.ended:
		h.metrics.refused.WithLabelValues(limitStopping).Inc()
		return errs.New(errs.Unavailable, "the collector is stopping")
	case h.sessions[w.Session] >= PerSession:
		h.metrics.refused.WithLabelValues(limitSession).Inc()
		return errs.New(errs.TooMany, "this session has %d live streams open already, which is the limit: close one", PerSession)
	case h.users[w.User] >= PerUser:
		h.metrics.refused.WithLabelValues(limitUser).Inc()
		return errs.New(errs.TooMany, "this user has %d live streams open already, which is the limit: close one", PerUser)
	case len(h.subscriptions) >= MaxStreams:
		h.metrics.refused.WithLabelValues(limitAll).Inc()
		return errs.New(errs.Unavailable, "%d live streams are open, which is all that this collector serves; try again later", MaxStreams)
	}
	return nil
}
