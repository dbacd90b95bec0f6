package sim

import (
	"math"
	"time"

	"github.com/picketmon/picket/demo"
)

// Activity is what a host's service does, as far as its host feels it.
type Activity struct {
	Requests float64 // per second
	Waiting  float64 // requests in flight on average
	Written  float64 // bytes per second that the service writes to disk
	Leaked   float64 // bytes of memory that the service does not need
	Down     bool    // the service does not run
}

// machine is what kind of host it is and what requests cost it.
type machine struct {
	cpus       int
	memory     float64 // bytes
	needs      float64 // bytes of memory without load
	perRequest float64 // CPU seconds
	bytes      float64 // on the network per request, each way together
	data       bool    // has /var/lib/shop
}

func machineOf(service string) machine {
	switch service {
	case demo.Load:
		return machine{cpus: 2, memory: 2 << 30, needs: 420 << 20, perRequest: 0.011, bytes: 9e3}
	case demo.Web:
		return machine{cpus: 2, memory: 2 << 30, needs: 700 << 20, perRequest: 0.05, bytes: 31e3}
	case demo.App:
		return machine{cpus: 2, memory: 512 << 20, needs: 275 << 20, perRequest: 0.12, bytes: 22e3}
	}
	return machine{cpus: 4, memory: 4 << 30, needs: 1500 << 20, perRequest: 0.042, bytes: 6e3, data: true}
}

// Host is a simulated host. Its counters go on from step to step; it is booted once and never again.
type Host struct {
	demo.Host
	machine
	seed uint64
	boot time.Time
	now  time.Time

	busy       float64 // share of all CPUs, without steal and waiting
	cpu        [][modes]float64
	load       [3]float64
	running    float64
	blocked    float64
	switches   float64
	interrupts float64
	forks      float64
	memory     memory
	root       disk
	data       disk
	net        network
	pressure   [3][2]float64 // cpu, io, memory: some, full
	oomKills   float64
	faults     float64 // of pages
	// majorFaults needed the disk.
	majorFaults float64
}

// The modes of CPU time, in the order of /proc/stat.
const (
	user = iota
	nice
	system
	idle
	iowait
	irq
	softirq
	steal
	modes
)

func modeNames() [modes]string {
	return [modes]string{"user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"}
}

// NewHost returns a host that was booted at that time and has done nothing since.
func NewHost(h demo.Host, seed uint64, boot time.Time) *Host {
	m := machineOf(h.Service)
	n := &Host{Host: h, machine: m, seed: seed, boot: boot, now: boot, cpu: make([][modes]float64, m.cpus)}
	n.root = newDisk(8<<30, 0.34+0.2*Random(seed, h.Name+"root", 0))
	n.data = newDisk(20<<30, 0.41)
	n.settle(Activity{}, nil)
	return n
}

// Step lets time pass until now, during which the service did what a says. breaks may be nil.
func (h *Host) Step(now time.Time, a Activity, breaks demo.Breaks) {
	dt := now.Sub(h.now).Seconds()
	if dt <= 0 {
		return
	}
	h.now = now
	h.settle(a, breaks)
	h.spend(dt, breaks)
	h.average(dt)
	h.root.step(dt)
	h.data.step(dt)
	h.net.step(dt)
}

// OOMKill notes that the kernel killed a process for its memory.
func (h *Host) OOMKill() { h.oomKills++ }

// settle finds the state that belongs to the present activity.
func (h *Host) settle(a Activity, breaks demo.Breaks) {
	wander := func(what string, period time.Duration) float64 { return Noise(h.seed, h.Name+what, h.now, period) }
	background := 0.035 + 0.01*wander("background", 7*time.Minute) + h.chores()
	h.busy = background + a.Requests*h.perRequest/float64(h.cpus)*(1+0.12*wander("busy", 100*time.Second))
	if breaks.On(demo.BreakNoise) && h.Service == demo.Web {
		h.busy += 0.22 * h.burst("burst", 17*time.Second)
	}
	h.busy = min(max(h.busy, 0.005), 0.97)
	h.memory.settle(h.machine, a, wander("memory", 23*time.Minute))
	if h.memory.available < 0.08*h.machine.memory { // pages go out and come back
		h.busy = min(h.busy+0.15, 0.97)
	}
	h.settleDisks(a, breaks, wander("disk", 3*time.Minute))
	h.net.settle(h, a, breaks, wander("net", 2*time.Minute))
	waiting := max(h.root.busy, h.data.busy)
	h.running = 1 + h.busy*float64(h.cpus)*1.1 + 0.4*h.burst("run", 31*time.Second)
	h.blocked = waiting * 1.5
}

