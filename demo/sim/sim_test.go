package sim

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/all"
	"github.com/picketmon/picket/demo"
	"github.com/picketmon/picket/demo/series"
)

// monday is noon of a Monday.
var monday = time.Date(2026, 11, 16, 12, 0, 0, 0, time.UTC)

func TestRhythmKnowsDayAndWeek(t *testing.T) {
	r := Rhythm{Seed: 1}
	mean := func(day, hour int) float64 {
		sum := 0.0
		for m := range 60 {
			sum += r.At(time.Date(2026, 11, 16+day, hour, m, 0, 0, time.UTC))
		}
		return sum / 60
	}
	night, evening, sunday := mean(0, 4), mean(0, 19), mean(6, 19)
	if night > 0.25 || evening < 0.85 || sunday > 0.8*evening || sunday < night {
		t.Errorf("Monday 4 h %.2f, 19 h %.2f, Sunday 19 h %.2f", night, evening, sunday)
	}
	if r.At(monday) != r.At(monday) || r.At(monday) == (Rhythm{Seed: 2}).At(monday) {
		t.Error("the seed decides")
	}
}

// text is what a table says now.
func text(t *testing.T, table *series.Table) map[string]*dto.MetricFamily {
	t.Helper()
	var b bytes.Buffer
	if err := table.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(&b)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// TestHostsSpeakNodeExportersNames holds the simulated metrics to the checks that measure real hosts: same names, same types.
func TestHostsSpeakNodeExportersNames(t *testing.T) {
	specs := all.Builtin(all.Options{})
	find := func(name string) (checks.Metric, bool) {
		for _, s := range specs {
			if m, ok := s.Lookup(name); ok {
				return m, true
			}
		}
		return checks.Metric{}, false
	}
	for _, h := range demo.Hosts() {
		host := NewHost(h, 1, monday)
		host.Step(monday.Add(time.Minute), Activity{Requests: 5}, nil)
		families := text(t, host.Table("demo", "true"))
		if len(families) < 50 {
			t.Errorf("%s has %d families", h.Name, len(families))
		}
		for name, f := range families {
			m, ok := find(name)
			want := map[checks.Kind]dto.MetricType{
				checks.KindGauge: dto.MetricType_GAUGE, checks.KindCounter: dto.MetricType_COUNTER, checks.KindUntyped: dto.MetricType_UNTYPED,
			}[m.Kind]
			if !ok || f.GetType() != want {
				t.Errorf("%s is a %s, the checks say %+v (%v)", name, f.GetType(), m, ok)
			}
			for _, one := range f.Metric {
				if labels := one.GetLabel(); labels[len(labels)-1].GetName() != "demo" {
					t.Errorf("%s lacks the label demo", name)
				}
			}
		}
	}
}

// value returns the sum of a family's series.
func value(f *dto.MetricFamily) float64 {
	sum := 0.0
	for _, m := range f.GetMetric() {
		sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetUntyped().GetValue()
	}
	return sum
}

// TestHostAddsUp lets a host live for an hour: its CPUs spend exactly the time that passed, its memory is divided up, its counters
// grow, and more load shows.
func TestHostAddsUp(t *testing.T) {
	busy := func(requests float64) (used, load float64) {
		h := NewHost(demo.Hosts()[1], 1, monday)
		table := h.Table()
		before := text(t, table)
		for now := monday; now.Before(monday.Add(time.Hour)); {
			now = now.Add(5 * time.Second)
			h.Step(now, Activity{Requests: requests}, nil)
		}
		after := text(t, table)
		for name, f := range after {
			if f.GetType() == dto.MetricType_COUNTER && value(f) < value(before[name]) {
				t.Errorf("%s shrank", name)
			}
		}
		cpu := value(after["node_cpu_seconds_total"])
		if math.Abs(cpu-2*3600) > 1 {
			t.Errorf("two CPUs spent %.1f s in an hour", cpu)
		}
		total := value(after["node_memory_MemTotal_bytes"])
		if available := value(after["node_memory_MemAvailable_bytes"]); available < 0 || available > total {
			t.Errorf("%.0f of %.0f bytes are available", available, total)
		}
		for _, m := range after["node_cpu_seconds_total"].Metric {
			if mode := m.Label[len(m.Label)-1].GetValue(); mode == "idle" {
				used += 3600 - m.Counter.GetValue()
			}
		}
		return used / 7200, value(after["node_load15"])
	}
	idle, idleLoad := busy(0)
	full, fullLoad := busy(PeakRate)
	if idle > 0.15 || full < 0.4 || full > 0.8 || fullLoad < idleLoad+0.3 {
		t.Errorf("without visitors %.2f busy, load %.2f; at the peak %.2f, load %.2f", idle, idleLoad, full, fullLoad)
	}
}

func TestBreaksShowOnHosts(t *testing.T) {
	at := func(host string, breaks demo.Breaks, a Activity, family string) float64 {
		named, err := demo.HostNamed(host)
		if err != nil {
			t.Fatal(err)
		}
		h := NewHost(named, 1, monday)
		for now := monday; now.Before(monday.Add(3 * time.Minute)); {
			now = now.Add(time.Second)
			h.Step(now, a, breaks)
		}
		return value(text(t, h.Table())[family])
	}
	broken := func(b demo.Break) demo.Breaks { return demo.Breaks{b: {Since: monday}} }
	well := at("shop-store-1", nil, Activity{}, "node_filesystem_avail_bytes")
	full := at("shop-store-1", broken(demo.BreakDisk), Activity{}, "node_filesystem_avail_bytes")
	if lost := (well - full) / (20 << 30); lost < 0.5 || lost > 0.6 {
		t.Errorf("the disk break takes %.2f of /var/lib/shop", lost)
	}
	calm := at("shop-web-1", nil, Activity{}, "node_network_receive_errs_total")
	noisy := at("shop-web-1", broken(demo.BreakNoise), Activity{}, "node_network_receive_errs_total")
	if calm != 0 || noisy < 10 {
		t.Errorf("errors of the network: %v, with noise %v", calm, noisy)
	}
	app, err := demo.HostNamed("shop-app-2")
	if err != nil {
		t.Fatal(err)
	}
	room := float64(LeakRoom(app))
	free := at("shop-app-2", nil, Activity{}, "node_memory_MemAvailable_bytes")
	leaked := at("shop-app-2", nil, Activity{Leaked: room}, "node_memory_MemAvailable_bytes")
	if free < 150<<20 || leaked > 51<<20 {
		t.Errorf("%.0f MiB are available, %.0f after the leak", free/(1<<20), leaked/(1<<20))
	}
}

func TestDiskFillsAndEmpties(t *testing.T) {
	b := demo.Breaks{}
	b.Begin(demo.BreakDisk, monday)
	for after, want := range map[time.Duration]float64{0: 0, 30 * time.Second: 0.5, time.Minute: 1, time.Hour: 1} {
		if got := b.DiskFilled(monday.Add(after)); got != want {
			t.Errorf("after %s: %v, want %v", after, got, want)
		}
	}
	healed := monday.Add(2 * time.Minute)
	b.Heal(demo.BreakDisk, healed)
	for after, want := range map[time.Duration]float64{0: 1, 5 * time.Second: 0.5, time.Minute: 0} {
		if got := b.DiskFilled(healed.Add(after)); got != want {
			t.Errorf("%s after it was healed: %v, want %v", after, got, want)
		}
	}
}

const halfADay = 12 * time.Hour

// shortPast is half a day with all that a past has.
func shortPast() Past {
	p := PastOf(monday)
	p.From = p.To.Add(-halfADay)
	p.Deploy, p.OutageBegin = p.From.Add(2*time.Hour), p.From.Add(8*time.Hour)
	p.OutageEnd = p.OutageBegin.Add(outage)
	return p
}

// point is a sample.
type point struct {
	v  float64
	at int64
}

// pastFile is a file of the past: what begins like one of the wanted series is kept.
type pastFile struct {
	t        *testing.T
	rest     []byte
	kept     map[string][]point
	lines    int
	unmarked int
	last     string
}

func (f *pastFile) Write(b []byte) (int, error) {
	f.rest = append(f.rest, b...)
	for {
		line, rest, ok := bytes.Cut(f.rest, []byte("\n"))
		if !ok {
			f.rest = append([]byte(nil), f.rest...)
			return len(b), nil
		}
		f.rest = rest
		f.line(line)
	}
}

func (f *pastFile) Close() error { return nil }

func (f *pastFile) line(line []byte) {
	f.last = string(line)
	if line[0] == '#' {
		return
	}
	f.lines++
	if !bytes.Contains(line, []byte(`demo="true"`)) {
		f.unmarked++
	}
	for want := range f.kept {
		if !strings.HasPrefix(f.last, want) {
			continue
		}
		fields := strings.Fields(f.last)
		v, err := strconv.ParseFloat(fields[len(fields)-2], 64)
		at, err2 := strconv.ParseInt(fields[len(fields)-1], 10, 64)
		if err := errors.Join(err, err2); err != nil {
			f.t.Errorf("%q: %v", line, err)
		}
		f.kept[want] = append(f.kept[want], point{v, at})
	}
}

// The series the tests look at.
const (
	orders  = `shop_orders_total{service="shop-app",demo="true",instance="shop-app-1",job="node"}`
	former  = `shop_build_info{service="shop-app",version="1.8.2",demo="true",instance="shop-app-1"`
	keys    = `shop_store_keys{`
	clock   = `node_time_seconds{demo="true",instance="shop-store-1"`
	changes = `node_context_switches_total{demo="true",instance="shop-store-1"`
)

func writePast(t *testing.T, p Past, piece time.Duration) (files []*pastFile, samples int) {
	t.Helper()
	labels := func(host string) []string { return []string{"instance", host, "job", "node"} }
	samples, err := WritePast(p, 1, piece, labels, func(time.Time, time.Time) (io.WriteCloser, error) {
		files = append(files, &pastFile{t: t, kept: map[string][]point{orders: nil, former: nil, keys: nil, clock: nil, changes: nil}})
		return files[len(files)-1], nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files, samples
}

func TestPastOf(t *testing.T) {
	p := PastOf(monday.Add(17 * time.Second))
	if p.To != monday || p.To.Sub(p.From) != 7*24*time.Hour || p.OutageEnd.Sub(p.OutageBegin) != 25*time.Minute {
		t.Errorf("%+v", p)
	}
	if p.Deploy.Before(p.From.Add(24*time.Hour)) || p.OutageBegin.Before(p.Deploy) || p.To.Before(p.OutageEnd.Add(24*time.Hour)) {
		t.Errorf("%+v", p)
	}
}

// TestPast reads what is invented: all is marked, the hosts are always there, a deploy changes the version, an outage stops the orders.
// In pieces it is the same as in one, and the hosts of a demo that starts are those at its end.
func TestPast(t *testing.T) {
	p := shortPast()
	files, samples := writePast(t, p, halfADay)
	whole := files[0]
	if len(files) != 1 || whole.lines != samples || whole.unmarked > 0 || whole.last != "# EOF" {
		t.Fatalf("%d files, %d lines of %d samples, %d not marked, %q at the end", len(files), whole.lines, samples, whole.unmarked, whole.last)
	}
	if perMinute := samples / (12 * 60); perMinute < 500 || perMinute > 1200 {
		t.Errorf("%d samples a minute", perMinute)
	}
	if n := len(whole.kept[clock]); n != 12*60 {
		t.Errorf("the hosts have %d samples", n)
	}
	if n := len(whole.kept[keys]); n != 12*60-25 {
		t.Errorf("the store was there %d minutes", n)
	}
	last := whole.kept[former][len(whole.kept[former])-1].at
	if last != p.Deploy.Unix()-60 {
		t.Errorf("the former version was seen last at %d, the new one came at %d", last, p.Deploy.Unix())
	}
	taken := 0.0
	for i, o := range whole.kept[orders][1:] {
		more := o.v - whole.kept[orders][i].v
		taken += max(more, 0)
		if at := time.Unix(o.at, 0); more != 0 && !at.Before(p.OutageBegin) && at.Before(p.OutageEnd) {
			t.Fatalf("orders at %s though the store is down", at)
		}
	}
	if taken < 500 {
		t.Errorf("%.0f orders in half a day", taken)
	}
	samePieces(t, p, whole)
	run := NewRun(p, 1)
	run.Finish()
	end := value(text(t, run.Hosts()[4].Table())["node_context_switches_total"])
	if got := whole.kept[changes][12*60-1].v; got != end {
		t.Errorf("the past ends with %v, live begins with %v", got, end)
	}
}

func samePieces(t *testing.T, p Past, whole *pastFile) {
	t.Helper()
	pieces, _ := writePast(t, p, halfADay/2)
	if len(pieces) != 2 {
		t.Fatalf("%d pieces", len(pieces))
	}
	for series, want := range whole.kept {
		if diff := cmp.Diff(want, append(pieces[0].kept[series], pieces[1].kept[series]...), cmp.AllowUnexported(point{})); diff != "" {
			t.Errorf("%s (-in one +in pieces):\n%s", series, diff)
		}
	}
}
