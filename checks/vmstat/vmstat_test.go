package vmstat

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/checktest"
	"github.com/picketmon/picket/checks/hostfs"
)

func spec(dir string) checks.Spec {
	return Spec(Options{FS: hostfs.New(hostfs.Options{Proc: filepath.Join(dir, "proc"), Sys: filepath.Join(dir, "sys")})})
}

func TestGolden(t *testing.T) { checktest.Golden(t, spec) }

func TestSuite(t *testing.T) {
	checktest.Suite(t, checktest.Subject{
		Spec:  spec(checktest.Extract(t, "testdata/usual.txtar")),
		Empty: spec(t.TempDir()),
	})
}

func BenchmarkVmstat(b *testing.B) {
	checktest.Bench(b, Spec(Options{FS: hostfs.New(hostfs.Options{})}))
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("pgfault 9787018\noom_kill x\nnr_free 1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := newCheck(Options{FS: hostfs.New(hostfs.Options{}), Fields: "."})
		if err != nil {
			t.Fatal(err)
		}
		rec := checktest.NewRecorder(time.Time{})
		_ = c.parse(data, rec)
		checktest.Valid(t, rec)
	})
}
