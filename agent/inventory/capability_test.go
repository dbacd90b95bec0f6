package inventory

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/picketmon/picket/checks"
)

// tree makes a folder with empty files.
func tree(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, n := range names {
		path := filepath.Join(dir, n)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func noData(err error) error { return fmt.Errorf("%w: %w", checks.ErrNoData, err) }

func TestExplain(t *testing.T) {
	whole, bare, subset := tree(t, "version", "stat"), tree(t), tree(t, "self/stat")
	sys := tree(t, "class/x")
	missing := func(path string) error { return noData(&fs.PathError{Op: "open", Path: path, Err: syscall.ENOENT}) }
	denied := func(path string) error { return &fs.PathError{Op: "open", Path: path, Err: syscall.EACCES} }
	for name, tc := range map[string]struct {
		host        Host
		err         error
		reason, fix string // fix is a part, "-" for none
	}{
		"all is well":         {Host{}, nil, "", "-"},
		"the check knows":     {Host{User: "picket"}, &checks.Gap{Reason: "it is off", Fix: "allow {user} to"}, "it is off", "allow picket to"},
		"wrapped":             {Host{}, fmt.Errorf("read: %w", &checks.Gap{Reason: "none here", Cause: checks.ErrNoData}), "none here", "-"},
		"knows no remedy":     {Host{}, &checks.Gap{Reason: "odd", Cause: errors.New("x")}, "odd", "picket-agent check run c shows it"},
		"nothing there":       {Host{}, checks.ErrNoData, "the host has nothing of the kind", "-"},
		"another system":      {Host{}, noData(errors.ErrUnsupported), "the operating system does not tell", "-"},
		"no procfs":           {Host{ProcFS: bare}, missing(bare + "/stat"), "no procfs is mounted at " + bare, "--path-procfs /host/proc"},
		"processes only":      {Host{ProcFS: subset}, missing(subset + "/stat"), "procfs shows processes only", "ProcSubset=all"},
		"an older kernel":     {Host{ProcFS: whole}, missing(whole + "/vmstat"), "this kernel has no " + whole + "/vmstat", "-"},
		"no sysfs":            {Host{ProcFS: whole, SysFS: bare}, missing(bare + "/class/hwmon"), "no sysfs is mounted at " + bare, "--path-sysfs /host/sys"},
		"sysfs without it":    {Host{ProcFS: whole, SysFS: sys}, missing(sys + "/class/hwmon"), "does not exist", "-"},
		"a cause in a gap":    {Host{}, &checks.Gap{Part: "p", Cause: denied(whole + "/stat")}, "the agent's user may not read " + whole + "/stat", "chmod o+r " + whole + "/stat"},
		"below a closed door": {Host{}, denied(whole + "/a/b"), "the agent's user may not read " + whole + "/a/b", "chmod o+x " + whole},
		"a failing disk":      {Host{}, &fs.PathError{Op: "read", Path: "/x", Err: syscall.EIO}, "/x cannot be read: its device fails", "dmesg"},
		"anything else":       {Host{}, errors.New("line 1\nline\x00 2"), "line 1 line 2", "--checks-disable c"},
	} {
		t.Run(name, func(t *testing.T) {
			c := tc.host.Explain("c", tc.err)
			if c.Available != (tc.err == nil) || !strings.Contains(c.Reason, tc.reason) || (tc.reason == "") != (c.Reason == "") {
				t.Errorf("%+v, want the reason %q", c, tc.reason)
			}
			if tc.fix == "-" && c.Fix != "" || tc.fix != "-" && !strings.Contains(c.Fix, tc.fix) {
				t.Errorf("fix %q, want %q", c.Fix, tc.fix)
			}
		})
	}
}

func TestForbiddenNamesTheGroupThatMay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path, -1, 4); err != nil { // adm, or at least not root's
		t.Skip("only root may give files away:", err)
	}
	_, fix := Host{User: "picket"}.forbidden(path)
	if !strings.HasPrefix(fix, "usermod -aG ") || !strings.HasSuffix(fix, " {user} && systemctl restart picket-agent") {
		t.Errorf("fix %q", fix)
	}
}

