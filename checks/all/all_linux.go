package all

import (
	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/cpu"
	"github.com/picketmon/picket/checks/diskstats"
	"github.com/picketmon/picket/checks/filefd"
	"github.com/picketmon/picket/checks/filesystem"
	"github.com/picketmon/picket/checks/hwmon"
	"github.com/picketmon/picket/checks/loadavg"
	"github.com/picketmon/picket/checks/meminfo"
	"github.com/picketmon/picket/checks/netdev"
	"github.com/picketmon/picket/checks/netstat"
	"github.com/picketmon/picket/checks/pressure"
	"github.com/picketmon/picket/checks/sockstat"
	"github.com/picketmon/picket/checks/stat"
	"github.com/picketmon/picket/checks/systemd"
	"github.com/picketmon/picket/checks/textfile"
	"github.com/picketmon/picket/checks/time"
	"github.com/picketmon/picket/checks/uname"
	"github.com/picketmon/picket/checks/vmstat"
)

// Builtin returns the checks of this system, sorted by name. Their instances share files that stay open: what one has read
// in a cycle serves the others.
func Builtin(o Options) []checks.Spec {
	fs := o.fs()
	return []checks.Spec{
		cpu.Spec(cpu.Options{FS: fs}),
		diskstats.Spec(diskstats.Options{FS: fs}),
		filefd.Spec(filefd.Options{FS: fs}),
		filesystem.Spec(filesystem.Options{FS: fs}),
		hwmon.Spec(hwmon.Options{FS: fs}),
		loadavg.Spec(loadavg.Options{FS: fs}),
		meminfo.Spec(meminfo.Options{FS: fs}),
		netdev.Spec(netdev.Options{FS: fs}),
		netstat.Spec(netstat.Options{FS: fs}),
		pressure.Spec(pressure.Options{FS: fs}),
		sockstat.Spec(sockstat.Options{FS: fs}),
		stat.Spec(stat.Options{FS: fs}),
		systemd.Spec(systemd.Options{FS: fs, Bus: o.Bus}),
		textfile.Spec(textfile.Options{Dir: o.Textfile}),
		time.Spec(time.Options{FS: fs}),
		uname.Spec(),
		vmstat.Spec(vmstat.Options{FS: fs}),
	}
}
