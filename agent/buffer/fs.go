package buffer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// file is what the spool does with a file. Sync and Close may be called while another call is under way.
type file interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
	Sync() error
	Close() error
	Size() (int64, error)
}

// fileSystem is what the spool asks of the operating system; tests put full disks and power losses behind it.
type fileSystem interface {
	MkdirAll(dir string) error
	Create(path string) (file, error)           // must not exist
	Open(path string, write bool) (file, error) // must exist
	Remove(path string) error
	List(dir string) ([]string, error) // names of the regular files
	SyncDir(dir string) error
	Lock(path string) (io.Closer, error)
}

type osFiles struct{}

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// MkdirAll makes dir and keeps others out of it. A directory that is there and belongs to somebody else stays as it is.
func (osFiles) MkdirAll(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o700); !errors.Is(err, os.ErrPermission) {
		return err
	}
	return nil
}

func (osFiles) Create(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFiles) Open(path string, write bool) (file, error) {
	flag := os.O_RDONLY
	if write {
		flag = os.O_RDWR
	}
	f, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFiles) Remove(path string) error { return os.Remove(path) }

func (osFiles) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Lock takes path for this process. The file keeps the owner's process id for whoever comes second.
func (osFiles) Lock(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open spool lock: %w", err)
	}
	held, err := tryLock(f)
	if err == nil && held {
		p := make([]byte, 20)
		n, _ := f.ReadAt(p, 0)
		err = fmt.Errorf("spool %s is in use by process %s", filepath.Dir(path), strings.TrimSpace(string(p[:n])))
	}
	if err == nil {
		if err = f.Truncate(0); err == nil {
			_, err = fmt.Fprintln(f, os.Getpid())
		}
		if err != nil && isFull(err) {
			err = nil
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}
