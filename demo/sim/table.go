package sim

import (
	"math"

	"github.com/picketmon/picket/demo"
	"github.com/picketmon/picket/demo/series"
)

// Kernel is what the simulated hosts call their kernel, so that nobody takes them for machines.
const Kernel = "6.12.0-demo"

// Table returns the host's metrics, with the names, labels and types of node_exporter. They tell the state of the moment in
// which they are asked. Labels go to every series.
func (h *Host) Table(labels ...string) *series.Table {
	t := series.New(labels...)
	h.cpuTable(t)
	h.memoryTable(t)
	h.filesystemTable(t, &h.root, "/dev/vda1", "ext4", "/")
	if h.machine.data {
		h.filesystemTable(t, &h.data, "/dev/vdb1", "xfs", "/var/lib/shop")
	}
	diskTable(t, &h.root, "vda")
	if h.machine.data {
		diskTable(t, &h.data, "vdb")
	}
	h.networkTable(t)
	h.pressureTable(t)
	h.identityTable(t)
	return t
}

// at returns a function that tells a value rounded down to steps, as the kernel counts.
func at(v *float64, step float64) func() float64 {
	return func() float64 { return math.Floor(*v/step) * step }
}

// whole tells a value as a whole number.
func whole(v *float64) func() float64 { return func() float64 { return math.Floor(*v) } }

// hundredths tells a value to two places, as most of /proc does.
func hundredths(v *float64) func() float64 {
	return func() float64 { return math.Floor(*v*100) / 100 }
}

// thousandths tells a value to three places.
func thousandths(v *float64) func() float64 {
	return func() float64 { return math.Floor(*v*1000) / 1000 }
}

func constant(v float64) func() float64 { return func() float64 { return v } }

func (h *Host) cpuTable(t *series.Table) {
	for i := range h.cpu {
		cpu := string(rune('0' + i))
		for mode, name := range modeNames() {
			t.Counter("node_cpu_seconds_total", "Seconds the CPUs spent in each mode.", hundredths(&h.cpu[i][mode]), "cpu", cpu, "mode", name)
		}
	}
	t.Gauge("node_load1", "1m load average.", hundredths(&h.load[0]))
	t.Gauge("node_load5", "5m load average.", hundredths(&h.load[1]))
	t.Gauge("node_load15", "15m load average.", hundredths(&h.load[2]))
	t.Gauge("node_procs_running", "Number of processes in runnable state.", whole(&h.running))
	t.Gauge("node_procs_blocked", "Number of processes blocked waiting for I/O to complete.", whole(&h.blocked))
	t.Counter("node_context_switches_total", "Total number of context switches.", whole(&h.switches))
	t.Counter("node_intr_total", "Total number of interrupts serviced.", whole(&h.interrupts))
	t.Counter("node_forks_total", "Total number of forks.", whole(&h.forks))
}

func (h *Host) memoryTable(t *series.Table) {
	m := &h.memory
	for _, f := range []struct {
		name string
		get  func() float64
	}{
		{"MemTotal", at(&h.machine.memory, 4096)},
		{"MemFree", at(&m.free, 4096)},
		{"MemAvailable", at(&m.available, 4096)},
		{"Buffers", at(&m.buffers, 4096)},
		{"Cached", at(&m.cached, 4096)},
		{"AnonPages", at(&m.anon, 4096)},
		{"Slab", at(&m.slab, 4096)},
		{"SReclaimable", func() float64 { return math.Floor(m.slab*0.6/4096) * 4096 }},
		{"Dirty", at(&m.dirty, 4096)},
		{"SwapTotal", constant(0)},
		{"SwapFree", constant(0)},
		{"Committed_AS", func() float64 { return math.Floor(m.anon*1.6/4096) * 4096 }},
	} {
		t.Gauge("node_memory_"+f.name+"_bytes", "Memory information field.", f.get)
	}
	t.Untyped("node_vmstat_pgfault", "/proc/vmstat information field pgfault.", whole(&h.faults))
	t.Untyped("node_vmstat_pgmajfault", "/proc/vmstat information field pgmajfault.", whole(&h.majorFaults))
	t.Untyped("node_vmstat_oom_kill", "/proc/vmstat information field oom_kill.", whole(&h.oomKills))
}

func (h *Host) filesystemTable(t *series.Table, d *disk, device, fstype, mountpoint string) {
	labels := []string{"device", device, "fstype", fstype, "mountpoint", mountpoint}
	reserved := 0.0
	if fstype == "ext4" {
		reserved = 0.05
	}
	share := func(of, reserved float64) func() float64 {
		return func() float64 { return math.Floor(of*max(1-d.used-reserved, 0)/4096) * 4096 }
	}
	inodes := d.size / 16384
	t.Gauge("node_filesystem_size_bytes", "Filesystem size in bytes.", constant(d.size), labels...)
	t.Gauge("node_filesystem_free_bytes", "Filesystem free space in bytes.", share(d.size, 0), labels...)
	t.Gauge("node_filesystem_avail_bytes", "Filesystem space available to non-root users in bytes.", share(d.size, reserved), labels...)
	t.Gauge("node_filesystem_files", "Filesystem total file nodes.", constant(inodes), labels...)
	t.Gauge("node_filesystem_files_free", "Filesystem total free file nodes.", constant(math.Floor(inodes*0.93)), labels...)
	t.Gauge("node_filesystem_readonly", "Filesystem read-only status.", constant(0), labels...)
	t.Gauge("node_filesystem_device_error", "Whether an error occurred while getting statistics for the given device.", constant(0), labels...)
}

