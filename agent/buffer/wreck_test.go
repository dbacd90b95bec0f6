package buffer

import (
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
)

// original is a record as it was written, before anything was damaged.
type original struct {
	rec      Record
	raw      []byte
	path     string
	off      int
	acked    bool
	embedded bool // its bytes also stand inside a later record's data
}

// wreck is a spool that is damaged on purpose, with the memory of what was in it.
type wreck struct {
	*rig
	rng     *rand.Rand
	given   map[Class]map[uint64]*original
	last    [classes + 1]uint64
	clean   bool
	epoch   uint64
	stateOK bool // at least one state file is whole
	ackSure bool // both are, and the end was clean: no acknowledgement may be forgotten
	did     []string
}

func newWreck(t testing.TB, seed uint64) *wreck {
	w := &wreck{
		rig: newRig(t, func(o *Options) { o.SegmentBytes = 8 << 10 }), rng: rand.New(rand.NewPCG(seed, 77)),
		given: map[Class]map[uint64]*original{}, stateOK: true,
	}
	for c := Results; c <= Logs; c++ {
		w.given[c] = map[uint64]*original{}
	}
	w.write(60 + w.rng.IntN(150))
	for c := Results; c <= Logs; c++ {
		w.last[c] = w.b.Last(c)
	}
	w.epoch = w.b.Epoch()
	if w.clean = w.rng.IntN(2) == 0; w.clean {
		if err := w.b.Close(); err != nil {
			t.Fatal(err)
		}
	} else {
		w.disk.kill()
	}
	w.ackSure = w.clean
	w.locate()
	return w
}

func (w *wreck) write(n int) {
	for range n {
		c := Class(1 + w.rng.IntN(classes))
		rec := Record{Class: c, Time: w.now.UnixMilli() + w.rng.Int64N(1000), Data: w.data(c)}
		seq, err := w.b.Append(c, rec.Time, rec.Data)
		if err != nil {
			w.t.Fatal(err)
		}
		rec.Seq = seq
		w.given[c][seq] = &original{rec: rec}
		switch {
		case w.rng.IntN(40) == 0:
			w.ack(c, 1, 1+w.rng.Uint64N(seq))
		case w.rng.IntN(40) == 0:
			first := 1 + w.rng.Uint64N(seq)
			w.ack(c, first, min(seq, first+w.rng.Uint64N(8)))
		case w.rng.IntN(30) == 0:
			w.tick()
		}
	}
}

func (w *wreck) ack(c Class, first, last uint64) {
	if err := w.b.Ack(c, 0, []Range{{first, last}}); err != nil {
		w.t.Fatal(err)
	}
	for seq := first; seq <= last; seq++ {
		w.given[c][seq].acked = true
	}
}

// data makes contents of all kinds, some of which look like records.
func (w *wreck) data(c Class) []byte {
	size := w.rng.IntN(1200)
	switch w.rng.IntN(12) {
	case 0:
		size = 0
	case 1:
		size = 9000 // more than a segment
	}
	p := make([]byte, size)
	for i := range p {
		p[i] = byte(w.rng.Uint32())
	}
	switch w.rng.IntN(6) {
	case 0: // a record of another spool
		id := identity{first: 1, epoch: w.rng.Uint64(), salt: w.rng.Uint64()}
		p = appendRecord(p, id, w.b.Last(c)+uint64(w.rng.IntN(3)), 1, []byte("forged"))
	case 1: // an earlier record of this very class, byte for byte
		if len(w.given[c]) > 0 {
			o := w.given[c][1+w.rng.Uint64N(w.b.Last(c))]
			if raw := w.rawOf(o); raw != nil {
				o.embedded = true
				p = append(p, raw...)
			}
		}
	case 2:
		clear(p)
	}
	return append(p, byte(w.rng.Uint32()))
}

// rawOf finds the bytes of o on disk by their header.
func (w *wreck) rawOf(o *original) []byte {
	for _, f := range w.walk() {
		if f.rec.Class == o.rec.Class && f.rec.Seq == o.rec.Seq {
			return f.raw
		}
	}
	return nil
}

