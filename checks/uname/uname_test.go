package uname

import (
	"strings"
	"testing"
	"time"

	"github.com/picketmon/picket/checks/checktest"
)

func TestSuite(t *testing.T) { checktest.Suite(t, checktest.Subject{Spec: Spec()}) }

func TestLabels(t *testing.T) {
	check, err := Spec().New()
	if err != nil {
		t.Fatal(err)
	}
	rec := checktest.NewRecorder(time.Now())
	if err := check.Run(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
	got := rec.Samples()[0].Series()
	for _, label := range []string{"domainname=", "machine=", "nodename=", "release=", "sysname=", "version="} {
		if !strings.Contains(got, label) || strings.Contains(got, label+`""`) {
			t.Errorf("label %s lacks in %s", label, got)
		}
	}
}

func BenchmarkUname(b *testing.B) { checktest.Bench(b, Spec()) }
