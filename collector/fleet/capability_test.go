package fleet

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
	"github.com/picketmon/picket/internal/errs"
)

// saveCapabilities stores what ingest would, and returns whether it adds up.
func saveCapabilities(t testing.TB, f *Fleet, id AgentID, x Capabilities) bool {
	t.Helper()
	var whole bool
	err := f.db.InTx(context.Background(), func(ctx context.Context, tx bun.Tx) (err error) {
		whole, err = f.SaveCapabilities(ctx, tx, id, x)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return whole
}

// capabilityTexts lists what an agent has, with the time since in seconds after start.
func capabilityTexts(t testing.TB, f *Fleet, id AgentID, start time.Time) []string {
	t.Helper()
	all, err := f.AgentCapabilities(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, c := range all {
		out = append(out, fmt.Sprintf("%s %v %q %q %.0f", c.Name, c.Available, c.Reason, c.Fix, c.Since.Sub(start).Seconds()))
	}
	return out
}

var (
	canCPU     = Capability{Name: "cpu", Available: true}
	noPressure = Capability{Name: "pressure", Reason: "it is off", Fix: "boot with psi=1"}
	noSensors  = Capability{Name: "hwmon", Reason: "a virtual machine has none"}
)

// hashOf is what the agent counts, written down independently of the product.
func hashOf(all ...Capability) []byte {
	byName := map[string]capabilityRow{}
	for _, c := range all {
		byName[c.Name] = capabilityRow{Name: c.Name, Available: c.Available, Reason: c.Reason, Fix: c.Fix}
	}
	return capabilityHash(byName)
}

func TestCapabilitiesFollowTheAgent(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := NewFleet(t, d, nil)
		a, _ := enrolled(t, f, "web1", "m1")
		other, _ := enrolled(t, f, "web2", "m2")
		start := time.Now().Truncate(time.Second).Add(-time.Hour)
		at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
		saveCapabilities(t, f, other.ID, Capabilities{Full: true, Items: []Capability{canCPU}, Time: at(0)})

		for i, step := range []struct {
			change Capabilities
			whole  bool
			want   []string
		}{
			{
				Capabilities{Full: true, Items: []Capability{canCPU, noPressure, noSensors}},
				true,
				[]string{`cpu true "" "" 0`, `hwmon false "a virtual machine has none" "" 0`, `pressure false "it is off" "boot with psi=1" 0`},
			},
			{ // a repeat, and a change of words alone, leave the time
				Capabilities{Full: true, Items: []Capability{canCPU, {Name: "pressure", Reason: "old kernel", Fix: "boot another"}, noSensors}},
				true,
				[]string{`cpu true "" "" 0`, `hwmon false "a virtual machine has none" "" 0`, `pressure false "old kernel" "boot another" 0`},
			},
			{ // differences: one mended, one broken, one no longer tried
				Capabilities{
					Items: []Capability{{Name: "pressure", Available: true}, {Name: "cpu", Reason: "hangs", Fix: "mend it"}, {Name: "hwmon", Gone: true}},
					Hash:  hashOf(Capability{Name: "pressure", Available: true}, Capability{Name: "cpu", Reason: "hangs", Fix: "mend it"}),
				},
				true,
				[]string{`cpu false "hangs" "mend it" 2`, `pressure true "" "" 2`},
			},
			{ // a difference before this one was lost
				Capabilities{Items: []Capability{canCPU}, Hash: hashOf(canCPU, noSensors)},
				false,
				[]string{`cpu true "" "" 3`, `pressure true "" "" 2`},
			},
			{ // all: what is not named is gone
				Capabilities{Full: true, Items: []Capability{canCPU, noSensors}},
				true,
				[]string{`cpu true "" "" 3`, `hwmon false "a virtual machine has none" "" 4`},
			},
			{Capabilities{Full: true}, true, []string{}},
		} {
			step.change.Time = at(i)
			if whole := saveCapabilities(t, f, a.ID, step.change); whole != step.whole {
				t.Errorf("step %d: whole %v, want %v", i, whole, step.whole)
			}
			if diff := cmp.Diff(step.want, capabilityTexts(t, f, a.ID, start)); diff != "" {
				t.Errorf("step %d (-want +got):\n%s", i, diff)
			}
		}
		if diff := cmp.Diff([]string{`cpu true "" "" 0`}, capabilityTexts(t, f, other.ID, start)); diff != "" {
			t.Errorf("the other agent's changed:\n%s", diff)
		}
		if hash, err := f.FactsHash(t.Context(), a.ID, KindCapability); err != nil || len(hash) != 0 {
			t.Errorf("hash %x, error %v", hash, err)
		}
	})
}

func TestCapabilitiesOfAClockThatIsAhead(t *testing.T) {
	f := NewFleet(t, dbtest.Open(t), nil)
	a, _ := enrolled(t, f, "web1", "m1")
	saveCapabilities(t, f, a.ID, Capabilities{Full: true, Items: []Capability{canCPU}, Time: time.Now().Add(24 * time.Hour)})
	all, err := f.AgentCapabilities(t.Context(), a.ID)
	if err != nil || len(all) != 1 || all[0].Since.After(time.Now()) {
		t.Errorf("%+v, error %v", all, err)
	}
}

func TestCapabilitiesThatCannotBe(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := NewFleet(t, d, nil)
		a, _ := enrolled(t, f, "web1", "m1")
		many := make([]Capability, maxCapabilities)
		for i := range many {
			many[i] = Capability{Name: fmt.Sprintf("filesystem:/%03d", i), Available: true}
		}
		saveCapabilities(t, f, a.ID, Capabilities{Full: true, Items: many})
		for name, x := range map[string]Capabilities{
			"no name":            {Items: []Capability{{Reason: "x"}}},
			"a long name":        {Items: []Capability{{Name: strings.Repeat("n", maxCapabilityName+1)}}},
			"a name with NUL":    {Items: []Capability{{Name: "a\x00b"}}},
			"a long reason":      {Items: []Capability{{Name: "a", Reason: strings.Repeat("r", maxCapabilityText+1)}}},
			"a long fix":         {Items: []Capability{{Name: "a", Fix: strings.Repeat("f", maxCapabilityText+1)}}},
			"too many":           {Full: true, Items: append(many[:maxCapabilities:maxCapabilities], canCPU)},
			"too many by degree": {Items: []Capability{canCPU}},
		} {
			err := d.InTx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
				_, err := f.SaveCapabilities(ctx, tx, a.ID, x)
				return err
			})
			if !errs.Is(err, errs.Invalid) {
				t.Errorf("%s: error %v, want kind invalid", name, err)
			}
		}
		if all, err := f.AgentCapabilities(t.Context(), a.ID); err != nil || len(all) != maxCapabilities {
			t.Errorf("%d capabilities are left, error %v", len(all), err)
		}
	})
}

