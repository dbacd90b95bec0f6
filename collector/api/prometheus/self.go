package prometheus

import (
	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// writeMetrics are remote write's own metrics. Refused samples are counted by reason in picket_ingest_samples_dropped_total.
type writeMetrics struct {
	requests  [6]client.Counter // by the first digit of the status
	stored    client.Counter
	refused   client.Counter
	exemplars client.Counter
}

func newWriteMetrics(reg client.Registerer, cache *seriesCache) *writeMetrics {
	f := promauto.With(reg)
	requests := f.NewCounterVec(client.CounterOpts{
		Name: "picket_remote_write_requests_total",
		Help: "Remote-write requests by class of answer.",
	}, []string{"status"})
	m := &writeMetrics{
		stored: f.NewCounter(client.CounterOpts{
			Name: "picket_remote_write_samples_stored_total",
			Help: "Samples and native histograms stored.",
		}),
		refused: f.NewCounter(client.CounterOpts{
			Name: "picket_remote_write_samples_refused_total",
			Help: "Samples and native histograms that can never be stored.",
		}),
		exemplars: f.NewCounter(client.CounterOpts{
			Name: "picket_remote_write_exemplars_dropped_total",
			Help: "Exemplars received; they are not stored.",
		}),
	}
	for digit, class := range []string{2: "2xx", 4: "4xx", 5: "5xx"} {
		if class != "" {
			m.requests[digit] = requests.WithLabelValues(class)
		}
	}
	f.NewCounterFunc(client.CounterOpts{
		Name: "picket_remote_write_series_cache_misses_total",
		Help: "Series whose labels had to be decoded because the cache did not know them.",
	}, func() float64 { return float64(cache.misses.Load()) })
	f.NewGaugeFunc(client.GaugeOpts{
		Name: "picket_remote_write_series_cache_entries",
		Help: "Entries of the cache that finds series by their raw labels.",
	}, func() float64 { return float64(cache.len()) })
	return m
}
