package test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/picketmon/picket/agent/status"
)

// exposure is the most that systemd-analyze security may find of a running unit.
const exposure = 2.0

var units = []string{"picket-collector", "picket-agent"}

// TestUnits installs the packages on a Debian 12 that systemd has booted, and lives through what an administrator does: enrol with the
// printed line, restart, stop, kill -9, reboot, upgrade, purge. The sandbox of the unit must not keep a check from anything.
func TestUnits(t *testing.T) {
	if !soak() {
		t.Skip("set PICKET_SOAK=1 to boot a Debian")
	}
	debs := makeDebs(t)
	m := newMachine(t)
	m.boot()
	m.copyIn(debs["1.0.0"]...)
	m.sh("dpkg -i /root/picket-collector_1.0.0_*.deb /root/picket-agent_1.0.0_*.deb")
	m.want("active", "systemctl is-active picket-collector")
	m.want("inactive", "systemctl is-active picket-agent || true") // it is nobody yet, and does not complain
	m.want("0 loaded units", "systemctl --failed --no-pager")

	enrolWithThePrintedLine(m)
	everyCheckRuns(m)
	// Units come and go while the machine starts, so once may not be enough.
	eventually(t, time.Minute, "the same series inside and outside of the unit", func() error { return sandboxHidesNothing(m) })
	for _, u := range units {
		m.exposed(u)
		m.restarts(u)
	}
	m.want("(?s)Started picket-agent.*enrolled", "journalctl -u picket-agent --no-pager")
	m.want("(?s)Started picket-collector.*collector started", "journalctl -u picket-collector --no-pager")
	if secret := m.sh("cat /var/lib/picket-collector/admin-password"); strings.Contains(m.sh("journalctl --no-pager"), secret) {
		t.Error("the journal has the admin's password")
	}

	before, who := m.samples(), m.want(`"id": "([0-9a-f]{32})"`, asAdmin("picket agents list -o json"))
	m.halt()
	m.boot()
	m.connected()
	if after := m.samples(); after < before {
		t.Errorf("%d samples of node_load1 before the reboot, %d after", before, after)
	}
	m.want(regexp.QuoteMeta(who), asAdmin("picket agents list -o json"))

	upgrade(m, debs["1.0.1"])
	m.sh("dpkg --purge picket-agent picket-collector")
	left := m.sh(`ls -d /etc/picket* /var/lib/picket* 2>/dev/null; getent passwd picket-agent picket-collector; getent group picket-agent picket-collector
		find /etc /var/lib/systemd /usr/lib/systemd -name '*picket*'; find / -xdev \( -nouser -o -nogroup \) -not -path '/proc/*'; true`)
	if left != "" {
		t.Errorf("purging leaves\n%s", left)
	}
}

// makeDebs builds the packages as make package does, and the same packages once more with a higher version.
func makeDebs(t *testing.T) map[string][]string {
	t.Helper()
	dist := t.TempDir()
	run(t, "env", "DIST="+dist, "VERSION=1.0.0", "ARCHES="+runtime.GOARCH, "bash", "../packaging/package.sh")
	debs := map[string][]string{}
	for _, u := range units {
		deb := filepath.Join(dist, u+"_1.0.0_"+runtime.GOARCH+".deb")
		next, tree := filepath.Join(dist, u+"_1.0.1_"+runtime.GOARCH+".deb"), filepath.Join(dist, "tree-"+u)
		run(t, "dpkg-deb", "--raw-extract", deb, tree)
		run(t, "sed", "-i", "s/^Version: .*/Version: 1.0.1/", filepath.Join(tree, "DEBIAN/control"))
		run(t, "dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, next)
		debs["1.0.0"], debs["1.0.1"] = append(debs["1.0.0"], deb), append(debs["1.0.1"], next)
	}
	return debs
}

// missing is what the test's machine may not have: a container has no udev, and the machine that runs this test may have neither sensors
// nor firmware that says anything. All else is the unit's fault.
var missing = []string{"diskstats:identity", "hwmon", "inventory:host:hardware", "inventory:memory_module"}

func enrolWithThePrintedLine(m *machine) {
	m.sh("runuser -u picket-collector -- picket-collector token create --data-dir /var/lib/picket-collector >/dev/null 2>/root/printed")
	m.sh(`eval "$(grep 'install -m 0600' /root/printed)"`)
	m.connected()
	m.want(` up `, asAdmin("picket agents list"))
	m.samples()
}

// everyCheckRuns waits until the agent in its unit has run all checks, and looks for errors.
func everyCheckRuns(m *machine) {
	m.t.Helper()
	var r status.Report
	eventually(m.t, time.Minute, "all checks have run and the collector was told", func() error {
		out, err := m.try("picket-agent status --json --data-dir /var/lib/picket-agent")
		if err != nil {
			return err
		}
		r = status.Report{}
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			return err
		}
		if len(r.Capabilities) == 0 {
			return fmt.Errorf("%d checks", len(r.Checks))
		}
		return nil
	})
	if len(r.Checks) < 16 {
		m.t.Errorf("only %d checks run in the unit", len(r.Checks))
	}
	for _, c := range r.Checks {
		if c.Error != "" || c.Runs == 0 {
			m.t.Errorf("check %s ran %d times in the unit: %s", c.Name, c.Runs, c.Error)
		}
	}
	for _, c := range r.Capabilities {
		if !c.Available && !slices.Contains(missing, c.Name) {
			m.t.Errorf("the unit cannot collect %s: %s (mend: %s)", c.Name, c.Reason, c.Fix)
		}
	}
	m.sh("picket-agent doctor --config /etc/picket-agent/agent.yaml")
}

