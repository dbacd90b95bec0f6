package hwmon

import (
	"bytes"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

// explain says why there are no sensors; missing is what listing them said.
func (c *check) explain(missing error) error {
	switch {
	case missing != nil && !c.fs.HasSys():
		return hostfs.NoData(missing)
	case c.virtual():
		return &checks.Gap{Reason: "a virtual machine has no sensors of its own", Cause: checks.ErrNoData}
	}
	return &checks.Gap{
		Reason: "the kernel knows no sensors: no driver of this machine's chips is loaded",
		Fix:    "apt install lm-sensors (Red Hat: dnf install lm_sensors), then sensors-detect --auto and reboot",
		Cause:  checks.ErrNoData,
	}
}

// firmwares are what the firmware of virtual machines calls its maker.
func firmwares() []string {
	return []string{"QEMU", "VMware, Inc.", "Xen", "innotek GmbH", "Google", "Amazon EC2", "Alibaba Cloud", "Parallels Software International Inc."}
}

// virtual reports whether this is a virtual machine: the processor says so on x86, the firmware elsewhere.
func (c *check) virtual() bool {
	if f, err := os.Open(c.fs.ProcPath("cpuinfo")); err == nil {
		head, _ := io.ReadAll(io.LimitReader(f, 16<<10)) // one processor says enough
		_ = f.Close()
		if bytes.Contains(head, []byte(" hypervisor")) {
			return true
		}
		if bytes.Contains(head, []byte("\nflags")) {
			return false // x86, and no hypervisor: firmware of rented metal may still name a cloud
		}
	}
	if _, err := os.Stat(c.fs.SysPath("hypervisor/type")); err == nil {
		return true
	}
	maker, _ := os.ReadFile(c.fs.SysPath("class/dmi/id/sys_vendor"))
	return slices.Contains(firmwares(), strings.TrimSpace(string(maker)))
}
