package sim

import (
	"math"
	"time"

	"github.com/picketmon/picket/demo"
)

// Route is one kind of request and what it causes further down.
type Route struct {
	Method, Path string
	Share        float64 // of all requests of visitors
	Own          Work    // what the service itself does for it
	Gets, Puts   int     // at the store
}

// Work is how long something takes: durations are spread around the median, lognormal.
type Work struct {
	Median time.Duration
	Spread float64
}

// Draw returns a duration for a number drawn from the standard normal distribution.
func (w Work) Draw(normal float64) time.Duration {
	return time.Duration(float64(w.Median) * math.Exp(w.Spread*normal))
}

// within returns the share of durations that are not above the bound, in seconds.
func (w Work) within(bound float64) float64 {
	if math.IsInf(bound, 1) {
		return 1
	}
	return 0.5 * (1 + math.Erf(math.Log(bound/w.Median.Seconds())/(w.Spread*math.Sqrt2)))
}

// mean returns the mean in seconds.
func (w Work) mean() float64 { return w.Median.Seconds() * math.Exp(w.Spread*w.Spread/2) }

// Buckets are the bounds of all histograms of durations, in seconds, without +Inf.
func Buckets() []float64 { return []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10} }

const ms = time.Millisecond

// WebRoutes are what visitors ask for. The app has a route for each, in the same order.
func WebRoutes() []Route {
	own := Work{3 * ms, 0.35}
	return []Route{
		{Method: "GET", Path: "/", Share: 0.40, Own: own},
		{Method: "GET", Path: "/product", Share: 0.38, Own: own},
		{Method: "POST", Path: "/cart", Share: 0.14, Own: own},
		{Method: "POST", Path: "/checkout", Share: 0.08, Own: own},
	}
}

// AppRoutes are what the web asks an app of that version for. The present version takes half as long again as the one before.
func AppRoutes(version string) []Route {
	routes := []Route{
		{Method: "GET", Path: "/api/catalog", Share: 0.40, Own: Work{14 * ms, 0.45}, Gets: 1},
		{Method: "GET", Path: "/api/product", Share: 0.38, Own: Work{11 * ms, 0.45}, Gets: 1},
		{Method: "POST", Path: "/api/cart", Share: 0.14, Own: Work{22 * ms, 0.45}, Gets: 1, Puts: 1},
		{Method: "POST", Path: "/api/order", Share: 0.08, Own: Work{45 * ms, 0.5}, Gets: 2, Puts: 2},
	}
	if version == demo.FormerAppVersion {
		for i := range routes {
			routes[i].Own.Median = routes[i].Own.Median * 2 / 3
		}
	}
	return routes
}

// Work at the store.
func storeWork() (get, put Work) { return Work{ms, 0.3}, Work{2 * ms, 0.4} }

// StoreRoutes are what apps ask the store for.
func StoreRoutes() []Route {
	get, put := storeWork()
	return []Route{{Method: "GET", Path: "/kv", Own: get}, {Method: "PUT", Path: "/kv", Own: put}}
}

// hop is what a request over loopback costs beside the work at its end.
const hop = 600 * time.Microsecond

// whole returns how long an app's route takes with what it waits for.
func (r Route) whole() Work {
	get, put := storeWork()
	waits := time.Duration(r.Gets)*(get.Median+hop) + time.Duration(r.Puts)*(put.Median+hop)
	return Work{r.Own.Median + waits, r.Own.Spread * 0.9}
}

// OrderValue returns what an order is worth in euros, for a number from 0 to below 1.
func OrderValue(random float64) float64 { return math.Floor((8+180*random*random)*100) / 100 }

// meanOrder is the mean of OrderValue.
const meanOrder = 8 + 180.0/3
