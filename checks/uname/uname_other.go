//go:build !linux

package uname

import (
	"context"
	"fmt"

	"github.com/shirou/gopsutil/v3/host"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

func newCheck() checks.Check { return checks.Func(run) }

func run(ctx context.Context, r checks.Reporter) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	info, err := host.InfoWithContext(ctx)
	if err != nil {
		return fmt.Errorf("ask for the kernel: %w", hostfs.NoData(err))
	}
	system := map[string]string{"darwin": "Darwin", "windows": "Windows", "freebsd": "FreeBSD"}[info.OS]
	if system == "" {
		system = info.OS
	}
	r.Gauge("node_uname_info", 1, labels("(none)", info.KernelArch, info.Hostname, info.KernelVersion, system,
		info.Platform+" "+info.PlatformVersion)...)
	return nil
}
