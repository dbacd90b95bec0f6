//go:build !linux

package loadavg

import (
	"context"
	"fmt"
	"runtime"

	"github.com/shirou/gopsutil/v3/load"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

func newCheck(Options) checks.Check { return checks.Func(run) }

func run(ctx context.Context, r checks.Reporter) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	// gopsutil simulates a load average on Windows with a goroutine of its own that never ends.
	if runtime.GOOS == "windows" {
		return checks.ErrNoData
	}
	avg, err := load.AvgWithContext(ctx)
	if err != nil {
		return fmt.Errorf("read load averages: %w", hostfs.NoData(err))
	}
	r.Gauge("node_load1", avg.Load1)
	r.Gauge("node_load5", avg.Load5)
	r.Gauge("node_load15", avg.Load15)
	return nil
}
