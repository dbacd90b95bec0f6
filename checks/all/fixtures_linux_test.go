package all_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picketmon/picket/checks/all"
	"github.com/picketmon/picket/checks/checktest"
	"github.com/picketmon/picket/checks/systemd/fakebus"
)

// TestFixturesGiveWhatNodeExporterGives shows the hosts of the checks' golden files to node_exporter too: many CPUs, sensors,
// odd names. Every series and every value must be the same. Malformed files are left out, as it gives up at them.
func TestFixturesGiveWhatNodeExporterGives(t *testing.T) {
	exporterPath(t)
	files, err := filepath.Glob("../*/testdata/*.txtar")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d golden files, %v", len(files), err)
	}
	for _, file := range files {
		check, host := filepath.Base(filepath.Dir(filepath.Dir(file))), strings.TrimSuffix(filepath.Base(file), ".txtar")
		if strings.HasPrefix(host, "malformed") {
			continue
		}
		t.Run(check+"/"+host, func(t *testing.T) {
			t.Parallel()
			dir := checktest.Extract(t, file)
			in := func(name string) string {
				path := filepath.Join(dir, name)
				if err := os.MkdirAll(path, 0o755); err != nil {
					t.Fatal(err)
				}
				return path
			}
			o := all.Options{Proc: in("proc"), Sys: in("sys"), Run: in("run"), Root: dir, Textfile: in("textfile")}
			flags := []string{
				"--path.procfs=" + o.Proc, "--path.sysfs=" + o.Sys, "--path.rootfs=" + dir,
				"--path.udev.data=" + in("run/udev/data"), "--no-collector.netdev.netlink",
				"--collector.textfile.directory=" + o.Textfile,
			}
			same(t, o, check, nil, flags...)
		})
	}
}

// TestSystemdGivesWhatNodeExporterGives connects both to the same bus.
func TestSystemdGivesWhatNodeExporterGives(t *testing.T) {
	exporterPath(t)
	b := fakebus.Start(t)
	for _, u := range fakebus.Sample() {
		if u.Name != "odd.timer" { // node_exporter dies of a property of an unexpected type
			b.Units = append(b.Units, u)
		}
	}
	same(t, all.Options{Bus: b.Path}, "systemd", []string{"DBUS_SYSTEM_BUS_ADDRESS=unix:path=" + b.Path})
}

func withoutEmptyLabels(samples map[string]checktest.Sample) map[string]checktest.Sample {
	out := map[string]checktest.Sample{}
	for _, s := range samples {
		var labels []string
		for i := 0; i < len(s.Labels); i += 2 {
			if s.Labels[i+1] != "" {
				labels = append(labels, s.Labels[i], s.Labels[i+1])
			}
		}
		s.Labels = labels
		out[s.Series()] = s
	}
	return out
}

func same(t *testing.T, o all.Options, check string, env []string, flags ...string) {
	t.Helper()
	e := startExporter(t, []string{check}, env, flags...)
	theirs := e.scrape(t)
	if check == "textfile" {
		theirs = withoutEmptyLabels(theirs) // which it gives to series that lack a label of another one
	}
	ours := cycle(t, start(t, all.Builtin(o), []string{check}))
	missing, extra := difference(theirs, ours)
	for _, s := range missing {
		// node_exporter 1.5.0 reports zeros for CPUs that are offline, as if their counters had been reset.
		if !strings.HasPrefix(s, "node_cpu_") || theirs[s].Value != 0 {
			t.Errorf("missing: %s", s)
		}
	}
	for _, s := range extra {
		if !strings.HasPrefix(s, "node_network_receive_nohandler_total") { // theirs comes from netlink, of the real host
			t.Errorf("extra: %s", s)
		}
	}
	for series, s := range theirs {
		// The clock runs, and the file system below the fixtures is the real one.
		alive := s.Name == "node_time_seconds" || strings.HasPrefix(s.Name, "node_filesystem_")
		if o, ok := ours[series]; ok && o.Value != s.Value && !(math.IsNaN(o.Value) && math.IsNaN(s.Value)) && !(alive && math.Abs(o.Value-s.Value) < 0.05*s.Value) {
			t.Errorf("%s is %v, theirs is %v", series, o.Value, s.Value)
		}
	}
	if len(theirs) == 0 {
		t.Error("node_exporter has nothing to say")
	}
}
