package hardware

import (
	"bytes"
	"os"
	"strings"

	"github.com/picketmon/picket/agent/inventory"
)

// makers are parts of what firmware says of virtual machines.
var makers = []struct{ sign, kind string }{
	{"Amazon EC2", "kvm"},
	{"KVM", "kvm"},
	{"OpenStack", "kvm"},
	{"KubeVirt", "kvm"},
	{"Google Compute Engine", "kvm"},
	{"Alibaba Cloud ECS", "kvm"},
	{"Firecracker", "firecracker"},
	{"QEMU", "qemu"},
	{"VMware", "vmware"},
	{"VMW", "vmware"},
	{"innotek GmbH", "virtualbox"},
	{"VirtualBox", "virtualbox"},
	{"Oracle Corporation", "virtualbox"},
	{"Xen", "xen"},
	{"Bochs", "bochs"},
	{"Parallels", "parallels"},
	{"BHYVE", "bhyve"},
	{"Hyper-V", "hyperv"},
	{"Apple Virtualization", "apple"},
	{"Microsoft Corporation Virtual Machine", "hyperv"},
}

// hypervisor returns what the host is a virtual machine of, as systemd-detect-virt looks for it: firmware first, then what the kernel
// knows.
func hypervisor(t inventory.Trees, h *Host) string {
	says := h.Manufacturer + " " + h.Model + "\n" + h.BIOSVendor + "\n" + inventory.Line(t.InSys("class/dmi/id/board_vendor"))
	if strings.HasSuffix(h.Model, ".metal") {
		return "" // Amazon's machines without a hypervisor
	}
	firmware := ""
	for _, m := range makers {
		if strings.Contains(says, m.sign) {
			firmware = m.kind
			break
		}
	}
	clock := inventory.Line(t.InSys("devices/system/clocksource/clocksource0/available_clocksource"))
	kind := inventory.Line(t.InSys("hypervisor/type"))
	switch {
	case kind == "xen" && dom0(t):
		return ""
	case kind == "xen":
		return "xen"
	case firmware == "" || firmware == "qemu":
	case firmware == "kvm" && acpiMaker(t) == "FIRECK":
		return "firecracker"
	default:
		return firmware
	}
	switch {
	case acpiMaker(t) == "FIRECK":
		return "firecracker"
	case strings.Contains(clock, "kvm-clock"):
		return "kvm"
	case strings.Contains(clock, "hyperv"):
		return "hyperv"
	case firmware != "":
		return firmware
	}
	if raw, err := inventory.ReadFile(t.InProc("cpuinfo"), 16<<20); err == nil && parseHypervisorFlag(raw) {
		return "other"
	}
	return ""
}

func parseHypervisorFlag(raw []byte) bool {
	for line := range bytes.Lines(raw) {
		if bytes.HasPrefix(line, []byte("flags")) {
			return bytes.Contains(line, []byte(" hypervisor "))
		}
	}
	return false
}

// dom0 reports whether this is the host of a Xen hypervisor, not a guest.
func dom0(t inventory.Trees) bool {
	raw, err := inventory.ReadFile(t.InProc("xen/capabilities"), 4096)
	return err == nil && bytes.Contains(raw, []byte("control_d"))
}

// acpiMaker returns who made the ACPI tables.
func acpiMaker(t inventory.Trees) string {
	f, err := os.Open(t.InSys("firmware/acpi/tables/DSDT"))
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	var head [16]byte
	if n, err := f.Read(head[:]); err != nil || n < len(head) {
		return ""
	}
	return strings.TrimRight(string(head[10:16]), " \x00")
}

// container returns what kind of container the first process of the agent's view runs in, empty for none.
func container(t inventory.Trees) string {
	if raw, err := inventory.ReadFile(t.InProc("1/environ"), 1<<20); err == nil {
		for v := range bytes.SplitSeq(raw, []byte{0}) {
			if kind, ok := bytes.CutPrefix(v, []byte("container=")); ok {
				return named(string(kind))
			}
		}
	}
	if kind := inventory.Line(t.InRoot("run/systemd/container")); kind != "" {
		return named(kind)
	}
	for _, m := range []struct{ file, kind string }{{".dockerenv", "docker"}, {"run/.containerenv", "podman"}} {
		if _, err := os.Stat(t.InRoot(m.file)); err == nil {
			return m.kind
		}
	}
	if raw, err := inventory.ReadFile(t.InProc("1/cgroup"), 1<<20); err == nil {
		for _, m := range []struct{ sign, kind string }{{"/docker", "docker"}, {"/kubepods", "kubernetes"}, {"/lxc", "lxc"}, {"/libpod", "podman"}} {
			if bytes.Contains(raw, []byte(m.sign)) {
				return m.kind
			}
		}
	}
	return ""
}

func named(kind string) string {
	switch kind = strings.TrimSpace(strings.ToValidUTF8(kind, "�")); kind {
	case "systemd-nspawn":
		return "nspawn"
	case "oci":
		return "docker"
	}
	return kind[:min(len(kind), 32)]
}
