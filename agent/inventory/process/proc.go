// Package process finds the applications that run on the host and what listens on it. In come /proc and the kernel's dump of
// sockets, looked at every few seconds; out go the kinds application and listener. Command lines leave it redacted. It starts
// nothing, sends no signal, and knows nothing of what an application does.
package process

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// proc is a process that was read.
type proc struct {
	pid, parent int
	start       uint64 // clock ticks after boot
	comm        string
	exe         string   // empty when it may not be seen
	args        []string // redacted
	uid         uint32
	cgroup      group
	kernel      bool // a thread of the kernel, or a process that ended
}

const (
	kernelThread = 0x00200000 // in the flags of /proc/PID/stat
	mostArgs     = 4096       // bytes read of a command line
)

// stat is what /proc/PID/stat says.
type stat struct {
	parent int
	start  uint64
	flags  uint64
	comm   string
	zombie bool
}

// parseStat reads /proc/PID/stat; a name may hold spaces and parentheses.
func parseStat(raw []byte) (s stat, ok bool) {
	open, end := bytes.IndexByte(raw, '('), bytes.LastIndexByte(raw, ')')
	if open < 0 || end < open {
		return s, false
	}
	s.comm = strings.ToValidUTF8(string(raw[open+1:end]), "�")
	field := 2 // of what follows, as proc(5) counts
	for word := range bytes.FieldsSeq(raw[end+1:]) {
		field++
		switch field {
		case 3:
			s.zombie = word[0] == 'Z' || word[0] == 'X'
		case 4:
			s.parent, _ = strconv.Atoi(string(word))
		case 9:
			s.flags, _ = strconv.ParseUint(string(word), 10, 64)
		case 22:
			start, err := strconv.ParseUint(string(word), 10, 64)
			s.start = start
			return s, err == nil
		}
	}
	return s, false
}

// parseUID returns the effective user of /proc/PID/status; the kernel always names one.
func parseUID(raw []byte) uint32 {
	for line := range bytes.Lines(raw) {
		if rest, ok := bytes.CutPrefix(line, []byte("Uid:")); ok {
			if f := bytes.Fields(rest); len(f) > 1 {
				uid, err := strconv.ParseUint(string(f[1]), 10, 32)
				if err == nil {
					return uint32(uid)
				}
			}
		}
	}
	return 0
}

// parseArgs splits /proc/PID/cmdline. A process that wrote over it, as nginx does, has one argument with spaces.
func parseArgs(raw []byte) []string {
	s := strings.TrimRight(strings.ToValidUTF8(string(raw), "�"), "\x00 ")
	if s == "" {
		return nil
	}
	return strings.Split(s, "\x00")
}

// group is where a process stands in the tree of control groups.
type group struct {
	path      string // below the root of the unified hierarchy, else of systemd's
	unit      string // with user@UID.service/ before it when it is a user's
	container string
	session   bool // of somebody who logged in
}

// parseGroup reads /proc/PID/cgroup.
func parseGroup(raw []byte) group {
	var unified, named string
	for line := range bytes.Lines(raw) {
		f := strings.SplitN(strings.TrimRight(string(line), "\n"), ":", 3)
		switch {
		case len(f) < 3:
		case f[0] == "0" && f[1] == "":
			unified = f[2]
		case f[1] == "name=systemd":
			named = f[2]
		}
	}
	if unified == "" || unified == "/" && named != "" {
		unified = named
	}
	return groupOf(strings.ToValidUTF8(unified, "�"))
}

// groupOf reads a path in the tree of control groups.
func groupOf(path string) group {
	g := group{path: path}
	user := ""
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		name, service := strings.CutSuffix(part, ".service")
		scope, isScope := strings.CutSuffix(part, ".scope")
		switch {
		case service && strings.HasPrefix(name, "user@"):
			user, g.unit = part+"/", part
		case service && !transient(name):
			g.unit = user + part
			if user == part+"/" {
				g.unit = part
			}
		case isScope && strings.HasPrefix(scope, "session-"):
			g.session = true
		case isScope && containerID(scope) != "":
			g.container, g.unit = containerID(scope), ""
		case isScope && !transient(scope) && !strings.HasPrefix(scope, "app-") && !strings.HasPrefix(scope, "vte-"):
			g.unit = user + part
		case containerID(part) != "":
			g.container, g.unit = containerID(part), ""
		case strings.HasPrefix(part, "lxc.payload."):
			g.container, g.unit = strings.TrimPrefix(part, "lxc.payload."), ""
		}
	}
	return g
}

// transient reports whether a unit is one of systemd-run: its name is another each time.
func transient(name string) bool {
	rest, ok := strings.CutPrefix(name, "run-")
	return ok && strings.Trim(strings.TrimLeft(rest, "rpu"), "0123456789abcdef-") == ""
}

// containerID returns the short id of a container that a part of a path names, as docker, containerd, podman and CRI-O do.
func containerID(part string) string {
	id := part[strings.LastIndexByte(part, '-')+1:]
	if _, after, ok := strings.Cut(id, ":"); ok {
		id = after
	}
	if len(id) != 64 {
		return ""
	}
	if _, err := hex.DecodeString(id); err != nil {
		return ""
	}
	return id[:12]
}

// reader reads processes into a buffer of its own.
type reader struct {
	proc string
	buf  []byte
}

// file reads a small file of a process; what it returns is valid until the next call.
func (r *reader) file(pid int, name string) ([]byte, error) {
	if r.buf == nil {
		r.buf = make([]byte, mostArgs)
	}
	n, err := readFile(r.proc+"/"+strconv.Itoa(pid)+"/"+name, r.buf)
	return r.buf[:n], err
}

func (r *reader) stat(pid int) (stat, bool) {
	raw, err := r.file(pid, "stat")
	if err != nil {
		return stat{}, false
	}
	return parseStat(raw)
}

// read reads a process whole. The executable's error says whether it may be seen.
func (r *reader) read(pid int, s stat) (p *proc, exeErr error) {
	p = &proc{pid: pid, parent: s.parent, start: s.start, comm: s.comm, kernel: s.flags&kernelThread != 0 || pid == 2 || s.parent == 2}
	if p.kernel {
		return p, nil
	}
	if raw, err := r.file(pid, "status"); err == nil {
		p.uid = parseUID(raw)
	}
	if raw, err := r.file(pid, "cgroup"); err == nil {
		p.cgroup = parseGroup(raw)
	}
	if raw, err := r.file(pid, "cmdline"); err == nil {
		p.args = redact(parseArgs(raw)) // what is secret is not even kept
	}
	exe, err := os.Readlink(filepath.Join(r.proc, strconv.Itoa(pid), "exe"))
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return p, err
		}
		return p, nil
	}
	if !strings.HasPrefix(exe, "/memfd:") { // a program without a file has another name each time
		p.exe = strings.ToValidUTF8(strings.TrimSuffix(exe, " (deleted)"), "�") // replaced by an update while it runs
	}
	return p, nil
}
