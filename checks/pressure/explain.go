package pressure

import (
	"os"
	"strconv"
	"strings"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

// explain says why no resource could be read.
func (c *check) explain(missing error) error {
	if !c.fs.HasProc() {
		return hostfs.NoData(missing)
	}
	gap := &checks.Gap{
		Reason: "the kernel keeps no pressure stall information: it is off (no /proc/pressure)",
		Fix: "boot with psi=1: add it to GRUB_CMDLINE_LINUX in /etc/default/grub, then update-grub (Red Hat and SUSE: " +
			"grub2-mkconfig -o /boot/grub2/grub.cfg) and reboot",
		Cause: checks.ErrNoData,
	}
	if release, err := os.ReadFile(c.fs.ProcPath("sys/kernel/osrelease")); err == nil && older(string(release), 4, 20) {
		gap.Reason = "the kernel is older than 4.20, with which pressure stall information came"
		gap.Fix = "boot a kernel of 4.20 or newer"
	}
	return gap
}

// older reports whether a kernel's release, like 4.19.0-27-amd64, comes before a version.
func older(release string, major, minor int) bool {
	first, rest, _ := strings.Cut(release, ".")
	second := rest
	if end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		second = rest[:end]
	}
	a, errA := strconv.Atoi(first)
	b, errB := strconv.Atoi(second)
	return errA == nil && errB == nil && (a < major || a == major && b < minor)
}
