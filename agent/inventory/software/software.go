// Package software finds the packages that are installed: of dpkg and apk, read from their databases as streams. Rpm's database is
// told as a gap. It says too which package owns a file. It asks no package manager and looks for no updates.
package software

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/picketmon/picket/agent/inventory"
	"github.com/picketmon/picket/checks"
)

const every = 2 * time.Minute

// Package is an installed package.
type Package struct {
	Name         string `json:"name"`
	Version      string `json:"version"`
	Architecture string `json:"architecture,omitempty"`
	Manager      string `json:"package_manager"` // dpkg, apk
	Vendor       string `json:"vendor,omitempty"`
	Source       string `json:"source,omitempty"` // the source package, when it has another name
	Section      string `json:"section,omitempty"`
	Size         int64  `json:"size_bytes,omitempty"`
	Status       string `json:"status,omitempty"` // when it is not simply installed: half-installed, unpacked, …
	Held         bool   `json:"held,omitempty"`
	Description  string `json:"short_description,omitempty"`
}

func (p Package) key() string {
	if p.Manager == "apk" || p.Architecture == "" {
		return p.Manager + ":" + p.Name
	}
	return p.Manager + ":" + p.Name + ":" + p.Architecture
}

// database is a package manager's.
type database struct {
	manager, path string
	parse         func(f *os.File, each func(Package)) error
}

func databases(t inventory.Trees) []database {
	return []database{
		{"dpkg", t.InRoot("var/lib/dpkg/status"), func(f *os.File, each func(Package)) error { return readDpkg(f, each) }},
		{"apk", apkPath(t), func(f *os.File, each func(Package)) error { return readApk(f, each) }},
	}
}

// apkPath is where apk's database is; version 3 moved it.
func apkPath(t inventory.Trees) string {
	moved := t.InRoot("usr/lib/apk/db/installed")
	if _, err := os.Stat(moved); err == nil {
		return moved
	}
	return t.InRoot("lib/apk/db/installed")
}

// Source returns the kind package.
func Source(t inventory.Trees) inventory.Source {
	return inventory.Source{
		Kind: "package", Every: every,
		Stamp:  inventory.Stamps(t.InRoot("var/lib/dpkg/status"), t.InRoot("usr/lib/apk/db/installed"), t.InRoot("lib/apk/db/installed")),
		Gather: func(context.Context) ([]inventory.Item, []checks.Gap, error) { return gather(t) },
	}
}

func gather(t inventory.Trees) (items []inventory.Item, gaps []checks.Gap, err error) {
	managers := 0
	for _, d := range databases(t) {
		n := 0
		err := d.read(func(p Package) {
			n++
			if item, err := inventory.NewItem("package", p.key(), p); err == nil {
				items = append(items, item)
			}
		})
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && n == 0 {
			err = errors.New("read " + d.path + ": it names no package")
		}
		if err != nil {
			return nil, nil, err // a part would tell that the rest is gone
		}
		managers++
	}
	for _, path := range []string{"var/lib/rpm/rpmdb.sqlite", "usr/lib/sysimage/rpm/rpmdb.sqlite", "var/lib/rpm/Packages", "usr/lib/sysimage/rpm/Packages.db", "var/lib/rpm/Packages.db"} {
		if _, err := os.Stat(t.InRoot(path)); err == nil {
			gap := checks.Gap{Part: "rpm", Reason: "the agent does not read the databases of rpm", Cause: checks.ErrNoData}
			if managers == 0 {
				return nil, nil, &gap
			}
			gaps = append(gaps, gap)
			break
		}
	}
	if managers == 0 {
		return nil, nil, &checks.Gap{Reason: "the host has no database of dpkg or apk", Cause: checks.ErrNoData}
	}
	return items, gaps, nil
}

func (d database) read(each func(Package)) error {
	f, err := os.Open(d.path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if err := d.parse(f, each); err != nil {
		return errors.New("read " + d.path + ": " + err.Error())
	}
	return nil
}

// variants returns the paths under which a package may have a file: distributions merged / into /usr while their packages name
// the old paths.
func variants(path string) []string {
	path = filepath.Clean(path)
	for _, dir := range []string{"/bin/", "/sbin/", "/lib/", "/lib64/"} {
		if rest, ok := strings.CutPrefix(path, "/usr"+dir); ok {
			return []string{path, dir + rest}
		}
		if rest, ok := strings.CutPrefix(path, dir); ok {
			return []string{path, "/usr" + dir + rest}
		}
	}
	return []string{path}
}
