//go:build !unix

package enroll

// hasModes says that file modes mean nothing here: the data folder's access list protects the key.
const hasModes = false

// syncDir does nothing: only Unix syncs folders.
func syncDir(string) error { return nil }
