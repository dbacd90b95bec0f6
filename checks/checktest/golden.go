package checktest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/picketmon/picket/checks"
)

// Golden runs a check on each folder below root, which holds a host's files (proc, sys, run and so on), and compares what
// it reports, and its error, with the folder's expected.txt. With PICKET_UPDATE=1 in the environment it writes that file
// instead. The spec is made by the given function for one folder.
func Golden(t *testing.T, root string, spec func(dir string) checks.Spec) {
	t.Helper()
	dirs, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	ran := false
	for _, d := range dirs {
		if !d.IsDir() || d.Name() == "fuzz" {
			continue
		}
		ran = true
		t.Run(d.Name(), func(t *testing.T) {
			dir := filepath.Join(root, d.Name())
			rec := NewRecorder(time.UnixMilli(1_700_000_000_000))
			text := runOnce(t, spec(dir), rec)
			text = strings.ReplaceAll(text, dir+string(filepath.Separator), "")
			for _, p := range rec.Problems() {
				t.Error(p)
			}
			compare(t, filepath.Join(dir, "expected.txt"), text)
		})
	}
	if !ran {
		t.Fatalf("%s has no cases", root)
	}
}

func runOnce(t *testing.T, spec checks.Spec, rec *Recorder) string {
	t.Helper()
	check, err := spec.New()
	if err != nil {
		t.Fatal(err)
	}
	defer closeCheck(t, check)
	err = check.Run(t.Context(), rec)
	text := rec.Text()
	if err != nil {
		text += "error " + err.Error() + "\n"
	}
	return text
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	if os.Getenv("PICKET_UPDATE") == "1" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("not as in %s (-want +got):\n%s", file, diff)
	}
}
