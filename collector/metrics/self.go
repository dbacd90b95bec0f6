package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/picketmon/picket/internal/errs"
)

// selfMetrics are the package's own metrics, beside those of the engine itself (prometheus_tsdb_…).
type selfMetrics struct {
	dropped   [reasonCount]prometheus.Counter
	accepting prometheus.Gauge
	fsyncs    prometheus.Histogram
	free      prometheus.Gauge
	imports   *prometheus.CounterVec // by outcome
	imported  prometheus.Counter
}

func newSelfMetrics(reg prometheus.Registerer) *selfMetrics {
	f := promauto.With(reg)
	dropped := f.NewCounterVec(prometheus.CounterOpts{
		Name: "picket_ingest_samples_dropped_total",
		Help: "Samples that can never be stored, by reason.",
	}, []string{"reason"})
	m := &selfMetrics{
		accepting: f.NewGauge(prometheus.GaugeOpts{
			Name: "picket_metrics_accepting",
			Help: "1 while samples are taken, 0 while they are refused for want of disk space or after a failed write.",
		}),
		fsyncs: f.NewHistogram(prometheus.HistogramOpts{
			Name:    "picket_metrics_fsync_duration_seconds",
			Help:    "Duration of the fsync of the newest log segments, once a second while samples arrive.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 8),
		}),
		free: f.NewGauge(prometheus.GaugeOpts{
			Name: "picket_metrics_disk_free_bytes",
			Help: "Free disk space of the time-series folder.",
		}),
	}
	m.imports = f.NewCounterVec(prometheus.CounterOpts{
		Name: "picket_metrics_imports_total",
		Help: "Imports of texts by outcome: done, refused (the text or the time was wrong) or failed.",
	}, []string{"outcome"})
	m.imported = f.NewCounter(prometheus.CounterOpts{
		Name: "picket_metrics_imported_samples_total",
		Help: "Samples stored by imports.",
	})
	for r := range reasonCount {
		m.dropped[r] = dropped.WithLabelValues(r.String())
	}
	m.accepting.Set(1)
	return m
}

func (m *selfMetrics) count(o *Outcome) {
	for r, n := range o.Refused {
		if n > 0 {
			m.dropped[r].Add(float64(n))
		}
	}
}

// tookIn counts an import.
func (m *selfMetrics) tookIn(r ImportResult, err error) {
	outcome := "done"
	switch errs.Kind(err) {
	case "":
		m.imported.Add(float64(r.Samples))
	case errs.Invalid, errs.TooLarge, errs.Conflict:
		outcome = "refused"
	default:
		outcome = "failed"
	}
	m.imports.WithLabelValues(outcome).Inc()
}

// engineCollector shows the metrics of the engine while it is open; they live in their own registry because the engine
// is opened anew after a repair. It describes nothing, so the registry takes what it collects unchecked.
type engineCollector struct{ store *Store }

func (engineCollector) Describe(chan<- *prometheus.Desc) {}

func (c engineCollector) Collect(ch chan<- prometheus.Metric) {
	if c.store.enter() == nil {
		defer c.store.readers.Done()
		c.store.registry.Collect(ch)
	}
}
