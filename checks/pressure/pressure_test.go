package pressure

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

func BenchmarkPressure(b *testing.B) {
	checktest.Bench(b, Spec(Options{FS: hostfs.New(hostfs.Options{})}))
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("some avg10=0.00 avg60=0.00 avg300=0.00 total=5\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=6\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := newCheck(Options{FS: hostfs.New(hostfs.Options{})})
		rec := checktest.NewRecorder(time.Time{})
		var problems hostfs.Problems
		c.resources[1].parse(data, rec, &problems)
		if n := len(rec.Samples()); n > 2 {
			t.Errorf("%d samples", n)
		}
		checktest.Valid(t, rec)
	})
}
