package software

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/picketmon/picket/agent/inventory"
	"github.com/picketmon/picket/agent/inventory/process"
	"github.com/picketmon/picket/checks"
)

// A database that cannot be read, or holds nothing, is an error: its packages are not gone.
func TestADatabaseThatIsNoneIsNoEmptyHost(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, path string){
		"empty":      func(t *testing.T, path string) { write(t, path, "") },
		"garbage":    func(t *testing.T, path string) { write(t, path, "\x00\x01 not a database") },
		"cut":        func(t *testing.T, path string) { write(t, path, "Status: install ok installed\nVersion: 1\n\n") },
		"a folder":   func(t *testing.T, path string) { mkdir(t, path) },
		"not a word": func(t *testing.T, path string) { write(t, path, strings.Repeat("x", 3*longestLine)) },
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			path := filepath.Join(root, "var/lib/dpkg/status")
			mkdir(t, filepath.Dir(path))
			spoil(t, path)
			items, _, err := gather(inventory.Trees{Root: root})
			if err == nil || errors.Is(err, checks.ErrNoData) || len(items) > 0 {
				t.Errorf("%d items, error %v", len(items), err)
			}
		})
	}
}

func TestRpmIsAGap(t *testing.T) {
	root := t.TempDir()
	mkdir(t, filepath.Join(root, "var/lib/rpm"))
	write(t, filepath.Join(root, "var/lib/rpm/rpmdb.sqlite"), "x")
	if _, _, err := gather(inventory.Trees{Root: root}); !errors.Is(err, checks.ErrNoData) {
		t.Errorf("error %v", err)
	}
	mkdir(t, filepath.Join(root, "var/lib/dpkg"))
	write(t, filepath.Join(root, "var/lib/dpkg/status"), "Package: a\nStatus: install ok installed\nVersion: 1\n")
	if items, gaps, err := gather(inventory.Trees{Root: root}); err != nil || len(items) != 1 || len(gaps) != 1 || gaps[0].Part != "rpm" {
		t.Errorf("%d items, gaps %v, error %v", len(items), gaps, err)
	}
}

func TestOwners(t *testing.T) {
	root := t.TempDir()
	if err := os.CopyFS(root, os.DirFS("../all/testdata/debian")); err != nil {
		t.Fatal(err)
	}
	o := NewOwners(inventory.Trees{Root: root})
	ask := func() map[string]process.Package {
		return o.Owners([]string{"/usr/sbin/nginx", "/sbin/nginx", "/usr/bin/python3.11", "/srv/own", "/lib/ld-musl-x86_64.so.1"})
	}
	nginx := process.Package{Name: "nginx", Version: "1.22.1-9", Vendor: "Debian Nginx Maintainers"}
	python := process.Package{Name: "python3.11-minimal", Version: "3.11.2-6", Vendor: "Matthias Klose"}
	musl := process.Package{Name: "musl", Version: "1.2.4-r2", Vendor: "Timo"}
	want := map[string]process.Package{"/usr/sbin/nginx": nginx, "/sbin/nginx": nginx, "/usr/bin/python3.11": python, "/lib/ld-musl-x86_64.so.1": musl}
	if diff := cmp.Diff(want, ask()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// Another version is known at once, another list of files when dpkg wrote it.
	raw, err := os.ReadFile(filepath.Join(root, "var/lib/dpkg/status"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "var/lib/dpkg/status"), string(bytes.ReplaceAll(raw, []byte("1.22.1-9"), []byte("1.24.0-1"))))
	write(t, filepath.Join(root, "var/lib/dpkg/info/python3.11-minimal.list~"), "")
	if err := os.Rename(filepath.Join(root, "var/lib/dpkg/info/python3.11-minimal.list~"), filepath.Join(root, "var/lib/dpkg/info/python3.11-minimal.list")); err != nil {
		t.Fatal(err)
	}
	nginx.Version = "1.24.0-1"
	delete(want, "/usr/bin/python3.11")
	want["/usr/sbin/nginx"], want["/sbin/nginx"] = nginx, nginx
	if diff := cmp.Diff(want, ask()); diff != "" {
		t.Errorf("after an upgrade (-want +got):\n%s", diff)
	}
}

func FuzzDatabases(f *testing.F) {
	for _, path := range []string{"var/lib/dpkg/status", "lib/apk/db/installed"} {
		if raw, err := os.ReadFile("../all/testdata/debian/" + path); err == nil {
			f.Add(raw)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		each := func(p Package) {
			if p.Name == "" || p.Version == "" || p.key() == "" {
				t.Errorf("%+v", p)
			}
		}
		_ = readDpkg(bytes.NewReader(b), each)
		_ = readApk(bytes.NewReader(b), each)
	})
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, fs.ModePerm); err != nil {
		t.Fatal(err)
	}
}
