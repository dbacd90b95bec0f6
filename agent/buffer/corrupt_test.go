package buffer

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// intact says whether o must be found: its bytes are in a file whose identity can still be known.
func (w *wreck) intact(o *original) bool {
	if o.raw == nil {
		return false
	}
	for path, ino := range w.disk.names {
		if !strings.HasSuffix(path, ".seg") {
			continue
		}
		id, named := parseFileName(filepath.Base(path))
		if _, headID, sound := parseSegmentHeader(ino.data); sound {
			id = headID
		} else if !named {
			continue
		}
		if was, _ := parseFileName(filepath.Base(o.path)); id != was {
			continue
		}
		if o.embedded {
			if o.off+len(o.raw) <= len(ino.data) && bytes.Equal(ino.data[o.off:o.off+len(o.raw)], o.raw) {
				return true
			}
		} else if bytes.Contains(ino.data, o.raw) {
			return true
		}
	}
	return false
}

type wreckFigures struct{ records, intact, recovered, lost, places, newEpochs int }

// TestCorruption damages spools in every known way and asks for three things: no panic, every record that is still whole is
// given out as it was, and what is missing is reported exactly.
func TestCorruption(t *testing.T) {
	seeds := uint64(300)
	if os.Getenv("PICKET_SOAK") == "1" {
		seeds = 10_000
	}
	var sum wreckFigures
	kinds := map[string]int{}
	names := slices.Sorted(maps.Keys(damages))
	for seed := range seeds {
		w := newWreck(t, seed)
		for i := range 1 + w.rng.IntN(4) {
			name := names[w.rng.IntN(len(names))]
			if i == 0 {
				name = names[seed%uint64(len(names))] // every kind has its turn alone or first
			}
			if len(w.disk.segmentFiles()) == 0 {
				break
			}
			w.did = append(w.did, name)
			kinds[name]++
			damages[name](w)
		}
		if w.check(&sum); t.Failed() {
			t.Fatalf("seed %d, clean end %v: %v", seed, w.clean, w.did)
		}
	}
	t.Logf("%d spools, %d kinds of damage, %d records given, %d of them whole and waiting: %d recovered, %d reported lost, "+
		"%d damaged places, %d new epochs, 0 panics", seeds, len(kinds), sum.records, sum.intact, sum.recovered, sum.lost,
		sum.places, sum.newEpochs)
	if len(kinds) != len(damages) {
		t.Errorf("only %d of %d kinds were tried", len(kinds), len(damages))
	}
}

func (w *wreck) check(sum *wreckFigures) {
	must := map[*original]bool{}
	for _, c := range w.given {
		for _, o := range c {
			sum.records++
			if !o.acked && w.intact(o) {
				must[o] = true
			}
		}
	}
	sum.intact += len(must)
	w.drops = nil
	w.open()
	w.tick()
	stats := w.b.Stats()
	sum.places += int(stats.Damaged)
	if w.stateOK {
		w.checkSameEpoch(must, sum)
	} else {
		w.checkNewEpoch(must, sum)
	}
	w.checkAgain()
}

