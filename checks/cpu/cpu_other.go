//go:build !linux

package cpu

import (
	"context"
	"fmt"
	"strings"

	"github.com/shirou/gopsutil/v3/cpu"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

func newCheck(Options) checks.Check { return checks.Func(run) }

func run(ctx context.Context, r checks.Reporter) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	times, err := cpu.TimesWithContext(ctx, true)
	if err != nil {
		return fmt.Errorf("read CPU times: %w", hostfs.NoData(err))
	}
	for _, t := range times {
		number := strings.TrimPrefix(t.CPU, "cpu")
		for _, m := range []struct {
			mode    string
			seconds float64
		}{{"user", t.User}, {"nice", t.Nice}, {"system", t.System}, {"idle", t.Idle}, {"irq", t.Irq}} {
			r.Counter("node_cpu_seconds_total", m.seconds, "cpu", number, "mode", m.mode)
		}
	}
	return nil
}
