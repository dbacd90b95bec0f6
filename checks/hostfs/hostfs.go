// Package hostfs is how the host checks read /proc, /sys and /run. Paths in, bytes out: files stay open between cycles, are
// read by pread into a buffer that is used again, and are read from the kernel once per cycle however many checks ask.
// Around that it has what every check needs to look at the bytes without allocating: lines, fields, numbers, and a bounded
// cache from raw bytes to the strings made of them. It knows no file's format and no metric; parsing is the checks' work.
package hostfs

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
)

// Options say where the host's trees are mounted. Empty fields mean the usual places.
type Options struct {
	Proc string // procfs, default /proc
	Sys  string // sysfs, default /sys
	Run  string // runtime data (udev database, system bus), default /run
	Root string // root file system, default /; set when the agent runs in a container that sees the host below a folder
}

// FS is one view of a host's /proc, /sys and /run, shared by all checks of an agent. It is safe for use by several
// goroutines.
type FS struct {
	o Options

	mu    sync.Mutex
	files map[string]*File
}

// New returns a view of the trees named in o. Nothing is opened until it is read.
func New(o Options) *FS {
	or := func(s *string, def string) {
		if *s == "" {
			*s = def
		}
	}
	or(&o.Proc, "/proc")
	or(&o.Sys, "/sys")
	or(&o.Run, "/run")
	or(&o.Root, "/")
	return &FS{o: o, files: make(map[string]*File)}
}

// ProcPath is the path of name below procfs.
func (fs *FS) ProcPath(name string) string { return filepath.Join(fs.o.Proc, name) }

// SysPath is the path of name below sysfs.
func (fs *FS) SysPath(name string) string { return filepath.Join(fs.o.Sys, name) }

// RunPath is the path of name below the runtime folder.
func (fs *FS) RunPath(name string) string { return filepath.Join(fs.o.Run, name) }

// Root is the folder below which the host's own root file system is seen; usually /.
func (fs *FS) Root() string { return fs.o.Root }

// Real reports whether procfs is the machine's own, so that kernel interfaces other than files speak of the same host.
func (fs *FS) Real() bool { return fs.o.Proc == "/proc" }

// HasProc reports whether procfs is mounted where it is looked for, whole and not only its processes.
func (fs *FS) HasProc() bool { return exists(fs.ProcPath("version")) || exists(fs.ProcPath("stat")) }

// HasSys reports whether sysfs is mounted where it is looked for.
func (fs *FS) HasSys() bool { return exists(fs.SysPath("class")) || exists(fs.SysPath("devices")) }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Proc returns the file called name below procfs. Every caller that asks for the same name gets the same File, so that what
// one check has read in a cycle serves the others.
func (fs *FS) Proc(name string) *File { return fs.file(fs.ProcPath(name)) }

// Sys returns the file called name below sysfs; it is shared like those of Proc.
func (fs *FS) Sys(name string) *File { return fs.file(fs.SysPath(name)) }

func (fs *FS) file(path string) *File {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f := fs.files[path]
	if f == nil {
		f = &File{path: path}
		fs.files[path] = f
	}
	return f
}

// Forget closes f and drops it from the view; for files of hardware that can go away. Whoever still holds f may go on
// reading it.
func (fs *FS) Forget(f *File) error {
	fs.mu.Lock()
	if fs.files[f.path] == f {
		delete(fs.files, f.path)
	}
	fs.mu.Unlock()
	return f.close()
}

// Close closes all files. They open again when they are read again.
func (fs *FS) Close() error {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	var errs []error
	for _, f := range fs.files {
		errs = append(errs, f.close())
	}
	return errors.Join(errs...)
}
