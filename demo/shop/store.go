package shop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/picketmon/picket/demo"
	"github.com/picketmon/picket/demo/sim"
)

// store keeps values under keys, in memory and in a write-ahead file.
type store struct {
	*service
	kv   *kv
	ops  *prometheus.CounterVec // op, result
	keys prometheus.Gauge
	wal  prometheus.Gauge
	full func() bool // whether the file system has no room
}

func newStore(s *service) (*store, error) {
	s.metrics.serve(s.host)
	f := s.metrics.factory(s.host)
	k, err := openKV(filepath.Join(s.dir.Data(s.host.Name), "wal.log"), func(n int) { s.written.Add(uint64(n)) })
	if err != nil {
		return nil, err
	}
	if err := stock(k); err != nil {
		return nil, errors.Join(err, k.close())
	}
	st := &store{
		service: s, kv: k,
		ops:  f.NewCounterVec(prometheus.CounterOpts{Name: "shop_store_operations_total", Help: "Reads and writes by their result."}, []string{"op", "result"}),
		keys: f.NewGauge(prometheus.GaugeOpts{Name: "shop_store_keys", Help: "Keys that are kept."}),
		wal:  f.NewGauge(prometheus.GaugeOpts{Name: "shop_store_wal_bytes", Help: "Size of the write-ahead file."}),
		full: func() bool { return s.watch.Breaks().DiskFilled(time.Now()) >= 1 },
	}
	for _, op := range []string{"get", "put"} {
		for _, result := range []string{"ok", "error"} {
			st.ops.WithLabelValues(op, result)
		}
	}
	return st, nil
}

// stock puts into a new store what the shop sells and empty carts, so that every read finds something.
func stock(k *kv) error {
	goods := map[string]string{"catalog": strings.Repeat(`{"product":1}`, 20)}
	for i := 1; i <= products; i++ {
		goods["product-"+strconv.Itoa(i)] = `{"name":"product ` + strconv.Itoa(i) + `"}`
	}
	for i := range carts {
		goods["cart-"+strconv.Itoa(i)] = "{}"
	}
	for key, value := range goods {
		if _, ok := k.get(key); ok {
			continue
		}
		if err := k.put(key, value); err != nil {
			return fmt.Errorf("stock the shop: %w", err)
		}
	}
	return nil
}

// run serves while the store is not broken.
func (s *store) run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, s.kv.close()) }()
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { s.every(ctx, time.Second, s.settle) })
	defer wg.Wait()
	defer cancel()
	mux := http.NewServeMux()
	routes := sim.StoreRoutes()
	s.handle(mux, "GET /kv/{key}", routes[0].Path, s.get(routes[0].Own))
	s.handle(mux, "PUT /kv/{key}", routes[1].Path, s.put(routes[1].Own))
	broken := s.watch.Breaks().On(demo.BreakStore)
	for ctx.Err() == nil {
		phase, end := context.WithCancel(ctx)
		wg.Go(func() {
			defer end()
			for s.lasts(phase, broken) {
			}
		})
		if broken {
			s.logger.Error("the store does not serve", "cause", "break store")
			<-phase.Done()
		} else if err := s.serve(phase, mux); err != nil {
			end()
			return err
		}
		end()
		broken = s.watch.Breaks().On(demo.BreakStore)
	}
	return nil
}

// lasts waits for a change and reports whether the store stays as it is.
func (s *store) lasts(ctx context.Context, broken bool) bool {
	select {
	case <-ctx.Done():
		return false
	case b := <-s.changed:
		return b.On(demo.BreakStore) == broken
	}
}

// settle makes what was written durable, and measures.
func (s *store) settle() {
	keys, size, err := s.kv.settle()
	if err != nil {
		s.logger.Error("settle the write-ahead file", "error", err)
	}
	s.keys.Set(float64(keys))
	s.wal.Set(float64(size))
}

func (s *store) count(op string, ok bool) {
	result := "ok"
	if !ok {
		result = "error"
	}
	s.ops.WithLabelValues(op, result).Inc()
}

func (s *store) get(work sim.Work) handler {
	return func(ctx context.Context, r *http.Request) answer {
		pause(ctx, work.Draw(normal()))
		s.count("get", true)
		value, ok := s.kv.get(r.PathValue("key"))
		if !ok {
			return answer{http.StatusNotFound, "no such key\n"}
		}
		return answer{http.StatusOK, value}
	}
}

func (s *store) put(work sim.Work) handler {
	return func(ctx context.Context, r *http.Request) answer {
		value, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
		if err != nil {
			return answer{http.StatusBadRequest, "the value broke off\n"}
		}
		pause(ctx, work.Draw(normal()))
		if err = errors.New("no space left on device"); !s.full() {
			err = s.kv.put(r.PathValue("key"), string(value))
		}
		s.count("put", err == nil)
		if err != nil {
			s.logger.Error("write failed", "key", r.PathValue("key"), "error", err)
			return answer{http.StatusInsufficientStorage, err.Error() + "\n"}
		}
		return answer{http.StatusNoContent, ""}
	}
}
