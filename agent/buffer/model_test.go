package buffer

import (
	"bytes"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"
)

// model is what the spool should hold: everything that was given and neither acknowledged nor dropped.
type model struct {
	*rig
	rng     *rand.Rand
	given   map[Class]map[uint64]Record
	last    map[Class]uint64
	gone    map[Class]map[uint64]string // why
	unsure  map[Class]map[uint64]bool   // settled since the state was saved: a crash may bring them back
	synced  map[Class]map[uint64]bool   // must survive a power loss
	told    map[Class]map[uint64]int    // how many crashes there had been
	crashes int
	cursor  map[Class]uint64
	ops     map[string]int
}

// TestModel runs random operations, crashes and power losses among them, against the model.
func TestModel(t *testing.T) {
	seeds, steps := uint64(30), 400
	if os.Getenv("PICKET_SOAK") == "1" {
		seeds = 2000
	}
	ops := map[string]int{}
	for seed := range seeds {
		m := newModel(t, seed)
		for range steps {
			m.step()
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
		if m.compare(); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
		_ = m.b.Close()
		for op, n := range m.ops {
			ops[op] += n
		}
	}
	t.Logf("%d seeds of %d steps: %v", seeds, steps, ops)
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{
		rng:   rand.New(rand.NewPCG(seed, 5)),
		given: map[Class]map[uint64]Record{}, last: map[Class]uint64{}, gone: map[Class]map[uint64]string{}, unsure: map[Class]map[uint64]bool{},
		synced: map[Class]map[uint64]bool{}, told: map[Class]map[uint64]int{}, cursor: map[Class]uint64{}, ops: map[string]int{},
	}
	m.rig = newRig(t, func(o *Options) {
		o.MaxBytes, o.SegmentBytes, o.MaxAge = 256<<10, 8<<10, 24*time.Hour
		o.MinFreeRatio = -1
		o.OnDrop = m.onDrop
	})
	for c := Results; c <= Logs; c++ {
		m.given[c], m.told[c] = map[uint64]Record{}, map[uint64]int{}
		m.gone[c], m.unsure[c], m.synced[c] = map[uint64]string{}, map[uint64]bool{}, map[uint64]bool{}
	}
	return m
}

// onDrop books a drop. Each range is told once, but a crash may tell it again.
func (m *model) onDrop(d Drop) {
	if d.First == 0 {
		return
	}
	if d.Reason == ReasonSkipped {
		for seq := d.First; seq <= min(d.Last, m.last[d.Class]); seq++ {
			if m.synced[d.Class][seq] && !m.unsure[d.Class][seq] {
				m.t.Errorf("skipped %d, which was synced: %+v", seq, d)
			}
			m.gone[d.Class][seq] = d.Reason
		}
		m.last[d.Class] = max(m.last[d.Class], d.Last)
		return
	}
	if d.Reason == ReasonCorrupt {
		m.t.Errorf("nothing was damaged: %+v", d)
	}
	var size uint64
	for seq := d.First; seq <= d.Last; seq++ {
		if seq > m.last[d.Class] {
			m.t.Fatalf("drop of what was never given: %+v", d)
		}
		size += uint64(len(m.given[d.Class][seq].Data))
		was := m.gone[d.Class][seq]
		switch {
		case was == d.Reason && m.told[d.Class][seq] < m.crashes:
		case was != "" && !m.unsure[d.Class][seq] && d.Reason != ReasonPowerLoss:
			m.t.Errorf("%v %d dropped for %s, gone before for %s", d.Class, seq, d.Reason, was)
		case d.Reason == ReasonPowerLoss && m.synced[d.Class][seq]:
			m.t.Errorf("%v %d was synced and is lost: %+v", d.Class, seq, d)
		}
		m.gone[d.Class][seq], m.told[d.Class][seq] = d.Reason, m.crashes
	}
	if d.Records != d.Last-d.First+1 || d.Bytes != size && d.Reason != ReasonPowerLoss {
		m.t.Errorf("drop does not add up to %d bytes: %+v", size, d)
	}
}

func (m *model) class() Class { return Class(1 + m.rng.IntN(classes)) }

func (m *model) step() {
	type op struct {
		name   string
		weight int
		do     func()
	}
	all := []op{
		{"append", 60, func() { m.doAppend(1 + m.rng.IntN(20)) }},
		{"next", 20, m.doNext},
		{"ack", 12, m.doAck},
		{"reject", 3, m.doReject},
		{"tick", 10, m.doTick},
		{"advance", 3, func() { m.advance(time.Duration(m.rng.Int64N(int64(8 * time.Hour)))) }},
		{"disk", 2, m.doDisk},
		{"compare", 2, m.compare},
		{"reopen", 1, func() { m.reopen(); m.doTick() }},
		{"kill", 2, func() { m.crash(); m.resurrect(false); m.doTick() }},
		{"power loss", 1, m.doPowerLoss},
	}
	total := 0
	for _, o := range all {
		total += o.weight
	}
	n := m.rng.IntN(total)
	for _, o := range all {
		if n -= o.weight; n < 0 {
			m.ops[o.name]++
			o.do()
			return
		}
	}
}

func (m *model) doAppend(n int) {
	c := m.class()
	for range n {
		data := make([]byte, m.rng.IntN(900))
		for i := range data {
			data[i] = byte(m.rng.Uint32())
		}
		m.advance(time.Duration(m.rng.IntN(5000)) * time.Millisecond)
		at := m.now.UnixMilli()
		seq, err := m.b.Append(c, at, data)
		if errors.Is(err, ErrFull) {
			continue
		}
		if err != nil {
			m.t.Fatalf("append: %v", err)
		}
		if want := m.last[c] + 1; seq != want {
			m.t.Fatalf("append gave %v %d, want %d", c, seq, want)
		}
		m.given[c][seq], m.last[c] = Record{c, seq, at, data}, seq
	}
}

// doNext reads on from where it was, or from anywhere. Drops may not be booked yet, so a gap is judged by compare.
func (m *model) doNext() {
	c := m.class()
	if m.rng.IntN(4) == 0 {
		m.cursor[c] = m.rng.Uint64N(m.last[c] + 2)
	}
	for range 1 + m.rng.IntN(10) {
		rec, ok, err := m.b.Next(c, m.cursor[c])
		if err != nil {
			m.t.Fatalf("next: %v", err)
		}
		if !ok {
			return
		}
		m.checkRecord(rec, m.cursor[c])
		m.cursor[c] = rec.Seq
	}
}

func (m *model) checkRecord(rec Record, after uint64) {
	if rec.Seq <= after || rec.Seq > m.last[rec.Class] {
		m.t.Fatalf("next after %d gave %v %d of %d", after, rec.Class, rec.Seq, m.last[rec.Class])
	}
	want := m.given[rec.Class][rec.Seq]
	if why := m.gone[rec.Class][rec.Seq]; why != "" {
		m.t.Errorf("next gave %v %d, which is gone: %s", rec.Class, rec.Seq, why)
	}
	if rec.Time != want.Time || !bytes.Equal(rec.Data, want.Data) {
		m.t.Errorf("%v %d is not what was written", rec.Class, rec.Seq)
	}
}

func (m *model) settle(c Class, first, last uint64, why string) {
	for seq := range m.given[c] {
		if seq >= first && seq <= last && m.gone[c][seq] == "" {
			m.gone[c][seq] = why
			m.unsure[c][seq] = true
		}
	}
}

func (m *model) doAck() {
	c := m.class()
	n := m.last[c]
	if n == 0 {
		return
	}
	m.doBook()
	first, _ := m.b.Position(c)
	watermark := min(n, first+m.rng.Uint64N(60)) - uint64(m.rng.IntN(2))
	var above []Range
	for range m.rng.IntN(3) {
		a := 1 + m.rng.Uint64N(n)
		above = append(above, Range{a, min(n, a+m.rng.Uint64N(20))})
	}
	if m.rng.IntN(20) == 0 {
		if err := m.b.Ack(c, n+1, above); !errors.Is(err, ErrBeyond) {
			m.t.Errorf("acknowledging %d of %d: %v", n+1, n, err)
		}
		return
	}
	if err := m.b.Ack(c, watermark, above); err != nil {
		m.t.Fatalf("ack: %v", err)
	}
	m.settle(c, 1, watermark, "acked")
	for _, r := range above {
		m.settle(c, r.First, r.Last, "acked")
	}
}

func (m *model) doReject() {
	c := m.class()
	n := m.last[c]
	if n == 0 {
		return
	}
	m.doBook()
	if err := m.b.Reject(c, 1+m.rng.Uint64N(n), "no"); err != nil {
		m.t.Fatalf("reject: %v", err)
	}
	m.doTick()
}

// doBook hears of the drops that have happened, so that what is settled next is not taken for something else.
func (m *model) doBook() { m.b.deliver() }

// doTick saves and syncs. What was settled before it does not come back after a kill, what was written before it does not go
// with the power.
func (m *model) doTick() {
	m.disk.mu.Lock()
	m.disk.capacity = 0
	m.disk.mu.Unlock()
	m.tick()
	m.tick()
	for c := Results; c <= Logs; c++ {
		clear(m.unsure[c])
		for seq := range m.given[c] {
			if m.gone[c][seq] == "" {
				m.synced[c][seq] = true
			}
		}
	}
}

func (m *model) doDisk() {
	m.disk.mu.Lock()
	defer m.disk.mu.Unlock()
	m.disk.capacity = m.disk.used() + m.rng.Int64N(20<<10)
}

func (m *model) doPowerLoss() {
	m.disk.losePower(m.rng)
	m.opt.bootID += "+"
	m.open()
	m.resurrect(true)
	m.doTick()
}

// resurrect forgets what a crash may have forgotten: settled records may be held again. After a power loss that is true of
// all acknowledgements, because only the state in front of a deletion is synced.
func (m *model) resurrect(power bool) {
	m.crashes++
	for c := Results; c <= Logs; c++ {
		for seq, why := range m.gone[c] {
			if m.unsure[c][seq] || power && (why == "acked" || why == ReasonRejected) {
				if _, ok := m.peek(c, seq); ok {
					delete(m.gone[c], seq)
				} else {
					m.unsure[c][seq] = true
				}
			}
		}
	}
}

func (m *model) peek(c Class, seq uint64) (Record, bool) {
	rec, ok, err := m.b.Next(c, seq-1)
	if err != nil {
		m.t.Fatal(err)
	}
	return rec, ok && rec.Seq == seq
}

// compare reads everything and wants exactly what is not gone.
func (m *model) compare() {
	m.doTick()
	for c := Results; c <= Logs; c++ {
		want := map[uint64]bool{}
		for seq := range m.given[c] {
			if m.gone[c][seq] == "" {
				want[seq] = true
			}
		}
		got := map[uint64]bool{}
		for after := uint64(0); ; {
			rec, ok, err := m.b.Next(c, after)
			if err != nil || !ok {
				break
			}
			m.checkRecord(rec, after)
			got[rec.Seq], after = true, rec.Seq
		}
		if !maps.Equal(want, got) {
			m.t.Errorf("%v: held %v, want %v", c, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
		if s := m.b.Stats(); s.Class(c).Records != uint64(len(want)) {
			m.t.Errorf("%v: stats say %d records, want %d", c, s.Class(c).Records, len(want))
		}
	}
	if s := m.b.Stats(); s.Bytes > m.opt.MaxBytes {
		m.t.Errorf("%d bytes, bound %d", s.Bytes, m.opt.MaxBytes)
	}
	var onDisk int64
	for _, path := range m.disk.segmentFiles() {
		onDisk += int64(len(m.disk.names[path].data))
	}
	if s := m.b.Stats(); s.Bytes > onDisk {
		m.t.Errorf("stats say %d bytes, %d are on disk", s.Bytes, onDisk)
	}
}
