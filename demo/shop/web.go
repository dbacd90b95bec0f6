package shop

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/picketmon/picket/demo"
	"github.com/picketmon/picket/demo/sim"
)

// maxBody bounds what a request may bring.
const maxBody = 4096

// web is what visitors talk to. It shares their requests out among the apps.
type web struct {
	*service
	apps []backend
	next atomic.Uint64
}

type backend struct {
	host string
	pool *pool
}

func newWeb(s *service) *web {
	s.metrics.serve(s.host)
	w, m := &web{service: s}, s.metrics.pools(s.host)
	for _, h := range demo.Hosts() {
		if h.Service == demo.App {
			w.apps = append(w.apps, backend{h.Name, newPool(m, h.Name, 16, time.Second)})
		}
	}
	return w
}

func (w *web) run(ctx context.Context) error {
	mux := http.NewServeMux()
	apps := sim.AppRoutes(demo.AppVersion)
	for i, route := range sim.WebRoutes() {
		pattern := map[string]string{"/": "GET /{$}", "/product": "GET /product/{id}"}[route.Path]
		if pattern == "" {
			pattern = route.Method + " " + route.Path
		}
		w.handle(mux, pattern, route.Path, w.forward(route, apps[i]))
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wg.Go(func() { w.grumble(ctx) })
	return w.serve(ctx, mux)
}

// forward asks an app and turns what it says into an answer for visitors.
func (w *web) forward(route, app sim.Route) handler {
	return func(ctx context.Context, r *http.Request) answer {
		body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
		if err != nil {
			return answer{http.StatusBadRequest, "the request broke off\n"}
		}
		pause(ctx, route.Own.Draw(normal()))
		path := app.Path
		if id := r.PathValue("id"); id != "" {
			if _, err := strconv.Atoi(id); err != nil {
				return answer{http.StatusNotFound, "no such product\n"}
			}
			path += "/" + id
		}
		first := int(w.next.Add(1))
		for i := range w.apps {
			b := w.apps[(first+i)%len(w.apps)]
			a, err := w.through(ctx, b, app.Method, path, string(body))
			switch {
			case unreachable(err):
				w.logger.Warn("app refuses connections, asking another", "app", b.host, "error", err)
				continue
			case errors.Is(err, errBusy):
				w.logger.Error("no free connection to app", "app", b.host, "route", route.Path)
				return answer{http.StatusServiceUnavailable, "the shop is busy\n"}
			case late(err):
				w.logger.Error("app answers too late", "app", b.host, "route", route.Path)
				return answer{http.StatusGatewayTimeout, "the shop takes too long\n"}
			case err != nil:
				w.logger.Error("app broke off", "app", b.host, "route", route.Path, "error", err)
				return answer{http.StatusBadGateway, "the shop has a problem\n"}
			case a.code >= 500:
				w.logger.Error("app failed", "app", b.host, "route", route.Path, "code", a.code)
				return answer{http.StatusBadGateway, "the shop has a problem\n"}
			}
			return a
		}
		return answer{http.StatusBadGateway, "the shop is closed\n"}
	}
}

func (w *web) through(ctx context.Context, b backend, method, path, body string) (answer, error) {
	if err := b.pool.acquire(ctx); err != nil {
		return answer{}, err
	}
	defer b.pool.release()
	return w.ask(ctx, b.host, method, path, body)
}

// grumble writes the warnings that a noisy neighbour causes and that nobody needs to act on.
func (w *web) grumble(ctx context.Context) {
	for ctx.Err() == nil {
		pause(ctx, 300*time.Millisecond)
		if !w.watch.Breaks().On(demo.BreakNoise) {
			continue
		}
		switch rand.IntN(4) {
		case 0:
			w.logger.Warn("timer fired late", "by_milliseconds", 20+rand.IntN(180))
		case 1:
			w.logger.Warn("name lookup repeated", "name", "images.shop.example", "attempt", 2)
		case 2:
			w.logger.Warn("slow garbage collection", "milliseconds", 15+rand.IntN(60))
		case 3:
			w.logger.Warn("client closed its connection early", "route", "/")
		}
	}
}
