// Package meminfo reports how the host's memory is used. On Linux it reads /proc/meminfo and makes node_memory_<field>, with
// _bytes where the kernel gives kB. Elsewhere it asks gopsutil and makes the families that mean the same there:
// node_memory_MemTotal_bytes, MemFree, MemAvailable, SwapTotal and SwapFree, on macOS also node_exporter's own total, free,
// active, inactive and wired.
package meminfo

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
		Name: "meminfo",
		Help: "Memory of the host and how it is used.",
		Metrics: []checks.Metric{
			{Name: "node_memory_*", Kind: checks.KindGauge, Help: "Memory information field.", Unit: "bytes"},
			{Name: "node_memory_HugePages_*", Kind: checks.KindGauge, Help: "Memory information field, a number of huge pages."},
		},
		New: func() (checks.Check, error) { return newCheck(o), nil },
	}
}
