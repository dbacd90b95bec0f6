// Package filesystem reports how full the mounted file systems are. On Linux it reads the mounts of process 1 (of itself,
// where it may not) and asks statfs(2); elsewhere it asks gopsutil. It makes the node_filesystem_* families and judges each
// mount: one that fails is a warning, one that hangs is critical. The calls are made by goroutines that can be left behind,
// so that a hung mount delays neither the check nor the next cycle; it is not asked again before its call has returned.
package filesystem

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

// DefaultTimeout is how long a file system may take to answer. Two rounds of it fit into the host's two seconds of grace.
const DefaultTimeout = 800 * time.Millisecond

// Options say where to look and what to leave out. FS is required on Linux.
type Options struct {
	FS            *hostfs.FS
	ExcludePoints string        // regular expression of mount points to leave out; empty means DefaultExcludePoints
	ExcludeTypes  string        // regular expression of file system types to leave out; empty means DefaultExcludeTypes
	Timeout       time.Duration // 0 means DefaultTimeout
	// Statfs asks for one file system; nil means the system call. Tests give their own.
	Statfs func(path string) (Usage, error)
}

// Usage is what a file system says about itself, in bytes and file nodes.
type Usage struct {
	Size, Free, Avail float64
	Files, FilesFree  float64
}

// Spec describes the check.
func Spec(o Options) checks.Spec {
	gauge := func(name, help, unit string) checks.Metric {
		return checks.Metric{Name: "node_filesystem_" + name, Kind: checks.KindGauge, Help: help, Unit: unit}
	}
	return checks.Spec{
		Name: "filesystem",
		Help: "Space and file nodes of the mounted file systems.",
		Metrics: []checks.Metric{
			gauge("device_error", "Whether an error occurred while getting statistics for the given device.", ""),
			gauge("size_bytes", "Filesystem size in bytes.", "bytes"),
			gauge("free_bytes", "Filesystem free space in bytes.", "bytes"),
			gauge("avail_bytes", "Filesystem space available to non-root users in bytes.", "bytes"),
			gauge("files", "Filesystem total file nodes.", ""),
			gauge("files_free", "Filesystem total free file nodes.", ""),
			gauge("readonly", "Filesystem read-only status.", ""),
		},
		New: func() (checks.Check, error) { return newCheck(o) },
	}
}

// mount is one file system. It does not change once it is made, as goroutines left behind may hold it.
type mount struct {
	path     string // where to ask
	point    string // where the host sees it
	device   string
	fstype   string
	readonly float64
	labels   []string
}

func newMount(path, point, device, fstype string, readonly bool) *mount {
	m := &mount{
		path: path, point: point, device: device, fstype: fstype,
		labels: []string{"device", device, "fstype", fstype, "mountpoint", point},
	}
	if readonly {
		m.readonly = 1
	}
	return m
}

// key tells mounts apart.
func (m *mount) key() string { return m.device + "\x00" + m.point + "\x00" + m.fstype }

// remote reports whether the file system is served by something that may be away: a network or another process.
func (m *mount) remote() bool {
	switch m.fstype {
	case "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "afs", "lustre", "glusterfs", "gpfs", "beegfs", "ocfs2", "gfs2",
		"afpfs", "webdav", "virtiofs":
		return true
	}
	return strings.HasPrefix(m.fstype, "fuse")
}

type check struct {
	lister  lister
	asker   *asker
	changes checks.Changes
	answers []answer
	gaps    []checks.Gap
}

func newCheck(o Options) (*check, error) {
	if o.ExcludePoints == "" {
		o.ExcludePoints = DefaultExcludePoints
	}
	if o.ExcludeTypes == "" {
		o.ExcludeTypes = DefaultExcludeTypes
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Statfs == nil {
		o.Statfs = statfs
	}
	points, err := regexp.Compile(o.ExcludePoints)
	if err != nil {
		return nil, fmt.Errorf("excluded mount points: %w", err)
	}
	types, err := regexp.Compile(o.ExcludeTypes)
	if err != nil {
		return nil, fmt.Errorf("excluded file system types: %w", err)
	}
	return &check{lister: newLister(o, points, types), asker: newAsker(o.Statfs, o.Timeout)}, nil
}

// Run implements checks.Check.
func (c *check) Run(ctx context.Context, r checks.Reporter) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	mounts, problem := c.lister.list(ctx, r.Time())
	if problem != nil && len(mounts) == 0 {
		return problem
	}
	c.answers = c.asker.ask(ctx, mounts, c.answers[:0])
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err() // calls were cut short, which says nothing about the mounts
	}
	c.gaps = c.lister.gaps(c.gaps[:0])
	for i, m := range mounts {
		report(m, &c.answers[i], r)
		c.changes.Judge(r, c.judge(m, &c.answers[i]))
		c.gaps = appendGap(c.gaps, m, &c.answers[i])
	}
	c.changes.Finish(r, "no longer mounted")
	return errors.Join(problem, ctx.Err())
}

func report(m *mount, a *answer, r checks.Reporter) {
	if a.state != answered || a.err != nil {
		r.Gauge("node_filesystem_device_error", 1, m.labels...)
		return
	}
	r.Gauge("node_filesystem_device_error", 0, m.labels...)
	r.Gauge("node_filesystem_size_bytes", a.usage.Size, m.labels...)
	r.Gauge("node_filesystem_free_bytes", a.usage.Free, m.labels...)
	r.Gauge("node_filesystem_avail_bytes", a.usage.Avail, m.labels...)
	r.Gauge("node_filesystem_files", a.usage.Files, m.labels...)
	r.Gauge("node_filesystem_files_free", a.usage.FilesFree, m.labels...)
	r.Gauge("node_filesystem_readonly", m.readonly, m.labels...)
}

func (c *check) judge(m *mount, a *answer) checks.Result {
	res := checks.Result{Resource: m.point, Status: checks.OK, Output: "file system answers"}
	switch {
	case a.state == hung:
		res.Status = checks.Critical
		res.Output = fmt.Sprintf("file system %s on %s (%s) has not answered for %s",
			m.device, m.point, m.fstype, a.since.Round(100*time.Millisecond))
	case a.state == unasked:
		res.Status = checks.Warning
		res.Output = fmt.Sprintf("file system %s on %s (%s) was not asked, too many others hang", m.device, m.point, m.fstype)
	case a.err != nil:
		res.Status = checks.Warning
		res.Output = fmt.Sprintf("file system %s on %s (%s): %v", m.device, m.point, m.fstype, a.err)
	}
	return res
}
