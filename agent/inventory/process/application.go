package process

import (
	"cmp"
	"debug/buildinfo"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/picketmon/picket/agent/inventory"
)

// Limits.
const (
	mostApplications = 1000
	mostCommand      = 1000 // bytes of a command line
	mostListens      = 100  // of one application
)

// Application is what runs on the host as one thing: all processes of a unit, or of a program.
type Application struct {
	Name       string   `json:"name"`
	Type       string   `json:"type,omitempty"`     // nginx, postgresql, …: programs known by name
	Category   string   `json:"category,omitempty"` // web_server, database, …
	Version    string   `json:"version,omitempty"`
	Vendor     string   `json:"vendor,omitempty"`
	Executable string   `json:"executable,omitempty"`
	Program    string   `json:"program,omitempty"` // what an interpreter runs
	Package    string   `json:"package,omitempty"`
	Unit       string   `json:"unit,omitempty"`
	Container  string   `json:"container,omitempty"`
	User       string   `json:"user"`
	Command    string   `json:"running_process_command,omitempty"` // redacted
	Processes  string   `json:"processes"`                         // the most seen at once: 1, 2-4, 5-16, 17-64, 65+
	Started    string   `json:"start_time,omitempty"`
	Listens    []string `json:"listens,omitempty"` // keys of listeners
}

// Package is a package that owns an executable.
type Package struct {
	Name, Version, Vendor string
}

// Packages knows the packages of the host.
type Packages interface {
	// Owners returns the packages that own files, by path; files that none owns are absent.
	Owners(paths []string) map[string]Package
}

// executable is what is known of an executable file, as long as it stays the same.
type executable struct {
	stamp   [3]int64 // inode, mtime, size
	owner   Package
	version string // of a Go program without a package
}

// folder folds processes into applications.
type folder struct {
	trees    inventory.Trees
	packages Packages
	names    func(uid uint32) string
	commands bool // command lines are told
	binaries map[string]*executable
	most     map[string]int // processes of an application
}

// fold returns the applications by key, and the key of each process.
func (f *folder) fold(t *table) (apps map[string]*Application, of map[int]string) {
	var all []*proc
	for _, e := range t.procs {
		if e.proc != nil && !e.kernel && (e.exe != "" || len(e.args) > 0) {
			all = append(all, e.proc)
		}
	}
	// The oldest of an application speaks for it.
	slices.SortFunc(all, func(a, b *proc) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.pid, b.pid)) })
	listening := map[int][]string{}
	for key, l := range t.sockets {
		if l.counts && l.owner != 0 {
			listening[l.owner] = append(listening[l.owner], key)
		}
	}
	f.learn(all)
	apps, of = map[string]*Application{}, map[int]string{}
	count := map[string]int{}
	for _, p := range all {
		key := f.key(p)
		if p.cgroup.session && len(listening[p.pid]) == 0 {
			continue // what people do when they are logged in
		}
		a := apps[key]
		if a == nil {
			if len(apps) == mostApplications {
				continue
			}
			a = f.application(p, t.boot)
			apps[key] = a
		}
		of[p.pid] = key
		count[key]++
		a.Listens = append(a.Listens, listening[p.pid]...)
	}
	for key, a := range apps {
		f.most[key] = max(f.most[key], count[key])
		a.Processes = bucket(f.most[key])
		slices.Sort(a.Listens)
		a.Listens = slices.Compact(a.Listens)
		a.Listens = a.Listens[:min(len(a.Listens), mostListens)]
	}
	for key := range f.most {
		if apps[key] == nil {
			delete(f.most, key)
		}
	}
	return apps, of
}

// key is the identity of the application that a process belongs to.
func (f *folder) key(p *proc) string {
	if p.cgroup.unit != "" {
		return p.cgroup.unit
	}
	key := p.exe
	if key == "" {
		key = p.comm
	}
	if p.cgroup.container != "" {
		key = p.cgroup.container + ":" + key
	} else if b := f.binaries[p.exe]; b != nil && b.owner.Name != "" {
		key = b.owner.Name + ":" + key
	}
	if what := program(cmp.Or(p.exe, p.comm), p.args); what != "" {
		key += " " + what
	}
	return key
}

func (f *folder) application(p *proc, boot time.Time) *Application {
	a := &Application{
		Executable: p.exe, Program: program(cmp.Or(p.exe, p.comm), p.args), Unit: p.cgroup.unit, Container: p.cgroup.container, User: f.names(p.uid),
	}
	a.Type, a.Category = recognise(p)
	a.Name = cmp.Or(strings.TrimSuffix(p.cgroup.unit[strings.LastIndexByte(p.cgroup.unit, '/')+1:], ".service"), base(a.Program), base(p.exe), p.comm)
	if b := f.binaries[p.exe]; b != nil {
		a.Package, a.Version, a.Vendor = b.owner.Name, cmp.Or(b.owner.Version, b.version), b.owner.Vendor
	}
	if !boot.IsZero() {
		a.Started = boot.Add(time.Duration(p.start) * time.Second / ticks).UTC().Format(time.RFC3339)
	}
	if f.commands {
		a.Command = shorten(strings.Join(p.args, " "))
	}
	return a
}

func shorten(s string) string {
	if len(s) > mostCommand {
		s = strings.ToValidUTF8(s[:mostCommand], "") + "…"
	}
	return s
}

// learn finds out about executables that are new or were replaced, all at once.
func (f *folder) learn(all []*proc) {
	var unknown []string
	used := map[string]bool{}
	for _, p := range all {
		if p.exe == "" || used[p.exe] || p.cgroup.container != "" {
			continue
		}
		used[p.exe] = true
		stamp := stampOf(f.trees.InRoot(p.exe))
		if b := f.binaries[p.exe]; b == nil || b.stamp != stamp {
			f.binaries[p.exe] = &executable{stamp: stamp}
			unknown = append(unknown, p.exe)
		}
	}
	for exe := range f.binaries {
		if !used[exe] {
			delete(f.binaries, exe)
		}
	}
	if len(unknown) == 0 {
		return
	}
	owners := f.packages.Owners(unknown)
	for _, exe := range unknown {
		b := f.binaries[exe]
		if b.owner = owners[exe]; b.owner.Name == "" {
			b.version = goVersion(f.trees.InRoot(exe))
		}
	}
}

func stampOf(path string) [3]int64 {
	info, err := os.Stat(path)
	if err != nil {
		return [3]int64{}
	}
	return [3]int64{int64(inventory.Inode(info)), info.ModTime().UnixNano(), info.Size()}
}

// goVersion returns the version of a Go program's main module.
func goVersion(path string) string {
	info, err := buildinfo.ReadFile(path)
	if err != nil || info.Main.Version == "(devel)" {
		return ""
	}
	return strings.TrimPrefix(info.Main.Version, "v")
}

// bucket is a number of processes that stays the same while workers come and go.
func bucket(n int) string {
	switch {
	case n <= 1:
		return strconv.Itoa(n)
	case n <= 4:
		return "2-4"
	case n <= 16:
		return "5-16"
	case n <= 64:
		return "17-64"
	}
	return "65+"
}
