package netstat

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

func BenchmarkNetstat(b *testing.B) {
	checktest.Bench(b, Spec(Options{FS: hostfs.New(hostfs.Options{})}))
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("Tcp: ActiveOpens InSegs\nTcp: 1 2\nIp6InOctets 5\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := newCheck(Options{FS: hostfs.New(hostfs.Options{}), Fields: "."})
		if err != nil {
			t.Fatal(err)
		}
		rec := checktest.NewRecorder(time.Time{})
		var problems hostfs.Problems
		c.parseTable("snmp", data, rec, &problems)
		c.parsePairs("snmp6", data, rec, &problems)
		checktest.Valid(t, rec)
	})
}
