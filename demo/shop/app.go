package shop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/picketmon/picket/demo"
	"github.com/picketmon/picket/demo/sim"
)

// What the shop keeps: so many carts, so many of the latest orders.
const (
	carts  = 500
	orders = 2000
)

// appPool is how many connections an app has to the store: many times what it needs while all is well.
const appPool = 4

// leakTime is how long a leak takes until the host has no room any more.
const leakTime = 4 * time.Minute

// app knows products, carts and orders, and keeps them in the store.
type app struct {
	*service
	store  string
	pool   *pool
	orders prometheus.Counter
	value  prometheus.Counter
}

func newApp(s *service) *app {
	s.metrics.serve(s.host)
	f := s.metrics.factory(s.host)
	return &app{
		service: s, store: "shop-store-1", pool: newPool(s.metrics.pools(s.host), "shop-store-1", appPool, 2*time.Second),
		orders: f.NewCounter(prometheus.CounterOpts{Name: "shop_orders_total", Help: "Orders taken."}),
		value:  f.NewCounter(prometheus.CounterOpts{Name: "shop_orders_value_euros_total", Help: "What the orders are worth."}),
	}
}

func (a *app) run(ctx context.Context) error {
	mux := http.NewServeMux()
	for _, route := range sim.AppRoutes(a.host.Version) {
		pattern := route.Method + " " + route.Path
		if route.Path == "/api/product" {
			pattern += "/{id}"
		}
		a.handle(mux, pattern, route.Path, a.answer(route))
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wg.Go(func() { a.leak(ctx) })
	return a.serve(ctx, mux)
}

// want is what a request asks for.
type want struct {
	Visitor int `json:"visitor"`
	Product int `json:"product"`
}

// answer does what the route says: it works for a while, and reads from and writes to the store over a pooled connection.
func (a *app) answer(route sim.Route) handler {
	return func(ctx context.Context, r *http.Request) answer {
		var w want
		if route.Method == http.MethodPost {
			if err := json.NewDecoder(io.LimitReader(r.Body, maxBody)).Decode(&w); err != nil {
				return answer{http.StatusBadRequest, "what should the shop do?\n"}
			}
		}
		if err := a.pool.acquire(ctx); err != nil {
			a.logger.Error("no free connection to the store", "route", route.Path, "error", err)
			return answer{http.StatusServiceUnavailable, "busy\n"}
		}
		defer a.pool.release()
		pause(ctx, route.Own.Draw(normal()))
		if a.host.Name == "shop-app-1" && a.watch.Breaks().On(demo.BreakLatency) {
			a.logger.Warn("slow query", "route", route.Path, "table", "products")
			pause(ctx, time.Duration(1500+rand.IntN(2500))*time.Millisecond)
		}
		if err := a.keep(ctx, route, w, r.PathValue("id")); err != nil {
			a.logger.Error("store failed", "route", route.Path, "error", err)
			return answer{http.StatusServiceUnavailable, "the store does not answer\n"}
		}
		if route.Path == "/api/order" {
			value := sim.OrderValue(rand.Float64())
			a.orders.Inc()
			a.value.Add(value)
			a.logger.Info("order taken", "visitor", w.Visitor, "product", w.Product, "value_euros", value)
		}
		return answer{http.StatusOK, "done\n"}
	}
}

// keep does the route's reads and writes.
func (a *app) keep(ctx context.Context, route sim.Route, w want, product string) error {
	keys := []string{"catalog", fmt.Sprintf("cart-%d", w.Visitor%carts)}
	if product != "" {
		keys[0] = "product-" + product
	}
	for i := range route.Gets {
		got, err := a.ask(ctx, a.store, http.MethodGet, "/kv/"+keys[i], "")
		if err != nil {
			return err
		}
		if got.code != http.StatusOK && got.code != http.StatusNotFound {
			return errors.New("read " + keys[i] + ": " + strings.TrimSpace(got.text))
		}
	}
	puts := []string{keys[1], fmt.Sprintf("order-%d", rand.IntN(orders))}
	for i := range route.Puts {
		value := fmt.Sprintf(`{"visitor":%d,"product":%d,"at":%d,"note":%q}`, w.Visitor, w.Product, time.Now().Unix(), strings.Repeat("x", 80))
		got, err := a.ask(ctx, a.store, http.MethodPut, "/kv/"+puts[i], value)
		if err != nil {
			return err
		}
		if got.code != http.StatusNoContent {
			return errors.New("write " + puts[i] + ": " + strings.TrimSpace(got.text))
		}
	}
	return nil
}

// leak keeps memory that nobody needs while the break lasts.
func (a *app) leak(ctx context.Context) {
	const step = 200 * time.Millisecond
	share := int(sim.LeakRoom(a.host)) / int(leakTime/step)
	var kept [][]byte
	for ctx.Err() == nil {
		pause(ctx, step)
		on := a.host.Name == "shop-app-2" && a.watch.Breaks().On(demo.BreakLeak)
		switch {
		case on && a.leaked.Load() < 2*sim.LeakRoom(a.host):
			b := make([]byte, share)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1 // so that it takes memory indeed
			}
			kept = append(kept, b)
			a.leaked.Add(uint64(len(b)))
		case !on && len(kept) > 0:
			kept = nil
			a.leaked.Store(0)
			debug.FreeOSMemory()
		}
	}
}
