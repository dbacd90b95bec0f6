package hwmon

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/picketmon/picket/checks/checktest"
)

func TestWhyThereAreNoSensors(t *testing.T) {
	const none, driver = "a virtual machine has no sensors of its own", "no driver of this machine's chips is loaded"
	for name, tc := range map[string]struct {
		files  map[string]string
		reason string
		fix    bool
	}{
		"virtual x86":         {map[string]string{"sys/class/x": "", "proc/cpuinfo": "processor : 0\nflags\t\t: fpu hypervisor lahf_lm\n"}, none, false},
		"x86":                 {map[string]string{"sys/class/x": "", "proc/cpuinfo": "processor : 0\nflags\t\t: fpu lahf_lm\n"}, driver, true},
		"rented metal":        {map[string]string{"sys/class/dmi/id/sys_vendor": "Amazon EC2\n", "proc/cpuinfo": "processor : 0\nflags\t\t: fpu lahf_lm\n"}, driver, true},
		"virtual arm":         {map[string]string{"sys/class/dmi/id/sys_vendor": "QEMU\n", "proc/cpuinfo": "processor : 0\nFeatures : fp\n"}, none, false},
		"arm board":           {map[string]string{"sys/devices/x": "", "proc/cpuinfo": "processor : 0\nFeatures : fp\n"}, driver, true},
		"Xen":                 {map[string]string{"sys/hypervisor/type": "xen\n", "sys/class/x": ""}, none, false},
		"an empty class":      {map[string]string{"sys/class/hwmon/README": "", "proc/cpuinfo": "flags\t: hypervisor\n"}, none, false},
		"chips that are mute": {map[string]string{"sys/class/hwmon/hwmon0/other": "", "proc/cpuinfo": "processor : 0\nflags\t\t: fpu\n"}, driver, true},
	} {
		t.Run(name, func(t *testing.T) {
			gaps := checktest.Gaps(t, spec(checktest.Host(t, tc.files)))
			if len(gaps) != 1 || !strings.Contains(gaps[0].Reason, tc.reason) || (gaps[0].Fix != "") != tc.fix {
				t.Errorf("gaps %+v, want %q", gaps, tc.reason)
			}
		})
	}
	gaps := checktest.Gaps(t, spec(t.TempDir()))
	if len(gaps) != 1 || gaps[0].Reason != "" || !errors.Is(gaps[0].Cause, fs.ErrNotExist) {
		t.Errorf("without sysfs: %+v", gaps)
	}
}
