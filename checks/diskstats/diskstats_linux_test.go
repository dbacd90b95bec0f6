package diskstats

import (
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/checktest"
	"github.com/picketmon/picket/checks/hostfs"
)

func spec(dir string) checks.Spec {
	return Spec(Options{FS: hostfs.New(hostfs.Options{Proc: filepath.Join(dir, "proc"), Sys: filepath.Join(dir, "sys"), Run: filepath.Join(dir, "run")})})
}

func TestGolden(t *testing.T) { checktest.Golden(t, spec) }

func TestSuite(t *testing.T) {
	checktest.Suite(t, checktest.Subject{
		Spec:  spec(checktest.Extract(t, "testdata/server.txtar")),
		Empty: spec(t.TempDir()),
	})
}

func BenchmarkDiskstats(b *testing.B) {
	checktest.Bench(b, Spec(Options{FS: hostfs.New(hostfs.Options{})}))
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("254 0 vda 1 2 3 4 5 6 7 8 9 10 11\n"), []byte("E:ID_ATA=1\nE:ID_ATA_WRITE_CACHE=1\nE:DM_NAME=x\n"))
	f.Fuzz(func(t *testing.T, data, record []byte) {
		c := newCheck(Options{FS: hostfs.New(hostfs.Options{Run: "/nowhere"})}, regexp.MustCompile(DefaultExclude)).(*check)
		rec := checktest.NewRecorder(time.Time{})
		_ = c.parse(data, rec)
		(&identity{infos: facts("sda", "8", "0", properties(record))}).reportFacts(rec)
		checktest.Valid(t, rec)
	})
}
