package all_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/all"
	"github.com/picketmon/picket/checks/checktest"
)

// hostCycle runs all checks once on this host.
func hostCycle(tb testing.TB, running []checks.Check, d *checktest.Discard) {
	d.At, d.Series = d.At.Add(10*time.Second), 0
	for _, c := range running {
		if err := c.Run(tb.Context(), d); err != nil && !errors.Is(err, checks.ErrNoData) {
			tb.Fatal(err)
		}
	}
}

func everyCheck(tb testing.TB) []checks.Check {
	specs := all.Builtin(all.Options{})
	var names []string
	for _, s := range specs {
		names = append(names, s.Name)
	}
	return start(tb, specs, names)
}

// BenchmarkCycle is all checks of a cycle on this host, with the CPU time that they take.
func BenchmarkCycle(b *testing.B) {
	running := everyCheck(b)
	d := &checktest.Discard{At: time.Now()}
	hostCycle(b, running, d)
	b.ReportAllocs()
	before := cpuTime()
	for b.Loop() {
		hostCycle(b, running, d)
	}
	b.ReportMetric(float64(d.Series), "series")
	b.ReportMetric(float64(cpuTime()-before)/float64(b.N), "cpu-ns/op")
}

// BenchmarkAgainstNodeExporter alternates a cycle and a scrape of node_exporter with the same collectors, and reports the
// CPU time of both for 400 series. What the agent does with its series afterwards is not part of it.
func BenchmarkAgainstNodeExporter(b *testing.B) {
	e := startExporter(b, compared(), nil)
	running := start(b, all.Builtin(all.Options{}), compared())
	d := &checktest.Discard{At: time.Now()}
	hostCycle(b, running, d)
	scraped := strings.Count(e.text(b), "\nnode_")
	var ours, theirs time.Duration
	for b.Loop() {
		mine := cpuTime()
		hostCycle(b, running, d)
		ours += cpuTime() - mine
		other := taskTime(b, e.pid)
		e.text(b)
		theirs += taskTime(b, e.pid) - other
	}
	per400 := func(cpu time.Duration, series int) float64 {
		return float64(cpu.Microseconds()) / float64(b.N) * 400 / float64(series)
	}
	us, them := per400(ours, d.Series), per400(theirs, scraped)
	b.ReportMetric(us, "our-us/400")
	b.ReportMetric(them, "their-us/400")
	b.ReportMetric(us/them, "ratio")
}

// cpuTime is the CPU time of this process.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// taskTime is the CPU time of another process, all threads together, as precise as the scheduler knows it.
func taskTime(tb testing.TB, pid int) time.Duration {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(files) == 0 {
		tb.Fatal(files, err)
	}
	var sum time.Duration
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			continue // the thread has ended
		}
		var run time.Duration
		if _, err := fmt.Sscan(string(data), &run); err != nil {
			tb.Fatal(err)
		}
		sum += run
	}
	return sum
}

// TestCycleAllocatesLittle keeps the promise that a cycle makes next to nothing for the garbage collector.
func TestCycleAllocatesLittle(t *testing.T) {
	running := everyCheck(t)
	d := &checktest.Discard{At: time.Now()}
	hostCycle(t, running, d)
	if n := testing.AllocsPerRun(20, func() { hostCycle(t, running, d) }); n > 60 {
		t.Errorf("%v allocations for %d series", n, d.Series)
	}
}
