package filesystem

import (
	"errors"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/checktest"
	"github.com/picketmon/picket/checks/hostfs"
)

func options(dir string) Options {
	return Options{
		FS: hostfs.New(hostfs.Options{Proc: filepath.Join(dir, "proc")}),
		Statfs: func(path string) (Usage, error) {
			if strings.HasSuffix(path, "gvfs") {
				return Usage{}, errors.New("permission denied")
			}
			return Usage{Size: 1000, Free: 500, Avail: 400, Files: 20, FilesFree: float64(len(path))}, nil
		},
	}
}

func spec(dir string) checks.Spec { return Spec(options(dir)) }

func TestGolden(t *testing.T) { checktest.Golden(t, spec) }

func TestSuite(t *testing.T) {
	checktest.Suite(t, checktest.Subject{
		Spec:  spec(checktest.Extract(t, "testdata/laptop.txtar")),
		Empty: spec(t.TempDir()),
	})
}

// TestBelowRoot sees the host from a container: its root is mounted at /host.
func TestBelowRoot(t *testing.T) {
	l := newLister(Options{FS: hostfs.New(hostfs.Options{Root: "/host"})}, never(), never())
	mounts, err := l.parse([]byte("/dev/sda1 /host ext4 rw 0 0\n/dev/sda2 /host/srv ext4 ro 0 0\n"))
	if err != nil || len(mounts) != 2 {
		t.Fatal(mounts, err)
	}
	if m := mounts[0]; m.point != "/" || m.path != "/host" || m.readonly != 0 {
		t.Errorf("got %+v", m)
	}
	if m := mounts[1]; m.point != "/srv" || m.path != "/host/srv" || m.readonly != 1 {
		t.Errorf("got %+v", m)
	}
}

func never() *regexp.Regexp { return regexp.MustCompile(`^$.`) }

func TestStatfs(t *testing.T) {
	dir := t.TempDir()
	got, err := statfs(dir)
	if err != nil || got.Size <= 0 || got.Free > got.Size || got.Avail > got.Size {
		t.Errorf("%s: %+v, %v", dir, got, err)
	}
	if _, err := statfs(filepath.Join(dir, "missing")); !errors.Is(err, unix.ENOENT) {
		t.Errorf("missing folder: %v", err)
	}
}

func TestExcludedTypesAndPointsMustBeExpressions(t *testing.T) {
	for _, o := range []Options{{ExcludePoints: "("}, {ExcludeTypes: "("}} {
		o.FS = hostfs.New(hostfs.Options{})
		if _, err := Spec(o).New(); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}

func BenchmarkFilesystem(b *testing.B) {
	checktest.Bench(b, Spec(Options{FS: hostfs.New(hostfs.Options{})}))
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("/dev/vda / ext4 rw,relatime 0 0\n/dev/vdb /a\\040b xfs ro 0 0\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l := newLister(Options{FS: hostfs.New(hostfs.Options{})}, never(), never())
		mounts, _ := l.parse(data)
		rec := checktest.NewRecorder(at)
		for _, m := range mounts {
			if !strings.HasPrefix(m.path, "/") {
				t.Errorf("path %q", m.path)
			}
			report(m, &answer{state: answered}, rec)
		}
		if p := rec.Problems(); len(p) > 0 {
			t.Error(p)
		}
	})
}
