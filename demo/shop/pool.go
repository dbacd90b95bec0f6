package shop

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// errBusy says that no connection became free in time.
var errBusy = errors.New("all connections are in use")

// pool bounds how many requests are under way to another service.
type pool struct {
	slots            chan struct{}
	patience         time.Duration
	inUse            prometheus.Gauge
	waited, timeouts prometheus.Counter
}

func newPool(m *poolMetrics, to string, size int, patience time.Duration) *pool {
	m.size.WithLabelValues(to).Set(float64(size))
	return &pool{
		slots: make(chan struct{}, size), patience: patience,
		inUse: m.inUse.WithLabelValues(to), waited: m.waited.WithLabelValues(to), timeouts: m.timeouts.WithLabelValues(to),
	}
}

// acquire waits for a free connection. Whoever got one must release it.
func (p *pool) acquire(ctx context.Context) error {
	select {
	case p.slots <- struct{}{}:
		p.inUse.Inc()
		return nil
	default:
	}
	began := time.Now()
	timer := time.NewTimer(p.patience)
	defer timer.Stop()
	defer func() { p.waited.Add(time.Since(began).Seconds()) }()
	select {
	case p.slots <- struct{}{}:
		p.inUse.Inc()
		return nil
	case <-timer.C:
		p.timeouts.Inc()
		return errBusy
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *pool) release() {
	<-p.slots
	p.inUse.Dec()
}
