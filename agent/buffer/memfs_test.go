package buffer

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// memFiles is a disk in memory that remembers what was synced, so that a power loss can take the rest away, and that can be
// full or broken.
type memFiles struct {
	mu         sync.Mutex
	names      map[string]*memInode
	durable    map[string]*memInode // names that survive a power loss
	locked     map[string]bool
	capacity   int64 // 0 means endless
	failSync   error
	failRead   func(path string, off int64) error
	failWrite  func(path string) error
	failRemove error
	syncs      int
	writes     int
}

type memInode struct {
	path   string
	data   []byte
	synced []byte
}

func newMemFiles() *memFiles {
	return &memFiles{names: map[string]*memInode{}, durable: map[string]*memInode{}, locked: map[string]bool{}}
}

func (m *memFiles) used() (n int64) {
	for _, ino := range m.names {
		n += int64(len(ino.data))
	}
	return n
}

func (m *memFiles) free(string) (free, total uint64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.capacity == 0 {
		return 1 << 40, 1 << 40, nil
	}
	return uint64(max(0, m.capacity-m.used())), uint64(m.capacity), nil
}

// kill ends the process that owns the spool: its locks go, the files stay.
func (m *memFiles) kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.locked)
}

// losePower keeps what was synced, and of the rest what chance wants: pages old or new, names there or not.
func (m *memFiles) losePower(rng *rand.Rand) {
	m.kill()
	m.mu.Lock()
	defer m.mu.Unlock()
	names := map[string]*memInode{}
	all := maps.Clone(m.durable)
	maps.Copy(all, m.names)
	for _, path := range slices.Sorted(maps.Keys(all)) {
		was, is := m.durable[path], m.names[path]
		keep := is
		if was != is && rng.IntN(2) == 0 {
			keep = was
		}
		if keep != nil {
			names[path] = keep
		}
	}
	for _, path := range slices.Sorted(maps.Keys(names)) {
		ino := names[path]
		ino.data = tear(rng, ino.synced, ino.data)
		ino.synced = slices.Clone(ino.data)
	}
	m.names, m.durable = names, maps.Clone(names)
}

// tear mixes an old and a new version of a file by pages.
func tear(rng *rand.Rand, old, new []byte) []byte {
	size := len(old)
	if len(new) > len(old) {
		size += rng.IntN(len(new) - len(old) + 1)
	}
	out := make([]byte, size)
	const page = 4096
	for i := 0; i < size; i += page {
		end := min(size, i+page)
		src := new
		if rng.IntN(2) == 0 {
			src = old
		}
		if i < len(src) {
			copy(out[i:end], src[i:min(end, len(src))])
		}
	}
	return out
}

// keepSynced is the hardest power loss: nothing is left but what was synced.
func (m *memFiles) keepSynced() {
	m.kill()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.names = maps.Clone(m.durable)
	for _, ino := range m.names {
		ino.data = slices.Clone(ino.synced)
	}
}

func (m *memFiles) MkdirAll(string) error { return nil }

func (m *memFiles) Create(path string) (file, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.names[path] != nil {
		return nil, &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	}
	ino := &memInode{path: path}
	m.names[path] = ino
	return &memFile{m: m, ino: ino}, nil
}

func (m *memFiles) Open(path string, _ bool) (file, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ino := m.names[path]
	if ino == nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return &memFile{m: m, ino: ino}, nil
}

func (m *memFiles) Remove(path string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failRemove != nil {
		return m.failRemove
	}
	if m.names[path] == nil {
		return &fs.PathError{Op: "remove", Path: path, Err: fs.ErrNotExist}
	}
	delete(m.names, path)
	return nil
}

func (m *memFiles) List(dir string) (names []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for path := range m.names {
		if filepath.Dir(path) == dir {
			names = append(names, filepath.Base(path))
		}
	}
	slices.Sort(names)
	return names, nil
}

func (m *memFiles) SyncDir(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failSync != nil {
		return m.failSync
	}
	maps.DeleteFunc(m.durable, func(path string, _ *memInode) bool { return filepath.Dir(path) == dir })
	for path, ino := range m.names {
		if filepath.Dir(path) == dir {
			m.durable[path] = ino
		}
	}
	return nil
}

type memLock struct {
	m    *memFiles
	path string
}

func (l memLock) Close() error {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	delete(l.m.locked, l.path)
	return nil
}

func (m *memFiles) Lock(path string) (io.Closer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locked[path] {
		return nil, errors.New("locked")
	}
	m.locked[path] = true
	return memLock{m, path}, nil
}

type memFile struct {
	m      *memFiles
	ino    *memInode
	closed bool
}

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.closed {
		return 0, os.ErrClosed
	}
	if f.m.failRead != nil {
		for o := off; o < off+int64(len(p)); o++ {
			if err := f.m.failRead(f.ino.path, o); err != nil {
				return copy(p[:o-off], f.ino.data[min(off, int64(len(f.ino.data))):]), err
			}
		}
	}
	if off >= int64(len(f.ino.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.ino.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt writes as much as there is room for, as a disk does.
func (f *memFile) WriteAt(p []byte, off int64) (n int, err error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.closed {
		return 0, os.ErrClosed
	}
	f.m.writes++
	if f.m.failWrite != nil {
		if err := f.m.failWrite(f.ino.path); err != nil {
			return 0, err
		}
	}
	grow := off + int64(len(p)) - int64(len(f.ino.data))
	if grow > 0 && f.m.capacity > 0 {
		if short := f.m.used() + grow - f.m.capacity; short > 0 {
			p = p[:max(0, int64(len(p))-short)]
			err = &fs.PathError{Op: "write", Path: f.ino.path, Err: syscall.ENOSPC}
		}
	}
	if need := off + int64(len(p)); need > int64(len(f.ino.data)) && len(p) > 0 {
		f.ino.data = append(f.ino.data, make([]byte, need-int64(len(f.ino.data)))...)
	}
	if len(p) > 0 {
		copy(f.ino.data[off:], p)
	}
	return len(p), err
}

func (f *memFile) Truncate(size int64) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	f.ino.data = slices.Clip(f.ino.data[:min(size, int64(len(f.ino.data)))])
	return nil
}

func (f *memFile) Sync() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.closed {
		return os.ErrClosed
	}
	if f.m.failSync != nil {
		return f.m.failSync
	}
	f.m.syncs++
	f.ino.synced = slices.Clone(f.ino.data)
	return nil
}

func (f *memFile) Close() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	f.closed = true
	return nil
}

func (f *memFile) Size() (int64, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	return int64(len(f.ino.data)), nil
}

// segmentFiles returns the paths of all segments in order.
func (m *memFiles) segmentFiles() (paths []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for path := range m.names {
		if strings.HasSuffix(path, ".seg") {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}