// TestCapabilityHash holds the form that the wire describes: the agent has the same test.
func TestCapabilityHash(t *testing.T) {
	got := fmt.Sprintf("%x", hashOf(noPressure, canCPU))
	if want := "ac6bc1f38b5c200e3c746ddbb12aa1edee07959dcec8e94f436ea34dc5a29a65"; got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
}

func TestGapsOfTheFleet(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := NewFleet(t, d, nil)
		ids := map[string]AgentID{}
		for i := range 14 {
			name := fmt.Sprintf("web%02d", i)
			a, _ := enrolled(t, f, name, name)
			ids[name] = a.ID
			all := []Capability{canCPU, noPressure, noSensors}
			if i == 7 {
				all = []Capability{
					canCPU,
					{Name: "filesystem:/mnt/a_b", Reason: "does not answer (nfs4)", Fix: "umount it"},
					{Name: "filesystemx", Reason: "another check", Fix: "mend it"},
					{Name: "pressure", Reason: "old kernel", Fix: "boot another"},
				}
			}
			saveCapabilities(t, f, a.ID, Capabilities{Full: true, Items: all, Time: time.Now()})
		}
		if _, err := f.Revoke(t.Context(), "web03", ""); err != nil {
			t.Fatal(err)
		}
		if all, err := f.AgentCapabilities(t.Context(), ids["web03"]); err != nil || len(all) != 0 {
			t.Errorf("a revoked agent has %v, error %v", all, err)
		}
		yes, no := true, false
		for name, tc := range map[string]struct {
			q    GapQuery
			want []string
		}{
			"all": {GapQuery{}, []string{
				"12 pressure it is off", "1 filesystem:/mnt/a_b does not answer (nfs4)", "1 filesystemx another check", "1 pressure old kernel",
				"12 hwmon a virtual machine has none",
			}},
			"a check":  {GapQuery{Name: "pressure"}, []string{"12 pressure it is off", "1 pressure old kernel"}},
			"its part": {GapQuery{Name: "filesystem"}, []string{"1 filesystem:/mnt/a_b does not answer (nfs4)"}},
			"mendable": {GapQuery{Name: "hwmon", Fixable: &yes}, nil},
			"the rest": {GapQuery{Fixable: &no}, []string{"12 hwmon a virtual machine has none"}},
			"none":     {GapQuery{Name: "%"}, nil},
		} {
			gaps, err := f.Gaps(t.Context(), tc.q)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, g := range gaps {
				got = append(got, fmt.Sprint(g.Agents, " ", g.Name, " ", g.Reason))
				if len(g.Instances) != min(g.Agents, gapExamples) || len(g.AgentIDs) != len(g.Instances) || g.AgentIDs[0] != ids[g.Instances[0]] {
					t.Errorf("%s: %d agents, named are %v %v", name, g.Agents, g.Instances, g.AgentIDs)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		if diff := cmp.Diff([]string{"web07"}, instances(t, f, Query{Gap: "filesystem"})); diff != "" {
			t.Errorf("agents with a gap:\n%s", diff)
		}
		if got := instances(t, f, Query{Gap: "pressure", States: []State{StateNever, StateUp}}); len(got) != 13 {
			t.Errorf("agents without pressure: %v", got)
		}
		for name, want := range map[string]int{"web00": 1, "web03": 0, "web07": 3} {
			one, _, err := f.Agent(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			list, _, err := f.Agents(t.Context(), Query{Text: name})
			if err != nil || len(list) != 1 {
				t.Fatal(list, err)
			}
			if one.Gaps != want || one.CertificateExpiresAt.IsZero() != (name == "web03") ||
				list[0].Gaps != want || list[0].CertificateExpiresAt != one.CertificateExpiresAt {
				t.Errorf("%s: %d gaps, certificate until %s, in the list %d and %s", name, one.Gaps, one.CertificateExpiresAt,
					list[0].Gaps, list[0].CertificateExpiresAt)
			}
		}
	})
}