func diskTable(t *series.Table, d *disk, device string) {
	l := []string{"device", device}
	t.Counter("node_disk_reads_completed_total", "The total number of reads completed successfully.", whole(&d.reads), l...)
	t.Counter("node_disk_read_bytes_total", "The total number of bytes read successfully.", at(&d.readBytes, 512), l...)
	t.Counter("node_disk_read_time_seconds_total", "The total number of seconds spent by all reads.", thousandths(&d.readTime), l...)
	t.Counter("node_disk_writes_completed_total", "The total number of writes completed successfully.", whole(&d.writes), l...)
	t.Counter("node_disk_writes_merged_total", "The number of writes merged.", whole(&d.merged), l...)
	t.Counter("node_disk_written_bytes_total", "The total number of bytes written successfully.", at(&d.writeBytes, 512), l...)
	t.Counter("node_disk_write_time_seconds_total", "This is the total number of seconds spent by all writes.", thousandths(&d.writeTime), l...)
	t.Gauge("node_disk_io_now", "The number of I/Os currently in progress.", func() float64 { return math.Floor(d.busy * 3) }, l...)
	t.Counter("node_disk_io_time_seconds_total", "Total seconds spent doing I/Os.", thousandths(&d.ioTime), l...)
	t.Counter("node_disk_io_time_weighted_seconds_total", "The weighted # of seconds spent doing I/Os.", thousandths(&d.weighted), l...)
	t.Counter("node_disk_flush_requests_total", "The total number of flush requests completed successfully.", whole(&d.flux), l...)
}

func (h *Host) networkTable(t *series.Table) {
	n := &h.net
	for _, f := range []struct {
		name    string
		eth, lo func() float64
	}{
		{"receive_bytes", whole(&n.in), whole(&n.lo)},
		{"receive_packets", whole(&n.inPackets), whole(&n.loPackets)},
		{"receive_errs", whole(&n.errs), constant(0)},
		{"receive_drop", whole(&n.drops), constant(0)},
		{"transmit_bytes", whole(&n.out), whole(&n.lo)},
		{"transmit_packets", whole(&n.outPackets), whole(&n.loPackets)},
		{"transmit_errs", constant(0), constant(0)},
		{"transmit_drop", constant(0), constant(0)},
	} {
		name, help := "node_network_"+f.name+"_total", "Network device statistic "+f.name+"."
		t.Counter(name, help, f.eth, "device", "eth0")
		t.Counter(name, help, f.lo, "device", "lo")
	}
	t.Untyped("node_netstat_Tcp_CurrEstab", "Statistic TcpCurrEstab.", whole(&n.established))
	t.Untyped("node_netstat_Tcp_OutSegs", "Statistic TcpOutSegs.", whole(&n.segments))
	t.Untyped("node_netstat_Tcp_RetransSegs", "Statistic TcpRetransSegs.", whole(&n.retrans))
	t.Untyped("node_netstat_Tcp_ActiveOpens", "Statistic TcpActiveOpens.", whole(&n.opened))
	t.Untyped("node_netstat_Tcp_PassiveOpens", "Statistic TcpPassiveOpens.", whole(&n.accepted))
	t.Gauge("node_sockstat_sockets_used", "Number of IPv4 sockets in use.", func() float64 { return math.Floor(n.established) + 60 })
	t.Gauge("node_sockstat_TCP_tw", "Number of TCP sockets in state tw.", func() float64 { return math.Floor(n.established * 0.7) })
	t.Gauge("node_sockstat_TCP_inuse", "Number of TCP sockets in state inuse.", func() float64 { return math.Floor(n.established) + 4 })
}

func (h *Host) pressureTable(t *series.Table) {
	t.Counter("node_pressure_cpu_waiting_seconds_total", "Total time in seconds that processes have waited for CPU time", thousandths(&h.pressure[0][0]))
	t.Counter("node_pressure_io_waiting_seconds_total", "Total time in seconds that processes have waited due to IO congestion", thousandths(&h.pressure[1][0]))
	t.Counter("node_pressure_io_stalled_seconds_total", "Total time in seconds no process could make progress due to IO congestion", thousandths(&h.pressure[1][1]))
	t.Counter("node_pressure_memory_waiting_seconds_total", "Total time in seconds that processes have waited for memory", thousandths(&h.pressure[2][0]))
	t.Counter("node_pressure_memory_stalled_seconds_total", "Total time in seconds no process could make progress due to memory congestion", thousandths(&h.pressure[2][1]))
}

func (h *Host) identityTable(t *series.Table) {
	t.Gauge("node_boot_time_seconds", "Node boot time, in unixtime.", constant(float64(h.boot.Unix())))
	t.Gauge("node_time_seconds", "System time in seconds since epoch (1970).", func() float64 { return float64(h.now.UnixMilli()) / 1000 })
	t.Gauge("node_filefd_allocated", "File descriptor statistics: allocated.", func() float64 { return 900 + math.Floor(h.net.established*3) })
	t.Gauge("node_filefd_maximum", "File descriptor statistics: maximum.", constant(524288))
	t.Gauge("node_uname_info", "Labeled system information as provided by the uname system call.", constant(1),
		"domainname", "(none)", "machine", "x86_64", "nodename", h.Name, "release", Kernel, "sysname", "Linux", "version", "#1 SMP demo")
}

// LeakRoom is how many bytes a host's service may leak before the kernel has to kill it.
func LeakRoom(h demo.Host) uint64 {
	m := machineOf(h.Service)
	return uint64(m.memory*0.9 - m.needs)
}

// Memory is how many bytes of memory a host has.
func Memory(h demo.Host) uint64 { return uint64(machineOf(h.Service).memory) }
