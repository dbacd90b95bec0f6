package process

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/picketmon/picket/agent/inventory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// host is a procfs that the test writes.
type host struct {
	t    *testing.T
	root string
}

func newHost(t *testing.T) *host {
	h := &host{t, t.TempDir()}
	h.write("proc/stat", "cpu 1 2\nbtime 1700000000\n")
	h.write("proc/uptime", "100000.00 1.00\n")
	h.write("proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n")
	h.listen("tcp")
	h.listen("udp")
	h.start(1, 0, "systemd", "/usr/lib/systemd/systemd", "0::/init.scope", "/sbin/init")
	return h
}

func (h *host) trees() inventory.Trees {
	return inventory.Trees{Proc: filepath.Join(h.root, "proc"), Sys: filepath.Join(h.root, "sys"), Root: h.root}
}

func (h *host) write(path, text string) {
	h.t.Helper()
	path = filepath.Join(h.root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

// start starts a process that holds sockets.
func (h *host) start(pid, start int, comm, exe, cgroup string, args ...string) {
	dir := "proc/" + strconv.Itoa(pid) + "/"
	h.write(dir+"stat", fmt.Sprintf("%d (%s) S 1 1 1 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 1 0 %d 1 1 1\n", pid, comm, start))
	h.write(dir+"status", "Name:\t"+comm+"\nUid:\t33\t33\t33\t33\n")
	h.write(dir+"cgroup", cgroup+"\n")
	h.write(dir+"cmdline", strings.Join(args, "\x00")+"\x00")
	if exe != "" {
		h.link(dir+"exe", exe)
	}
}

func (h *host) link(path, target string) {
	h.t.Helper()
	path = filepath.Join(h.root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) holds(pid, fd, inode int) {
	h.link(fmt.Sprintf("proc/%d/fd/%d", pid, fd), fmt.Sprintf("socket:[%d]", inode))
}

func (h *host) end(pid int) {
	h.t.Helper()
	if err := os.RemoveAll(filepath.Join(h.root, "proc", strconv.Itoa(pid))); err != nil {
		h.t.Fatal(err)
	}
}

// listen writes a table of sockets of which each is an address, a state and an inode.
func (h *host) listen(protocol string, sockets ...string) {
	text := "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	for i, s := range sockets {
		f := strings.Fields(s)
		text += fmt.Sprintf("%4d: %s 00000000:0000 %s 00000000:00000000 00:00000000 00000000    33        0 %s 1 0 100 0 0 10 0\n", i, f[0], f[1], f[2])
	}
	h.write("proc/net/"+protocol, text)
}

type owners map[string]Package

func (o owners) Owners(paths []string) map[string]Package {
	out := map[string]Package{}
	for _, p := range paths {
		if owner, ok := o[p]; ok {
			out[p] = owner
		}
	}
	return out
}

func (h *host) sources(o owners) []inventory.Source {
	return Sources(Options{
		Trees: h.trees(), Packages: o, Names: func(uid uint32) string { return fmt.Sprint("user", uid) }, Commands: true, Logger: slog.New(slog.DiscardHandler),
	})
}
