//go:build !linux

package netdev

import (
	"context"
	"fmt"
	"regexp"

	"github.com/shirou/gopsutil/v3/net"

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
	devices, err := net.IOCountersWithContext(ctx, true)
	if err != nil {
		return fmt.Errorf("read interface counters: %w", hostfs.NoData(err))
	}
	for i := range devices {
		d := &devices[i]
		if exclude.MatchString(d.Name) {
			continue
		}
		r.Counter(family("receive_bytes"), float64(d.BytesRecv), "device", d.Name)
		r.Counter(family("receive_packets"), float64(d.PacketsRecv), "device", d.Name)
		r.Counter(family("receive_errs"), float64(d.Errin), "device", d.Name)
		r.Counter(family("receive_drop"), float64(d.Dropin), "device", d.Name)
		r.Counter(family("transmit_bytes"), float64(d.BytesSent), "device", d.Name)
		r.Counter(family("transmit_packets"), float64(d.PacketsSent), "device", d.Name)
		r.Counter(family("transmit_errs"), float64(d.Errout), "device", d.Name)
		r.Counter(family("transmit_drop"), float64(d.Dropout), "device", d.Name)
	}
	return nil
}
