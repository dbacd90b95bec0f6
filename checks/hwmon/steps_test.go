package hwmon

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/checktest"
	"github.com/picketmon/picket/checks/hostfs"
)

// TestSensorsChange plays a sensor that moves, one that fails, a limit that is set and a chip that is unplugged.
func TestSensorsChange(t *testing.T) {
	dir := checktest.Extract(t, "testdata/board.txtar")
	check, err := spec(dir).New()
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1000, 0)
	value := func(after time.Duration, series string) float64 {
		t.Helper()
		rec := checktest.NewRecorder(at.Add(after))
		if err := check.Run(t.Context(), rec); err != nil {
			t.Fatal(err)
		}
		v, ok := rec.Value(series)
		if !ok {
			return -1
		}
		return v
	}
	set := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "sys/class/hwmon/hwmon0", name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const temp, crit = `node_hwmon_temp_celsius{chip="it87",sensor="temp1"}`, `node_hwmon_temp_crit_celsius{chip="it87",sensor="temp1"}`
	if v := value(0, temp); v != 45 {
		t.Fatalf("temperature is %v", v)
	}
	set("temp1_input", "46000\n")
	set("temp1_crit", "80000\n")
	if v := value(10*time.Second, temp); v != 46 {
		t.Errorf("temperature is %v after a cycle", v)
	}
	if v := value(20*time.Second, crit); v != 90 {
		t.Errorf("limit is %v within the minute", v)
	}
	if v := value(70*time.Second, crit); v != 80 {
		t.Errorf("limit is %v after a minute", v)
	}
	set("temp1_input", "")
	if v := value(80*time.Second, temp); v != -1 {
		t.Errorf("temperature is %v though the sensor fails", v)
	}
	set("temp1_input", "47000\n")
	if v := value(90*time.Second, temp); v != 47 {
		t.Errorf("temperature is %v after the sensor came back", v)
	}
	if err := os.RemoveAll(filepath.Join(dir, "sys/class/hwmon")); err != nil {
		t.Fatal(err)
	}
	if err := check.Run(t.Context(), checktest.NewRecorder(at.Add(3*time.Minute))); !errors.Is(err, checks.ErrNoData) {
		t.Errorf("without sensors: %v", err)
	}
}

func FuzzFileName(f *testing.F) {
	for _, s := range []string{"temp1_input", "beep_enable", "in0", "fan1_", "power1_average_interval_max", "temp1_é"} {
		f.Add(s, "1000")
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		kind, number, property, ok := explode(name)
		if !ok {
			return
		}
		rec := checktest.NewRecorder(time.Time{})
		c := chip{fs: hostfs.New(hostfs.Options{})}
		for _, rd := range c.sensor("chip", "temp1", map[string]element{property: {value: value}, "label": {value: value}}) {
			rec.Gauge(rd.family, rd.value, rd.labels...)
		}
		if number < 0 || kind == "" {
			t.Errorf("%q is %q, %d", name, kind, number)
		}
		checktest.Valid(t, rec)
	})
}
