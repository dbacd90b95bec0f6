package filesystem

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

// What node_exporter leaves out.
const (
	DefaultExcludePoints = `^/(dev|proc|run|sys|mnt|media|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)`
	DefaultExcludeTypes  = `^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|` +
		`mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tracefs)$`
)

// lister reads the table of mounts. While it does not change, neither does the list.
type lister struct {
	fs       *hostfs.FS
	file     *hostfs.File
	fallback *hostfs.File
	root     string
	points   *regexp.Regexp
	types    *regexp.Regexp
	unescape *strings.Replacer

	seed    maphash.Seed
	hash    uint64
	mounts  []*mount
	problem error
	hidden  *checks.Gap // why process 1's mounts are not seen
}

func newLister(o Options, points, types *regexp.Regexp) lister {
	return lister{
		fs: o.FS, file: o.FS.Proc("1/mounts"), fallback: o.FS.Proc("mounts"), root: o.FS.Root(),
		points: points, types: types, seed: maphash.MakeSeed(),
		unescape: strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`, `\043`, "#"),
	}
}

func (l *lister) list(_ context.Context, at time.Time) ([]*mount, error) {
	if l.file != l.fallback {
		mounts, err := l.read(at)
		if err == nil || len(mounts) > 0 {
			return mounts, err
		}
		if _, malformed := errors.AsType[*hostfs.LineError](err); malformed {
			return nil, err
		}
		l.file = l.fallback // process 1 is hidden from this user
		l.hidden = l.explain()
	}
	return l.read(at)
}

func (l *lister) read(at time.Time) ([]*mount, error) {
	data, err := l.file.Acquire(at)
	defer l.file.Release()
	if err != nil {
		return nil, hostfs.NoData(err)
	}
	if hash := maphash.Bytes(l.seed, data); l.mounts == nil || hash != l.hash {
		l.mounts, l.problem = l.parse(data)
		l.hash = hash
	}
	return l.mounts, l.problem
}

// parse reads lines like "/dev/vda / ext4 rw,relatime 0 0". Only the first of equal mounts counts.
func (l *lister) parse(data []byte) ([]*mount, error) {
	var problems hostfs.Problems
	mounts := []*mount{}
	seen := map[string]bool{}
	lines := hostfs.Lines{Data: data}
	for {
		line, ok := lines.Next()
		if !ok {
			return mounts, problems.Err()
		}
		var f [4][]byte
		if n := hostfs.Fields(f[:], line); n < len(f) {
			if n > 0 {
				problems.Line(l.file.Path(), lines.N, "want device, mount point, type and options", line)
			}
			continue
		}
		path := l.unescape.Replace(string(f[1]))
		point := hostfs.Label([]byte(l.strip(path)))
		if l.points.MatchString(point) || l.types.Match(f[2]) {
			continue
		}
		path = filepath.Join(l.root, l.strip(path))
		m := newMount(path, point, hostfs.Label(f[0]), hostfs.Label(f[2]), hasOption(f[3], "ro"))
		if !seen[m.key()] {
			seen[m.key()] = true
			mounts = append(mounts, m)
		}
	}
}

// strip turns a mount point that lies below the root folder into the host's own.
func (l *lister) strip(path string) string {
	if l.root == "/" {
		return path
	}
	if path = strings.TrimPrefix(path, l.root); path == "" {
		return "/"
	}
	return path
}

func hasOption(options []byte, wanted string) bool {
	for option := range bytes.SplitSeq(options, []byte(",")) {
		if string(option) == wanted {
			return true
		}
	}
	return false
}

func statfs(path string) (Usage, error) {
	var s unix.Statfs_t
	for {
		err := unix.Statfs(path, &s)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EINTR) {
			return Usage{}, fmt.Errorf("statfs: %w", err)
		}
	}
	block := float64(s.Bsize)
	return Usage{
		Size: float64(s.Blocks) * block, Free: float64(s.Bfree) * block, Avail: float64(s.Bavail) * block,
		Files: float64(s.Files), FilesFree: float64(s.Ffree),
	}, nil
}
