// Package hwmon reports hardware sensors: temperatures, fans, voltages, currents, power. It reads /sys/class/hwmon and makes
// node_hwmon_<type>_<element> with a unit, node_hwmon_sensor_label and node_hwmon_chip_names. What a sensor measures and its
// alarms are read every cycle; limits, labels and the list of sensors, which rarely change and may be slow to read, once a
// minute. A sensor that cannot be read is left out. Linux only.
package hwmon

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

// lookAgain is how often the list of sensors, their limits and labels are read.
const lookAgain = time.Minute

// Options say where to look. FS is required.
type Options struct {
	FS *hostfs.FS
}

// Spec describes the check.
func Spec(o Options) checks.Spec {
	return checks.Spec{
		Name: "hwmon",
		Help: "Temperatures, fans, voltages and other hardware sensors.",
		Metrics: []checks.Metric{
			{Name: "node_hwmon_*", Kind: checks.KindGauge, Help: "Hardware monitor sensor element."},
			{Name: "node_hwmon_chip_names", Kind: checks.KindGauge, Help: "Annotation metric for human-readable chip names."},
			{Name: "node_hwmon_sensor_label", Kind: checks.KindGauge, Help: "Label for given chip and sensor."},
			{Name: "node_hwmon_beep_enabled", Kind: checks.KindGauge, Help: "Hardware beep enabled."},
			{Name: "node_hwmon_voltage_regulator_version", Kind: checks.KindGauge, Help: "Hardware voltage regulator."},
			{
				Name: "node_hwmon_update_interval_seconds", Kind: checks.KindGauge,
				Help: "Hardware monitor update interval.", Unit: "seconds",
			},
			{
				Name: "node_hwmon_energy_joule_total", Kind: checks.KindCounter,
				Help: "Hardware monitor for joules used so far (input).", Unit: "joules",
			},
			{
				Name: "node_hwmon_energy_*", Kind: checks.KindCounter,
				Help: "Hardware monitor for joules used so far.", Unit: "joules",
			},
		},
		New: func() (checks.Check, error) { return &check{fs: o.FS}, nil },
	}
}

type check struct {
	fs       *hostfs.FS
	looked   time.Time
	readings []reading
	gap      error // why there are no readings
}

// reading is one series. One without file keeps its value until the sensors are looked for again.
type reading struct {
	conversion
	labels []string
	file   *hostfs.File
	value  float64
}

// Run implements checks.Check.
func (c *check) Run(ctx context.Context, r checks.Reporter) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.looked.IsZero() || r.Time().Sub(c.looked).Abs() >= lookAgain {
		if err := c.discover(ctx, r.Time()); err != nil {
			return err
		}
	}
	if len(c.readings) == 0 {
		return c.gap
	}
	for i := range c.readings {
		rd := &c.readings[i]
		if rd.file != nil {
			if err := ctx.Err(); err != nil {
				return err // sensors behind a slow bus take milliseconds each
			}
			if !rd.read(r.Time()) {
				continue
			}
		}
		if rd.counter {
			r.Counter(rd.family, rd.value, rd.labels...)
		} else {
			r.Gauge(rd.family, rd.value, rd.labels...)
		}
	}
	return nil
}

func (rd *reading) read(at time.Time) bool {
	data, err := rd.file.Acquire(at)
	defer rd.file.Release()
	if err != nil {
		return false
	}
	v, ok := hostfs.Float(hostfs.Trim(data))
	if ok {
		rd.value = rd.convert(v)
	}
	return ok
}

// discover makes the list of readings anew. Files that are still wanted stay open.
func (c *check) discover(ctx context.Context, at time.Time) error {
	const class = "class/hwmon"
	entries, err := os.ReadDir(c.fs.SysPath(class))
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("list sensors: %w", err)
	}
	var found []reading
	named := make(map[string]bool)
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		dir := class + "/" + e.Name()
		if info, err := os.Stat(c.fs.SysPath(dir)); err != nil || !info.IsDir() {
			continue
		}
		chip := chip{fs: c.fs, dir: dir}
		found = append(found, chip.readings(named)...)
		if len(found) > mostReadings {
			found = found[:mostReadings]
			break
		}
	}
	c.keep(found)
	if c.looked = at; len(found) == 0 {
		c.gap = c.explain(err)
	}
	return nil
}

// keep replaces the readings and closes the files that they no longer use.
func (c *check) keep(found []reading) {
	used := make(map[*hostfs.File]bool, len(found))
	for i := range found {
		used[found[i].file] = true
	}
	for i := range c.readings {
		if f := c.readings[i].file; f != nil && !used[f] {
			_ = c.fs.Forget(f) // closing a file that was only read cannot lose anything
		}
	}
	c.readings = found
}
