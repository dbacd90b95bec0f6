// Package all is the one list of the checks that every agent has built in.
package all

import (
	"github.com/picketmon/picket/checks/hostfs"
)

// Options say where the host's trees are; empty fields mean the usual places. Set them when the agent runs in a container
// that sees the host's trees below a folder, and in tests.
type Options struct {
	Proc string // procfs, default /proc
	Sys  string // sysfs, default /sys
	Run  string // runtime data, default /run
	Root string // root file system, default /
	Bus  string // socket of the system bus, default dbus/system_bus_socket below Run

	Textfile string // folder of text files; empty leaves check textfile off
}

func (o Options) fs() *hostfs.FS {
	return hostfs.New(hostfs.Options{Proc: o.Proc, Sys: o.Sys, Run: o.Run, Root: o.Root})
}
