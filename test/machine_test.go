package test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// bookworm is where the bare Debian is kept between runs: making it takes a minute or more.
const bookworm = "picket-test/bookworm"

// machine is a Debian 12 that systemd-nspawn boots, without a network but loopback.
type machine struct {
	t      *testing.T
	root   string
	nspawn *exec.Cmd
	log    *os.File
	ended  chan struct{}
}

// newMachine makes the machine's disk. It needs root, systemd-nspawn and debootstrap: packaging/apt-install.sh systemd-container debootstrap.
func newMachine(t *testing.T) *machine {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("only root can boot a machine")
	}
	for _, program := range []string{"systemd-nspawn", "debootstrap", "nsenter"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%v: packaging/apt-install.sh systemd-container debootstrap", err)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(cache, bookworm)
	if _, err := os.Stat(base); err != nil {
		fresh := base + fmt.Sprint(".", os.Getpid())
		t.Cleanup(func() { _ = os.RemoveAll(fresh) })
		if err := os.MkdirAll(filepath.Dir(base), 0o700); err != nil {
			t.Fatal(err)
		}
		run(t, "debootstrap", "--variant=minbase", "--include=systemd,systemd-sysv,dbus,ca-certificates", "bookworm", fresh, "http://deb.debian.org/debian")
		if err := os.Rename(fresh, base); err != nil {
			t.Fatal(err)
		}
	}
	m := &machine{t: t, root: filepath.Join(t.TempDir(), "root")}
	run(t, "cp", "-a", "--reflink=auto", base, m.root)
	for name, text := range map[string]string{"etc/hostname": "units\n", "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 units\n"} {
		if err := os.WriteFile(filepath.Join(m.root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if m.log, err = os.Create(filepath.Join(t.TempDir(), "console")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.kill()
		_ = m.log.Close()
	})
	return m
}

// boot starts the machine and waits until systemd says that it runs.
func (m *machine) boot() {
	m.t.Helper()
	m.nspawn = exec.Command("systemd-nspawn", "--directory", m.root, "--boot", "--register=no", "--keep-unit", "--private-network", "--console=pipe",
		"--hostname=units", fmt.Sprintf("--machine=picket-units-%d", os.Getpid()))
	m.nspawn.Stdout, m.nspawn.Stderr = m.log, m.log
	m.nspawn.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := m.nspawn.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait() // it complains at the end of every machine
		close(ended)
	}(m.nspawn, m.ended)
	eventually(m.t, time.Minute, "the machine is up", func() error {
		if m.leader() == "" {
			return errors.New("no process 1")
		}
		out, err := m.try("systemctl is-system-running")
		if err != nil || out != "running" {
			return fmt.Errorf("systemd says %q (%w)", out, err)
		}
		return nil
	})
}

// leader is the machine's process 1, as this machine counts; "" while there is none.
func (m *machine) leader() string {
	pid := fmt.Sprint(m.nspawn.Process.Pid)
	children, _ := os.ReadFile(filepath.Join("/proc", pid, "task", pid, "children"))
	for child := range strings.FieldsSeq(string(children)) {
		if comm, err := os.ReadFile(filepath.Join("/proc", child, "comm")); err == nil && strings.TrimSpace(string(comm)) == "systemd" {
			return child
		}
	}
	return ""
}

// halt shuts the machine down in order.
func (m *machine) halt() {
	m.t.Helper()
	_, _ = m.try("systemctl poweroff") // the shell may not live to tell
	select {
	case <-m.ended:
	case <-time.After(time.Minute):
		m.t.Fatal("the machine does not shut down")
	}
}

// kill ends what still runs.
func (m *machine) kill() {
	if m.nspawn == nil || m.nspawn.Process == nil {
		return
	}
	var leader int
	if _, err := fmt.Sscan(m.leader(), &leader); err == nil && leader > 1 {
		_ = syscall.Kill(leader, syscall.SIGKILL) // with it all processes of the machine
	}
	_ = m.nspawn.Process.Kill()
	<-m.ended
	if m.t.Failed() {
		text, _ := os.ReadFile(m.log.Name())
		m.t.Logf("the machine's console:\n%s", tail(string(text)))
	}
}
