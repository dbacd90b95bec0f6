// Package hardware finds what the host is: the machine with its serial numbers, processors, memory and disks, the operating system,
// and what it runs on, be it a hypervisor, a container or a cloud. In come sysfs, procfs, the firmware's tables and a few files of
// /etc; nothing is started, and nobody is asked over a network unless cloud metadata is switched on.
package hardware

import (
	"cmp"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/picketmon/picket/agent/inventory"
	"github.com/picketmon/picket/checks"
)

// Options are what the sources are made of.
type Options struct {
	Trees    inventory.Trees
	Hostname string // instead of the host's own
	Version  string // of the agent
	// Metadata asks the cloud's metadata service for what firmware does not tell; nil asks nobody.
	Metadata *Metadata
}

// Host is the host itself.
type Host struct {
	Name           string `json:"name"`
	Hostname       string `json:"hostname"`
	FQDN           string `json:"fqdn,omitempty"`
	Domain         string `json:"dns_domain,omitempty"`
	Manufacturer   string `json:"manufacturer,omitempty"`
	Model          string `json:"model_id,omitempty"`
	ModelNumber    string `json:"model_number,omitempty"`
	Serial         string `json:"serial_number,omitempty"` // the best of the ones below
	SystemSerial   string `json:"serial_number_system,omitempty"`
	UUID           string `json:"serial_number_uuid,omitempty"`
	BoardSerial    string `json:"serial_number_baseboard,omitempty"`
	ChassisSerial  string `json:"serial_number_chassis,omitempty"`
	AssetTag       string `json:"asset_tag,omitempty"`
	Chassis        string `json:"chassis_type,omitempty"`
	BIOSVendor     string `json:"bios_vendor,omitempty"`
	BIOSVersion    string `json:"bios_version,omitempty"`
	BIOSDate       string `json:"bios_date,omitempty"`
	CPUName        string `json:"cpu_name,omitempty"`
	CPUMaker       string `json:"cpu_manufacturer,omitempty"`
	Sockets        int    `json:"cpu_count,omitempty"`
	Cores          int    `json:"cpu_core_count,omitempty"`  // of one CPU
	Threads        int    `json:"cpu_core_thread,omitempty"` // of one core
	CPUs           int    `json:"cpus"`                      // threads in all
	RAM            uint64 `json:"ram,omitempty"`             // MB
	Memory         uint64 `json:"memory_bytes,omitempty"`
	OS             string `json:"os"`
	OSID           string `json:"os_id,omitempty"`
	OSVersion      string `json:"os_version,omitempty"`
	Platform       string `json:"platform,omitempty"` // the distribution, as os-release calls itself
	Kernel         string `json:"kernel,omitempty"`
	KernelRelease  string `json:"kernel_release,omitempty"`
	Arch           string `json:"arch"`
	Virtual        bool   `json:"virtual"`
	Virtualization string `json:"virtualization,omitempty"` // kvm, firecracker, vmware, …
	Container      string `json:"container,omitempty"`      // docker, lxc, …
	Cloud          string `json:"cloud_provider,omitempty"`
	Instance       string `json:"cloud_instance_id,omitempty"`
	InstanceType   string `json:"cloud_instance_type,omitempty"`
	Region         string `json:"cloud_region,omitempty"`
	Zone           string `json:"cloud_zone,omitempty"`
	Account        string `json:"cloud_account,omitempty"`
	MachineID      string `json:"machine_id,omitempty"`
	BootID         string `json:"boot_id,omitempty"`
	BootTime       string `json:"boot_time,omitempty"`
	TimeZone       string `json:"time_zone,omitempty"`
	Agent          string `json:"agent_version"`
}

// HostSource returns the kind host.
func HostSource(o Options) inventory.Source {
	w := &hostLook{o: o}
	t := o.Trees
	files := inventory.Stamps(t.InRoot("etc/os-release"), t.InRoot("etc/hosts"), t.InRoot("etc/localtime"), t.InRoot("etc/machine-id"), t.InRoot("run/systemd/container"))
	return inventory.Source{Kind: "host", Every: time.Minute, Gather: w.gather, Stamp: func() string {
		name, err := os.Hostname()
		if err != nil {
			return ""
		}
		// Memory and processors that are added to a machine that runs are found within the hour.
		return name + " " + strconv.FormatInt(time.Now().Unix()/3600, 36) + " " + w.metadataOwing() + files()
	}}
}

type hostLook struct {
	o Options

	mu     sync.Mutex
	boot   string // id of the boot that booted is of: the kernel's word differs by a second when the clock is set
	booted string
}

// metadataOwing changes as long as the cloud's metadata service has not answered.
func (w *hostLook) metadataOwing() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if m := w.o.Metadata; m != nil && !m.done && !time.Now().Before(m.next) {
		return time.Now().String()
	}
	return ""
}

