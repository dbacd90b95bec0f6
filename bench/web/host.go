//go:build linux

package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"

	pb "github.com/picketmon/picket/proto/gen/picketv1"
)

// layout is what a simulated host reports: the part of node_exporter's series that the pages ask for.
type layout struct {
	def     *pb.SchemaDefinition
	symbols map[string]uint32
	values  []func(h *host, t float64) float64
}

// host is one simulated host. Its numbers follow the time of day, each host at its own level.
type host struct {
	level  float64 // 0 to 1: how busy it is
	random *rand.Rand
	counts []float64
	last   float64
}

func newHost(i int) *host {
	r := rand.New(rand.NewPCG(7, uint64(i)))
	return &host{level: 0.1 + 0.8*math.Pow(r.Float64(), 3), random: r}
}

// busy is the share of the host's processors in use at a Unix time.
func (h *host) busy(t float64) float64 {
	day := 0.5 + 0.5*math.Sin(2*math.Pi*t/86400)
	return min(0.98, h.level*(0.6+0.4*day)+0.03*h.random.Float64())
}

func (l *layout) symbol(text string) uint32 {
	n, ok := l.symbols[text]
	if !ok {
		n = uint32(len(l.def.Symbols))
		l.symbols[text], l.def.Symbols = n, append(l.def.Symbols, text)
	}
	return n
}

// add adds one series; labels are names and values in turn.
func (l *layout) add(kind pb.Kind, value func(*host, float64) float64, name string, labels ...string) {
	refs := []uint32{l.symbol(name)}
	for _, s := range labels {
		refs = append(refs, l.symbol(s))
	}
	l.def.Series = append(l.def.Series, &pb.SeriesDefinition{Refs: refs, Kind: kind})
	l.values = append(l.values, value)
}

func (l *layout) gauge(value func(h *host, t float64) float64, name string, labels ...string) {
	l.add(pb.Kind_KIND_GAUGE, value, name, labels...)
}

// counter adds a counter that grows by rate per second.
func (l *layout) counter(rate func(h *host, t float64) float64, name string, labels ...string) {
	i := len(l.values)
	l.add(pb.Kind_KIND_COUNTER, func(h *host, t float64) float64 {
		h.counts[i] += rate(h, t) * (t - h.last)
		return h.counts[i]
	}, name, labels...)
}

// row returns the host's values at a Unix time.
func (l *layout) row(h *host, t float64, into []float64) []float64 {
	if h.counts == nil {
		h.counts, h.last = make([]float64, len(l.values)), t-10
	}
	into = into[:0]
	for _, v := range l.values {
		into = append(into, v(h, t))
	}
	h.last = t
	return into
}

const (
	cpus   = 2
	memory = 8 << 30
	boot   = 1_790_000_000
)

func constant(v float64) func(*host, float64) float64 {
	return func(*host, float64) float64 { return v }
}

// scaled is v at full load.
func scaled(v float64) func(*host, float64) float64 {
	return func(h *host, t float64) float64 { return math.Round(v * h.busy(t)) }
}

