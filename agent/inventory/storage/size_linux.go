package storage

import "golang.org/x/sys/unix"

// sizeOf returns the size of a file system, 0 when the kernel does not tell.
func sizeOf(path string) uint64 {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil || s.Frsize <= 0 {
		return 0
	}
	return s.Blocks * uint64(s.Frsize)
}
