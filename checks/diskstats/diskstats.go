// Package diskstats reports what block devices did: reads, writes, discards, flushes, and how long they took. On Linux it
// reads /proc/diskstats, and the udev database in /run/udev/data for what the devices are; elsewhere it asks gopsutil. It
// makes the node_disk_* families. Partitions, loop and RAM devices are left out by default.
package diskstats

import (
	"fmt"
	"regexp"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

// DefaultExclude is node_exporter's choice of devices to leave out.
const DefaultExclude = `^(ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$`

// Options say where to look and what to leave out. FS is required on Linux.
type Options struct {
	FS      *hostfs.FS
	Exclude string // regular expression of devices to leave out; empty means DefaultExclude
}

// Spec describes the check.
func Spec(o Options) checks.Spec {
	return checks.Spec{
		Name:    "diskstats",
		Help:    "Reads, writes, discards and flushes of block devices.",
		Metrics: append(counters(), infos()...),
		New: func() (checks.Check, error) {
			if o.Exclude == "" {
				o.Exclude = DefaultExclude
			}
			exclude, err := regexp.Compile(o.Exclude)
			if err != nil {
				return nil, fmt.Errorf("diskstats exclude: %w", err)
			}
			return newCheck(o, exclude), nil
		},
	}
}

// counters are the families of the columns of /proc/diskstats, in their order.
func counters() []checks.Metric {
	counter := func(name, help, unit string) checks.Metric {
		return checks.Metric{Name: "node_disk_" + name, Kind: checks.KindCounter, Help: help, Unit: unit}
	}
	return []checks.Metric{
		counter("reads_completed_total", "The total number of reads completed successfully.", ""),
		counter("reads_merged_total", "The total number of reads merged.", ""),
		counter("read_bytes_total", "The total number of bytes read successfully.", "bytes"),
		counter("read_time_seconds_total", "The total number of seconds spent by all reads.", "seconds"),
		counter("writes_completed_total", "The total number of writes completed successfully.", ""),
		counter("writes_merged_total", "The number of writes merged.", ""),
		counter("written_bytes_total", "The total number of bytes written successfully.", "bytes"),
		counter("write_time_seconds_total", "This is the total number of seconds spent by all writes.", "seconds"),
		{Name: "node_disk_io_now", Kind: checks.KindGauge, Help: "The number of I/Os currently in progress."},
		counter("io_time_seconds_total", "Total seconds spent doing I/Os.", "seconds"),
		counter("io_time_weighted_seconds_total", "The weighted # of seconds spent doing I/Os.", "seconds"),
		counter("discards_completed_total", "The total number of discards completed successfully.", ""),
		counter("discards_merged_total", "The total number of discards merged.", ""),
		counter("discarded_sectors_total", "The total number of sectors discarded successfully.", ""),
		counter("discard_time_seconds_total", "This is the total number of seconds spent by all discards.", "seconds"),
		counter("flush_requests_total", "The total number of flush requests completed successfully.", ""),
		counter("flush_requests_time_seconds_total", "This is the total number of seconds spent by all flush requests.", "seconds"),
	}
}

// infos are the families made of what udev knows.
func infos() []checks.Metric {
	gauge := func(name, help string) checks.Metric {
		return checks.Metric{Name: "node_disk_" + name, Kind: checks.KindGauge, Help: help}
	}
	return []checks.Metric{
		gauge("info", "Info of /sys/block/<block_device>."),
		gauge("filesystem_info", "Info about disk filesystem."),
		gauge("device_mapper_info", "Info about disk device mapper."),
		gauge("ata_write_cache", "ATA disk has a write cache."),
		gauge("ata_write_cache_enabled", "ATA disk has its write cache enabled."),
		gauge("ata_rotation_rate_rpm", "ATA disk rotation rate in RPMs (0 for SSDs)."),
	}
}
