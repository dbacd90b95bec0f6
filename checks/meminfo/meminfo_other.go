//go:build !linux

package meminfo

import (
	"context"
	"fmt"
	"runtime"

	"github.com/shirou/gopsutil/v3/mem"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

func newCheck(Options) checks.Check { return checks.Func(run) }

func run(ctx context.Context, r checks.Reporter) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return fmt.Errorf("read memory: %w", hostfs.NoData(err))
	}
	r.Gauge("node_memory_MemTotal_bytes", float64(m.Total))
	r.Gauge("node_memory_MemAvailable_bytes", float64(m.Available))
	r.Gauge("node_memory_MemFree_bytes", float64(m.Free))
	if runtime.GOOS == "darwin" {
		r.Gauge("node_memory_total_bytes", float64(m.Total))
		r.Gauge("node_memory_free_bytes", float64(m.Free))
		r.Gauge("node_memory_active_bytes", float64(m.Active))
		r.Gauge("node_memory_inactive_bytes", float64(m.Inactive))
		r.Gauge("node_memory_wired_bytes", float64(m.Wired))
	}
	s, err := mem.SwapMemoryWithContext(ctx)
	if err != nil {
		return fmt.Errorf("read swap: %w", hostfs.NoData(err))
	}
	r.Gauge("node_memory_SwapTotal_bytes", float64(s.Total))
	r.Gauge("node_memory_SwapFree_bytes", float64(s.Free))
	return nil
}
