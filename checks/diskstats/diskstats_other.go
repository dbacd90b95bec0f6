//go:build !linux

package diskstats

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/shirou/gopsutil/v3/disk"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

func newCheck(_ Options, exclude *regexp.Regexp) checks.Check {
	return checks.Func(func(ctx context.Context, r checks.Reporter) error { return run(ctx, r, exclude) })
}

func run(ctx context.Context, r checks.Reporter, exclude *regexp.Regexp) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	devices, err := disk.IOCountersWithContext(ctx)
	if err != nil {
		return fmt.Errorf("read disk counters: %w", hostfs.NoData(err))
	}
	for _, name := range slices.Sorted(maps.Keys(devices)) {
		if exclude.MatchString(name) {
			continue
		}
		d := devices[name]
		r.Counter("node_disk_reads_completed_total", float64(d.ReadCount), "device", name)
		r.Counter("node_disk_read_bytes_total", float64(d.ReadBytes), "device", name)
		r.Counter("node_disk_read_time_seconds_total", float64(d.ReadTime)/1000, "device", name)
		r.Counter("node_disk_writes_completed_total", float64(d.WriteCount), "device", name)
		r.Counter("node_disk_written_bytes_total", float64(d.WriteBytes), "device", name)
		r.Counter("node_disk_write_time_seconds_total", float64(d.WriteTime)/1000, "device", name)
	}
	return nil
}
