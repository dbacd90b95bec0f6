package access

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Reasons of failed logins.
const (
	failedPassword = "password"
	failedLimited  = "limited"
	failedSecret   = "token"
	failedHeader   = "header"
	failedLink     = "link"
)

type metrics struct {
	failures *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{failures: promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
		Name: "picket_login_failures_total",
		Help: "Refused credentials: wrong name or password, too many attempts, bad token or session, malformed header, used or old login link.",
	}, []string{"reason"})}
	for _, reason := range []string{failedPassword, failedLimited, failedSecret, failedHeader, failedLink} {
		m.failures.WithLabelValues(reason)
	}
	return m
}

type routerMetrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	panics   prometheus.Counter
}

func newRouterMetrics(reg prometheus.Registerer) *routerMetrics {
	f := promauto.With(reg)
	return &routerMetrics{
		requests: f.NewCounterVec(prometheus.CounterOpts{
			Name: "picket_http_requests_total", Help: "HTTP requests by route and status code.",
		}, []string{"route", "code"}),
		seconds: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "picket_http_request_seconds", Help: "Time from a request's header to the end of its handler.",
			Buckets: []float64{0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60},
		}, []string{"route"}),
		panics: f.NewCounter(prometheus.CounterOpts{
			Name: "picket_http_panics_total", Help: "Handlers of requests that panicked.",
		}),
	}
}
