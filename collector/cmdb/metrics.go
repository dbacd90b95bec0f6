package cmdb

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	items    *prometheus.CounterVec
	problems *prometheus.CounterVec
	seconds  prometheus.Histogram
	present  *prometheus.GaugeVec
	defects  *prometheus.GaugeVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		items: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "picket_cmdb_reported_items_total", Help: "Items in reports to the CMDB, by source and what became of them.",
		}, []string{"source", "operation"}),
		problems: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "picket_cmdb_item_errors_total", Help: "Items of reports that could not be taken, by source and error.",
		}, []string{"source", "error"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "picket_cmdb_report_duration_seconds", Help: "How long reports took to identify, reconcile and write.", Buckets: prometheus.ExponentialBuckets(0.001, 4, 8),
		}),
		present: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "picket_cmdb_items", Help: "Items by class, without those that are absent or retired.",
		}, []string{"class"}),
		defects: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "picket_cmdb_defects", Help: "Items with a defect as records, by class: incomplete, stale, orphan, duplicate, unowned.",
		}, []string{"class", "defect"}),
	}
	if r != nil {
		r.MustRegister(m.items, m.problems, m.seconds, m.present, m.defects)
	}
	return m
}

// took counts a payload that was written.
func (m *metrics) took(p Payload, r Result, d time.Duration) {
	m.seconds.Observe(d.Seconds())
	for _, i := range r.Items {
		if i.Operation != "" {
			m.items.WithLabelValues(p.Source, string(i.Operation)).Inc()
		}
		for _, e := range i.Errors {
			m.problems.WithLabelValues(p.Source, e.Code).Inc()
		}
	}
}
