package inventory

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/picketmon/picket/checks"
)

// Host is what explaining needs to know: where the host's trees are looked for, and as whom the agent runs.
type Host struct {
	ProcFS, SysFS string
	User          string
}

// ThisHost returns a Host with the present user.
func ThisHost(procfs, sysfs string) Host {
	h := Host{ProcFS: procfs, SysFS: sysfs, User: strconv.Itoa(os.Geteuid())}
	if u, err := user.Current(); err == nil {
		h.User = u.Username
	}
	return h
}

// Explain returns the capability of a check whose run ended with err. What the check says of itself comes first; what is the same
// for all, such as missing trees and permissions, is explained here.
func (h Host) Explain(check string, err error) Capability {
	c := Capability{Name: text(check, mostName), Available: err == nil}
	if err == nil {
		return c
	}
	c.Reason, c.Fix = h.explain(err)
	if c.Fix == "" && !errors.Is(err, checks.ErrNoData) {
		c.Fix = remedy(check, err)
	}
	c.Reason = text(c.Reason, mostText)
	c.Fix = text(strings.ReplaceAll(c.Fix, "{user}", h.User), mostText)
	return c
}

// remedy is what can be done about an error that nobody knows more about.
func remedy(check string, err error) string {
	if gap, ok := errors.AsType[*checks.Gap](err); ok && check == Check {
		kind, _, _ := strings.Cut(gap.Part, ":")
		return "picket-agent inventory " + kind + " shows it; to do without it: --inventory-disable " + kind
	}
	return "picket-agent check run " + check + " shows it; to do without it: --checks-disable " + check
}

func (h Host) explain(err error) (reason, fix string) {
	if gap, ok := errors.AsType[*checks.Gap](err); ok && gap.Reason != "" {
		return gap.Reason, gap.Fix
	}
	var path string
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		path = e.Path
	}
	switch {
	case path == "":
	case errors.Is(err, fs.ErrPermission):
		return h.forbidden(path)
	case errors.Is(err, fs.ErrNotExist):
		return h.missing(path)
	case errors.Is(err, syscall.EIO), errors.Is(err, syscall.ENODEV):
		return path + " cannot be read: its device fails", "dmesg tells what is wrong with the device"
	}
	if err == checks.ErrNoData { //nolint:errorlint // with nothing around it there is nothing more to tell
		return "the host has nothing of the kind", ""
	}
	if errors.Is(err, checks.ErrNoData) {
		return "the operating system does not tell (" + runtime.GOOS + ")", ""
	}
	return err.Error(), ""
}

// missing explains a file that does not exist: the tree it is in may not be mounted, or not whole.
func (h Host) missing(path string) (reason, fix string) {
	inProc, inSys := below(h.ProcFS, path), below(h.SysFS, path)
	there := func(tree string, names ...string) bool {
		for _, n := range names {
			if _, err := os.Lstat(filepath.Join(tree, n)); err == nil {
				return true
			}
		}
		return false
	}
	switch {
	case inProc && !there(h.ProcFS, "version", "self", "1"):
		return "no procfs is mounted at " + h.ProcFS,
			"mount -t proc proc " + h.ProcFS + "; in a container: -v /proc:/host/proc:ro and --path-procfs /host/proc"
	case inProc && !there(h.ProcFS, "version"):
		return "procfs shows processes only (subset=pid)", "in the agent's unit ProcSubset=all; else: mount -o remount,subset= " + h.ProcFS
	case inSys && !there(h.SysFS, "class", "devices"):
		return "no sysfs is mounted at " + h.SysFS,
			"mount -t sysfs sysfs " + h.SysFS + "; in a container: -v /sys:/host/sys:ro and --path-sysfs /host/sys"
	case inProc:
		return "this kernel has no " + path, ""
	}
	return path + " does not exist", ""
}

// forbidden explains a file that the agent's user may not read, and finds who may.
func (h Host) forbidden(path string) (reason, fix string) {
	reason = "the agent's user may not read " + path
	closed := path // the deepest part that can be seen
	info, err := os.Stat(closed)
	for err != nil && closed != filepath.Dir(closed) {
		closed = filepath.Dir(closed)
		info, err = os.Stat(closed)
	}
	need := fs.FileMode(0o4)
	if err == nil && info.IsDir() && closed != path {
		need = 0o1 // the folder lets nobody through
	}
	if err == nil {
		if group := groupOf(info); group != "" && info.Mode().Perm()&(need<<3) != 0 {
			return reason, "usermod -aG " + group + " {user} && systemctl restart picket-agent"
		}
	}
	mode := map[fs.FileMode]string{0o4: "o+r ", 0o1: "o+x "}[need]
	return reason, "chmod " + mode + closed
}

// groupOf returns the name of the group that owns a file, "" for root's.
func groupOf(info fs.FileInfo) string {
	id, ok := gid(info)
	if !ok || id == 0 {
		return ""
	}
	name := strconv.FormatUint(uint64(id), 10)
	if g, err := user.LookupGroupId(name); err == nil {
		return g.Name
	}
	return name
}

func below(tree, path string) bool {
	rel, err := filepath.Rel(tree, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
