package software

import (
	"bufio"
	"bytes"
	"errors"
	"hash/maphash"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/picketmon/picket/agent/inventory"
	"github.com/picketmon/picket/agent/inventory/process"
)

// Owners knows which package owns a program. It keeps an index of dpkg's lists of files, of hashes only and only of what can be a
// program, as long as the lists stay the same. It is safe for concurrent use.
type Owners struct {
	trees inventory.Trees
	stamp func() string
	seed  maphash.Seed

	mu    sync.Mutex
	last  string
	index map[uint64]uint16 // hash of a path to its list
	lists []string          // names of packages
}

// NewOwners returns the owners of the host's programs.
func NewOwners(t inventory.Trees) *Owners {
	return &Owners{trees: t, stamp: inventory.Stamps(t.InRoot("var/lib/dpkg/info")), seed: maphash.MakeSeed()}
}

// Owners implements process.Packages.
func (o *Owners) Owners(paths []string) map[string]process.Package {
	o.mu.Lock()
	defer o.mu.Unlock()
	wanted := map[string][]string{} // variant to paths
	for _, p := range paths {
		for _, v := range variants(p) {
			wanted[v] = append(wanted[v], p)
		}
	}
	out := o.apk(wanted)
	if s := o.stamp(); s != o.last || o.index == nil {
		o.last = s
		o.read()
	}
	names := map[string]string{} // path to package
	for v, all := range wanted {
		if i, ok := o.index[maphash.String(o.seed, v)]; ok {
			for _, path := range all {
				names[path] = o.lists[i]
			}
		}
	}
	if len(names) > 0 {
		o.versions(names, out)
	}
	return out
}

// read makes the index of dpkg's lists.
func (o *Owners) read() {
	o.index, o.lists = map[uint64]uint16{}, nil
	lists, _ := filepath.Glob(o.trees.InRoot("var/lib/dpkg/info/*.list")) // the pattern is ours
	buf := make([]byte, 0, 64<<10)
	for _, list := range lists[:min(len(lists), 1<<16)] {
		var err error
		if buf, err = readInto(list, buf); err != nil {
			continue
		}
		n := len(o.index)
		for rest := buf; len(rest) > 0; {
			line := rest
			if i := bytes.IndexByte(rest, '\n'); i >= 0 {
				line, rest = rest[:i], rest[i+1:]
			} else {
				rest = nil
			}
			if canRun(line) {
				o.index[maphash.Bytes(o.seed, line)] = uint16(len(o.lists))
			}
		}
		if len(o.index) > n {
			o.lists = append(o.lists, strings.TrimSuffix(filepath.Base(list), ".list"))
		}
	}
}

// canRun reports whether a file of a package can be a program, by its path.
func canRun(path []byte) bool {
	for _, dir := range [][]byte{[]byte("/bin/"), []byte("/sbin/"), []byte("/libexec/"), []byte("/games/")} {
		if bytes.Contains(path, dir) {
			return true
		}
	}
	slash := bytes.LastIndexByte(path, '/')
	if slash < 0 || bytes.IndexByte(path[slash:], '.') >= 0 {
		return false // a library, a script of a library
	}
	for _, dir := range [][]byte{[]byte("/usr/lib/"), []byte("/lib/"), []byte("/opt/"), []byte("/usr/share/"), []byte("/srv/")} {
		if bytes.HasPrefix(path, dir) {
			return !bytes.HasPrefix(path, []byte("/usr/share/doc/")) && !bytes.HasPrefix(path, []byte("/usr/share/man/"))
		}
	}
	return false
}

// readInto reads a file into a buffer that is used again.
func readInto(path string, buf []byte) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return buf, err
	}
	defer func() { _ = f.Close() }()
	for buf = buf[:0]; ; {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := f.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
}

// versions completes names of dpkg's packages.
func (o *Owners) versions(names map[string]string, out map[string]process.Package) {
	of := map[string][]string{}
	for path, name := range names {
		of[name] = append(of[name], path)
	}
	for _, d := range databases(o.trees) {
		if d.manager != "dpkg" {
			continue
		}
		_ = d.read(func(p Package) { // the kind package tells what is wrong with it
			for _, name := range []string{p.Name, p.Name + ":" + p.Architecture} {
				for _, path := range of[name] {
					out[path] = process.Package{Name: p.Name, Version: p.Version, Vendor: p.Vendor}
				}
			}
		})
	}
}

// apk returns the packages of files: the database lists folders (F:) and the files in them (R:).
func (o *Owners) apk(wanted map[string][]string) map[string]process.Package {
	out := map[string]process.Package{}
	f, err := os.Open(apkPath(o.trees))
	if err != nil {
		return out
	}
	defer func() { _ = f.Close() }()
	var (
		p      process.Package
		folder string
		own    []string
	)
	_ = lines(bufio.NewReader(f), func(line []byte) { // the kind package tells what is wrong with it
		if len(line) < 2 || line[1] != ':' {
			for _, path := range own {
				out[path] = p
			}
			p, own, folder = process.Package{}, nil, ""
			return
		}
		switch line[0] {
		case 'P':
			p.Name = string(line[2:])
		case 'V':
			p.Version = string(line[2:])
		case 'm':
			p.Vendor, _, _ = strings.Cut(string(line[2:]), " <")
		case 'F':
			folder = "/" + string(line[2:]) + "/"
		case 'R':
			own = append(own, wanted[folder+string(line[2:])]...)
		}
	})
	for _, path := range own {
		out[path] = p
	}
	return out
}
