package fleet

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	agents       *prometheus.GaugeVec
	sessions     prometheus.Gauge
	enrollments  *prometheus.CounterVec
	refusals     *prometheus.CounterVec
	certificates *prometheus.CounterVec
	revocations  prometheus.Counter
	cuts         *prometheus.CounterVec
	errors       *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := promauto.With(reg)
	return &metrics{
		agents: m.NewGaugeVec(prometheus.GaugeOpts{
			Name: "picket_fleet_agents", Help: "Agents by state.",
		}, []string{"state"}),
		sessions: m.NewGauge(prometheus.GaugeOpts{
			Name: "picket_fleet_sessions", Help: "Agents with a live stream.",
		}),
		enrollments: m.NewCounterVec(prometheus.CounterOpts{
			Name: "picket_fleet_enrollments_total", Help: "Enrolments by outcome: new, reinstall, clone, or the reason of a refusal.",
		}, []string{"outcome"}),
		refusals: m.NewCounterVec(prometheus.CounterOpts{
			Name: "picket_fleet_refusals_total", Help: "Certificates and hosts that were refused, by reason.",
		}, []string{"reason"}),
		certificates: m.NewCounterVec(prometheus.CounterOpts{
			Name: "picket_fleet_certificates_issued_total", Help: "Certificates issued to agents, by cause: enroll, renew.",
		}, []string{"cause"}),
		revocations: m.NewCounter(prometheus.CounterOpts{
			Name: "picket_fleet_revocations_total", Help: "Agents revoked by this process.",
		}),
		cuts: m.NewCounterVec(prometheus.CounterOpts{
			Name: "picket_fleet_sessions_cut_total", Help: "Live streams ended by the fleet, by cause: revoked, duplicate, expired.",
		}, []string{"cause"}),
		errors: m.NewCounterVec(prometheus.CounterOpts{
			Name: "picket_fleet_errors_total", Help: "Errors of background work, by work.",
		}, []string{"work"}),
	}
}