// walk reads all segments without the package's own reader.
func (w *wreck) walk() (found []original) {
	for _, path := range w.disk.segmentFiles() {
		p := w.disk.names[path].data
		for off := segmentHeader; off+recordHeader <= len(p); {
			end := off + recordHeader + int(binary.LittleEndian.Uint32(p[off+8:]))
			o := original{path: path, off: off, raw: slices.Clone(p[off:end])}
			o.rec.Seq = binary.LittleEndian.Uint64(p[off+16:])
			for c := Results; c <= Logs; c++ {
				if filepath.Base(filepath.Dir(path)) == c.String() {
					o.rec.Class = c
				}
			}
			found = append(found, o)
			off = end
		}
	}
	return found
}

func (w *wreck) locate() {
	for _, f := range w.walk() {
		o := w.given[f.rec.Class][f.rec.Seq]
		o.raw, o.path, o.off = f.raw, f.path, f.off
	}
}

// damages are the ways a spool is hurt. The first seven are those of Prometheus' TestWALRepair_ReadingError.
var damages = map[string]func(*wreck){
	"torn last record": func(w *wreck) { w.edit(func(p []byte, o *original) []byte { return p[:o.off+w.rng.IntN(len(o.raw))] }) },
	"bad header":       func(w *wreck) { w.editSegment(func(p []byte) { w.scribble(p, 0, segmentHeader) }) },
	"bad sequence":     func(w *wreck) { w.edit(func(p []byte, o *original) []byte { return w.scribble(p, o.off+16, 8) }) },
	"bad marker":       func(w *wreck) { w.edit(func(p []byte, o *original) []byte { return w.scribble(p, o.off, 4) }) },
	"bad checksum": func(w *wreck) {
		w.edit(func(p []byte, o *original) []byte { return w.scribble(p, o.off+4+8*w.rng.IntN(2), 4) })
	},
	"bad length": func(w *wreck) { w.edit(func(p []byte, o *original) []byte { return w.scribble(p, o.off+8, 4) }) },
	"bad content": func(w *wreck) {
		w.edit(func(p []byte, o *original) []byte { return w.scribble(p, o.off+recordHeader, len(o.raw)-recordHeader) })
	},
	"bit flip":            func(w *wreck) { w.editSegment(func(p []byte) { p[w.rng.IntN(len(p))] ^= 1 << w.rng.IntN(8) }) },
	"zeroed page":         func(w *wreck) { w.editSegment(func(p []byte) { clear(w.block(p)) }) },
	"garbage page":        func(w *wreck) { w.editSegment(func(p []byte) { w.scribble(w.block(p), 0, 4096) }) },
	"swapped pages":       func(w *wreck) { w.editSegment(w.swapBlocks) },
	"copied page":         func(w *wreck) { w.editSegment(func(p []byte) { copy(w.block(p), w.block(p)) }) },
	"truncation":          func(w *wreck) { w.resize(func(p []byte) []byte { return p[:w.rng.IntN(len(p))] }) },
	"cut between records": func(w *wreck) { w.edit(func(p []byte, o *original) []byte { return p[:o.off] }) },
	"garbage at the end":  func(w *wreck) { w.resize(func(p []byte) []byte { return append(p, w.noise(1+w.rng.IntN(5000))...) }) },
	"garbage inserted": func(w *wreck) {
		w.resize(func(p []byte) []byte { return slices.Insert(p, w.rng.IntN(len(p)), w.noise(1+w.rng.IntN(300))...) })
	},
	"bytes taken out": func(w *wreck) {
		w.resize(func(p []byte) []byte {
			i := w.rng.IntN(len(p))
			return slices.Delete(p, i, min(len(p), i+1+w.rng.IntN(300)))
		})
	},
	"missing file": func(w *wreck) { delete(w.disk.names, w.segment()) },
	"copied file":  (*wreck).copyFile,
	"renamed file": (*wreck).renameFile,
	"file full of another's bytes": func(w *wreck) {
		from := w.disk.names[w.segment()].data
		w.resize(func([]byte) []byte { return slices.Clone(from) })
	},
	"heads":       func(w *wreck) { w.hurtHeads() },
	"heads gone":  func(w *wreck) { delete(w.disk.names, "/spool/heads") },
	"one state":   func(w *wreck) { w.hurtState(w.rng.IntN(2)) },
	"both states": func(w *wreck) { w.hurtState(0); w.hurtState(1) },
	"states gone": func(w *wreck) {
		delete(w.disk.names, "/spool/state.0")
		delete(w.disk.names, "/spool/state.1")
		w.stateOK = false
	},
}

