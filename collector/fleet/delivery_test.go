package fleet

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
	"github.com/picketmon/picket/internal/errs"
	"github.com/picketmon/picket/proto/gen/picketv1"
)

const (
	results = picketv1.Class_CLASS_RESULTS
	metric  = picketv1.Class_CLASS_METRICS
)

func TestDeliveryState(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := NewFleet(t, d, nil)
		ctx := t.Context()
		const epoch = math.MaxUint64 - 1 // epochs are any 64 bits
		save := func(p map[picketv1.Class]Position) {
			t.Helper()
			err := d.InTx(ctx, func(ctx context.Context, tx bun.Tx) error { return f.SaveDelivery(ctx, tx, "a", epoch, p) })
			if err != nil {
				t.Fatal(err)
			}
		}
		load := func(epoch uint64) map[picketv1.Class]Position {
			t.Helper()
			p, err := f.LoadDelivery(ctx, "a", epoch)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		if got := load(epoch); len(got) != 0 {
			t.Errorf("nothing came, and %v is there", got)
		}
		first := map[picketv1.Class]Position{
			results: {Watermark: 7}, metric: {Watermark: 1 << 62, Above: []Range{{3, 3}, {1 << 62, 1<<62 + 5}}},
		}
		save(first)
		save(nil)
		if diff := cmp.Diff(first, load(epoch), cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
		save(map[picketv1.Class]Position{results: {Watermark: 6}, metric: {Watermark: 1 << 62}})
		want := map[picketv1.Class]Position{results: {Watermark: 7}, metric: {Watermark: 1 << 62}}
		if diff := cmp.Diff(want, load(epoch), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("a watermark went back, or its ranges stayed:\n%s", diff)
		}
		if got := load(1); len(got) != 0 {
			t.Errorf("another epoch has %v", got)
		}
	})
}

func TestDeliveryStateOfAFailedTransactionIsNotKept(t *testing.T) {
	f := NewFleet(t, dbtest.Open(t), nil)
	stop := errors.New("stop")
	err := f.db.InTx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
		return errors.Join(f.SaveDelivery(ctx, tx, "a", 1, map[picketv1.Class]Position{results: {Watermark: 1}}), stop)
	})
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
	if p, err := f.LoadDelivery(t.Context(), "a", 1); err != nil || len(p) != 0 {
		t.Errorf("kept %v, error %v", p, err)
	}
}

func TestDropsCountOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := NewFleet(t, d, nil)
		ctx := t.Context()
		when := time.Now().Truncate(time.Millisecond).UTC()
		drops := []Drop{
			{Class: metric, First: 10, Last: 19, Records: 10, Bytes: 1000, Reason: "age", Time: when},
			{Class: metric, First: 20, Last: 20, Records: 1, Bytes: 5, Reason: "corrupt", Time: when.Add(-time.Second)},
		}
		for range 2 {
			if err := f.SaveDrops(ctx, d, "a", 1, drops); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.SaveDrops(ctx, d, "b", 1, nil); err != nil {
			t.Fatal(err)
		}
		got, err := f.Drops(ctx, "a", when.Add(-time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(drops, got); diff != "" {
			t.Error(diff)
		}
		if got, err := f.Drops(ctx, "a", when.Add(time.Hour)); err != nil || len(got) != 0 {
			t.Errorf("drops of the future: %v, error %v", got, err)
		}
	})
}

func TestFacts(t *testing.T) {
	fact := func(key, attributes string) Fact {
		return Fact{Class: "cmdb_ci_spkg", Key: key, Attributes: json.RawMessage(attributes)}
	}
	gone := func(key string) Fact { return Fact{Key: key, Gone: true} }
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := NewFleet(t, d, nil)
		ctx := t.Context()
		for i, step := range []struct {
			facts Facts
			want  []string
		}{
			{Facts{Items: []Fact{fact("bash", `{"v":1}`), fact("vim", `{"v":1}`)}}, []string{"bash", "vim"}},
			{Facts{Items: []Fact{fact("vim", `{"v":2}`), gone("bash"), gone("never was")}}, []string{"vim"}},
			{Facts{Items: []Fact{fact("a", `{}`), gone("a"), gone("b"), fact("b", `{}`)}}, []string{"b", "vim"}},
			{Facts{}, []string{"b", "vim"}},
			{Facts{Full: true, Items: []Fact{fact("zsh", ` {"x":"\u0000é"}`)}}, []string{"zsh"}},
			{Facts{Full: true}, nil},
		} {
			step.facts.Kind, step.facts.Hash = "package", []byte{byte(i)}
			err := d.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
				_, err := f.SaveFacts(ctx, tx, "a", step.facts)
				return err
			})
			if err != nil {
				t.Fatalf("step %d: %v", i, err)
			}
			all, err := f.AgentFacts(ctx, "a", "")
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, x := range all["package"] {
				got = append(got, x.Key)
			}
			if diff := cmp.Diff(step.want, got); diff != "" {
				t.Errorf("step %d:\n%s", i, diff)
			}
			if hash, err := f.FactsHash(ctx, "a", "package"); err != nil || len(hash) != 1 || hash[0] != byte(i) {
				t.Errorf("step %d: hash %x, error %v", i, hash, err)
			}
		}
		if hash, err := f.FactsHash(ctx, "a", "host"); err != nil || hash != nil {
			t.Errorf("facts that never came have hash %x, error %v", hash, err)
		}
	})
}

