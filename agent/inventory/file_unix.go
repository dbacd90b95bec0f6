//go:build unix

package inventory

import (
	"io/fs"
	"syscall"
)

// gid returns the id of the group that owns a file.
func gid(info fs.FileInfo) (uint32, bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return s.Gid, true
}

// Inode returns the number of a file, 0 where there is none.
func Inode(info fs.FileInfo) uint64 {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	return s.Ino
}
