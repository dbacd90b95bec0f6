package time

import (
	"path/filepath"
	"strings"
	"testing"
	gotime "time"

	"github.com/google/go-cmp/cmp"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/checktest"
	"github.com/picketmon/picket/checks/hostfs"
)

func spec(dir string) checks.Spec {
	return Spec(Options{FS: hostfs.New(hostfs.Options{Sys: filepath.Join(dir, "sys")})})
}

func TestSuite(t *testing.T) {
	checktest.Suite(t, checktest.Subject{Spec: spec(checktest.Extract(t, "testdata/two.txtar"))})
}

func run(t *testing.T, spec checks.Spec) *checktest.Recorder {
	t.Helper()
	check, err := spec.New()
	if err != nil {
		t.Fatal(err)
	}
	rec := checktest.NewRecorder(gotime.Now())
	if err := check.Run(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
	return rec
}

func TestClock(t *testing.T) {
	before := gotime.Now()
	rec := run(t, spec(t.TempDir())) // without clock sources
	if n := len(rec.Samples()); n != 2 {
		t.Errorf("%d samples:\n%s", n, rec.Text())
	}
	now, _ := rec.Value("node_time_seconds")
	if now < float64(before.Unix()) || now > float64(gotime.Now().Unix()+1) {
		t.Errorf("time is %v", now)
	}
	zone, offset := before.Zone()
	if got, ok := rec.Value(`node_time_zone_offset_seconds{time_zone="` + zone + `"}`); !ok || got != float64(offset) {
		t.Errorf("offset is %v, %v; want %d", got, ok, offset)
	}
}

func TestClockSources(t *testing.T) {
	rec := run(t, spec(checktest.Extract(t, "testdata/two.txtar")))
	var got []string
	for _, s := range rec.Samples() {
		if strings.Contains(s.Name, "clocksource") {
			got = append(got, s.Series())
		}
	}
	want := []string{
		`node_time_clocksource_available_info{clocksource="tsc",device="0"}`,
		`node_time_clocksource_available_info{clocksource="hpet",device="0"}`,
		`node_time_clocksource_available_info{clocksource="acpi_pm",device="0"}`,
		`node_time_clocksource_current_info{clocksource="tsc",device="0"}`,
		`node_time_clocksource_available_info{clocksource="arch_sys_counter",device="1"}`,
		`node_time_clocksource_current_info{clocksource="arch_sys_counter",device="1"}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func BenchmarkTime(b *testing.B) { checktest.Bench(b, Spec(Options{FS: hostfs.New(hostfs.Options{})})) }
