package systemd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/checktest"
	"github.com/picketmon/picket/checks/hostfs"
	"github.com/picketmon/picket/checks/systemd/fakebus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func spec(bus string) checks.Spec {
	return Spec(Options{FS: hostfs.New(hostfs.Options{}), Bus: bus})
}

func newOn(t *testing.T, b *fakebus.Bus) *check {
	t.Helper()
	c, err := spec(b.Path).New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.(*check).Close() })
	return c.(*check)
}

func run(t *testing.T, c *check, at time.Time) *checktest.Recorder {
	t.Helper()
	rec := checktest.NewRecorder(at)
	if err := c.Run(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
	for _, p := range rec.Problems() {
		t.Error(p)
	}
	return rec
}

func TestSuite(t *testing.T) {
	b := fakebus.Start(t)
	b.Units = fakebus.Sample()
	checktest.Suite(t, checktest.Subject{Spec: spec(b.Path), Empty: spec(t.TempDir() + "/none")})
}

func TestGolden(t *testing.T) {
	want, err := os.ReadFile("testdata/sample.txt")
	if err != nil && os.Getenv("PICKET_UPDATE") != "1" {
		t.Fatal(err)
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		b := fakebus.Start(t)
		b.Order, b.Units = order, fakebus.Sample()
		got := run(t, newOn(t, b), time.UnixMilli(1)).Text()
		if os.Getenv("PICKET_UPDATE") == "1" {
			if err := os.WriteFile("testdata/sample.txt", []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", order, diff)
		}
	}
}

func TestConnectionIsKept(t *testing.T) {
	b := fakebus.Start(t)
	b.Units = fakebus.Sample()
	c := newOn(t, b)
	count := func(member string) (n int) {
		b.Lock()
		defer b.Unlock()
		for _, call := range b.Calls {
			if call == member {
				n++
			}
		}
		return n
	}
	at := time.UnixMilli(0)
	run(t, c, at)
	gets := count("Get")
	run(t, c, at.Add(10*time.Second))
	if count("Hello") != 1 {
		t.Errorf("greets %d times", count("Hello"))
	}
	// The state; three timers; three properties of two sockets. Types and version are known.
	if again := count("Get") - gets; again != 1+3+6 {
		t.Errorf("asks for %d properties in the second run", again)
	}
	run(t, c, at.Add(16*time.Minute))
	if again := count("Get") - gets; again != 2*(1+3+6)+6 {
		t.Errorf("asks for %d properties in the third run, of which six types", again)
	}
	b.Hangup()
	run(t, c, at.Add(17*time.Minute))
	if count("Hello") != 2 {
		t.Errorf("greets %d times after the bus was restarted", count("Hello"))
	}
}

func TestManyUnits(t *testing.T) {
	b := fakebus.Start(t)
	for i := range 700 { // more than are asked at once, and than fit into the read buffer
		name := fmt.Sprintf("unit-%d-%s.service", i, strings.Repeat("n", i%200))
		b.Units = append(b.Units, fakebus.Unit{Name: name, Load: "loaded", Active: "active", Props: map[string]any{"Service.Type": "simple"}})
	}
	rec := run(t, newOn(t, b), time.UnixMilli(1))
	if v, _ := rec.Value(`node_systemd_units{state="active"}`); v != 700 {
		t.Errorf("%v units are active", v)
	}
	name := fmt.Sprintf("unit-699-%s.service", strings.Repeat("n", 699%200))
	if v, ok := rec.Value(`node_systemd_unit_state{name="` + name + `",state="active",type="simple"}`); !ok || v != 1 {
		t.Errorf("the last unit is %v, %v", v, ok)
	}
}

func TestFailedUnitsAreJudged(t *testing.T) {
	b := fakebus.Start(t)
	c := newOn(t, b)
	at := time.UnixMilli(0)
	step := func(states string, want ...string) {
		t.Helper()
		at = at.Add(10 * time.Second)
		b.Lock()
		b.Units = nil
		for i, s := range states {
			state := map[rune]string{'a': "active", 'f': "failed"}[s]
			b.Units = append(b.Units, fakebus.Unit{Name: fmt.Sprintf("%d.service", i), Load: "loaded", Active: state})
		}
		b.Unlock()
		var got []string
		for _, res := range run(t, c, at).Results() {
			got = append(got, res.Resource+" "+res.Status.String())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", states, diff)
		}
	}
	step("aaa")
	step("aff", "1.service warning", "2.service warning")
	step("aff")
	step("aaf", "1.service ok")
	step("a", "2.service ok") // it is no longer there
	at = at.Add(time.Hour)
	step(strings.Repeat("f", 60), func() []string {
		var all []string
		for i := range mostFailed {
			all = append(all, fmt.Sprintf("%d.service warning", i))
		}
		slices.Sort(all) // as the units are; of sixty, the first fifty that systemd lists
		return all
	}()...)
}

func TestRefusals(t *testing.T) {
	for name, noData := range map[string]bool{
		"org.freedesktop.DBus.Error.ServiceUnknown": true,
		"org.freedesktop.DBus.Error.NameHasNoOwner": true,
		"org.freedesktop.DBus.Error.Spawn.Failed":   true,
		"org.freedesktop.DBus.Error.AccessDenied":   false,
	} {
		b := fakebus.Start(t)
		b.Error = name
		c := newOn(t, b)
		for range 2 {
			err := c.Run(t.Context(), checktest.NewRecorder(time.UnixMilli(1)))
			if errors.Is(err, checks.ErrNoData) != noData || err == nil || !noData && !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestSilentSystemd(t *testing.T) {
	b := fakebus.Start(t)
	b.Units, b.Silent = fakebus.Sample(), true
	c := newOn(t, b)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.Run(ctx, checktest.NewRecorder(time.UnixMilli(1))); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("silent systemd: %v", err)
	}
	b.Lock()
	b.Silent = false
	b.Unlock()
	if rec := run(t, c, time.UnixMilli(2)); len(rec.Samples()) == 0 {
		t.Error("nothing after systemd woke up")
	}
}

func TestVersionNumber(t *testing.T) {
	for text, want := range map[string]float64{
		"252.22-1~deb12u1": 252.22, "v255.4": 255.4, "systemd 219": 219, "256~rc3": 256, "": 0, "12": 0,
	} {
		if got := versionNumber(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	b := &bus{}
	b.call("org.x", "/org/x", "org.x", "Get", "a", "b")
	f.Add(b.out)
	f.Add([]byte("l\x02\x01\x01\x08\x00\x00\x00\x01\x00\x00\x00\x18\x00\x00\x00\x05\x01u\x00\x01\x00\x00\x00\x08\x01g\x00\x0ba(ssssssouso)\x00" +
		"\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := newCheck(Options{FS: hostfs.New(hostfs.Options{})})
		if err != nil {
			t.Fatal(err)
		}
		d := decoder{r: bufio.NewReader(bytes.NewReader(data))}
		for {
			if _, err := d.next(); err != nil {
				break
			}
			if string(d.signature) == "v" {
				d.variantNumber()
			} else {
				c.readUnits(&d)
			}
		}
		if cap(d.text) > 4*longestText {
			t.Errorf("keeps %d bytes", cap(d.text))
		}
	})
}

func BenchmarkSystemd(b *testing.B) {
	bus := fakebus.Start(b)
	for i := range 200 {
		bus.Units = append(bus.Units, fakebus.Unit{Name: fmt.Sprintf("u%d.service", i), Load: "loaded", Active: "active"})
	}
	checktest.Bench(b, spec(bus.Path))
}
