package systemd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

const (
	startBus  = "systemctl start dbus.socket"
	allowUser = `allow it in /etc/dbus-1/system.d/picket.conf: <busconfig><policy user="{user}"><allow send_destination="org.freedesktop.systemd1"/>` +
		`</policy></busconfig>, then systemctl reload dbus`
)

// unreachable says why nobody answers on the system bus. A host whose init is not systemd has nothing to measure.
func (c *check) unreachable(err error) error {
	failed := fmt.Errorf("connect to the system bus: %w", err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return c.explain()
	case errors.Is(err, syscall.ECONNREFUSED):
		return &checks.Gap{Reason: "nobody listens on the system bus", Fix: startBus, Cause: failed}
	case errors.Is(err, syscall.EAFNOSUPPORT), errors.Is(err, fs.ErrPermission):
		return &checks.Gap{
			Reason: "the agent may not connect to the system bus",
			Fix:    "in the agent's unit RestrictAddressFamilies= needs AF_UNIX; else: chmod 0666 " + c.path,
			Cause:  failed,
		}
	case strings.Contains(err.Error(), "REJECTED"):
		return &checks.Gap{
			Reason: "the system bus does not know the agent's user: it runs in a user namespace of its own",
			Fix:    "run the agent without PrivateUsers=yes, in a container with --userns=host",
			Cause:  failed,
		}
	}
	return failed
}

// explain says why there is no system bus.
func (c *check) explain() error {
	if _, err := os.Stat(c.fs.RunPath("systemd/system")); err == nil {
		return &checks.Gap{
			Reason: "systemd runs here, but there is no D-Bus system bus to ask it on",
			Fix:    "apt install dbus (Red Hat: dnf install dbus-daemon; SUSE: zypper install dbus-1), then " + startBus,
			Cause:  checks.ErrNoData,
		}
	}
	comm, err := os.ReadFile(c.fs.ProcPath("1/comm"))
	switch {
	case err == nil && string(hostfs.Trim(comm)) == "systemd":
		return &checks.Gap{
			Reason: "systemd runs on the host, but its system bus is not in the agent's container",
			Fix:    "mount the host's /run/dbus into the container at " + c.fs.RunPath("dbus") + ", read-only",
			Cause:  checks.ErrNoData,
		}
	case err != nil && !c.fs.HasProc():
		return hostfs.NoData(err)
	}
	return &checks.Gap{Reason: "the host's init is not systemd", Cause: checks.ErrNoData}
}
