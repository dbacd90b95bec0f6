package systemd

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/checktest"
)

// startDaemon runs the reference bus on a socket of its own.
func startDaemon(t *testing.T) (path string) {
	t.Helper()
	bin, err := exec.LookPath("dbus-daemon")
	if err != nil {
		if os.Getenv("PICKET_TEST_SERVERS") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir := t.TempDir()
	path = filepath.Join(dir, "bus")
	config := `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><listen>unix:path=` + path + `</listen><auth>EXTERNAL</auth><policy context="default">
<allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy></busconfig>`
	file := filepath.Join(dir, "bus.conf")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "--config-file="+file, "--nofork")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(5 * time.Second); ; {
		c, err := net.Dial("unix", path)
		if err == nil {
			_ = c.Close()
			return path
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// manager methods as systemd has them.
type managerObject struct{}

type listed struct {
	Name, Description, Load, Active, Sub, Followed string
	Path                                           dbus.ObjectPath
	Job                                            uint32
	JobType                                        string
	JobPath                                        dbus.ObjectPath
}

func (managerObject) ListUnits() ([]listed, *dbus.Error) {
	return []listed{{"ssh.service", "OpenSSH", "loaded", "active", "running", "", "/org/freedesktop/systemd1/unit/ssh", 0, "", "/"}}, nil
}

func (managerObject) Get(_, name string) (dbus.Variant, *dbus.Error) {
	return dbus.MakeVariant(map[string]string{"Version": "252.1", "SystemState": "degraded", "Type": "notify"}[name]), nil
}

func TestReferenceBus(t *testing.T) {
	path := startDaemon(t)
	made, err := spec(path).New()
	if err != nil {
		t.Fatal(err)
	}
	c := made.(*check)
	defer func() { _ = c.Close() }()
	if err := c.Run(t.Context(), checktest.NewRecorder(time.UnixMilli(1))); !errors.Is(err, checks.ErrNoData) {
		t.Fatalf("a bus without systemd: %v", err)
	}
	conn, err := dbus.Connect("unix:path=" + path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	for path, iface := range map[dbus.ObjectPath]string{
		managerPath: managerName, "/org/freedesktop/systemd1/unit/ssh": "org.freedesktop.systemd1.Service",
	} {
		if err := errors.Join(conn.Export(managerObject{}, path, iface),
			conn.Export(managerObject{}, path, "org.freedesktop.DBus.Properties")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conn.RequestName(destination, dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	rec := run(t, c, time.UnixMilli(2))
	for series, want := range map[string]float64{
		`node_systemd_unit_state{name="ssh.service",state="active",type="notify"}`: 1,
		`node_systemd_version{version="252.1"}`:                                    252.1,
		`node_systemd_system_running`:                                              0,
		`node_systemd_units{state="active"}`:                                       1,
	} {
		if v, ok := rec.Value(series); !ok || v != want {
			t.Errorf("%s is %v, %v; want %v", series, v, ok, want)
		}
	}
}
