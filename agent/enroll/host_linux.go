package enroll

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// dummyUUID reports whether s is no UUID, or one that whole series of machines share because their maker never set it.
func dummyUUID(s string) bool {
	hex := strings.ReplaceAll(s, "-", "")
	if len(hex) != 32 || strings.Count(hex, hex[:1]) == 32 { // all zeros, all f, …
		return true
	}
	return slices.Contains([]string{
		"03000200-0400-0500-0006-000700080009",
		"12345678-1234-5678-90ab-cddeefaabbcc",
		"fefefefe-fefe-fefe-fefe-fefefefefefe",
		"00020003-0004-0005-0006-000700080009",
		"01234567-8910-1112-1314-151617181920",
	}, s)
}

// readSources returns what identifies this machine, the best first.
func readSources(_ context.Context, root, hostname string) []source {
	if root == "" {
		root = "/"
	}
	var found []source
	if uuid := readLine(root, "sys/class/dmi/id/product_uuid"); !dummyUUID(uuid) {
		found = append(found, source{sourceDMI, uuid})
	}
	mac := firstMAC(root)
	for _, path := range []string{"etc/machine-id", "var/lib/dbus/machine-id"} {
		// systemd writes "uninitialized" until the first boot is done.
		if id := readLine(root, path); len(id) == 32 {
			found = append(found, source{sourceMachineID, id + " " + mac})
			break
		}
	}
	return append(found, source{sourceHostname, hostname + " " + mac})
}

// firstMAC returns the address of the first physical network card by name, "" without one. Cards whose address is the one
// they were made with are preferred: others change with bonds, or at random. Virtual interfaces do not count, because
// containers and bridges get new addresses at every start.
func firstMAC(root string) string {
	dir := filepath.Join(root, "sys/class/net")
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return ""
	}
	var second string
	for _, e := range entries {
		nic := filepath.Join("sys/class/net", e.Name())
		if _, err := os.Stat(filepath.Join(root, nic, "device")); err != nil {
			continue
		}
		mac := readLine(root, filepath.Join(nic, "address"))
		if mac == "" || mac == "00:00:00:00:00:00" {
			continue
		}
		if readLine(root, filepath.Join(nic, "addr_assign_type")) == "0" {
			return mac
		}
		if second == "" {
			second = mac
		}
	}
	return second
}

// readLine returns the file's text in lower case without white space around it, "" when it cannot be read.
func readLine(root, path string) string {
	raw, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		return ""
	}
	return strings.ToLower(strings.TrimSpace(string(raw)))
}
