package buffer

import (
	"bytes"
	"slices"
	"testing"
)

// buildSegment follows a fuzzer's program, four bytes per step, to make a file with records that verify, out of order, twice,
// far apart, inside one another, and with damage between them.
func buildSegment(id identity, program []byte) []byte {
	p := appendSegmentHeader(nil, Logs, id, testTime)
	seq := uint64(0)
	for ; len(program) >= 4 && len(p) < 64<<10; program = program[4:] {
		a, b, c := program[1], program[2], program[3]
		data := bytes.Repeat([]byte{a}, int(b))
		switch program[0] % 8 {
		case 0, 1, 2:
			seq++
			p = appendRecord(p, id, seq, int64(c), data)
		case 3:
			seq += uint64(c)
			p = appendRecord(p, id, seq, -int64(c), data)
		case 4:
			seq -= min(seq, uint64(c))
			p = appendRecord(p, id, seq, 1<<uint(c%63), data)
		case 5:
			p = append(p, data...)
		case 6:
			p[(int(a)<<8|int(b))%len(p)] ^= c
		case 7:
			seq++
			inner := appendRecord(nil, id, seq+uint64(c%4), 0, data)
			p = appendRecord(p, id, seq, 0, inner)
		}
	}
	return append(p, program...)
}

// FuzzSegment opens a spool one of whose segments holds foreign bytes. The name gives away the salt, so that the fuzzer can
// make records that verify.
func FuzzSegment(f *testing.F) {
	id := identity{first: 1, epoch: 7, salt: 0x1122334455667788}
	f.Add([]byte("\x00aa1\x00bb2\x00cc3"), false, true)
	f.Add([]byte("\x00aa1\x03bb2\x04cc9\x06\x00\x49\x01"), false, false)
	f.Add([]byte("\x07aa1\x06\x00\x44\x01\x00bb2\x05cc3\x00"), false, true)
	whole := buildSegment(id, []byte("\x00aa1\x00bb2\x00cc3"))
	f.Add(whole[:len(whole)-3], true, true)
	f.Add(whole[segmentHeader:], true, true)
	f.Add(appendRecord(appendRecord(whole, id, 3, 0, nil), id, 1<<61, 0, nil), true, false)
	f.Add([]byte{}, true, true)
	f.Fuzz(func(t *testing.T, p []byte, raw, foreign bool) {
		if len(p) > 64<<10 {
			return
		}
		r := newRig(t, func(o *Options) { o.MaxAge = 1 << 62 })
		id := id
		if !foreign {
			id.epoch = r.b.Epoch()
		}
		if !raw {
			p = buildSegment(id, p)
		}
		if err := r.b.Close(); err != nil {
			t.Fatal(err)
		}
		path := joinPath("/spool/logs", id.fileName())
		r.disk.names[path] = &memInode{path: path, data: bytes.Clone(p)}
		r.open()
		checkScan(t, r, id, p)
		held := r.held(Logs, 0)
		if got := r.b.Stats().Records; got != uint64(len(held)) {
			t.Errorf("%d held, stats say %d", len(held), got)
		}
		last := r.b.Last(Logs)
		if seq := r.append(Logs, []byte("x")); seq != last+1 {
			t.Errorf("append gave %d after %d", seq, last)
		}
		r.tick()
		r.tick()
		if slices.ContainsFunc(r.drops, func(d Drop) bool { return d.Reason == ReasonAge }) {
			return // times before the 19th century
		}
		r.drops = nil
		r.crash()
		if r.tick(); len(r.drops) > 0 {
			t.Errorf("opened again: %+v", r.drops)
		}
		if again := r.held(Logs, 0); len(again) != len(held)+1 {
			t.Errorf("%d held, then %d after a restart", len(held)+1, len(again))
		}
	})
}

// checkScan says that a scan ends, moves forward, and that what it yields verifies where it stands.
func checkScan(t *testing.T, r *rig, id identity, p []byte) {
	r.disk.names["/x"] = &memInode{path: "/x", data: p}
	f, _ := r.disk.Open("/x", false)
	w := window{buf: make([]byte, 4<<10)}
	w.reset(f, int64(len(p)))
	sc := scanner{win: &w, id: id, off: segmentHeader}
	end := int64(0)
	for e, ok := sc.next(); ok; e, ok = sc.next() {
		if e.off < end || e.end() > int64(len(p)) {
			t.Fatalf("record at %d to %d after %d of %d", e.off, e.end(), end, len(p))
		}
		if checksum(id.seed(), p[e.off+recordHeader:e.end()]) != e.crc {
			t.Fatalf("record at %d does not verify", e.off)
		}
		end = e.end()
	}
	delete(r.disk.names, "/x")
}

// FuzzState decodes foreign bytes as a state file; what decodes must encode to the same state.
func FuzzState(f *testing.F) {
	s := savedState{generation: 3, epoch: 9, bootID: "boot", pending: []Drop{{Class: Logs, First: 1, Last: 2, Reason: ReasonAge}}}
	for i := range s.queues {
		s.queues[i] = savedQueue{next: 50, reserved: 100, ledger: ledger{low: 3, above: []Range{{5, 6}, {9, 30}}}}
	}
	whole := s.encode(nil)
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add(whole[16:])
	f.Fuzz(func(t *testing.T, p []byte) {
		for _, q := range [][]byte{p, seal(p)} { // the second has a body of the fuzzer's and checksums that fit
			s, err := decodeState(q)
			if err != nil {
				continue
			}
			again, err := decodeState(s.encode(nil))
			if err != nil || again.generation != s.generation || again.queues[3].next != s.queues[3].next ||
				len(again.pending) != len(s.pending) {
				t.Errorf("%+v became %+v, %v", s, again, err)
			}
		}
	})
}

func seal(body []byte) []byte {
	var s savedState
	p := append(s.encode(nil)[:16], body...)
	le32(p[8:], uint32(len(body)))
	le32(p[12:], checksum(0, body))
	return p
}

func le32(p []byte, v uint32) { p[0], p[1], p[2], p[3] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24) }
