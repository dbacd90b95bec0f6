package hardware

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/picketmon/picket/agent/inventory"
	"github.com/picketmon/picket/checks"
)

// platform fills in what Linux tells.
func (h *Host) platform(t inventory.Trees) []checks.Gap {
	if raw, err := inventory.ReadFile(t.InRoot("etc/os-release"), 1<<20); err == nil {
		f := parseRelease(raw)
		h.Platform, h.OSID, h.OSVersion = f["PRETTY_NAME"], f["ID"], f["VERSION_ID"]
	}
	if raw, err := inventory.ReadFile(t.InProc("meminfo"), 1<<20); err == nil {
		h.Memory = parseMemory(raw)
	}
	if raw, err := inventory.ReadFile(t.InProc("cpuinfo"), 16<<20); err == nil {
		h.processors(parseCPUs(raw))
	}
	h.Kernel = inventory.Line(t.InProc("sys/kernel/osrelease"))
	h.KernelRelease = h.Kernel
	h.MachineID = inventory.Line(t.InRoot("etc/machine-id"))
	h.BootID = inventory.Line(t.InProc("sys/kernel/random/boot_id"))
	if raw, err := inventory.ReadFile(t.InProc("stat"), 4<<20); err == nil {
		h.BootTime = parseBoot(raw)
	}
	h.TimeZone = timeZone(t)
	if raw, err := inventory.ReadFile(t.InRoot("etc/hosts"), 4<<20); err == nil {
		h.FQDN = parseHosts(raw, h.Hostname)
	}
	if h.FQDN == "" && strings.Contains(h.Hostname, ".") {
		h.FQDN = h.Hostname
	}
	_, h.Domain, _ = strings.Cut(h.FQDN, ".")
	gaps := h.identity(t)
	h.Virtualization = hypervisor(t, h)
	h.Container = container(t)
	h.Virtual = h.Virtualization != "" || h.Container != ""
	h.cloud(t)
	return gaps
}

// parseRelease reads os-release(5).
func parseRelease(raw []byte) map[string]string {
	out := map[string]string{}
	for line := range bytes.Lines(raw) {
		name, value, ok := strings.Cut(strings.TrimSpace(strings.ToValidUTF8(string(line), "�")), "=")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		if n := len(value); n > 1 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
			value = strings.NewReplacer(`\"`, `"`, `\$`, `$`, `\\`, `\`, "\\`", "`").Replace(value[1 : n-1])
		}
		out[name] = value
	}
	return out
}

func parseMemory(raw []byte) uint64 {
	for line := range bytes.Lines(raw) {
		if rest, ok := bytes.CutPrefix(line, []byte("MemTotal:")); ok {
			if f := bytes.Fields(rest); len(f) > 0 {
				if n, err := strconv.ParseUint(string(f[0]), 10, 53); err == nil {
					return n << 10
				}
			}
		}
	}
	return 0
}

// cpus is what /proc/cpuinfo says of the processors.
type cpus struct {
	name, maker      string
	threads          int
	sockets, cores   map[string]bool
	hypervisor, flag bool // whether a hypervisor is below, and whether flags are told at all
}

func parseCPUs(raw []byte) cpus {
	c := cpus{sockets: map[string]bool{}, cores: map[string]bool{}}
	socket := ""
	for line := range bytes.Lines(raw) {
		k, v, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			continue
		}
		value := strings.ToValidUTF8(string(bytes.TrimSpace(v)), "�")
		switch string(bytes.TrimSpace(k)) {
		case "processor":
			c.threads++
			socket = ""
		case "model name":
			if c.name == "" {
				c.name = strings.Join(strings.Fields(value), " ")
			}
		case "vendor_id":
			c.maker = maker(value)
		case "physical id":
			socket = value
			c.sockets[value] = true
		case "core id":
			c.cores[socket+"/"+value] = true
		case "flags", "Features":
			c.flag = true
			c.hypervisor = c.hypervisor || strings.Contains(" "+value+" ", " hypervisor ")
		}
	}
	return c
}

func maker(id string) string {
	switch id {
	case "GenuineIntel":
		return "Intel"
	case "AuthenticAMD":
		return "AMD"
	case "HygonGenuine":
		return "Hygon"
	case "CentaurHauls":
		return "VIA"
	}
	return id
}

func (h *Host) processors(c cpus) {
	h.CPUName, h.CPUMaker = c.name, c.maker
	if c.threads > 0 {
		h.CPUs = c.threads
	}
	if sockets := len(c.sockets); sockets > 0 && len(c.cores) >= sockets {
		h.Sockets, h.Cores, h.Threads = sockets, len(c.cores)/sockets, c.threads/len(c.cores)
	}
}

func parseBoot(raw []byte) string {
	for line := range bytes.Lines(raw) {
		if rest, ok := bytes.CutPrefix(line, []byte("btime ")); ok {
			if s, err := strconv.ParseInt(string(bytes.TrimSpace(rest)), 10, 40); err == nil {
				return time.Unix(s, 0).UTC().Format(time.RFC3339)
			}
		}
	}
	return ""
}

// parseHosts returns the full name that hosts(5) has for a host's name.
func parseHosts(raw []byte, hostname string) string {
	for line := range bytes.Lines(raw) {
		text, _, _ := strings.Cut(strings.ToValidUTF8(string(line), "�"), "#")
		f := strings.Fields(text)
		for _, name := range f[min(1, len(f)):] {
			if strings.EqualFold(name, hostname) || strings.HasPrefix(strings.ToLower(name), strings.ToLower(hostname)+".") {
				for _, full := range f[1:] {
					if strings.Contains(full, ".") && !strings.HasPrefix(full, "localhost") {
						return strings.ToLower(strings.TrimSuffix(full, "."))
					}
				}
			}
		}
	}
	return ""
}

func timeZone(t inventory.Trees) string {
	if target, err := os.Readlink(t.InRoot("etc/localtime")); err == nil {
		if _, zone, ok := strings.Cut(target, "zoneinfo/"); ok {
			return zone
		}
	}
	return inventory.Line(t.InRoot("etc/timezone"))
}
