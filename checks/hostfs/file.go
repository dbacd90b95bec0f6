package hostfs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

const (
	firstSize = 512     // a buffer's first size in bytes; it doubles until the file fits
	maxSize   = 8 << 20 // no file in /proc or /sys that a check reads is larger
)

// File is one file that stays open between cycles. It is safe for use by several goroutines.
type File struct {
	path string

	mu  sync.Mutex
	f   *os.File
	buf []byte
	n   int
	at  time.Time
	err error
}

// Path is where the file is.
func (f *File) Path() string { return f.path }

// Acquire returns the content of the file as it was in the cycle called at: the first call for a cycle reads from the
// kernel, later ones get the same bytes. With the zero time it always reads. The bytes are valid until Release, which must
// be called once after every Acquire, error or not; other callers wait meanwhile. A file that does not exist gives an error
// that is fs.ErrNotExist.
func (f *File) Acquire(at time.Time) ([]byte, error) {
	f.mu.Lock()
	if at.IsZero() || !at.Equal(f.at) {
		f.err = f.read()
		f.at = at
	}
	if f.err != nil {
		return nil, f.err
	}
	return f.buf[:f.n], nil
}

// Release ends the use of the bytes that Acquire returned.
func (f *File) Release() { f.mu.Unlock() }

// read fills the buffer. A file that was open and now fails is opened once more, because a device that was removed and came
// back has a new file behind the same name.
func (f *File) read() error {
	f.n = 0
	if f.f != nil {
		err := f.fill()
		if err == nil {
			return nil
		}
		_ = f.f.Close() // the read error is the one that matters
		f.f = nil
	}
	var err error
	if f.f, err = os.Open(f.path); err != nil {
		f.f = nil
		return err
	}
	if err = f.fill(); err != nil {
		_ = f.f.Close()
		f.f = nil
	}
	return err
}

// fill reads the open file from its start to its end.
func (f *File) fill() error {
	f.n = 0
	for {
		if f.n == len(f.buf) {
			if err := f.grow(); err != nil {
				return err
			}
		}
		n, err := f.f.ReadAt(f.buf[f.n:], int64(f.n))
		f.n += n
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (f *File) grow() error {
	if len(f.buf) >= maxSize {
		return fmt.Errorf("read %s: longer than %d bytes", f.path, maxSize)
	}
	bigger := make([]byte, max(firstSize, 2*len(f.buf)))
	copy(bigger, f.buf[:f.n])
	f.buf = bigger
	return nil
}

func (f *File) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.f == nil {
		return nil
	}
	err := f.f.Close()
	f.f, f.at = nil, time.Time{}
	return err
}
