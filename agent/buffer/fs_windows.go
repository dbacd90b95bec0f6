package buffer

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/windows"
)

// tryLock locks a byte of f far behind its contents, which others may therefore still read, until f is closed.
func tryLock(f *os.File) (held bool, err error) {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err = windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{Offset: 1 << 30})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("lock spool: %w", err)
	}
	return false, nil
}

func freeDisk(dir string) (free, total uint64, err error) {
	p, err := windows.UTF16PtrFromString(dir)
	if err == nil {
		err = windows.GetDiskFreeSpaceEx(p, &free, &total, nil)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("free disk of %s: %w", dir, err)
	}
	return free, total, nil
}

// isFull says whether err means that the disk or the quota is used up.
func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) ||
		errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}

// SyncDir does nothing: the system journals names by itself and offers no handle to a directory for it.
func (osFiles) SyncDir(string) error { return nil }

// bootID returns nothing, so that an unclean end always counts as a power loss.
func bootID() string { return "" }
