//go:build !unix

package inventory

import "io/fs"

func gid(fs.FileInfo) (uint32, bool) { return 0, false }

// Inode returns the number of a file, 0 where there is none.
func Inode(fs.FileInfo) uint64 { return 0 }
