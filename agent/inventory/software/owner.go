package software

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/picketmon/picket/agent/inventory"
	"github.com/picketmon/picket/agent/inventory/process"
)

// Owners knows which package owns a file. It remembers nothing: who asks does.
type Owners struct {
	trees inventory.Trees
}

// NewOwners returns the owners of the host's files.
func NewOwners(t inventory.Trees) *Owners { return &Owners{t} }

// Owners implements process.Packages: it passes once over the lists of files.
func (o *Owners) Owners(paths []string) map[string]process.Package {
	wanted := map[string]string{} // variant to path
	for _, p := range paths {
		for _, v := range variants(p) {
			wanted[v] = p
		}
	}
	names := o.dpkg(wanted)
	apk := o.apk(wanted)
	out := map[string]process.Package{}
	if len(names) > 0 {
		o.versions(names, out)
	}
	for path, p := range apk {
		out[path] = p
	}
	return out
}

// dpkg returns the packages of files, as name or name:architecture.
func (o *Owners) dpkg(wanted map[string]string) map[string]string {
	lists, _ := filepath.Glob(o.trees.InRoot("var/lib/dpkg/info/*.list")) // the pattern is ours
	found := map[string]string{}
	buf := make([]byte, 0, 64<<10)
	for _, list := range lists {
		if len(found) == len(wanted) {
			break
		}
		var err error
		if buf, err = readInto(list, buf); err != nil {
			continue
		}
		for rest := buf; len(rest) > 0; {
			line := rest
			if i := bytes.IndexByte(rest, '\n'); i >= 0 {
				line, rest = rest[:i], rest[i+1:]
			} else {
				rest = nil
			}
			if path, ok := wanted[string(line)]; ok {
				found[path] = strings.TrimSuffix(filepath.Base(list), ".list")
			}
		}
	}
	return found
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
func (o *Owners) apk(wanted map[string]string) map[string]process.Package {
	f, err := os.Open(apkPath(o.trees))
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	out := map[string]process.Package{}
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
			if path, ok := wanted[folder+string(line[2:])]; ok {
				own = append(own, path)
			}
		}
	})
	for _, path := range own {
		out[path] = p
	}
	return out
}
