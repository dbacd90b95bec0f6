package storage

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"

	"github.com/picketmon/picket/agent/inventory"
	"github.com/picketmon/picket/checks"
)

// FileSystem is one that is mounted.
type FileSystem struct {
	Name    string `json:"name"`
	Point   string `json:"mount_point"`
	Device  string `json:"device"`
	Type    string `json:"file_system"`
	Size    uint64 `json:"size_bytes,omitempty"` // not of other hosts'
	Options string `json:"options"`
	Remote  bool   `json:"remote,omitempty"`
}

// notReal are types without a disk behind them.
var notReal = []string{
	"autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs", "fusectl", "hugetlbfs", "mqueue",
	"none", "nsfs", "overlay", "proc", "procfs", "pstore", "ramfs", "rootfs", "rpc_pipefs", "securityfs", "selinuxfs", "smackfs", "squashfs", "sysfs", "tmpfs", "tracefs",
	"fuse.lxcfs", "fuse.gvfsd-fuse", "fuse.portal", "fuse.snapfuse", "iso9660", "udf", "bdev", "anon_inodefs", "resctrl", "zonefs_ctl",
}

// remote are types of other hosts; they are not asked for their size, as one that does not answer holds who asks.
var remote = []string{
	"nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "glusterfs", "fuse.glusterfs", "fuse.ceph", "fuse.sshfs", "fuse.s3fs", "fuse.rclone", "lustre",
	"beegfs", "gpfs", "afs", "9p", "virtiofs", "ocfs2", "gfs2", "ncpfs", "davfs", "fuse.davfs2", "fuse.curlftpfs",
}

// manyTimes are types of which one device holds many file systems.
var manyTimes = []string{"btrfs", "zfs", "bcachefs", "f2fs"}

func fileSystems(t inventory.Trees) ([]inventory.Item, []checks.Gap, error) {
	raw, err := inventory.ReadFile(t.InProc("1/mounts"), 16<<20)
	if err != nil || len(raw) == 0 { // process 1 is hidden: the agent's own view
		if raw, err = inventory.ReadFile(t.InProc("self/mounts"), 16<<20); err != nil {
			return nil, nil, err
		}
	}
	all := parseMounts(raw, t.Root)
	for i := range all {
		f := &all[i]
		if !f.Remote && f.Type != "zfs" { // whose size is what is used and what is free
			f.Size = sizeOf(filepath.Join(t.Root, f.Point))
		}
	}
	items, err := inventory.Collect("file_system", all, func(f FileSystem) string { return f.Point })
	return items, nil, err
}

// parseMounts reads lines like "/dev/vda / ext4 rw,relatime 0 0". Of a device that is mounted at several places the shortest counts.
func parseMounts(raw []byte, root string) []FileSystem {
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`, `\043`, "#")
	var out []FileSystem
	for line := range bytes.Lines(raw) {
		f := strings.Fields(strings.ToValidUTF8(string(line), "�"))
		if len(f) < 4 || slices.Contains(notReal, f[2]) {
			continue
		}
		point := unescape.Replace(f[1])
		if root != "/" && root != "" {
			if point = strings.TrimPrefix(point, root); point == "" {
				point = "/"
			}
		}
		if !strings.HasPrefix(point, "/") || ofContainers(point) {
			continue
		}
		one := FileSystem{
			Name: point, Point: point, Device: unescape.Replace(f[0]), Type: f[2], Options: f[3],
			Remote: slices.Contains(remote, f[2]),
		}
		i := slices.IndexFunc(out, func(o FileSystem) bool {
			return o.Point == point || o.Device == one.Device && o.Type == one.Type && !slices.Contains(manyTimes, one.Type) && !one.Remote
		})
		switch {
		case i < 0:
			out = append(out, one)
		case out[i].Point == point: // mounted over: the last one is seen
			out[i] = one
		case len(point) < len(out[i].Point):
			out[i] = one
		}
	}
	return out
}

func ofContainers(point string) bool {
	for _, prefix := range []string{"/proc/", "/sys/", "/dev/", "/run/", "/var/lib/docker/", "/var/lib/containers/", "/var/lib/kubelet/", "/var/lib/containerd/", "/snap/", "/var/snap/"} {
		if strings.HasPrefix(point, prefix) {
			return true
		}
	}
	return false
}
