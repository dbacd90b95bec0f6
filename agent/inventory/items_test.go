package inventory

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func thing(key, attributes string) Item {
	return Item{Class: "c", Key: key, Attributes: []byte(`{"v":"` + attributes + `"}`)}
}

func itemsText(batches []Batch) string {
	var words []string
	for _, b := range batches {
		if b.Full {
			words = append(words, "full")
		}
		for _, i := range b.Items {
			if i.Gone {
				words = append(words, "gone "+i.Key)
			} else {
				words = append(words, "+"+i.Key)
			}
		}
	}
	return strings.Join(words, " ")
}

// TestHashItems holds the form that the wire describes: the collector has the same test.
func TestHashItems(t *testing.T) {
	want := sha256.Sum256([]byte("c\x00B\x00{\"v\":\"1\"}\x00c\x00a\x00{\"v\":\"2\"}\x00"))
	if got := HashItems([]Item{thing("B", "1"), thing("a", "2")}); string(got) != string(want[:]) {
		t.Errorf("hash %x, want %x", got, want)
	}
}

func TestItems(t *testing.T) {
	type look struct {
		now    []Item
		resend bool
		want   string
	}
	for name, tc := range map[string]struct {
		linger int
		looks  []look
	}{
		"the first look tells all, later ones what changed": {1, []look{
			{now: []Item{thing("b", "1"), thing("a", "1")}, want: "full +a +b"},
			{now: []Item{thing("a", "1"), thing("b", "1")}},
			{now: []Item{thing("a", "2"), thing("b", "1"), thing("c", "1")}, want: "+a +c"},
			{now: []Item{thing("c", "1")}, want: "gone a gone b"},
		}},
		"nothing at first is told too": {1, []look{{want: "full"}, {}, {now: []Item{thing("a", "1")}, want: "+a"}}},
		"what is missed once may come back": {2, []look{
			{now: []Item{thing("a", "1")}, want: "full +a"}, {}, {now: []Item{thing("a", "1")}}, {}, {want: "gone a"}, {},
		}},
		"asked for all": {2, []look{
			{now: []Item{thing("a", "1")}, want: "full +a"},
			{now: []Item{thing("a", "1"), thing("b", "1")}, resend: true, want: "full +a +b"},
			{now: []Item{thing("a", "1"), thing("b", "1")}},
			{now: []Item{thing("a", "1")}, resend: true, want: "full +a +b"}, // b may come back
			{now: []Item{thing("a", "1")}, want: "gone b"},
		}},
		"a key that comes twice counts once": {1, []look{{now: []Item{thing("a", "1"), thing("a", "2")}, want: "full +a"}}},
		"a key of no text does not count":    {1, []look{{now: []Item{thing(" \x00", "1")}, want: "full"}}},
	} {
		t.Run(name, func(t *testing.T) {
			items, at := NewItems("k", tc.linger), time.Now()
			for i, l := range tc.looks {
				if l.resend {
					items.Resend()
				}
				batches := items.Look(l.now, at.Add(time.Duration(i)*time.Second))
				if diff := cmp.Diff(l.want, itemsText(batches)); diff != "" {
					t.Errorf("look %d (-want +got):\n%s", i, diff)
				}
				if len(batches) > 0 && string(batches[0].Hash) != string(HashItems(items.sorted())) {
					t.Errorf("look %d: the hash is not of what was told", i)
				}
			}
		})
	}
}

// TestRestlessItemsCostLittle follows one that changes at each look for a day.
func TestRestlessItemsCostLittle(t *testing.T) {
	items, at := NewItems("k", 1), time.Now()
	items.Look([]Item{thing("a", "x")}, at)
	told, last := 0, ""
	for i := range 24 * 3600 / 5 {
		last = fmt.Sprint(i)
		for _, b := range items.Look([]Item{thing("a", last)}, at.Add(time.Duration(i)*5*time.Second)) {
			told += len(b.Items)
		}
	}
	if told < burst+20 || told > burst+24 {
		t.Errorf("told %d times in a day", told)
	}
	// When it calms down the last word is told.
	if !items.Pending() {
		t.Error("nothing is held back")
	}
	batches := items.Look([]Item{thing("a", last)}, at.Add(25*time.Hour))
	if len(batches) != 1 || items.Pending() || !strings.Contains(string(batches[0].Items[0].Attributes), last) {
		t.Errorf("the last word: %v", batches)
	}
}

func TestWholesComeInParts(t *testing.T) {
	var all []Item
	for i := range 100 {
		all = append(all, thing(fmt.Sprintf("%03d", i), strings.Repeat("x", mostAttributes-100)))
	}
	items := NewItems("k", 1)
	batches := items.Look(all, time.Now())
	n := 0
	for i, b := range batches {
		size := 0
		for _, item := range b.Items {
			size += item.size()
		}
		n += len(b.Items)
		last := i == len(batches)-1
		if size > mostBatch || b.Full != (i == 0) || (len(b.Hash) > 0) != last {
			t.Errorf("part %d: %d bytes, full %v, hash %x", i, size, b.Full, b.Hash)
		}
	}
	if len(batches) < 2 || n != len(all) || string(batches[len(batches)-1].Hash) != string(HashItems(all)) {
		t.Errorf("%d parts with %d items", len(batches), n)
	}
}

func TestItemsHaveBounds(t *testing.T) {
	items := NewItems("k", 1)
	items.Look([]Item{thing("huge", strings.Repeat("x", mostAttributes)), thing(strings.Repeat("k", 2*mostKey), "1")}, time.Now())
	if !items.Crowded() || items.Len() != 1 || len(items.sorted()[0].Key) != mostKey {
		t.Errorf("crowded %v, %d items", items.Crowded(), items.Len())
	}
	var many []Item
	for i := range mostItems + 1 {
		many = append(many, thing(fmt.Sprint(i), ""))
	}
	if items.Look(many, time.Now()); !items.Crowded() {
		t.Error("not crowded")
	}
}
