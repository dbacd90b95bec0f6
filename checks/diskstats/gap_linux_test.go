package diskstats

import (
	"testing"

	"github.com/picketmon/picket/checks/checktest"
)

func TestUnknownDevices(t *testing.T) {
	const table = "   8       0 sda 1 2 3 4 5 6 7 8 9 10 11\n"
	gaps := checktest.Gaps(t, spec(checktest.Host(t, map[string]string{"proc/diskstats": table})))
	if len(gaps) != 1 || gaps[0].Part != "identity" || gaps[0].Fix == "" {
		t.Errorf("without udev's database: %+v", gaps)
	}
	gaps = checktest.Gaps(t, spec(checktest.Host(t, map[string]string{"proc/diskstats": table, "run/udev/data/b8:0": "E:ID_MODEL=x\n"})))
	if len(gaps) != 0 {
		t.Errorf("with it: %+v", gaps)
	}
}