// sandboxHidesNothing compares the series that came from the unit with those that root sees outside of it.
func sandboxHidesNothing(m *machine) error {
	m.t.Helper()
	out := m.sh(`for c in $(picket-agent check list --data-dir /var/lib/picket-agent | awk 'NR > 1 && $2 == "yes" { print $1 }'); do
		picket-agent check run $c --data-dir /var/lib/picket-agent | grep -v '^#'; done; true`)
	outside := map[string]bool{}
	for line := range strings.Lines(out) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if i := strings.LastIndex(line, "} "); i >= 0 {
			name, rest, _ = strings.Cut(line[:i], "{")
		}
		outside[seriesText(name, labelPairs(rest))] = true
	}
	if inside := m.series(); !maps.Equal(outside, inside) || len(inside) < 200 {
		return fmt.Errorf("%d series from the unit, %d outside of it (-outside +inside):\n%s", len(inside), len(outside), cmp.Diff(outside, inside))
	}
	m.t.Logf("%d series, the same inside and outside of the unit", len(outside))
	return nil
}

// series returns what the collector has of the host now.
func (m *machine) series() map[string]bool {
	m.t.Helper()
	var answer struct {
		Data struct{ Result []promSeries }
	}
	if err := json.Unmarshal([]byte(m.sh(asAdmin(`picket query -o json '{job="node",__name__!~"up|picket_.*"}'`))), &answer); err != nil {
		m.t.Fatal(err)
	}
	all := map[string]bool{}
	for _, s := range answer.Data.Result {
		labels := maps.Clone(s.Metric)
		for _, l := range []string{"__name__", "job", "instance"} {
			delete(labels, l)
		}
		all[seriesText(s.Metric["__name__"], labels)] = true
	}
	return all
}

var labelPair = regexp.MustCompile(`(\w+)="((?:[^"\\]|\\.)*)"`)

// labelPairs reads labels as check run prints them; empty ones are none.
func labelPairs(text string) map[string]string {
	labels := map[string]string{}
	for _, p := range labelPair.FindAllStringSubmatch(text, -1) {
		if value, err := strconv.Unquote(`"` + p[2] + `"`); err == nil && value != "" {
			labels[p[1]] = value
		}
	}
	return labels
}

func seriesText(name string, labels map[string]string) string {
	text := name
	for _, l := range slices.Sorted(maps.Keys(labels)) {
		text += fmt.Sprintf(",%s=%q", l, labels[l])
	}
	return text
}

// exposed bounds what systemd-analyze finds of the running unit, and checks that nothing can be regained.
func (m *machine) exposed(unit string) {
	m.t.Helper()
	text := m.want(`exposure level for \S+: ([0-9.]+)`, "systemd-analyze security --no-pager "+unit)
	if level, err := strconv.ParseFloat(text, 64); err != nil || level > exposure {
		m.t.Errorf("exposure of %s is %s, the bar is %.1f", unit, text, exposure)
	}
	m.t.Logf("exposure of %s: %s", unit, text)
	status := m.sh("cat /proc/$(systemctl show -p MainPID --value " + unit + ")/status")
	for _, want := range []string{`CapEff:\s+0+\n`, `CapBnd:\s+0+\n`, `NoNewPrivs:\s+1\n`, `Seccomp:\s+2\n`, `Uid:\s+[1-9]`} {
		if !regexp.MustCompile(want).MatchString(status) {
			m.t.Errorf("%s: no %q in its status", unit, want)
		}
	}
}

