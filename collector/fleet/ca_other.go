//go:build !unix

package fleet

import (
	"errors"
	"io/fs"
	"os"
	"time"
)

// lockFile waits until it could make the file at path, and returns what removes it again. A file older than a minute is
// from a process that died.
func lockFile(path string) (unlock func(), err error) {
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		if err == nil {
			return func() { _ = errors.Join(f.Close(), os.Remove(path)) }, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > time.Minute {
			_ = os.Remove(path)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// syncDir does nothing: only Unix syncs folders.
func syncDir(string) error { return nil }
