package sockstat

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

func BenchmarkSockstat(b *testing.B) {
	checktest.Bench(b, Spec(Options{FS: hostfs.New(hostfs.Options{})}))
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("sockets: used 19\nTCP: inuse 4 orphan 0 tw 51 alloc 4 mem 193\nFRAG6: inuse 0 memory 0\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := newCheck(Options{FS: hostfs.New(hostfs.Options{})})
		rec := checktest.NewRecorder(time.Time{})
		lines := hostfs.Lines{Data: data}
		for {
			line, ok := lines.Next()
			if !ok {
				break
			}
			c.parse(line, rec)
		}
		checktest.Valid(t, rec)
	})
}
