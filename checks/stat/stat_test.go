package stat

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

func BenchmarkStat(b *testing.B) { checktest.Bench(b, Spec(Options{FS: hostfs.New(hostfs.Options{})})) }

func FuzzParse(f *testing.F) {
	f.Add([]byte("cpu 1 2\nintr 778774 0 0\nctxt 1\nbtime 2\nprocesses 3\nprocs_running 4\nprocs_blocked 5\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		rec := checktest.NewRecorder(time.Time{})
		_ = parse("stat", data, rec)
		if len(rec.Problems()) > 0 {
			t.Error(rec.Problems())
		}
	})
}
