package filesystem

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/picketmon/picket/checks/checktest"
	"github.com/picketmon/picket/checks/hostfs"
)

// TestGapsOfMounts has mounts that fail in all ways there are.
func TestGapsOfMounts(t *testing.T) {
	failures := map[string]error{
		"/fuse": syscall.EACCES, "/home/x": syscall.EACCES, "/gone": syscall.ENOENT, "/stale": syscall.ESTALE, "/dead": syscall.ENOTCONN, "/bad": syscall.EIO,
		"/odd": syscall.EINVAL,
	}
	dir := checktest.Host(t, map[string]string{"proc/version": "", "proc/1/mounts": "d / ext4 rw 0 0\n" +
		"d /fuse fuse.sshfs rw 0 0\nd /home/x ext4 rw 0 0\nd /gone ext4 rw 0 0\nd /stale nfs4 rw 0 0\nd /dead fuse rw 0 0\n" +
		"d /bad xfs rw 0 0\nd /odd xfs rw 0 0\nd /hung nfs4 rw 0 0\nd /slow xfs rw 0 0\n"})
	synctest.Test(t, func(t *testing.T) {
		h := newHost()
		h.hang("/hung")
		h.hang("/slow")
		o := options(dir)
		o.Statfs = func(path string) (Usage, error) {
			if err := failures[path]; err != nil {
				return Usage{}, fmt.Errorf("statfs: %w", err)
			}
			return h.statfs(path)
		}
		check, err := newCheck(o)
		if err != nil {
			t.Fatal(err)
		}
		if err := check.Run(t.Context(), checktest.NewRecorder(at)); err != nil {
			t.Fatal(err)
		}
		first := gapTexts(check)
		time.Sleep(time.Hour)
		if err := check.Run(t.Context(), checktest.NewRecorder(at.Add(time.Hour))); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, gapTexts(check)); diff != "" {
			t.Errorf("the same gaps in other words:\n%s", diff)
		}
		want := []string{
			"/fuse: the agent may not look at it (fuse.sshfs) | mount it with -o allow_other, which takes user_allow_other in /etc/fuse.conf",
			"/home/x: the agent may not pass the folders above it | setfacl -m u:{user}:x " + closed("/home/x") + " (package acl)",
			"/gone: its mount point is not there for the agent | in a container: -v /:/host:ro,rslave and --path-rootfs /host; on a host: umount -l /gone and mount it anew",
			"/stale: its server forgot it (nfs4) | umount -f -l /stale and mount it anew",
			"/dead: its server forgot it (fuse) | umount -f -l /dead and mount it anew",
			"/bad: its device fails (xfs) | dmesg tells what is wrong with the device",
			"/odd:  | ",
			"/hung: does not answer (nfs4) | bring its server back, or let go of it: umount -f -l /hung",
			"/slow: does not answer (xfs) | dmesg tells what is wrong with its device; to let go of it: umount -l /slow",
		}
		if diff := cmp.Diff(want, first); diff != "" {
			t.Errorf("gaps (-want +got):\n%s", diff)
		}
		h.heal("/hung")
		h.heal("/slow")
		synctest.Wait()
		clear(failures)
		if err := check.Run(t.Context(), checktest.NewRecorder(at.Add(2*time.Hour))); err != nil || len(check.Gaps()) != 0 {
			t.Errorf("all is well, and the gaps are %v, error %v", gapTexts(check), err)
		}
	})
}

func gapTexts(c *check) (out []string) {
	for _, g := range c.Gaps() {
		out = append(out, g.Part+": "+g.Reason+" | "+g.Fix)
	}
	return out
}

func TestHiddenMounts(t *testing.T) {
	for name, tc := range map[string]struct{ options, fix string }{
		"a unit":           {"rw,nosuid", "ProtectProc=default"},
		"hidepid":          {"rw,hidepid=2", "groupadd -f proc && usermod -aG proc {user}"},
		"by its name":      {"rw,hidepid=invisible", "groupadd -f proc"},
		"hidepid is off":   {"rw,hidepid=0", "ProtectProc=default"},
		"a group may":      {"rw,gid=987654,hidepid=invisible", "usermod -aG 987654 {user}"},
		"root's group may": {"rw,gid=0,hidepid=2", "groupadd -f proc"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := checktest.Host(t, map[string]string{
				"proc/version": "", "proc/mounts": "d / ext4 rw 0 0\n",
				"proc/self/mounts": "old /proc proc rw,hidepid=1 0 0\nsysfs /sys sysfs rw 0 0\nproc /proc proc " + tc.options + " 0 0\n",
			})
			gaps := checktest.Gaps(t, spec(dir))
			if len(gaps) != 1 || gaps[0].Part != "host's mounts" || !strings.Contains(gaps[0].Fix, tc.fix) {
				t.Errorf("gaps %+v, want the fix %q", gaps, tc.fix)
			}
		})
	}
	// Where there is no procfs at all, that is what the check says.
	o := Options{FS: hostfs.New(hostfs.Options{Proc: filepath.Join(t.TempDir(), "none")})}
	if gaps := checktest.Gaps(t, Spec(o)); len(gaps) != 1 || !os.IsNotExist(unwrapAll(gaps[0].Cause)) {
		t.Errorf("gaps %+v", gaps)
	}
}

// unwrapAll returns the last cause of an error that wraps ErrNoData and the cause.
func unwrapAll(err error) error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		all := many.Unwrap()
		return all[len(all)-1]
	}
	return err
}
