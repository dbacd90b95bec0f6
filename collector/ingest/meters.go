package ingest

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// meters are this package's own metrics.
type meters struct {
	samples  prometheus.Counter
	refused  *prometheus.CounterVec
	batches  *prometheus.CounterVec
	repeated *prometheus.CounterVec
	dropped  *prometheus.CounterVec
	commit   *prometheus.HistogramVec
	ended    *prometheus.CounterVec
	rejected *prometheus.CounterVec
}

func newMeters(reg prometheus.Registerer, streams func() float64) *meters {
	f := promauto.With(reg)
	f.NewGaugeFunc(prometheus.GaugeOpts{Name: "picket_ingest_streams", Help: "Agents with a stream."}, streams)
	return &meters{
		samples: f.NewCounter(prometheus.CounterOpts{Name: "picket_ingest_samples_total", Help: "Samples stored from agents."}),
		refused: f.NewCounterVec(prometheus.CounterOpts{
			Name: "picket_ingest_agent_samples_refused_total", Help: "Samples of agents that can never be stored, by reason.",
		}, []string{"reason"}),
		batches: f.NewCounterVec(prometheus.CounterOpts{Name: "picket_ingest_batches_total", Help: "Batches made durable, by class."}, []string{"class"}),
		repeated: f.NewCounterVec(prometheus.CounterOpts{
			Name: "picket_ingest_batches_repeated_total", Help: "Batches that were known already, by class.",
		}, []string{"class"}),
		dropped: f.NewCounterVec(prometheus.CounterOpts{
			Name: "picket_ingest_agent_records_dropped_total", Help: "Records agents say they dropped, by class and reason.",
		}, []string{"class", "reason"}),
		commit: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "picket_ingest_commit_seconds", Help: "Time to make a batch durable, by kind.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 9),
		}, []string{"kind"}),
		ended: f.NewCounterVec(prometheus.CounterOpts{Name: "picket_ingest_streams_ended_total", Help: "Streams ended, by cause."}, []string{"cause"}),
		rejected: f.NewCounterVec(prometheus.CounterOpts{
			Name: "picket_ingest_rejections_total", Help: "Rejections sent to agents, by reason.",
		}, []string{"reason"}),
	}
}
