package shop

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/picketmon/picket/demo"
	"github.com/picketmon/picket/demo/sim"
)

// metrics is what a service measures of itself. What a service has nothing to say of has no series.
type metrics struct {
	registry *prometheus.Registry

	requests *prometheus.CounterVec   // route, method, code
	duration *prometheus.HistogramVec // route, method
	inFlight prometheus.Gauge
	logLines *prometheus.CounterVec // level
}

func newMetrics(h demo.Host) *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	marked := prometheus.WrapRegistererWith(prometheus.Labels{demo.Label: demo.LabelValue}, m.registry)
	marked.MustRegister(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	f := m.factory(h)
	f.NewGauge(prometheus.GaugeOpts{
		Name: "shop_build_info", Help: "The version that runs, always 1.", ConstLabels: prometheus.Labels{"version": h.Version},
	}).Set(1)
	m.logLines = f.NewCounterVec(prometheus.CounterOpts{Name: "shop_log_lines_total", Help: "Lines in the service's log."}, []string{"level"})
	for _, level := range []string{"info", "warning", "error"} {
		m.logLines.WithLabelValues(level)
	}
	return m
}

// factory makes metrics with the labels of this service.
func (m *metrics) factory(h demo.Host) promauto.Factory {
	return promauto.With(prometheus.WrapRegistererWith(prometheus.Labels{demo.Label: demo.LabelValue, "service": h.Service}, m.registry))
}

// serve adds what an HTTP service measures.
func (m *metrics) serve(h demo.Host) {
	f := m.factory(h)
	m.requests = f.NewCounterVec(prometheus.CounterOpts{
		Name: "shop_http_requests_total", Help: "Requests answered.",
	}, []string{"route", "method", "code"})
	m.duration = f.NewHistogramVec(prometheus.HistogramOpts{
		Name: "shop_http_request_duration_seconds", Help: "How long answers took.", Buckets: sim.Buckets(),
	}, []string{"route", "method"})
	m.inFlight = f.NewGauge(prometheus.GaugeOpts{Name: "shop_http_requests_in_flight", Help: "Requests that wait for their answer."})
}

// answered counts one request.
func (m *metrics) answered(route, method string, code int, took time.Duration) {
	m.requests.WithLabelValues(route, method, strconv.Itoa(code)).Inc()
	m.duration.WithLabelValues(route, method).Observe(took.Seconds())
}

// poolMetrics is what the pools of a service measure.
type poolMetrics struct {
	size, inUse      *prometheus.GaugeVec
	waited, timeouts *prometheus.CounterVec
}

func (m *metrics) pools(h demo.Host) *poolMetrics {
	f, labels := m.factory(h), []string{"pool"}
	return &poolMetrics{
		size:     f.NewGaugeVec(prometheus.GaugeOpts{Name: "shop_pool_size", Help: "Connections that a pool may have."}, labels),
		inUse:    f.NewGaugeVec(prometheus.GaugeOpts{Name: "shop_pool_in_use", Help: "Connections of a pool that are in use."}, labels),
		waited:   f.NewCounterVec(prometheus.CounterOpts{Name: "shop_pool_wait_seconds_total", Help: "Time spent waiting for a free connection."}, labels),
		timeouts: f.NewCounterVec(prometheus.CounterOpts{Name: "shop_pool_timeouts_total", Help: "Requests that got no connection in time."}, labels),
	}
}
