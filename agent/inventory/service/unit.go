// Package service finds what the host is told to run: the units of systemd with their state, and what runs at set times, be it a timer
// of systemd or a line for cron. All of it is read from files, so nobody need be asked; whether a unit runs right now is the subject
// of the check systemd. Commands leave it redacted.
package service

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/picketmon/picket/agent/inventory"
	"github.com/picketmon/picket/agent/inventory/process"
	"github.com/picketmon/picket/checks"
)

const (
	every    = 5 * time.Minute
	mostFile = 1 << 20
)

// Unit is a unit of systemd that a file describes.
type Unit struct {
	Name        string   `json:"name"`
	Type        string   `json:"type"`
	State       string   `json:"state"` // enabled, enabled-runtime, disabled, static, masked, alias, indirect
	File        string   `json:"path"`
	Description string   `json:"short_description,omitempty"`
	Command     string   `json:"command,omitempty"` // redacted
	User        string   `json:"user,omitempty"`
	WantedBy    []string `json:"wanted_by,omitempty"`
	AliasOf     string   `json:"alias_of,omitempty"`
	Overrides   []string `json:"drop_ins,omitempty"`
}

// kinds of units that are told; targets and slices only group others.
var kinds = []string{".service", ".socket", ".timer", ".path", ".mount", ".automount", ".swap"}

// folders that systemd loads units from, the strongest first.
var folders = []string{"etc/systemd/system", "run/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"}

// Sources returns the kinds unit and timer.
func Sources(t inventory.Trees) []inventory.Source {
	stamps := unitStamps(t)
	cron := inventory.Stamps(cronPatterns(t)...)
	return []inventory.Source{
		{Kind: "unit", Every: every, Stamp: stamps, Gather: func(context.Context) ([]inventory.Item, []checks.Gap, error) {
			all, gap := units(t)
			if gap != nil {
				return nil, nil, gap
			}
			list := make([]Unit, 0, len(all))
			for _, u := range all {
				list = append(list, u.Unit)
			}
			items, err := inventory.Collect("unit", list, func(u Unit) string { return u.Name })
			return items, nil, err
		}},
		{Kind: "timer", Every: every, Stamp: func() string { return stamps() + cron() }, Gather: func(context.Context) ([]inventory.Item, []checks.Gap, error) {
			return timers(t)
		}},
	}
}

// unitStamps watches the folders, and each file where administrators write.
func unitStamps(t inventory.Trees) func() string {
	patterns := []string{t.InRoot("etc/systemd/system/*"), t.InRoot("etc/systemd/system/*/*"), t.InRoot("run/systemd/system/*.wants")}
	for _, f := range folders {
		patterns = append(patterns, t.InRoot(f))
	}
	return inventory.Stamps(patterns...)
}

// unit is a Unit with what its files say.
type unit struct {
	Unit
	conf unitFile
}

// units reads all units, by name.
func units(t inventory.Trees) (map[string]*unit, *checks.Gap) {
	all := map[string]*unit{}
	enabled := map[string]string{} // by unit: enabled, enabled-runtime
	wanted := map[string][]string{}
	changed := map[string][]string{} // folders with a folder of drop-ins
	found := false
	for _, folder := range folders {
		dir := t.InRoot(folder)
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		found = true
		for _, e := range entries {
			name := e.Name()
			if of, ok := strings.CutSuffix(name, ".d"); ok {
				changed[of] = append(changed[of], folder)
				continue
			}
			if target, ok := wantsFolder(name); ok {
				noteWants(filepath.Join(dir, name), folder, target, enabled, wanted)
				continue
			}
			if all[name] == nil && slices.Contains(kinds, filepath.Ext(name)) {
				if u := readUnit(t, folder, name); u != nil {
					all[name] = u
				}
			}
		}
	}
	if !found {
		return nil, &checks.Gap{Reason: "the host has no systemd", Cause: checks.ErrNoData}
	}
	instances(all, enabled)
	for name, u := range all {
		dropIns(t, u, changed[name])
		u.describe(enabled, wanted[name])
	}
	return all, nil
}

