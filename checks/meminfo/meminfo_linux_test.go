package meminfo

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
		Spec:  spec(checktest.Extract(t, "testdata/vm.txtar")),
		Empty: spec(t.TempDir()),
	})
}

func BenchmarkMeminfo(b *testing.B) {
	checktest.Bench(b, Spec(Options{FS: hostfs.New(hostfs.Options{})}))
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("MemTotal: 1 kB\nActive(anon): 2 kB\nHugePages_Free: 3\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := newCheck(Options{FS: hostfs.New(hostfs.Options{})}).(*check)
		for range 2 { // the second time from the cache of names
			rec := checktest.NewRecorder(time.Time{})
			_ = c.parse(data, rec)
			checktest.Valid(t, rec)
		}
	})
}