// restarts takes a unit through restart, stop and kill -9.
func (m *machine) restarts(unit string) {
	m.t.Helper()
	for _, verb := range []string{"restart", "stop"} {
		began := time.Now()
		m.sh("systemctl " + verb + " " + unit)
		if took := time.Since(began); took > 10*time.Second {
			m.t.Errorf("systemctl %s %s took %s", verb, unit, took)
		}
		if verb == "restart" {
			m.connected()
		}
	}
	m.want("(?s)Result=success.*ExecMainStatus=0", "systemctl show -p Result -p ExecMainStatus "+unit)
	m.sh("systemctl start " + unit)
	for range 3 {
		former := m.pid(unit)
		m.sh("kill -9 " + former)
		eventually(m.t, 15*time.Second, unit+" is started again", func() error {
			if now := m.pid(unit); now == former || now == "0" {
				return fmt.Errorf("process %s", now)
			}
			return nil
		})
	}
	m.want("NRestarts=3", "systemctl show -p NRestarts "+unit)
	m.connected()
}

// upgrade installs the next version over the running one; what is switched off stays so.
func upgrade(m *machine, debs []string) {
	m.t.Helper()
	m.copyIn(debs...)
	m.sh("systemctl disable --now picket-agent")
	former := m.pid("picket-collector")
	m.sh("dpkg -i /root/picket-collector_1.0.1_*.deb /root/picket-agent_1.0.1_*.deb")
	if now := m.pid("picket-collector"); now == former || now == "0" {
		m.t.Errorf("the collector runs as %s after the upgrade, as %s before", now, former)
	}
	m.want("^disabled\ninactive", "systemctl is-enabled picket-agent; systemctl is-active picket-agent; true")
	m.sh("systemctl enable --now picket-agent")
	m.connected()
}

// asAdmin is a command with the password of the collector's first user.
func asAdmin(command string) string {
	return `PICKET_USER=admin PICKET_PASSWORD="$(cat /var/lib/picket-collector/admin-password)" ` + command
}

func (m *machine) pid(unit string) string {
	return m.sh("systemctl show -p MainPID --value " + unit)
}

// connected waits until the agent has a stream to the collector.
func (m *machine) connected() {
	m.t.Helper()
	eventually(m.t, 90*time.Second, "the agent is connected", func() error {
		out, err := m.try("picket-agent status --data-dir /var/lib/picket-agent")
		if err == nil && !strings.Contains(out, "connected for") {
			err = fmt.Errorf("status:\n%s", out)
		}
		return err
	})
}

// samples counts what the collector keeps of one series.
func (m *machine) samples() int {
	m.t.Helper()
	var n int
	eventually(m.t, time.Minute, "the collector answers with samples", func() error {
		out, err := m.try(asAdmin("picket query 'count_over_time(node_load1[1h])'"))
		if err != nil {
			return fmt.Errorf("%w\n%s", err, out)
		}
		fields := strings.Fields(out)
		n, err = strconv.Atoi(fields[len(fields)-1])
		return err
	})
	return n
}

// run runs a program of this machine, and fails the test when it fails.
func run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, tail(string(out)))
	}
	return string(out)
}

// try runs a command in the machine's bash.
func (m *machine) try(command string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "nsenter", "--target", m.leader(), "--mount", "--uts", "--ipc", "--net", "--pid", "--",
		"env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", "bash", "-c", command)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// sh is try, and fails the test on an error.
func (m *machine) sh(command string) string {
	m.t.Helper()
	out, err := m.try(command)
	if err != nil {
		m.t.Fatalf("%s: %v\n%s", command, err, tail(out))
	}
	return out
}

// want is sh, and fails the test when the output does not match. It returns the first group, or the match.
func (m *machine) want(pattern, command string) string {
	m.t.Helper()
	out := m.sh(command)
	found := regexp.MustCompile("(?m)" + pattern).FindStringSubmatch(out)
	if found == nil {
		m.t.Fatalf("%s: no %q in\n%s", command, pattern, tail(out))
	}
	return found[len(found)-1]
}

func (m *machine) copyIn(files ...string) {
	m.t.Helper()
	run(m.t, append(append([]string{"cp"}, files...), filepath.Join(m.root, "root"))...)
}
