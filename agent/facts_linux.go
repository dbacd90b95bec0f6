package agent

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// platformFacts reads os-release, the kernel's release, the memory's size and the machine-id.
func platformFacts(c Config) (platform, kernel string, memory uint64, machineID string) {
	if raw, err := os.ReadFile(filepath.Join(c.RootFS, "etc/os-release")); err == nil {
		platform = field(raw, "PRETTY_NAME", "=")
	}
	if raw, err := os.ReadFile(filepath.Join(c.ProcFS, "meminfo")); err == nil {
		kb, _, _ := strings.Cut(field(raw, "MemTotal", ":"), " ")
		if n, err := strconv.ParseUint(kb, 10, 53); err == nil {
			memory = n << 10
		}
	}
	kernel = firstLine(filepath.Join(c.ProcFS, "sys/kernel/osrelease"))
	return platform, kernel, memory, firstLine(filepath.Join(c.RootFS, "etc/machine-id"))
}

func field(raw []byte, name, separator string) string {
	for s := bufio.NewScanner(bytes.NewReader(raw)); s.Scan(); {
		if key, value, ok := strings.Cut(s.Text(), separator); ok && strings.TrimSpace(key) == name {
			return strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return ""
}