// chores is the CPU share of what runs by the clock: a job each hour, and a backup of the store in the night.
func (h *Host) chores() float64 {
	minute := h.now.Minute()
	switch {
	case h.backup():
		return 0.14
	case minute >= 17 && minute < 19:
		return 0.06
	}
	return 0
}

// backup reports whether the store's nightly backup runs.
func (h *Host) backup() bool {
	return h.machine.data && h.now.Hour() == 2 && h.now.Minute() >= 30 && h.now.Minute() < 52
}

// burst is 1 in some periods and 0 in most.
func (h *Host) burst(what string, period time.Duration) float64 {
	if Random(h.seed, h.Name+what, h.now.UnixNano()/int64(period)) > 0.6 {
		return 1
	}
	return 0
}

func (h *Host) settleDisks(a Activity, breaks demo.Breaks, wander float64) {
	logs := a.Requests*180 + 2500
	h.root.settle(0, logs, 0.02*(1+wander))
	h.root.used = h.root.usual + 0.03*saw(h.now, 24*time.Hour)
	reads := 0.0
	if h.backup() {
		reads = 38e6
	}
	filled := breaks.DiskFilled(h.now)
	written := a.Written + a.Requests*900
	if filled > 0 && filled < 1 && breaks.On(demo.BreakDisk) {
		written += 180e6
	}
	h.data.settle(reads, written, 0.03*(1+wander))
	usual := h.data.usual + 0.05*saw(h.now, 7*24*time.Hour)
	h.data.used = usual + (demo.DiskFull-usual)*filled
}

// saw grows from 0 to 1 over a period of the calendar and falls back: files that are rotated, snapshots that are deleted.
func saw(t time.Time, period time.Duration) float64 {
	_, zone := t.Zone()
	at := t.Unix() + int64(zone)
	return float64(at%int64(period.Seconds())) / period.Seconds()
}

// spend adds the passed time to the counters of CPUs, kernel and pressure.
func (h *Host) spend(dt float64, breaks demo.Breaks) {
	stolen := 0.002
	if breaks.On(demo.BreakNoise) && h.Service == demo.Web {
		stolen = 0.05 + 0.3*h.burst("steal", 13*time.Second)
	}
	waiting := min(max(h.root.busy, h.data.busy)*0.3, 0.5)
	for i := range h.cpu {
		lean := 1 + 0.15*Noise(h.seed, h.Name+"cpu"+string(rune('0'+i)), h.now, 5*time.Minute)
		busy := min(h.busy*lean, 0.98)
		wait := (1 - busy) * waiting
		rest := max(1-busy-stolen-wait, 0)
		for mode, share := range [modes]float64{
			busy * 0.68, busy * 0.015, busy * 0.25, rest, wait, busy * 0.005, busy * 0.05, min(stolen, 1-busy),
		} {
			h.cpu[i][mode] += share * dt
		}
	}
	h.switches += dt * (900 + 9000*h.busy)
	h.interrupts += dt * (600 + 5200*h.busy)
	h.forks += dt * (0.4 + 3*h.chores())
	squeeze := h.busy*h.busy*h.busy*0.5 + stolen*0.6
	short := max(0, 0.12-h.memory.available/h.machine.memory) * 4
	h.faults += dt * (150 + 4000*h.busy)
	h.majorFaults += dt * (0.02 + 400*short)
	for i, p := range [3][2]float64{{squeeze, squeeze * 0.1}, {waiting, waiting * 0.6}, {short, short * 0.7}} {
		h.pressure[i][0] += min(p[0], 1) * dt
		h.pressure[i][1] += min(p[1], 1) * dt
	}
}

// average moves the load averages as the kernel does.
func (h *Host) average(dt float64) {
	tasks := h.running - 1 + h.blocked
	for i, minutes := range [3]float64{1, 5, 15} {
		keep := math.Exp(-dt / (60 * minutes))
		h.load[i] = h.load[i]*keep + tasks*(1-keep)
	}
}
