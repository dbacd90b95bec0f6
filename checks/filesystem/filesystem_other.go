//go:build !linux

package filesystem

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/shirou/gopsutil/v3/disk"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

// What node_exporter leaves out on systems other than Linux.
const (
	DefaultExcludePoints = `^/(dev)($|/)`
	DefaultExcludeTypes  = `^devfs$`
)

type lister struct {
	points *regexp.Regexp
	types  *regexp.Regexp
}

func newLister(_ Options, points, types *regexp.Regexp) lister {
	return lister{points: points, types: types}
}

func (l *lister) list(ctx context.Context, _ time.Time) ([]*mount, error) {
	parts, err := disk.PartitionsWithContext(ctx, false)
	if err != nil && len(parts) == 0 {
		return nil, fmt.Errorf("list file systems: %w", hostfs.NoData(err))
	}
	var mounts []*mount
	for _, p := range parts {
		if l.points.MatchString(p.Mountpoint) || l.types.MatchString(p.Fstype) {
			continue
		}
		readonly := slices.Contains(p.Opts, "ro") || slices.Contains(p.Opts, "read-only")
		mounts = append(mounts, newMount(p.Mountpoint, p.Mountpoint, p.Device, p.Fstype, readonly))
	}
	return mounts, nil
}

// gaps adds nothing: the list is the system's own.
func (l *lister) gaps(gaps []checks.Gap) []checks.Gap { return gaps }

func statfs(path string) (Usage, error) {
	u, err := disk.Usage(path)
	if err != nil {
		return Usage{}, fmt.Errorf("ask %s: %w", path, hostfs.NoData(err))
	}
	return Usage{
		Size: float64(u.Total), Free: float64(u.Total - u.Used), Avail: float64(u.Free),
		Files: float64(u.InodesTotal), FilesFree: float64(u.InodesFree),
	}, nil
}
