package systemd

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/checktest"
	"github.com/picketmon/picket/checks/hostfs"
	"github.com/picketmon/picket/checks/systemd/fakebus"
)

func TestWhyNobodyTellsOfUnits(t *testing.T) {
	at := func(dir string) checks.Spec {
		return Spec(Options{FS: hostfs.New(hostfs.Options{Proc: filepath.Join(dir, "proc"), Run: filepath.Join(dir, "run")})})
	}
	for name, tc := range map[string]struct {
		files       map[string]string
		reason, fix string
	}{
		"no bus":         {map[string]string{"run/systemd/system/x": "", "proc/version": ""}, "there is no D-Bus system bus", "apt install dbus"},
		"in a container": {map[string]string{"proc/version": "", "proc/1/comm": "systemd\n"}, "not in the agent's container", "mount the host's /run/dbus"},
		"another init":   {map[string]string{"proc/version": "", "proc/1/comm": "runit\n"}, "the host's init is not systemd", ""},
		"init is hidden": {map[string]string{"proc/version": ""}, "the host's init is not systemd", ""},
	} {
		t.Run(name, func(t *testing.T) {
			gaps := checktest.Gaps(t, at(checktest.Host(t, tc.files)))
			if len(gaps) != 1 || !strings.Contains(gaps[0].Reason, tc.reason) || !strings.Contains(gaps[0].Fix, tc.fix) || (tc.fix == "") != (gaps[0].Fix == "") {
				t.Errorf("gaps %+v, want %q and %q", gaps, tc.reason, tc.fix)
			}
			if !errors.Is(&gaps[0], checks.ErrNoData) {
				t.Error("the check fails, though the host only lacks the bus")
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		dir, err := os.MkdirTemp("", "bus") // a socket's path must be short
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "bus"), Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		_ = l.Close()
		gaps := checktest.Gaps(t, spec(filepath.Join(dir, "bus")))
		if len(gaps) != 1 || gaps[0].Fix != startBus || errors.Is(&gaps[0], checks.ErrNoData) {
			t.Errorf("gaps %+v", gaps)
		}
	})
	t.Run("systemd refuses", func(t *testing.T) {
		b := fakebus.Start(t)
		b.Error = "org.freedesktop.DBus.Error.AccessDenied"
		gaps := checktest.Gaps(t, spec(b.Path))
		if len(gaps) != 1 || !strings.Contains(gaps[0].Fix, `user="{user}"`) || errors.Is(&gaps[0], checks.ErrNoData) {
			t.Errorf("gaps %+v", gaps)
		}
	})
}
