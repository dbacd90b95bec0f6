//go:build linux

// Package herd is what the benchmarks of the collector share: a collector in a process of its own whose CPU is accounted for, and
// many simulated agents that speak the real protocol to it.
//
//	benchmark ─ StartChild ─> the same program in another role: collector, or its peer
//	    │                          ^        │
//	    └─ Enrol, Connect ─ Agent ─┘        └─> CPU, by the kernel's clock of that process
//
// In go values as hosts have them; out come acknowledgements and CPU seconds. The agents have no spool and no checks: it is the
// collector that is measured. It judges nothing; the commands beside it do.
package herd

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// Series is the number of series of a host, all of which travel in one message.
const Series = 100

// Values makes what a host measures: 10 % walks, 30 % noise, 40 % counters, 20 % constants.
type Values struct {
	random *rand.Rand
	last   []float64
}

// NewValues returns the values of a host, the same for the same host.
func NewValues(host int) *Values {
	return &Values{random: rand.New(rand.NewPCG(1, uint64(host))), last: make([]float64, Series)}
}

// Next returns the values of the next cycle, valid until the one after it.
func (v *Values) Next() []float64 {
	for i := range v.last {
		switch kind := i % 10; {
		case kind < 1:
			v.last[i] = min(100, max(0, math.Round(v.last[i]+v.random.NormFloat64())))
		case kind < 4:
			v.last[i] = v.random.Float64() * 1000
		case kind < 8:
			v.last[i] += float64(v.random.IntN(1000))
		}
	}
	return v.last
}

// HostName returns the name of a host, which is its instance label too.
func HostName(host int) string { return "herd-" + strconv.Itoa(host) }

func metricName(i int) string { return "bench_metric_" + strconv.Itoa(i) }

func deviceName(i int) string { return "device-" + strconv.Itoa(i%8) }

// Labels returns the labels that series i of a host has in the collector.
func Labels(host, i int) labels.Labels {
	return labels.FromStrings(model.MetricNameLabel, metricName(i), "device", deviceName(i), "instance", HostName(host), "job", "node")
}

// Median returns the middle one of v, the upper one of two, and NaN without any.
func Median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	return slices.Sorted(slices.Values(v))[len(v)/2]
}