func (w *wreck) checkSameEpoch(must map[*original]bool, sum *wreckFigures) {
	if w.b.Epoch() != w.epoch {
		w.t.Errorf("the epoch changed although a state is whole")
	}
	lost, skipped := map[Class]map[uint64]bool{}, map[Class]Range{}
	for _, d := range w.drops {
		if d.Reason != ReasonCorrupt && d.Reason != ReasonSkipped {
			w.t.Errorf("drop %+v", d)
		}
		if d.Reason == ReasonSkipped {
			skipped[d.Class] = Range{d.First, d.Last}
			if !slices.ContainsFunc(w.did, func(s string) bool { return strings.HasPrefix(s, "heads") }) {
				w.t.Errorf("sequences were skipped although the heads are whole: %+v", d)
			}
		}
		if lost[d.Class] == nil {
			lost[d.Class] = map[uint64]bool{}
		}
		for seq := d.First; seq <= d.Last && d.Reason == ReasonCorrupt; seq++ {
			lost[d.Class][seq] = true
		}
	}
	for c := Results; c <= Logs; c++ {
		got := w.readAll(c)
		for seq, rec := range got {
			o := w.given[c][seq]
			if o == nil || o.rec.Time != rec.Time || !bytes.Equal(o.rec.Data, rec.Data) {
				w.t.Errorf("%v %d was never written so", c, seq)
				continue
			}
			if o.acked && w.ackSure {
				w.t.Errorf("%v %d was acknowledged", c, seq)
			}
		}
		for seq, o := range w.given[c] {
			_, have := got[seq]
			switch {
			case must[o] && !have:
				w.t.Errorf("%v %d is whole at %s %d and was not found", c, seq, o.path, o.off)
			case have && lost[c][seq]:
				w.t.Errorf("%v %d is there and was reported lost", c, seq)
			case !have && !o.acked && !lost[c][seq] && (seq < skipped[c].First || seq > skipped[c].Last):
				w.t.Errorf("%v %d is missing and was not reported", c, seq)
			}
			if must[o] && have {
				sum.recovered++
			}
		}
		for seq := range lost[c] {
			if w.given[c][seq] == nil {
				w.t.Errorf("%v %d was reported lost and never given", c, seq)
			}
		}
		sum.lost += len(lost[c])
		if seq := w.append(c, []byte("after")); seq <= w.last[c] {
			w.t.Errorf("%v %d was given twice, %d was the last", c, seq, w.last[c])
		}
	}
}

func (w *wreck) checkNewEpoch(must map[*original]bool, sum *wreckFigures) {
	sum.newEpochs++
	if w.b.Epoch() == w.epoch {
		w.t.Errorf("the epoch is the old one although no state is whole")
	}
	for c := Results; c <= Logs; c++ {
		old := map[string]*original{}
		for _, o := range w.given[c] {
			old[fmt.Sprintf("%d %x", o.rec.Time, o.rec.Data)] = o
		}
		var before uint64
		found := map[*original]bool{}
		got := w.readAll(c)
		for _, seq := range slices.Sorted(maps.Keys(got)) {
			o := old[fmt.Sprintf("%d %x", got[seq].Time, got[seq].Data)]
			switch {
			case o == nil:
				w.t.Errorf("%v %d was never written", c, seq)
				continue
			case o.rec.Seq <= before:
				w.t.Errorf("%v: old sequence %d after %d", c, o.rec.Seq, before)
			}
			found[o], before = true, o.rec.Seq
		}
		for o := range must {
			if o.rec.Class == c && !found[o] {
				w.t.Errorf("%v, old sequence %d, is whole and was not found", c, o.rec.Seq)
			} else if o.rec.Class == c {
				sum.recovered++
			}
		}
	}
}

// checkAgain opens the spool once more: what is there stays, and nothing is reported a second time.
func (w *wreck) checkAgain() {
	before := map[Class]map[uint64]Record{}
	for c := Results; c <= Logs; c++ {
		before[c] = w.readAll(c)
	}
	epoch := w.b.Epoch()
	w.tick() // what reading found
	w.drops = nil
	if w.rng.IntN(2) == 0 {
		w.reopen()
	} else {
		w.tick()
		w.tick() // saves that the drops were told
		w.crash()
	}
	w.tick()
	if len(w.drops) > 0 || w.b.Epoch() != epoch {
		w.t.Errorf("opened again: epoch changed %v, drops %+v", w.b.Epoch() != epoch, w.drops)
	}
	for c := Results; c <= Logs; c++ {
		after := w.readAll(c)
		if !slices.Equal(slices.Sorted(maps.Keys(before[c])), slices.Sorted(maps.Keys(after))) {
			w.t.Errorf("opened again: %v holds %d records, before %d", c, len(after), len(before[c]))
		}
	}
	_ = w.b.Close()
}

func (w *wreck) readAll(c Class) map[uint64]Record {
	got := map[uint64]Record{}
	for after := uint64(0); ; {
		rec, ok, err := w.b.Next(c, after)
		if err != nil {
			w.t.Fatal(err)
		}
		if !ok {
			return got
		}
		got[rec.Seq], after = rec, rec.Seq
	}
}