func wantsFolder(name string) (target string, ok bool) {
	for _, end := range []string{".wants", ".requires", ".upholds"} {
		if target, ok := strings.CutSuffix(name, end); ok {
			return target, true
		}
	}
	return "", false
}

// noteWants notes the units that a folder's links start with another. Only links of administrators enable; those of packages are part
// of the unit.
func noteWants(dir, folder, target string, enabled map[string]string, wanted map[string][]string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	state := map[string]string{"etc/systemd/system": "enabled", "run/systemd/system": "enabled-runtime"}[folder]
	for _, e := range entries {
		if !slices.Contains(wanted[e.Name()], target) {
			wanted[e.Name()] = append(wanted[e.Name()], target)
		}
		if state != "" && enabled[e.Name()] == "" {
			enabled[e.Name()] = state
		}
	}
}

// readUnit reads one file; nil when it cannot be read.
func readUnit(t inventory.Trees, folder, name string) *unit {
	path := t.InRoot(filepath.Join(folder, name))
	u := &unit{Unit: Unit{Name: name, Type: strings.TrimPrefix(filepath.Ext(name), "."), File: "/" + folder + "/" + name}}
	if target, err := os.Readlink(path); err == nil {
		if target == "/dev/null" {
			u.State = "masked"
			return u
		}
		if base := filepath.Base(target); base != name {
			u.AliasOf, u.State = base, "alias"
			return u
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join("/", folder, target)
		}
		path = t.InRoot(target)
	}
	raw, err := inventory.ReadFile(path, mostFile)
	if err != nil {
		return nil
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		u.State = "masked"
		return u
	}
	u.conf = unitFile{}
	u.conf.read(raw)
	return u
}

// instances adds the instances of templates that are enabled.
func instances(all map[string]*unit, enabled map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(enabled)) {
		at := strings.IndexByte(name, '@')
		if all[name] != nil || at < 0 {
			continue
		}
		of := name[:at+1] + filepath.Ext(name)
		if template := all[of]; template != nil && template.State != "masked" {
			if enabled[of] == "" {
				enabled[of] = enabled[name] // as systemctl says it
			}
			all[name] = &unit{Unit: Unit{Name: name, Type: template.Type, File: template.File}, conf: template.conf.clone()}
		}
	}
}

// dropIns reads the files that change a unit, in order of their names.
func dropIns(t inventory.Trees, u *unit, folders []string) {
	if u.conf == nil || len(folders) == 0 {
		return
	}
	found := map[string]string{}
	for _, folder := range folders {
		paths, _ := filepath.Glob(t.InRoot(filepath.Join(folder, escapeGlob(u.Name)+".d", "*.conf")))
		for _, p := range paths {
			if found[filepath.Base(p)] == "" {
				found[filepath.Base(p)] = p
				u.Overrides = append(u.Overrides, "/"+folder+"/"+u.Name+".d/"+filepath.Base(p))
			}
		}
	}
	slices.Sort(u.Overrides)
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if raw, err := inventory.ReadFile(found[name], mostFile); err == nil {
			u.conf.read(raw)
		}
	}
}

func escapeGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(s)
}

// describe fills in what the files say.
func (u *unit) describe(enabled map[string]string, wantedBy []string) {
	u.WantedBy = wantedBy
	slices.Sort(u.WantedBy)
	if u.conf == nil {
		return
	}
	u.Description, u.User = u.conf.last("Unit", "Description"), u.conf.last("Service", "User")
	u.Command = process.Redact(strings.TrimLeft(u.conf.last("Service", "ExecStart"), "-@:+!|"))
	install := u.conf["Install"]
	aliased := slices.ContainsFunc(strings.Fields(strings.Join(install["Alias"], " ")), func(a string) bool { return enabled[a] != "" })
	switch {
	case u.State != "":
	case enabled[u.Name] != "":
		u.State = enabled[u.Name]
	case aliased:
		u.State = "enabled"
	case len(install["WantedBy"])+len(install["RequiredBy"])+len(install["UpheldBy"])+len(install["Alias"]) > 0:
		u.State = "disabled"
	case len(install["Also"]) > 0:
		u.State = "indirect"
	default:
		u.State = "static"
	}
}
