package cpu

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

// mostIsolated bounds what a broken list can make of itself; Linux allows 8192 CPUs.
const mostIsolated = 8192

// isolated reports the CPUs that the scheduler leaves alone. The list is fixed at boot and read again only when the number
// of CPUs changes.
type isolated struct {
	fs     *hostfs.FS
	cpus   int
	list   []string
	labels [2]string
}

func (s *isolated) report(cpus int, r checks.Reporter) error {
	if cpus != s.cpus {
		path := s.fs.SysPath("devices/system/cpu/isolated")
		data, err := os.ReadFile(path)
		if err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("read isolated CPUs: %w", err)
		}
		if s.list, err = parseList(path, data); err != nil {
			return err
		}
		s.cpus = cpus
	}
	for _, number := range s.list {
		s.labels = [2]string{"cpu", number}
		r.Gauge("node_cpu_isolated", 1, s.labels[:]...)
	}
	return nil
}

// parseList reads "1,3-5" as 1, 3, 4, 5.
func parseList(path string, data []byte) ([]string, error) {
	var list []string
	text := string(hostfs.Trim(data))
	if text == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		low, high, isRange := strings.Cut(part, "-")
		if !isRange {
			high = low
		}
		from, ok := hostfs.Uint([]byte(low))
		to, okTo := hostfs.Uint([]byte(high))
		if !ok || !okTo || to < from || to >= mostIsolated || len(list) > mostIsolated {
			return nil, &hostfs.LineError{Path: path, Line: 1, What: fmt.Sprintf("want CPU numbers: %.60q", part)}
		}
		for n := from; n <= to; n++ {
			list = append(list, strconv.FormatUint(n, 10))
		}
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// throttle reports how often cores and packages were slowed down because of heat, where the kernel counts it. CPUs are
// looked for again when their number changes.
type throttle struct {
	fs       *hostfs.FS
	cpus     int
	counters []counter
}

type counter struct {
	file   *hostfs.File
	family string
	labels []string
}

func (s *throttle) report(cpus int, r checks.Reporter) error {
	if cpus != s.cpus {
		if err := s.discover(); err != nil {
			return err
		}
		s.cpus = cpus
	}
	var problems hostfs.Problems
	for i := range s.counters {
		problems.Add(s.counters[i].report(r))
	}
	return problems.Err()
}

func (c *counter) report(r checks.Reporter) error {
	data, err := c.file.Acquire(r.Time())
	defer c.file.Release()
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read throttle count: %w", err)
	}
	v, ok := hostfs.Uint(hostfs.Trim(data))
	if !ok {
		return &hostfs.LineError{Path: c.file.Path(), Line: 1, What: fmt.Sprintf("want a number: %.60q", data)}
	}
	r.Counter(c.family, float64(v), c.labels...)
	return nil
}

// discover finds the counters: one per core and one per package, those of the first CPU that belongs to them.
func (s *throttle) discover() error {
	for _, c := range s.counters {
		if err := s.fs.Forget(c.file); err != nil {
			return fmt.Errorf("close throttle count: %w", err)
		}
	}
	s.counters = nil
	const dir = "devices/system/cpu"
	entries, err := os.ReadDir(s.fs.SysPath(dir))
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("list CPUs: %w", err)
	}
	seen := map[string]bool{}
	for _, e := range entries {
		number, ok := strings.CutPrefix(e.Name(), "cpu")
		if !ok || number == "" || number[0] < '0' || number[0] > '9' {
			continue
		}
		cpu := dir + "/" + e.Name()
		pkg, okPkg := s.number(cpu + "/topology/physical_package_id")
		core, okCore := s.number(cpu + "/topology/core_id")
		if okPkg && okCore {
			s.add(seen, cpu+"/thermal_throttle/core_throttle_count", "node_cpu_core_throttles_total", "core", core, "package", pkg)
			s.add(seen, cpu+"/thermal_throttle/package_throttle_count", "node_cpu_package_throttles_total", "package", pkg)
		}
	}
	return nil
}

func (s *throttle) add(seen map[string]bool, name, family string, labels ...string) {
	key := family + strings.Join(labels, " ")
	if seen[key] {
		return
	}
	if _, ok := s.number(name); ok {
		seen[key] = true
		s.counters = append(s.counters, counter{file: s.fs.Sys(name), family: family, labels: labels})
	}
}

func (s *throttle) number(name string) (string, bool) {
	data, err := os.ReadFile(s.fs.SysPath(name))
	if err != nil {
		return "", false
	}
	v, ok := hostfs.Uint(hostfs.Trim(data))
	return strconv.FormatUint(v, 10), ok
}
