//go:build !linux

package hardware

import (
	"time"

	"github.com/shirou/gopsutil/v3/host"
	"github.com/shirou/gopsutil/v3/mem"

	"github.com/picketmon/picket/agent/inventory"
	"github.com/picketmon/picket/checks"
)

// platform asks the operating system; what it does not tell stays empty.
func (h *Host) platform(inventory.Trees) []checks.Gap {
	if info, err := host.Info(); err == nil {
		h.Platform, h.OSID, h.OSVersion = info.Platform+" "+info.PlatformVersion, info.Platform, info.PlatformVersion
		h.Kernel, h.KernelRelease, h.MachineID = info.KernelVersion, info.KernelVersion, info.HostID
		if info.BootTime > 0 {
			h.BootTime = time.Unix(int64(info.BootTime), 0).UTC().Truncate(time.Minute).Format(time.RFC3339)
		}
	}
	if m, err := mem.VirtualMemory(); err == nil {
		h.Memory = m.Total
	}
	return nil
}
