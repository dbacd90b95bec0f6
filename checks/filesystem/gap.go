package filesystem

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/picketmon/picket/checks"
)

// mostGaps bounds the mounts that are told to be unreadable; the results name all.
const mostGaps = 50

// Gaps implements checks.Explainer: the mounts that could not be asked.
func (c *check) Gaps() []checks.Gap { return c.gaps }

// closed returns the folder above the path that lets the agent no further.
func closed(path string) string {
	for path = filepath.Dir(path); path != filepath.Dir(path); path = filepath.Dir(path) {
		if _, err := os.Stat(path); err == nil {
			break
		}
	}
	return path
}

// appendGap adds why the mount gave no answer, if it gave none.
func appendGap(gaps []checks.Gap, m *mount, a *answer) []checks.Gap {
	if a.state == answered && a.err == nil || len(gaps) >= mostGaps {
		return gaps
	}
	g := checks.Gap{Part: m.point, Cause: a.err}
	switch {
	case a.state == unasked:
		g.Reason, g.Fix = "was not asked, as too many other file systems hang", "mend those that do not answer"
	case a.state == hung && m.remote():
		g.Reason, g.Fix = "does not answer ("+m.fstype+")", "bring its server back, or let go of it: umount -f -l "+m.path
	case a.state == hung:
		g.Reason, g.Fix = "does not answer ("+m.fstype+")", "dmesg tells what is wrong with its device; to let go of it: umount -l "+m.path
	case errors.Is(a.err, fs.ErrPermission) && m.remote():
		g.Reason, g.Fix = "the agent may not look at it ("+m.fstype+")", "mount it with -o allow_other, which takes user_allow_other in /etc/fuse.conf"
	case errors.Is(a.err, fs.ErrPermission):
		g.Reason, g.Fix = "the agent may not pass the folders above it", "setfacl -m u:{user}:x "+closed(m.path)+" (package acl)"
	case errors.Is(a.err, fs.ErrNotExist):
		g.Reason = "its mount point is not there for the agent"
		g.Fix = "in a container: -v /:/host:ro,rslave and --path-rootfs /host; on a host: umount -l " + m.path + " and mount it anew"
	case errors.Is(a.err, syscall.ENOTCONN), errors.Is(a.err, syscall.ESTALE):
		g.Reason, g.Fix = "its server forgot it ("+m.fstype+")", "umount -f -l "+m.path+" and mount it anew"
	case errors.Is(a.err, syscall.EIO):
		g.Reason, g.Fix = "its device fails ("+m.fstype+")", "dmesg tells what is wrong with the device"
	}
	return append(gaps, g)
}
