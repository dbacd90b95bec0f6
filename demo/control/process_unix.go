//go:build unix && !linux

package control

import (
	"context"
	"strconv"
	"syscall"

	gopsutil "github.com/shirou/gopsutil/v3/process"
)

// markOf returns what tells a process from all others that have or had its pid: the moment of its start.
func markOf(pid int) (string, bool) {
	p, err := gopsutil.NewProcess(int32(pid))
	if err != nil {
		return "", false
	}
	created, err := p.CreateTimeWithContext(context.Background())
	return strconv.FormatInt(created, 10), err == nil
}

// apart starts a process in a session of its own.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// tied would end a process when the one that started it dies; only Linux can.
func tied() *syscall.SysProcAttr { return nil }
