package pressure

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/checktest"
)

func TestWhyThereIsNoPressure(t *testing.T) {
	for name, tc := range map[string]struct {
		files map[string]string
		fix   string
	}{
		"off":           {map[string]string{"proc/version": "", "proc/sys/kernel/osrelease": "6.1.0-18-amd64\n"}, "boot with psi=1: add it to GRUB_CMDLINE_LINUX"},
		"old kernel":    {map[string]string{"proc/version": "", "proc/sys/kernel/osrelease": "4.19.0-27-amd64\n"}, "boot a kernel of 4.20 or newer"},
		"older kernel":  {map[string]string{"proc/stat": "", "proc/sys/kernel/osrelease": "3.10.0-1160.el7.x86_64\n"}, "boot a kernel of 4.20 or newer"},
		"first with it": {map[string]string{"proc/version": "", "proc/sys/kernel/osrelease": "4.20-rc1\n"}, "boot with psi=1"},
		"odd release":   {map[string]string{"proc/version": "", "proc/sys/kernel/osrelease": "custom\n"}, "boot with psi=1"},
	} {
		t.Run(name, func(t *testing.T) {
			gaps := checktest.Gaps(t, spec(checktest.Host(t, tc.files)))
			if len(gaps) != 1 || len(gaps[0].Fix) < len(tc.fix) || gaps[0].Fix[:len(tc.fix)] != tc.fix || !errors.Is(&gaps[0], checks.ErrNoData) {
				t.Errorf("gaps %+v, want the fix %q", gaps, tc.fix)
			}
		})
	}
	gaps := checktest.Gaps(t, spec(t.TempDir()))
	if len(gaps) != 1 || gaps[0].Reason != "" || !errors.Is(gaps[0].Cause, fs.ErrNotExist) {
		t.Errorf("without procfs: %+v", gaps)
	}
}
