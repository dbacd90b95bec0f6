// Package storage finds the disks of the host and the file systems that are mounted. In come sysfs, udev's notes, the table of mounts and
// the sizes that the kernel tells; no device is opened, and no file system of another host is asked for anything.
package storage

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/picketmon/picket/agent/inventory"
	"github.com/picketmon/picket/checks"
)

const every = 5 * time.Minute

// Disk is a block device that is no part and no product of another.
type Disk struct {
	Name       string `json:"name"`
	Device     string `json:"device_id"`
	Vendor     string `json:"manufacturer,omitempty"`
	Model      string `json:"model_id,omitempty"`
	Serial     string `json:"serial_number,omitempty"`
	Firmware   string `json:"firmware_version,omitempty"`
	Size       uint64 `json:"size_bytes"`
	Rotational bool   `json:"rotational"`
	Removable  bool   `json:"removable,omitempty"`
	WWN        string `json:"wwn,omitempty"`
	Transport  string `json:"transport,omitempty"` // nvme, virtio, scsi, mmc, xen
}

// Sources returns the kinds disk and file_system.
func Sources(t inventory.Trees) []inventory.Source {
	return []inventory.Source{
		{Kind: "disk", Every: every, Linger: 2, Gather: func(context.Context) ([]inventory.Item, []checks.Gap, error) { return disks(t) }},
		{Kind: "file_system", Every: every, Linger: 2, Gather: func(context.Context) ([]inventory.Item, []checks.Gap, error) { return fileSystems(t) }},
	}
}

func disks(t inventory.Trees) ([]inventory.Item, []checks.Gap, error) {
	dir := t.InSys("block")
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, &checks.Gap{Reason: "the kernel shows no block devices at " + dir, Cause: checks.ErrNoData}
	}
	if err != nil {
		return nil, nil, err
	}
	var all []Disk
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if _, err := os.Stat(filepath.Join(path, "device")); err != nil || strings.HasPrefix(e.Name(), "sr") || strings.HasPrefix(e.Name(), "fd") {
			continue // made of others or of memory, or a drive without a disk
		}
		if d := disk(t, path, e.Name()); d.Size > 0 {
			all = append(all, d)
		}
	}
	items, err := inventory.Collect("disk", all, func(d Disk) string { return d.Name })
	return items, nil, err
}

func disk(t inventory.Trees, path, name string) Disk {
	read := func(file string) string { return inventory.Line(filepath.Join(path, file)) }
	udev := udevOf(t, read("dev"))
	d := Disk{
		Name: name, Device: "/dev/" + strings.ReplaceAll(name, "!", "/"), Rotational: read("queue/rotational") == "1", Removable: read("removable") == "1",
		Model: cmp.Or(read("device/model"), udev["ID_MODEL"], read("device/name")), Firmware: cmp.Or(read("device/firmware_rev"), read("device/rev")),
		Serial: cmp.Or(read("device/serial"), read("serial"), vpd(filepath.Join(path, "device/vpd_pg80")), udev["ID_SERIAL_SHORT"]),
		WWN:    cmp.Or(read("wwid"), read("device/wwid"), udev["ID_WWN"]),
	}
	if vendor := read("device/vendor"); !strings.HasPrefix(vendor, "0x") {
		d.Vendor = vendor
	}
	d.WWN = strings.Join(strings.Fields(d.WWN), " ")
	if sectors, err := strconv.ParseUint(read("size"), 10, 54); err == nil {
		d.Size = sectors * 512 // of 512 bytes, whatever the disk's are
	}
	switch {
	case strings.HasPrefix(name, "nvme"):
		d.Transport = "nvme"
	case strings.HasPrefix(name, "vd"):
		d.Transport = "virtio"
	case strings.HasPrefix(name, "sd"):
		d.Transport = "scsi"
	case strings.HasPrefix(name, "mmcblk"):
		d.Transport = "mmc"
	case strings.HasPrefix(name, "xvd"):
		d.Transport = "xen"
	}
	return d
}

// vpd reads the serial number that a SCSI disk tells of itself: four bytes, then the text.
func vpd(path string) string {
	raw, err := inventory.ReadFile(path, 4096)
	if err != nil {
		return ""
	}
	return parseVPD(raw)
}

func parseVPD(raw []byte) string {
	if len(raw) < 5 || raw[1] != 0x80 {
		return ""
	}
	text := raw[4:min(len(raw), 4+int(raw[2])<<8+int(raw[3]))]
	for _, c := range text {
		if c != 0 && (c < ' ' || c > '~') {
			return ""
		}
	}
	return strings.Trim(string(text), " \x00")
}

// udevOf returns what udev noted of a device, which is there for everybody to read.
func udevOf(t inventory.Trees, number string) map[string]string {
	raw, err := inventory.ReadFile(t.InRoot("run/udev/data/b"+number), 1<<20)
	if err != nil || number == "" {
		return nil
	}
	return parseUdev(raw)
}

func parseUdev(raw []byte) map[string]string {
	out := map[string]string{}
	for line := range bytes.Lines(raw) {
		if rest, ok := bytes.CutPrefix(line, []byte("E:")); ok {
			if name, value, ok := strings.Cut(strings.TrimSpace(strings.ToValidUTF8(string(rest), "�")), "="); ok {
				out[name] = value
			}
		}
	}
	return out
}
