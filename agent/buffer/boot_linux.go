package buffer

import (
	"os"
	"strings"
)

// bootID returns what differs from one start of the machine to the next: what was in the page cache is gone then.
func bootID() string {
	p, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(p))
}
