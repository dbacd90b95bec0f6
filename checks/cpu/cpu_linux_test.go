package cpu

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
		Spec:  spec(checktest.Extract(t, "testdata/many.txtar")),
		Empty: spec(t.TempDir()),
	})
}

func BenchmarkCpu(b *testing.B) { checktest.Bench(b, Spec(Options{FS: hostfs.New(hostfs.Options{})})) }

func FuzzParse(f *testing.F) {
	f.Add([]byte("cpu  1 2 3 4\ncpu0 1 2 3 4 5 6 7 8 9 10\ncpu1 1 2 3\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := newCheck(Options{FS: hostfs.New(hostfs.Options{Proc: t.TempDir()})}).(*check)
		rec := checktest.NewRecorder(time.Time{})
		var problems hostfs.Problems
		c.parse(data, rec, &problems)
		checktest.Valid(t, rec)
	})
}