func (w *wreck) segment() string {
	paths := w.disk.segmentFiles()
	return paths[w.rng.IntN(len(paths))]
}

// edit changes the file around one of its original records.
func (w *wreck) edit(f func(p []byte, o *original) []byte) {
	path := w.segment()
	var in []*original
	for _, c := range []Class{Results, Inventory, Metrics, Logs} {
		for _, seq := range slices.Sorted(maps.Keys(w.given[c])) {
			if o := w.given[c][seq]; o.path == path {
				in = append(in, o)
			}
		}
	}
	if len(in) == 0 {
		return
	}
	o := in[w.rng.IntN(len(in))]
	if ino := w.disk.names[path]; o.off+len(o.raw) <= len(ino.data) {
		ino.data = f(ino.data, o)
	}
}

func (w *wreck) editSegment(f func(p []byte)) {
	if p := w.disk.names[w.segment()].data; len(p) > 0 {
		f(p)
	}
}

func (w *wreck) resize(f func(p []byte) []byte) {
	if ino := w.disk.names[w.segment()]; len(ino.data) > 0 {
		ino.data = f(ino.data)
	}
}

func (w *wreck) scribble(p []byte, off, n int) []byte {
	if n = min(n, len(p)-off); n > 0 {
		for range 1 + w.rng.IntN(n) {
			p[off+w.rng.IntN(n)] = byte(w.rng.Uint32())
		}
	}
	return p
}

func (w *wreck) noise(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(w.rng.Uint32())
	}
	return p
}

// block returns an aligned block of 512 or 4096 bytes.
func (w *wreck) block(p []byte) []byte {
	size := []int{512, 4096}[w.rng.IntN(2)]
	off := w.rng.IntN(len(p)) / size * size
	return p[off:min(len(p), off+size)]
}

func (w *wreck) swapBlocks(p []byte) {
	a, b := w.rng.IntN(len(p))/512*512, w.rng.IntN(len(p))/512*512
	n := min(512, len(p)-a, len(p)-b)
	tmp := slices.Clone(p[a : a+n])
	copy(p[a:], p[b:b+n])
	copy(p[b:], tmp)
}

func (w *wreck) copyFile() {
	path := w.segment()
	to := filepath.Join(filepath.Dir(path), "copy of "+filepath.Base(path))
	if w.rng.IntN(2) == 0 {
		to = filepath.Join(filepath.Dir(path), identity{1 + w.rng.Uint64N(300), w.epoch, newSalt()}.fileName())
	}
	w.disk.names[to] = &memInode{path: to, data: slices.Clone(w.disk.names[path].data)}
}

func (w *wreck) renameFile() {
	path := w.segment()
	if _, _, sound := parseSegmentHeader(w.disk.names[path].data); !sound {
		return // without name and header nothing can be verified any more
	}
	w.copyFile()
	delete(w.disk.names, path)
}

func (w *wreck) hurtHeads() {
	if ino := w.disk.names["/spool/heads"]; ino != nil {
		w.scribble(ino.data, 0, len(ino.data))
	}
}

func (w *wreck) hurtState(i int) {
	if ino := w.disk.names["/spool/"+slotName(i)]; ino != nil {
		w.scribble(ino.data, 0, 60)
		_, err := decodeState(ino.data)
		if w.ackSure = false; err == nil {
			ino.data[12] ^= 1
		}
	}
	w.stateOK = false
	for i := range 2 {
		if ino := w.disk.names["/spool/"+slotName(i)]; ino != nil {
			if _, err := decodeState(ino.data); err == nil {
				w.stateOK = true
			}
		}
	}
}
