// Package cpu reports what the processors spent their time on. On Linux it reads /proc/stat (once per cycle together with
// the stat check), /sys/devices/system/cpu/isolated and the thermal throttle counters below
// /sys/devices/system/cpu/cpu<n>; elsewhere it asks gopsutil. It makes node_cpu_seconds_total,
// node_cpu_guest_seconds_total, node_cpu_isolated, node_cpu_core_throttles_total and node_cpu_package_throttles_total.
package cpu

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
		Name: "cpu",
		Help: "Time that the processors spent in each mode.",
		Metrics: []checks.Metric{
			{Name: "node_cpu_seconds_total", Kind: checks.KindCounter, Help: "Seconds the CPUs spent in each mode.", Unit: "seconds"},
			{
				Name: "node_cpu_guest_seconds_total", Kind: checks.KindCounter,
				Help: "Seconds the CPUs spent in guests (VMs) for each mode.", Unit: "seconds",
			},
			{
				Name: "node_cpu_isolated", Kind: checks.KindGauge,
				Help: "Whether each core is isolated, information from /sys/devices/system/cpu/isolated.",
			},
			{
				Name: "node_cpu_core_throttles_total", Kind: checks.KindCounter,
				Help: "Number of times this CPU core has been throttled.",
			},
			{
				Name: "node_cpu_package_throttles_total", Kind: checks.KindCounter,
				Help: "Number of times this CPU package has been throttled.",
			},
		},
		New: func() (checks.Check, error) { return newCheck(o), nil },
	}
}
