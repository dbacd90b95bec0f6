package checktest

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/picketmon/picket/checks"
)

// Host makes a folder with these files, by name below it: proc, sys, run and so on.
func Host(t testing.TB, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil {
			err = os.WriteFile(path, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Gaps runs a check once and returns what it says it cannot collect: first as a whole, then in part. An error that explains
// nothing is a Gap without reason.
func Gaps(t *testing.T, spec checks.Spec) (gaps []checks.Gap) {
	t.Helper()
	check, err := spec.New()
	if err != nil {
		t.Fatal(err)
	}
	defer closeCheck(t, check)
	err = check.Run(t.Context(), NewRecorder(time.UnixMilli(1_700_000_000_000)))
	if gap, ok := errors.AsType[*checks.Gap](err); ok {
		gaps = append(gaps, *gap)
	} else if err != nil {
		gaps = append(gaps, checks.Gap{Cause: err})
	}
	if e, ok := check.(checks.Explainer); ok {
		gaps = append(gaps, e.Gaps()...)
	}
	return gaps
}
