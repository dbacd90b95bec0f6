//go:build !unix

package inventory

import "io/fs"

func gid(fs.FileInfo) (uint32, bool) { return 0, false }
