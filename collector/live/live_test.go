package live_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/picketmon/picket/collector/live"
	"github.com/picketmon/picket/internal/errs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// running returns a hub that runs until the test ends.
func running(t testing.TB) *live.Hub {
	h := live.New(live.Options{})
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := h.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { stop(); wg.Wait() })
	return h
}

func subscribe(t testing.TB, h *live.Hub, w live.Watch) *live.Subscription {
	t.Helper()
	s, err := h.Subscribe(w)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// expect waits for the next changes.
func expect(t *testing.T, s *live.Subscription, what string, want ...live.Change) {
	t.Helper()
	select {
	case <-s.Changed():
	case <-time.After(time.Minute):
		t.Fatalf("%s: nothing is told", what)
	}
	if diff := cmp.Diff(want, s.Take()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func quiet(t *testing.T, s *live.Subscription, d time.Duration) {
	t.Helper()
	select {
	case <-s.Changed():
		t.Errorf("told of %v", s.Take())
	case <-time.After(d):
	}
}

func change(t live.Topic, keys ...string) live.Change { return live.Change{Topic: t, Keys: keys} }

func all(t live.Topic) live.Change { return live.Change{Topic: t, Keys: []string{}, All: true} }

func names(from, to int) (out []string) {
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprintf("host-%04d", i))
	}
	return out
}

func TestChangesAreToldTogetherOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := running(t)
		s := subscribe(t, h, live.Watch{Topics: []live.Topic{live.Agent, live.Result}})
		began := time.Now()
		h.Publish(live.Agent, "a1")
		expect(t, s, "the first", change(live.Agent, "a1"))
		if d := time.Since(began); d != 0 {
			t.Errorf("the first is told after %s, not at once", d)
		}
		for range 3 {
			h.Publish(live.Result, "a2")
			h.Publish(live.Agent, "a3")
			h.Publish(live.Agent, "a1")
			h.Publish(live.Sample, "nobody asked")
			time.Sleep(100 * time.Millisecond)
		}
		expect(t, s, "what came meanwhile", change(live.Agent, "a1", "a3"), change(live.Result, "a2"))
		if d := time.Since(began); d != time.Second {
			t.Errorf("told after %s, not after a second", d)
		}
		quiet(t, s, time.Hour)
		h.Publish("weather", "sunny") // there is no such topic
		quiet(t, s, time.Hour)
	})
}

func TestEachHearsWhatItAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := running(t)
		h.Publish(live.Agent, "before anyone listened")
		every := subscribe(t, h, live.Watch{Topics: live.Topics()})
		one := subscribe(t, h, live.Watch{Topics: []live.Topic{live.Sample, live.Agent}, Instances: []string{"web2", "web1", "web2"}})
		synctest.Wait()
		h.Publish(live.Sample, "web3")
		expect(t, every, "all", change(live.Sample, "web3"))
		time.Sleep(time.Second)
		for _, i := range []string{"web1", "web3", "web10"} {
			h.Publish(live.Sample, i)
		}
		h.Publish(live.Agent, "web3") // the filter is for samples
		expect(t, one, "one", change(live.Agent, "web3"), change(live.Sample, "web1"))
		every.Close()
		every.Close()
		h.Publish(live.Sample, "web1")
		time.Sleep(time.Minute)
		expect(t, one, "after the other left", change(live.Sample, "web1"))
	})
}

// A reader that does not come for a while hears of all that happened, in bounded memory.
func TestSlowReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := running(t)
		publish := func(keys []string) {
			for _, k := range keys {
				h.Publish(live.Sample, k)
			}
			time.Sleep(2 * time.Second)
		}
		s := subscribe(t, h, live.Watch{Topics: []live.Topic{live.Sample}})
		filtered := subscribe(t, h, live.Watch{Topics: []live.Topic{live.Sample}, Instances: []string{"host-0007", "host-0600", "host-9999"}})
		publish(names(0, 300))
		publish(names(200, 400))
		expect(t, s, "twice", change(live.Sample, names(0, 400)...))
		publish(names(0, 500))
		expect(t, s, "500", change(live.Sample, names(0, 500)...))
		publish(names(0, 501))
		expect(t, s, "501", all(live.Sample))
		publish(names(0, 300))
		publish(names(300, 601))
		publish(names(0, 1))
		expect(t, s, "three times", all(live.Sample))
		expect(t, filtered, "filtered before it is counted", change(live.Sample, "host-0007", "host-0600"))
		publish(names(0, 70_000))
		expect(t, s, "too many to keep", all(live.Sample))
		expect(t, filtered, "any of its own may be among them", change(live.Sample, "host-0007", "host-0600", "host-9999"))
		publish(names(0, 2))
		expect(t, s, "afterwards", change(live.Sample, names(0, 2)...))
	})
}