func TestCapabilitiesHaveBounds(t *testing.T) {
	var gaps []checks.Gap
	for i := range 2 * mostCapabilities {
		gaps = append(gaps, checks.Gap{Part: fmt.Sprintf("/%04d%s\xff", i, strings.Repeat("ä", mostName)), Reason: strings.Repeat("€", mostText), Cause: checks.ErrNoData})
	}
	all := Capabilities(Host{}, []Found{{Check: "filesystem", Gaps: gaps}, {Check: "cpu"}})
	if len(all) != mostCapabilities || all[0].Name != "cpu" || all[1].Name != "filesystem" || !all[1].Available {
		t.Fatalf("%d capabilities, the first are %+v", len(all), all[:2])
	}
	for _, c := range all {
		if len(c.Name) > mostName || len(c.Reason) > mostText || !utf8.ValidString(c.Name+c.Reason) {
			t.Fatalf("%d and %d bytes, valid %v", len(c.Name), len(c.Reason), utf8.ValidString(c.Name+c.Reason))
		}
	}
}

// TestHash holds the form that the wire describes: the collector has the same test.
func TestHash(t *testing.T) {
	got := fmt.Sprintf("%x", Hash([]Capability{{Name: "cpu", Available: true}, {Name: "pressure", Reason: "it is off", Fix: "boot with psi=1"}}))
	if want := "ac6bc1f38b5c200e3c746ddbb12aa1edee07959dcec8e94f436ea34dc5a29a65"; got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
}

func TestTracker(t *testing.T) {
	var (
		cpu    = Capability{Name: "cpu", Available: true}
		cpuBad = Capability{Name: "cpu", Reason: "hangs", Fix: "mend"}
		off    = Capability{Name: "pressure", Reason: "off", Fix: "psi=1"}
		on     = Capability{Name: "pressure", Available: true}
		mount  = Capability{Name: "filesystem:/mnt", Reason: "does not answer", Fix: "umount"}
	)
	words := func(i int) Capability { return Capability{Name: "cpu", Reason: fmt.Sprint("broke ", i), Fix: "mend"} }
	for name, looks := range map[string][]struct {
		now    []Capability
		resend bool
		want   string // of the batch
	}{
		"the first look tells all": {
			{now: []Capability{cpu, off}, want: "full +cpu -pressure"}, {now: []Capability{cpu, off}}, {now: []Capability{cpu, off}},
		},
		"a change is told once it has lasted": {
			{now: []Capability{cpu, off}, want: "full +cpu -pressure"},
			{now: []Capability{cpu, on}},
			{now: []Capability{cpu, on}, want: "+pressure"},
			{now: []Capability{cpu, on}},
		},
		"one bad run is not told": {
			{now: []Capability{cpu}, want: "full +cpu"}, {now: []Capability{cpuBad}}, {now: []Capability{cpu}}, {now: []Capability{cpuBad}}, {now: []Capability{cpu}},
		},
		"new and gone": {
			{now: []Capability{cpu}, want: "full +cpu"},
			{now: []Capability{cpu, mount}},
			{now: []Capability{cpu, mount}, want: "-filesystem:/mnt"},
			{now: []Capability{cpu}},
			{now: []Capability{cpu, mount}},
			{now: []Capability{cpu}},
			{now: []Capability{cpu}, want: "gone filesystem:/mnt"},
			{now: []Capability{cpu}},
		},
		"words that differ each time": {
			{now: []Capability{cpu}, want: "full +cpu"},
			{now: []Capability{words(1)}},
			{now: []Capability{words(2)}, want: "-cpu"},
			{now: []Capability{words(3)}},
			{now: []Capability{words(4)}},
			{now: []Capability{words(4)}, want: "-cpu"},
		},
		"asked for all": {
			{now: []Capability{cpu, off}, want: "full +cpu -pressure"},
			{now: []Capability{cpu, on}, resend: true, want: "full +cpu -pressure"},
			{now: []Capability{cpu, on}, want: "+pressure"},
			{now: nil, resend: true, want: "full +cpu +pressure"},
			{now: nil, want: "gone cpu gone pressure"},
			{now: nil, resend: true, want: "full"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tr := NewTracker()
			if tr.Told() != nil {
				t.Error("something was told before the first look")
			}
			for i, look := range looks {
				if look.resend {
					tr.Resend()
				}
				b, ok := tr.Look(look.now, time.Now())
				if diff := cmp.Diff(look.want, batchText(b)); diff != "" || ok != (look.want != "") {
					t.Errorf("look %d, batch %v (-want +got):\n%s", i, ok, diff)
				}
				if ok && string(b.Hash) != string(Hash(tr.Told())) {
					t.Errorf("look %d: the hash is not of what was told", i)
				}
			}
		})
	}
}

func batchText(b Batch) string {
	var words []string
	if b.Full {
		words = append(words, "full")
	}
	for _, c := range b.Capabilities {
		switch {
		case c.Gone:
			words = append(words, "gone "+c.Name)
		case c.Available:
			words = append(words, "+"+c.Name)
		default:
			words = append(words, "-"+c.Name)
		}
	}
	return strings.Join(words, " ")
}