// TestFactsAddUp follows the hash of the wire: SHA-256 over class, key and attributes in order of keys, each ended by a zero byte.
func TestFactsAddUp(t *testing.T) {
	hash := func(text string) []byte {
		sum := sha256.Sum256([]byte(strings.ReplaceAll(text, "|", "\x00")))
		return sum[:]
	}
	fact := func(key, attributes string) Fact {
		return Fact{Class: "c", Key: key, Attributes: json.RawMessage(attributes)}
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := NewFleet(t, d, nil)
		for i, step := range []struct {
			facts Facts
			whole bool
		}{
			{Facts{Full: true, Hash: hash(`c|B|{"v":1}|c|a|{"v":1}|`), Items: []Fact{fact("a", `{"v":1}`), fact("B", `{"v":1}`)}}, true},
			{Facts{Hash: hash(`c|B|{"v":1}|c|a|{"v":2}|`), Items: []Fact{fact("a", `{"v":2}`)}}, true},
			{Facts{Hash: hash(`c|a|{"v":2}|c|d|{}|`), Items: []Fact{{Key: "B", Gone: true}, fact("d", `{}`)}}, true},
			{Facts{Hash: hash(`c|a|{"v":2}|c|lost|{}|c|n|{}|`), Items: []Fact{{Key: "d", Gone: true}, fact("n", `{}`)}}, false},
			{Facts{Full: true, Items: []Fact{fact("a", `{"v":2}`)}}, true}, // the first part of a whole
			{Facts{Hash: hash(`c|a|{"v":2}|c|b|{}|`), Items: []Fact{fact("b", `{}`)}}, true},
			{Facts{Hash: hash(``), Items: []Fact{{Key: "a", Gone: true}, {Key: "b", Gone: true}}}, true},
		} {
			step.facts.Kind = "package"
			whole, err := f.SaveFacts(t.Context(), d, "a", step.facts)
			if err != nil || whole != step.whole {
				t.Errorf("step %d: whole %v, error %v", i, whole, err)
			}
		}
	})
}

func TestFactsThatStayKeepTheirTime(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := NewFleet(t, d, nil)
		all := func(version string) Facts {
			return Facts{Kind: "package", Full: true, Items: []Fact{
				{Class: "c", Key: "bash", Attributes: json.RawMessage(`{"v":1}`)}, {Class: "c", Key: "vim", Attributes: json.RawMessage(version)},
			}}
		}
		if _, err := f.SaveFacts(t.Context(), d, "a", all(`{"v":1}`)); err != nil {
			t.Fatal(err)
		}
		if _, err := d.NewUpdate().Model((*factRow)(nil)).Set("updated_at = 1000").Where("1 = 1").Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := f.SaveFacts(t.Context(), d, "a", all(`{"v":2}`)); err != nil { // an agent that starts anew tells all
			t.Fatal(err)
		}
		facts, err := f.AgentFacts(t.Context(), "a", "package")
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range facts["package"] {
			if old := x.UpdatedAt.UnixMilli() == 1000; old != (x.Key == "bash") {
				t.Errorf("%s changed at %s", x.Key, x.UpdatedAt)
			}
		}
	})
}

func TestManyFactsKeepTheirBytes(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := NewFleet(t, d, nil)
		x := Facts{Kind: "package", Full: true}
		for i := range 1234 {
			x.Items = append(x.Items, Fact{Class: "c", Key: fmt.Sprintf("p%04d", i), Attributes: json.RawMessage(`{ "b": 1.0, "a": "\"" }`)})
		}
		if _, err := f.SaveFacts(t.Context(), d, "a", x); err != nil {
			t.Fatal(err)
		}
		got, err := f.AgentFacts(t.Context(), "a", "package")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(x.Items, got["package"], cmpopts.IgnoreFields(Fact{}, "UpdatedAt")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestFactsThatCanNeverBeStored(t *testing.T) {
	f := NewFleet(t, dbtest.Open(t), nil)
	one := func(x Fact) Facts { return Facts{Kind: "package", Items: []Fact{x}} }
	object := json.RawMessage(`{}`)
	for name, x := range map[string]Facts{
		"no kind":    {},
		"kind NUL":   {Kind: "a\x00"},
		"no key":     one(Fact{Attributes: object}),
		"bad key":    one(Fact{Key: "\xff", Attributes: object}),
		"long key":   one(Fact{Key: string(make([]byte, maxFactKey+1)), Attributes: object}),
		"no JSON":    one(Fact{Key: "a"}),
		"array":      one(Fact{Key: "a", Attributes: json.RawMessage(`[]`)}),
		"half":       one(Fact{Key: "a", Attributes: json.RawMessage(`{"a":`)}),
		"huge":       one(Fact{Key: "a", Attributes: json.RawMessage(`{"a":"` + string(make([]byte, maxFactBytes)) + `"}`)}),
		"too many":   {Kind: "a", Items: make([]Fact, maxFacts+1)},
		"good, then": {Kind: "a", Items: []Fact{{Key: "a", Attributes: object}, {}}},
	} {
		if _, err := f.SaveFacts(t.Context(), f.db, "a", x); !errs.Is(err, errs.Invalid) {
			t.Errorf("%s: error %v, want kind invalid", name, err)
		}
	}
	if all, err := f.AgentFacts(t.Context(), "a", ""); err != nil || len(all) != 0 {
		t.Errorf("stored %v, error %v", all, err)
	}
}
