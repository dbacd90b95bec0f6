// Package loadavg reports how many processes run or wait to run, as averages over 1, 5 and 15 minutes. On Linux it reads
// /proc/loadavg, elsewhere it asks gopsutil; Windows has no such thing. It makes node_load1, node_load5 and node_load15, as
// node_exporter does.
package loadavg

import (
	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

// Options say where to look. FS is required on Linux.
type Options struct {
	FS *hostfs.FS
}

// Spec describes the check.
func Spec(o Options) checks.Spec {
	return checks.Spec{
		Name: "loadavg",
		Help: "Load averages of the host.",
		Metrics: []checks.Metric{
			{Name: "node_load1", Kind: checks.KindGauge, Help: "1m load average."},
			{Name: "node_load5", Kind: checks.KindGauge, Help: "5m load average."},
			{Name: "node_load15", Kind: checks.KindGauge, Help: "15m load average."},
		},
		New: func() (checks.Check, error) { return newCheck(o), nil },
	}
}
