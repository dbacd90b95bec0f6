//go:build !linux

package enroll

import (
	"context"
	"net"
	"strings"

	"github.com/shirou/gopsutil/v3/host"
)

// readSources returns what identifies this machine, the best first.
func readSources(ctx context.Context, _, hostname string) []source {
	var found []source
	if id, err := host.HostIDWithContext(ctx); err == nil && strings.TrimSpace(id) != "" {
		found = append(found, source{sourcePlatform, strings.ToLower(strings.TrimSpace(id))})
	}
	return append(found, source{sourceHostname, hostname + " " + firstMAC()})
}

// firstMAC returns the hardware address of the first network card that is not a loopback, "" without one.
func firstMAC() string {
	cards, err := net.Interfaces()
	if err != nil {
		return ""
	}
	for _, c := range cards {
		if c.Flags&net.FlagLoopback == 0 && len(c.HardwareAddr) > 0 {
			return c.HardwareAddr.String()
		}
	}
	return ""
}
