package hwmon

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/picketmon/picket/checks/hostfs"
)

// mostReadings bounds what one host reports, and with it the files that stay open.
const mostReadings = 2048

// chip is one folder in /sys/class/hwmon.
type chip struct {
	fs  *hostfs.FS
	dir string // below sysfs
}

// element is one file of a sensor, like input of temp1.
type element struct {
	path  string // below sysfs
	value string
}

// readings lists what the chip has to report, in a fixed order. Chips whose names are in named are left out, as their series
// would be the same.
func (c *chip) readings(named map[string]bool) []reading {
	name := c.name()
	if name == "" || named[name] {
		return nil
	}
	named[name] = true
	sensors := make(map[string]map[string]element)
	c.collect(c.dir, sensors)
	c.collect(c.dir+"/device", sensors)

	var list []reading
	if human := clean(c.text(c.dir + "/name")); human != "" {
		list = append(list, fixed("node_hwmon_chip_names", 1, "chip", name, "chip_name", human))
	}
	for _, sensor := range slices.Sorted(maps.Keys(sensors)) {
		list = append(list, c.sensor(name, sensor, sensors[sensor])...)
	}
	return list
}

// collect reads the sensors' files in a folder; those of a folder that is read later win.
func (c *chip) collect(dir string, sensors map[string]map[string]element) {
	entries, err := os.ReadDir(c.fs.SysPath(dir))
	if err != nil {
		return
	}
	for _, e := range entries {
		kind, number, property, ok := explode(e.Name())
		if !ok {
			continue
		}
		path := dir + "/" + e.Name()
		data, err := os.ReadFile(c.fs.SysPath(path))
		if err != nil {
			continue
		}
		sensor := kind + strconv.Itoa(number)
		if sensors[sensor] == nil {
			sensors[sensor] = make(map[string]element)
		}
		sensors[sensor][property] = element{path: path, value: strings.Trim(string(data), "\n")}
	}
}

// sensor makes the readings of one sensor.
func (c *chip) sensor(chip, sensor string, elements map[string]element) []reading {
	kind := strings.TrimRight(sensor, "0123456789")
	var list []reading
	if label, ok := elements["label"]; ok {
		list = append(list, fixed("node_hwmon_sensor_label", 1,
			"chip", chip, "label", hostfs.Label([]byte(label.value)), "sensor", sensor))
	}
	_, both := elements[""]
	for _, name := range slices.Sorted(maps.Keys(elements)) {
		conv, ok := convertor(kind, name, both)
		if !ok {
			continue
		}
		e := elements[name]
		v, ok := hostfs.Float([]byte(strings.TrimSpace(e.value)))
		if kind == "beep_enable" {
			ok = true
			if v != 1 {
				v = 0
			}
		}
		same := func(rd reading) bool { return rd.family == conv.family }
		if !ok || slices.ContainsFunc(list, same) {
			continue
		}
		rd := reading{conversion: conv, value: conv.convert(v), labels: []string{"chip", chip, "sensor", sensor}}
		if volatile(kind, name) {
			rd.file = c.fs.Sys(e.path)
		}
		list = append(list, rd)
	}
	return list
}

// volatile reports whether an element is measured, rather than set.
func volatile(kind, name string) bool {
	switch kind {
	case "beep_enable", "vrm", "update_interval":
		return false
	}
	switch name {
	case "", "input", "average", "fault", "alarm":
		return true
	}
	return strings.HasSuffix(name, "_alarm")
}

func fixed(family string, value float64, labels ...string) reading {
	return reading{conversion: conversion{family: family}, value: value, labels: labels}
}

// name makes a name that does not depend on the order in which drivers were loaded: from the device's place on its bus,
// else from the driver's name, else from the folder.
func (c *chip) name() string {
	if device, err := filepath.EvalSymlinks(c.fs.SysPath(c.dir + "/device")); err == nil {
		bus := clean(filepath.Base(filepath.Dir(device)))
		name := clean(filepath.Base(device))
		switch {
		case bus != "" && name != "":
			return bus + "_" + name
		case name != "":
			return name
		}
	}
	if name := clean(c.text(c.dir + "/name")); name != "" {
		return name
	}
	dir, err := filepath.EvalSymlinks(c.fs.SysPath(c.dir))
	if err != nil {
		return ""
	}
	return clean(filepath.Base(dir))
}

func (c *chip) text(name string) string {
	data, err := os.ReadFile(c.fs.SysPath(name))
	if err != nil {
		return ""
	}
	return string(data)
}

// clean makes a part of a metric name or label of s: lower case, everything else than letters, digits, : and _ becomes _.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == ':' || r == '_' {
			return r
		}
		return '_'
	}, strings.ToLower(s))
	return strings.Trim(s, "_")
}

// explode splits a file name like temp1_crit_alarm into type, number and property. It returns false for files that are no
// sensor's.
func explode(name string) (kind string, number int, property string, ok bool) {
	i := strings.IndexAny(name, "0123456789")
	if i < 0 {
		i = len(name)
	}
	kind = name[:i]
	switch kind {
	case "vrm", "beep_enable", "update_interval", "in", "cpu", "fan", "pwm", "temp", "curr", "power", "energy", "humidity", "intrusion":
	default:
		return "", 0, "", false
	}
	rest := name[i:]
	j := 0
	for j < len(rest) && '0' <= rest[j] && rest[j] <= '9' {
		j++
	}
	if j > 0 {
		var err error
		if number, err = strconv.Atoi(rest[:j]); err != nil {
			return "", 0, "", false
		}
	}
	if rest = rest[j:]; rest == "" {
		return kind, number, "", true
	}
	property, ok = strings.CutPrefix(rest, "_")
	return kind, number, property, ok && property != ""
}
