package sim

import (
	"time"

	"github.com/picketmon/picket/demo"
)

// memory is how a host's memory is used, in bytes.
type memory struct {
	anon, cached, buffers, slab, kernel, free, available, dirty float64
}

// settle divides the memory: what the service needs comes first, the page cache gets what is left.
func (m *memory) settle(h machine, a Activity, wander float64) {
	m.kernel = h.memory * 0.045
	m.slab = h.memory * 0.03
	m.buffers = h.memory * 0.012
	m.anon = h.needs*(1+0.03*wander) + a.Leaked + a.Requests*1.2e6 + a.Waiting*0.6e6
	if a.Down {
		m.anon = h.needs * 0.4
	}
	room := h.memory - m.kernel - m.slab - m.buffers
	m.anon = min(m.anon, room*0.98)
	m.cached = min(h.memory*0.3*(1+0.05*wander), (room-m.anon)*0.85)
	m.free = room - m.anon - m.cached
	m.available = m.free + 0.92*m.cached + 0.6*m.slab
	m.dirty = 2e5 + a.Written*4
}

// disk is a block device with one file system on it.
type disk struct {
	size        float64 // bytes
	usual, used float64 // share of size
	busy        float64 // share of time
	readRate    float64 // bytes per second
	writeRate   float64

	reads, readBytes, readTime     float64
	writes, writeBytes, writeTime  float64
	merged, ioTime, weighted, flux float64
}

func newDisk(size, usual float64) disk { return disk{size: size, usual: usual, used: usual} }

// What the devices can do.
const (
	diskBytes = 250e6 // per second
	ioBytes   = 16e3  // per operation
	ioTime    = 0.0007
)

func (d *disk) settle(read, written, least float64) {
	d.readRate, d.writeRate = read+4e3, written+9e3
	d.busy = min(least+(d.readRate+d.writeRate)/diskBytes*0.9, 0.99)
}

func (d *disk) step(dt float64) {
	reads, writes := d.readRate/ioBytes*dt, d.writeRate/ioBytes*dt
	slow := 1 / (1.02 - d.busy)
	d.reads += reads
	d.writes += writes
	d.readBytes += d.readRate * dt
	d.writeBytes += d.writeRate * dt
	d.readTime += reads * ioTime * slow
	d.writeTime += writes * 1.6 * ioTime * slow
	d.merged += writes * 0.3
	d.ioTime += d.busy * dt
	d.weighted += (reads + 1.6*writes) * ioTime * slow
	d.flux += 0.3 * dt
}

// network is the host's card and its connections.
type network struct {
	inRate, outRate float64 // bytes per second
	errRate         float64
	established     float64
	opening         float64 // connections per second
	loRate          float64

	in, out, inPackets, outPackets, errs, drops, lo, loPackets, retrans, segments, opened, accepted float64
}

// frame is the usual size of a packet.
const frame = 780

func (n *network) settle(h *Host, a Activity, breaks demo.Breaks, wander float64) {
	bytes := a.Requests * h.bytes * (1 + 0.08*wander)
	n.inRate, n.outRate = 1800+bytes*0.3, 1500+bytes*0.7
	n.loRate = 900.0
	if h.Service == demo.Load || h.Service == demo.Store {
		n.inRate, n.outRate = n.outRate, n.inRate
	}
	n.errRate = 0
	if breaks.On(demo.BreakNoise) && h.Service == demo.Web {
		n.errRate = 3 * h.burst("errs", 11*time.Second)
		n.inRate += 4e5 * h.burst("flood", 19*time.Second)
	}
	n.opening = 0.05 + a.Requests*0.03
	n.established = 6 + a.Requests*0.8 + a.Waiting
}

func (n *network) step(dt float64) {
	n.in += n.inRate * dt
	n.out += n.outRate * dt
	n.inPackets += n.inRate / frame * dt
	n.outPackets += n.outRate / frame * dt
	n.lo += n.loRate * dt
	n.loPackets += n.loRate / frame * dt
	n.errs += n.errRate * dt
	n.drops += n.errRate * 0.4 * dt
	n.opened += n.opening * dt
	n.accepted += n.opening * 1.1 * dt
	n.segments += n.outRate / frame * dt
	n.retrans += (0.0008*n.outRate/frame + n.errRate) * dt
}
