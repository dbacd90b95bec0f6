package checktest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/picketmon/picket/checks"
)

// expected is the section of a golden file that holds what the check must report.
const expected = "expected"

// Golden runs a check on the hosts described by the .txtar files in testdata, and compares what it reports, and its error,
// with the file's section "expected". With PICKET_UPDATE=1 in the environment it writes that section instead. The spec is
// made by the given function for the folder that Extract made.
func Golden(t *testing.T, spec func(dir string) checks.Spec) {
	t.Helper()
	for _, file := range Files(t, "testdata") {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			dir := Extract(t, file)
			rec := NewRecorder(time.UnixMilli(1_700_000_000_000))
			text := runOnce(t, spec(dir), rec)
			text = strings.ReplaceAll(text, dir+string(filepath.Separator), "")
			for _, p := range rec.Problems() {
				t.Error(p)
			}
			compare(t, file, text)
		})
	}
}

// Files lists the golden files in a folder.
func Files(t testing.TB, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files in %s: %v", folder, err)
	}
	return files
}

// Extract makes a folder with the files of a golden file: proc, sys, run and so on. A file called "a -> b" becomes a
// symbolic link a to b.
func Extract(t testing.TB, file string) (dir string) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for _, f := range archive.Files {
		if f.Name == expected {
			continue
		}
		name, target, isLink := strings.Cut(f.Name, " -> ")
		path := filepath.Join(dir, filepath.FromSlash(name))
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil && isLink {
			err = os.Symlink(filepath.FromSlash(target), path)
		} else if err == nil {
			err = os.WriteFile(path, f.Data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
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
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var section *txtar.File
	for i := range archive.Files {
		if archive.Files[i].Name == expected {
			section = &archive.Files[i]
		}
	}
	if os.Getenv("PICKET_UPDATE") == "1" {
		if section == nil {
			archive.Files = append(archive.Files, txtar.File{Name: expected})
			section = &archive.Files[len(archive.Files)-1]
		}
		section.Data = []byte(got)
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if section == nil {
		t.Fatalf("%s has no section %q", file, expected)
	}
	if diff := cmp.Diff(string(section.Data), got); diff != "" {
		t.Errorf("not as in %s (-want +got):\n%s", file, diff)
	}
}
