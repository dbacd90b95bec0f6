package cpu

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/picketmon/picket/checks/checktest"
)

// TestCountersDoNotGoBack plays what kernels do to idle time, and a CPU that is taken away and comes back.
func TestCountersDoNotGoBack(t *testing.T) {
	dir := checktest.Extract(t, "testdata/one.txtar")
	check, err := spec(dir).New()
	if err != nil {
		t.Fatal(err)
	}
	const idle, user = `node_cpu_seconds_total{cpu="0",mode="idle"}`, `node_cpu_seconds_total{cpu="0",mode="user"}`
	for i, step := range []struct {
		stat       string
		idle, user float64 // -1: not there
	}{
		{"cpu0 1000 0 0 100000\n", 1000, 10},
		{"cpu0 1001 0 0 99999\n", 1000, 10.01},   // idle went back by a tick
		{"cpu0 1000 0 0 100100\n", 1001, 10.01},  // user did
		{"cpu1 1 1 1 1\n", -1, -1},               // offline
		{"cpu0 5 0 0 700\n", 7, 0.05},            // back, from zero
		{"cpu0 5 0 0 700\ncpu1 1 1 1 1", 7, .05}, // two of them
	} {
		if err := os.WriteFile(filepath.Join(dir, "proc/stat"), []byte(step.stat), 0o644); err != nil {
			t.Fatal(err)
		}
		rec := checktest.NewRecorder(time.Unix(int64(i+1), 0))
		if err := check.Run(t.Context(), rec); err != nil {
			t.Fatal(err)
		}
		for series, want := range map[string]float64{idle: step.idle, user: step.user} {
			if got, ok := rec.Value(series); ok != (want >= 0) || ok && got != want {
				t.Errorf("step %d: %s is %v (%v), want %v", i, series, got, ok, want)
			}
		}
	}
}

func TestIsolatedCPUs(t *testing.T) {
	for text, want := range map[string]int{"": 0, "\n": 0, "3": 1, "1,3-5\n": 4, "0-2,2": 3} {
		if list, err := parseList("isolated", []byte(text)); err != nil || len(list) != want {
			t.Errorf("%q: %v, %v", text, list, err)
		}
	}
	for _, text := range []string{"x", "5-3", "1-", "-1", "0-4294967295", "9999", "1,,2"} {
		if list, err := parseList("isolated", []byte(text)); err == nil {
			t.Errorf("%q: %v", text, list)
		}
	}
}

func FuzzIsolatedCPUs(f *testing.F) {
	f.Add([]byte("1,3-5\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if list, err := parseList("isolated", data); err == nil && len(list) > mostIsolated {
			t.Errorf("%d CPUs", len(list))
		}
	})
}