func (w *hostLook) gather(ctx context.Context) ([]inventory.Item, []checks.Gap, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h, gaps, err := w.host()
	if err != nil {
		return nil, nil, err
	}
	if w.o.Metadata != nil {
		if gap := w.o.Metadata.fill(ctx, &h); gap != nil {
			gaps = append(gaps, *gap)
		}
	}
	item, err := inventory.NewItem("computer", "host", h)
	return []inventory.Item{item}, gaps, err
}

func (w *hostLook) host() (Host, []checks.Gap, error) {
	name := w.o.Hostname
	if name == "" {
		var err error
		if name, err = os.Hostname(); err != nil {
			return Host{}, nil, err
		}
	}
	h := Host{Name: name, Hostname: name, OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(), Agent: w.o.Version}
	gaps := h.platform(w.o.Trees)
	if h.BootID != "" && h.BootID == w.boot {
		h.BootTime = w.booted
	}
	w.boot, w.booted = h.BootID, h.BootTime
	h.RAM = h.Memory >> 20
	return h, gaps, nil
}

// identity reads the machine from what the firmware told the kernel.
func (h *Host) identity(t inventory.Trees) []checks.Gap {
	dir := t.InSys("class/dmi/id")
	if _, err := os.Stat(dir); err != nil {
		h.deviceTree(t)
		return []checks.Gap{{Part: "hardware", Reason: "the firmware tells the kernel nothing of the machine (DMI)", Cause: checks.ErrNoData}}
	}
	hidden := false
	read := func(name string) string {
		path := filepath.Join(dir, name)
		if f, err := os.Open(path); err != nil {
			hidden = hidden || os.IsPermission(err)
			return ""
		} else if f.Close() != nil {
			return ""
		}
		return meaning(inventory.Line(path))
	}
	h.Manufacturer, h.Model, h.ModelNumber = read("sys_vendor"), read("product_name"), read("product_sku")
	h.SystemSerial, h.UUID = read("product_serial"), strings.ToLower(read("product_uuid"))
	h.BoardSerial, h.ChassisSerial = read("board_serial"), read("chassis_serial")
	h.Serial = cmp.Or(h.SystemSerial, h.ChassisSerial, h.BoardSerial)
	h.AssetTag = cmp.Or(read("chassis_asset_tag"), read("board_asset_tag"))
	h.BIOSVendor, h.BIOSVersion, h.BIOSDate = read("bios_vendor"), read("bios_version"), read("bios_date")
	h.Chassis = chassis(read("chassis_type"))
	if !hidden {
		return nil
	}
	return []checks.Gap{{Part: "serials", Reason: "only root may read the machine's serial numbers and UUID", Fix: readFirmware, Cause: fs.ErrPermission}}
}

// readFirmware is what lets the agent read what the firmware keeps for root.
const readFirmware = `systemctl edit picket-agent, add [Service] CapabilityBoundingSet=CAP_DAC_READ_SEARCH and ` +
	`AmbientCapabilities=CAP_DAC_READ_SEARCH, then systemctl restart picket-agent`

// deviceTree reads the machine of boards without DMI.
func (h *Host) deviceTree(t inventory.Trees) {
	h.Model = meaning(inventory.Line(t.InSys("firmware/devicetree/base/model")))
	h.SystemSerial = meaning(inventory.Line(t.InSys("firmware/devicetree/base/serial-number")))
	h.Serial = h.SystemSerial
}

// meaning returns what a field of the firmware says, empty when its maker never filled it in.
func meaning(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	low := strings.ToLower(s)
	switch low {
	case "none", "n/a", "na", "not specified", "not applicable", "not available", "unknown", "default string", "to be filled by o.e.m.", "to be filled by oem",
		"system serial number", "system product name", "system manufacturer", "system version", "chassis serial number", "chassis version", "board serial number",
		"base board serial number", "asset-1234567890", "no asset tag", "no asset information", "empty", "xxxxxxxxxx", "123456789", "1234567890", "0123456789", "oem", "o.e.m.", "invalid",
		"undefined", "sku", "system sku", "to be filled":
		return ""
	}
	if strings.Trim(low, "0-.") == "" || strings.Trim(low, "f-") == "" || strings.Trim(low, "x") == "" || strings.Trim(low, "*") == "" {
		return ""
	}
	return s
}

// chassis names the number of SMBIOS.
func chassis(number string) string {
	n, err := strconv.Atoi(number)
	names := []string{
		"", "Other", "", "Desktop", "Low Profile Desktop", "Pizza Box", "Mini Tower", "Tower", "Portable", "Laptop", "Notebook", "Hand Held", "Docking Station",
		"All in One", "Sub Notebook", "Space-saving", "Lunch Box", "Main Server Chassis", "Expansion Chassis", "SubChassis", "Bus Expansion Chassis",
		"Peripheral Chassis", "RAID Chassis", "Rack Mount Chassis", "Sealed-case PC", "Multi-system chassis", "Compact PCI", "Advanced TCA", "Blade",
		"Blade Enclosure", "Tablet", "Convertible", "Detachable", "IoT Gateway", "Embedded PC", "Mini PC", "Stick PC",
	}
	if err != nil || n < 0 || n >= len(names) {
		return ""
	}
	return names[n]
}
