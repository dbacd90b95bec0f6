package all_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/all"
	"github.com/picketmon/picket/checks/checktest"
)

// compared are the collectors whose series must be ours, hwmon and systemd aside, which few machines have.
func compared() []string {
	return []string{
		"cpu", "loadavg", "meminfo", "filesystem", "diskstats", "netdev", "netstat", "sockstat", "stat", "uname", "time",
		"vmstat", "pressure", "filefd",
	}
}

func start(t testing.TB, specs []checks.Spec, names []string) []checks.Check {
	t.Helper()
	var running []checks.Check
	for _, s := range specs {
		if !slices.Contains(names, s.Name) {
			continue
		}
		c, err := s.New()
		if err != nil {
			t.Fatal(err)
		}
		running = append(running, c)
	}
	if len(running) != len(names) {
		t.Fatalf("%d checks for %q", len(running), names)
	}
	return running
}

// TestSameSeriesAsNodeExporter holds the checks to what Debian's node_exporter says about this machine in the same second.
func TestSameSeriesAsNodeExporter(t *testing.T) {
	e := startExporter(t, compared(), nil)
	running := start(t, all.Builtin(all.Options{}), compared())
	cycle(t, running)
	e.scrape(t)

	before := cycle(t, running)
	theirs := e.scrape(t)
	after := cycle(t, running)
	missing, extra := difference(theirs, after)
	equal := len(theirs) - len(missing)
	t.Logf("%d of node_exporter's %d series, %d of our own", equal, len(theirs), len(extra))
	for _, s := range missing {
		t.Logf("missing: %s", s)
	}
	for _, s := range extra {
		t.Logf("extra: %s", s)
	}
	if len(theirs) < 100 || equal*100 < len(theirs)*95 {
		t.Errorf("%d of %d series are the same, want 95 %%", equal, len(theirs))
	}
	if len(extra)*100 > len(theirs)*5 {
		t.Errorf("%d series that node_exporter does not have", len(extra))
	}
	away := 0
	for series, s := range theirs {
		if b, ok := before[series]; ok && !between(b, s, after[series]) {
			t.Logf("%s is %v, ours were %v and %v", series, s.Value, b.Value, after[series].Value)
			away++
		}
	}
	if away*100 > len(theirs)*5 {
		t.Errorf("%d of %d values are not what ours were just before and after", away, len(theirs))
	}
}

// between reports whether the exporter's value fits between ours, with 5 % for gauges that move back and forth.
func between(before, theirs, after checktest.Sample) bool {
	low, high := min(before.Value, after.Value), max(before.Value, after.Value)
	if strings.HasSuffix(theirs.Name, "_seconds_total") {
		low -= 0.011 // the kernel's idle time steps back by a tick now and then
	}
	if theirs.Kind == checks.KindGauge {
		low, high = low*0.95-8, high*1.05+8
	}
	return low <= theirs.Value && theirs.Value <= high
}