func newLayout() *layout {
	l := &layout{def: &pb.SchemaDefinition{}, symbols: map[string]uint32{}}
	shares := map[string]float64{"user": 0.6, "system": 0.25, "iowait": 0.1, "softirq": 0.05, "nice": 0, "irq": 0, "steal": 0}
	for cpu := range cpus {
		for _, mode := range []string{"user", "system", "iowait", "softirq", "nice", "irq", "steal"} {
			l.counter(func(h *host, t float64) float64 { return shares[mode] * h.busy(t) }, "node_cpu_seconds_total", "cpu", strconv.Itoa(cpu), "mode", mode)
		}
		l.counter(func(h *host, t float64) float64 { return 1 - h.busy(t) }, "node_cpu_seconds_total", "cpu", strconv.Itoa(cpu), "mode", "idle")
	}
	for i, name := range []string{"node_load1", "node_load5", "node_load15"} {
		l.gauge(func(h *host, t float64) float64 { return math.Round(100*cpus*h.busy(t-float64(60*i))) / 100 }, name)
	}
	l.memory()
	l.devices()
	for _, what := range []string{"cpu_waiting", "io_waiting", "io_stalled", "memory_waiting", "memory_stalled"} {
		l.counter(func(h *host, t float64) float64 { return max(0, h.busy(t)-0.5) / 4 }, "node_pressure_"+what+"_seconds_total")
	}
	l.gauge(constant(boot), "node_boot_time_seconds")
	l.gauge(func(_ *host, t float64) float64 { return t }, "node_time_seconds")
	l.gauge(scaled(20), "node_procs_running")
	l.gauge(constant(0), "node_procs_blocked")
	l.counter(scaled(100), "node_forks_total")
	l.counter(scaled(20_000), "node_context_switches_total")
	l.gauge(scaled(4000), "node_filefd_allocated")
	l.gauge(constant(1<<20), "node_filefd_maximum")
	l.gauge(constant(1), "node_uname_info", "sysname", "Linux", "release", "6.12.0", "machine", "x86_64", "nodename", "simulated")
	return l
}

func (l *layout) memory() {
	l.gauge(constant(memory), "node_memory_MemTotal_bytes")
	l.gauge(func(h *host, t float64) float64 { return math.Round(memory * (0.9 - 0.7*h.busy(t))) }, "node_memory_MemAvailable_bytes")
	l.gauge(constant(memory/20), "node_memory_MemFree_bytes")
	l.gauge(constant(memory/4), "node_memory_Cached_bytes")
	l.gauge(constant(memory/40), "node_memory_Buffers_bytes")
	l.gauge(constant(memory/50), "node_memory_SReclaimable_bytes")
	l.gauge(constant(1<<30), "node_memory_SwapTotal_bytes")
	l.gauge(constant(1<<29), "node_memory_SwapFree_bytes")
	l.counter(scaled(900), "node_vmstat_pgfault")
	l.counter(scaled(3), "node_vmstat_pgmajfault")
}

func (l *layout) devices() {
	for i, mount := range []string{"/", "/var", "/srv"} {
		labels := []string{"device", fmt.Sprintf("/dev/vda%d", i+1), "fstype", "ext4", "mountpoint", mount}
		l.gauge(constant(100<<30), "node_filesystem_size_bytes", labels...)
		l.gauge(func(h *host, _ float64) float64 { return math.Round((100 << 30) * (1 - h.level) / float64(i+1)) }, "node_filesystem_avail_bytes", labels...)
		l.gauge(constant(50<<30), "node_filesystem_free_bytes", labels...)
		l.gauge(constant(6_000_000), "node_filesystem_files", labels...)
		l.gauge(constant(5_000_000), "node_filesystem_files_free", labels...)
		l.gauge(constant(0), "node_filesystem_readonly", labels...)
	}
	for name, rate := range map[string]float64{
		"read_bytes": 2 << 20, "written_bytes": 8 << 20, "reads_completed": 80, "writes_completed": 300, "io_time_seconds": 0.4,
		"read_time_seconds": 0.2, "write_time_seconds": 0.5,
	} {
		l.counter(func(h *host, t float64) float64 { return rate * h.busy(t) }, "node_disk_"+name+"_total", "device", "vda")
	}
	for _, device := range []string{"eth0", "lo"} {
		for name, rate := range map[string]float64{
			"receive_bytes": 4 << 20, "transmit_bytes": 6 << 20, "receive_packets": 5000, "transmit_packets": 6000,
			"receive_errs": 0, "transmit_errs": 0, "receive_drop": 0, "transmit_drop": 0,
		} {
			l.counter(scaled(rate), "node_network_"+name+"_total", "device", device)
		}
	}
	l.gauge(scaled(500), "node_netstat_Tcp_CurrEstab")
	l.counter(scaled(2), "node_netstat_Tcp_RetransSegs")
	l.gauge(scaled(900), "node_sockstat_sockets_used")
}
