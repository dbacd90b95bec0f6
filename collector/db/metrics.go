package db

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	txSeconds prometheus.Histogram
	txRetries prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	f := promauto.With(reg)
	return &metrics{
		txSeconds: f.NewHistogram(prometheus.HistogramOpts{
			Name:    "picket_db_transaction_seconds",
			Help:    "Time of transactions from asking for the connection to the commit, repetitions included.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 8),
		}),
		txRetries: f.NewCounter(prometheus.CounterOpts{
			Name: "picket_db_transaction_retries_total",
			Help: "Transactions that ran again because others were in the way.",
		}),
	}
}