func TestLimits(t *testing.T) {
	reg := prometheus.NewRegistry()
	h := live.New(live.Options{Registerer: reg})
	topic := []live.Topic{live.Agent}
	refused := func(what string, w live.Watch, want errs.Code) {
		t.Helper()
		if s, err := h.Subscribe(w); errs.Kind(err) != want {
			t.Errorf("%s: %v", what, err)
			s.Close()
		}
	}
	var open []*live.Subscription
	add := func(n int, session, user string) {
		for range n {
			open = append(open, subscribe(t, h, live.Watch{Topics: topic, Session: session, User: user}))
		}
	}
	add(live.PerSession, "s0", "ada")
	refused("another of the session", live.Watch{Topics: topic, Session: "s0", User: "ada"}, errs.TooMany)
	for i := 1; i < 10; i++ {
		add(10, fmt.Sprintf("s%d", i), "ada")
	}
	refused("another of the user", live.Watch{Topics: topic, Session: "s10", User: "ada"}, errs.TooMany)
	open[0].Close()
	open[0].Close() // once is enough, twice frees no more
	add(1, "s10", "ada")
	refused("yet another of the user", live.Watch{Topics: topic, Session: "s11", User: "ada"}, errs.TooMany)
	for u := range 9 {
		for i := range 10 {
			add(10, fmt.Sprintf("%d-%d", u, i), fmt.Sprint("user", u))
		}
	}
	refused("one too many", live.Watch{Topics: topic, Session: "bob", User: "bob"}, errs.Unavailable)
	refused("no topic", live.Watch{}, errs.Invalid)
	refused("unknown topic", live.Watch{Topics: []live.Topic{"weather"}}, errs.Invalid)
	refused("many instances", live.Watch{Topics: topic, Instances: names(0, 201)}, errs.Invalid)
	gauge := func(want int) {
		t.Helper()
		if err := testutil.GatherAndCompare(reg, strings.NewReader(fmt.Sprintf(`
# HELP picket_live_streams Streams of changes that are open.
# TYPE picket_live_streams gauge
picket_live_streams %d
`, want)), "picket_live_streams"); err != nil {
			t.Error(err)
		}
	}
	gauge(live.MaxStreams)
	for _, s := range open {
		s.Close()
	}
	gauge(0)
	add(10, "s0", "ada")
	select {
	case <-h.Closed():
		t.Error("closed before its end")
	default:
	}
	h.Close()
	h.Close()
	<-h.Closed()
	refused("at the end", live.Watch{Topics: topic, Session: "x", User: "x"}, errs.Unavailable)
	if err := testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP picket_live_refused_total Streams of changes that were refused, by the limit that was reached.
# TYPE picket_live_refused_total counter
picket_live_refused_total{limit="all"} 1
picket_live_refused_total{limit="session"} 1
picket_live_refused_total{limit="stopping"} 1
picket_live_refused_total{limit="user"} 2
`), "picket_live_refused_total"); err != nil {
		t.Error(err)
	}
}

func TestManyPublishersAndReaders(t *testing.T) {
	h := live.New(live.Options{Every: time.Millisecond})
	ctx, stop := context.WithCancel(t.Context())
	var hub, publishers, readers sync.WaitGroup
	hub.Go(func() { _ = h.Run(ctx) })
	const agents = 50
	for r := range 8 {
		s := subscribe(t, h, live.Watch{Topics: live.Topics(), User: fmt.Sprint(r), Session: fmt.Sprint(r)})
		readers.Go(func() {
			defer s.Close()
			heard := map[string]bool{}
			for len(heard) < agents {
				<-s.Changed()
				for _, c := range s.Take() {
					for _, k := range c.Keys {
						heard[k] = true
					}
				}
			}
		})
	}
	for i := range agents {
		publishers.Go(func() {
			for range 100 {
				h.Publish(live.Sample, names(i, i+1)[0])
			}
		})
	}
	publishers.Wait()
	readers.Wait() // nobody misses the last word about any agent
	stop()
	hub.Wait()
}

func TestNobodyListensIsFree(t *testing.T) {
	h := live.New(live.Options{})
	if n := testing.AllocsPerRun(1000, func() { h.Publish(live.Sample, "web1") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A thousand agents with a message a second each: what a message costs, and what a second costs with readers.
func BenchmarkPublish(b *testing.B) {
	keys := names(0, 1000)
	for _, readers := range []int{0, 1, 1000} {
		b.Run(fmt.Sprintf("readers=%d", readers), func(b *testing.B) {
			h := running(b)
			for r := range readers {
				s := subscribe(b, h, live.Watch{Topics: live.Topics(), User: fmt.Sprint(r), Session: fmt.Sprint(r)})
				var wg sync.WaitGroup
				done := make(chan struct{})
				wg.Go(func() {
					for {
						select {
						case <-s.Changed():
							s.Take()
						case <-done:
							return
						}
					}
				})
				b.Cleanup(func() { close(done); wg.Wait() })
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				h.Publish(live.Sample, keys[i%len(keys)])
			}
		})
	}
}

func BenchmarkASecondOfAThousandAgents(b *testing.B) {
	keys := names(0, 1000)
	for _, readers := range []int{1, 1000} {
		b.Run(fmt.Sprintf("readers=%d", readers), func(b *testing.B) {
			h := live.New(live.Options{})
			var all []*live.Subscription
			for r := range readers {
				all = append(all, subscribe(b, h, live.Watch{Topics: live.Topics(), User: fmt.Sprint(r), Session: fmt.Sprint(r)}))
			}
			b.ReportAllocs()
			for b.Loop() {
				for _, k := range keys {
					h.Publish(live.Sample, k)
				}
				h.Flush()
				for _, s := range all {
					<-s.Changed()
					s.Take()
				}
			}
		})
	}
}
