package shop

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/picketmon/picket/demo/sim"
)

// maxVisitors bounds how many requests wait for an answer; more are not sent, and counted.
const maxVisitors = 64

// products is how many there are.
const products = 200

// load sends the requests of the shop's visitors, as many as the rhythm says.
type load struct {
	*service
	rhythm   sim.Rhythm
	web      string
	requests *prometheus.CounterVec // route, method, code
	duration *prometheus.HistogramVec
	wanted   prometheus.Gauge
	skipped  prometheus.Counter
}

func newLoad(s *service) *load {
	f := s.metrics.factory(s.host)
	return &load{
		service: s, rhythm: sim.Rhythm{Seed: s.plan.Seed}, web: "shop-web-1",
		requests: f.NewCounterVec(prometheus.CounterOpts{
			Name: "shop_load_requests_total", Help: "Requests of visitors, code 0 when there was no answer.",
		}, []string{"route", "method", "code"}),
		duration: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "shop_load_request_duration_seconds", Help: "How long visitors waited.", Buckets: sim.Buckets(),
		}, []string{"route", "method"}),
		wanted:  f.NewGauge(prometheus.GaugeOpts{Name: "shop_load_wanted_requests_per_second", Help: "How many requests the rhythm of the day asks for."}),
		skipped: f.NewCounter(prometheus.CounterOpts{Name: "shop_load_skipped_requests_total", Help: "Requests not sent, as too many visitors waited."}),
	}
}

// run sends requests at random moments until ctx ends.
func (l *load) run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	visitors := make(chan struct{}, maxVisitors)
	for {
		rate := l.rhythm.Rate(time.Now())
		l.wanted.Set(rate)
		pause(ctx, min(time.Duration(rand.ExpFloat64()/rate*float64(time.Second)), 5*time.Second))
		if ctx.Err() != nil {
			return nil
		}
		select {
		case visitors <- struct{}{}:
			wg.Go(func() {
				l.visit(ctx)
				<-visitors
			})
		default:
			l.skipped.Inc()
		}
	}
}

// visit sends one request.
func (l *load) visit(ctx context.Context) {
	route, path, body := choose()
	l.inFlight.Add(1)
	defer l.inFlight.Add(-1)
	began := time.Now()
	a, err := l.ask(ctx, l.web, route.Method, path, body)
	if ctx.Err() != nil {
		return // the demo stops
	}
	took := time.Since(began)
	l.handled.Add(1)
	l.requests.WithLabelValues(route.Path, route.Method, strconv.Itoa(a.code)).Inc()
	l.duration.WithLabelValues(route.Path, route.Method).Observe(took.Seconds())
	switch {
	case err != nil:
		l.logger.Warn("no answer", "method", route.Method, "path", path, "error", err, "duration_seconds", took.Seconds())
	case a.code >= 500:
		l.logger.Warn("request failed", "method", route.Method, "path", path, "code", a.code, "duration_seconds", took.Seconds())
	}
}

// choose draws what a visitor does.
func choose() (route sim.Route, path, body string) {
	at := rand.Float64()
	routes := sim.WebRoutes()
	for _, route = range routes {
		if at -= route.Share; at < 0 {
			break
		}
	}
	switch product := 1 + rand.IntN(products); route.Path {
	case "/product":
		return route, fmt.Sprintf("/product/%d", product), ""
	case "/cart", "/checkout":
		return route, route.Path, fmt.Sprintf(`{"visitor":%d,"product":%d}`, rand.IntN(carts), product)
	}
	return route, route.Path, ""
}
