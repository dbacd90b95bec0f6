package filefd

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

func BenchmarkFilefd(b *testing.B) {
	checktest.Bench(b, Spec(Options{FS: hostfs.New(hostfs.Options{})}))
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("529\t0\t2466186\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		rec := checktest.NewRecorder(time.Time{})
		_ = parse("file-nr", data, rec)
		checktest.Valid(t, rec)
	})
}
