package diskstats

import (
	"bytes"
	"os"
	"path/filepath"
	"time"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

// askAgain is how often udev's record of a device is read: partitioning, formatting and LVM change it.
const askAgain = time.Minute

// udev knows what devices are: their records in the udev database.
type udev struct {
	dir    string
	looked time.Time // when the database was looked for
	gap    *checks.Gap
}

// Gaps implements checks.Explainer: what is not known of the devices.
func (c *check) Gaps() []checks.Gap { return c.gaps }

// gaps adds why the database cannot be read, if it cannot.
func (u *udev) gaps(gaps []checks.Gap, now time.Time) []checks.Gap {
	if u.looked.IsZero() || now.Sub(u.looked).Abs() >= askAgain {
		u.looked, u.gap = now, u.explain()
	}
	if u.gap != nil {
		gaps = append(gaps, *u.gap)
	}
	return gaps
}

func (u *udev) explain() *checks.Gap {
	d, err := os.Open(u.dir)
	switch {
	case err == nil:
		_ = d.Close()
		return nil
	case os.IsNotExist(err):
		return &checks.Gap{
			Part: "identity", Reason: "there is no udev database: disks have no model, serial number and path",
			Fix:   "in a container -v /run/udev:" + filepath.Dir(u.dir) + ":ro; on a host start udev (apt install udev)",
			Cause: checks.ErrNoData,
		}
	}
	return &checks.Gap{Part: "identity", Cause: err}
}

// identity is what udev says about one device, ready to be reported.
type identity struct {
	asked  time.Time
	number string // major:minor, which may be another device's after a reboot of it
	record []byte
	infos  []fact
}

type fact struct {
	family string
	value  float64
	labels []string
}

// identify brings id up to date with the record of the device, which need not exist.
func (u *udev) identify(id *identity, name string, major, minor []byte, now time.Time) {
	same := len(id.number) == len(major)+1+len(minor) && id.number[:len(major)] == string(major) &&
		id.number[len(major)+1:] == string(minor)
	if id.infos != nil && same && now.Sub(id.asked).Abs() < askAgain {
		return
	}
	id.asked = now
	number := string(major) + ":" + string(minor)
	// Without a record, or without permission to read it, the labels are empty.
	record, _ := os.ReadFile(filepath.Join(u.dir, "b"+number))
	if id.infos != nil && same && bytes.Equal(record, id.record) {
		return
	}
	id.number, id.record = number, record
	id.infos = facts(name, string(major), string(minor), properties(record))
}

// properties reads lines like "E:ID_MODEL=Samsung_SSD".
func properties(record []byte) map[string]string {
	p := make(map[string]string)
	lines := hostfs.Lines{Data: record}
	for {
		line, ok := lines.Next()
		if !ok {
			return p
		}
		line, ok = bytes.CutPrefix(line, []byte("E:"))
		if !ok {
			continue
		}
		if name, value, ok := bytes.Cut(line, []byte("=")); ok {
			p[string(name)] = hostfs.Label(value)
		}
	}
}

func facts(device, major, minor string, p map[string]string) []fact {
	list := []fact{{"node_disk_info", 1, []string{
		"device", device, "major", major, "minor", minor, "model", p["ID_MODEL"], "path", p["ID_PATH"],
		"revision", p["ID_REVISION"], "serial", p["ID_SERIAL_SHORT"], "wwn", p["ID_WWN"],
	}}}
	if p["ID_FS_TYPE"] != "" {
		list = append(list, fact{"node_disk_filesystem_info", 1, []string{
			"device", device, "type", p["ID_FS_TYPE"], "usage", p["ID_FS_USAGE"], "uuid", p["ID_FS_UUID"],
			"version", p["ID_FS_VERSION"],
		}})
	}
	if p["DM_NAME"] != "" {
		list = append(list, fact{"node_disk_device_mapper_info", 1, []string{
			"device", device, "lv_layer", p["DM_LV_LAYER"], "lv_name", p["DM_LV_NAME"], "name", p["DM_NAME"],
			"uuid", p["DM_UUID"], "vg_name", p["DM_VG_NAME"],
		}})
	}
	if p["ID_ATA"] == "" {
		return list
	}
	for _, ata := range [...][2]string{
		{"node_disk_ata_write_cache", "ID_ATA_WRITE_CACHE"},
		{"node_disk_ata_write_cache_enabled", "ID_ATA_WRITE_CACHE_ENABLED"},
		{"node_disk_ata_rotation_rate_rpm", "ID_ATA_ROTATION_RATE_RPM"},
	} {
		if v, ok := hostfs.Float([]byte(p[ata[1]])); ok {
			list = append(list, fact{ata[0], v, []string{"device", device}})
		}
	}
	return list
}

func (id *identity) reportFacts(r checks.Reporter) {
	for i := range id.infos {
		f := &id.infos[i]
		r.Gauge(f.family, f.value, f.labels...)
	}
}
