package buffer

import "golang.org/x/sys/unix"

// bootID returns what differs from one start of the machine to the next: what was in the page cache is gone then.
func bootID() string {
	id, err := unix.Sysctl("kern.bootsessionuuid")
	if err != nil {
		return ""
	}
	return id
}
