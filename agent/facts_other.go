//go:build !linux

package agent

import (
	"github.com/shirou/gopsutil/v3/host"
	"github.com/shirou/gopsutil/v3/mem"
)

// platformFacts asks the operating system; what it does not tell stays empty.
func platformFacts(Config) (platform, kernel string, memory uint64, machineID string) {
	if info, err := host.Info(); err == nil {
		platform, kernel, machineID = info.Platform+" "+info.PlatformVersion, info.KernelVersion, info.HostID
	}
	if m, err := mem.VirtualMemory(); err == nil {
		memory = m.Total
	}
	return platform, kernel, memory, machineID
}
