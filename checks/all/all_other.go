//go:build !linux

package all

import (
	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/cpu"
	"github.com/picketmon/picket/checks/diskstats"
	"github.com/picketmon/picket/checks/filesystem"
	"github.com/picketmon/picket/checks/loadavg"
	"github.com/picketmon/picket/checks/meminfo"
	"github.com/picketmon/picket/checks/netdev"
	"github.com/picketmon/picket/checks/textfile"
	"github.com/picketmon/picket/checks/time"
	"github.com/picketmon/picket/checks/uname"
)

// Builtin returns the checks of this system, sorted by name.
func Builtin(o Options) []checks.Spec {
	fs := o.fs()
	return []checks.Spec{
		cpu.Spec(cpu.Options{FS: fs}),
		diskstats.Spec(diskstats.Options{FS: fs}),
		filesystem.Spec(filesystem.Options{FS: fs}),
		loadavg.Spec(loadavg.Options{FS: fs}),
		meminfo.Spec(meminfo.Options{FS: fs}),
		netdev.Spec(netdev.Options{FS: fs}),
		textfile.Spec(textfile.Options{Dir: o.Textfile}),
		time.Spec(time.Options{FS: fs}),
		uname.Spec(),
	}
}
