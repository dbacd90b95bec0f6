package service

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/picketmon/picket/agent/inventory"
	"github.com/picketmon/picket/agent/inventory/process"
	"github.com/picketmon/picket/checks"
)

// Timer is something that runs at set times.
type Timer struct {
	Name     string `json:"name"`
	Type     string `json:"type"` // systemd, cron
	Schedule string `json:"schedule"`
	User     string `json:"user,omitempty"`
	Command  string `json:"command,omitempty"` // redacted
	Unit     string `json:"unit,omitempty"`    // that a timer of systemd starts
	State    string `json:"state,omitempty"`
	File     string `json:"path"`
}

// mostLines of one crontab are told.
const mostLines = 1000

// cronFiles are the places of crontabs: with the user in each line, or as the file's name.
var cronFiles = []struct {
	pattern string
	user    bool // the user is in each line
}{
	{"etc/crontab", true}, {"etc/cron.d/*", true}, {"var/spool/cron/crontabs/*", false}, {"var/spool/cron/*", false}, {"etc/crontabs/*", false},
}

// cronFolders hold scripts that run as often as their names say.
var cronFolders = []string{"hourly", "daily", "weekly", "monthly"}

func cronPatterns(t inventory.Trees) (out []string) {
	for _, f := range cronFiles {
		out = append(out, t.InRoot(filepath.Dir(f.pattern)), t.InRoot(f.pattern))
	}
	for _, f := range cronFolders {
		out = append(out, t.InRoot("etc/cron."+f))
	}
	return out
}

func timers(t inventory.Trees) ([]inventory.Item, []checks.Gap, error) {
	all, gaps := cronTimers(t)
	found := len(all) > 0
	if units, gap := units(t); gap == nil {
		found = true
		for _, u := range units {
			if u.Type == "timer" && u.State != "alias" && u.State != "masked" {
				all = append(all, systemdTimer(u, units))
			}
		}
	}
	if !found && len(gaps) == 0 {
		return nil, nil, &checks.Gap{Reason: "the host has neither systemd nor cron", Cause: checks.ErrNoData}
	}
	items, err := inventory.Collect("timer", all, func(x Timer) string {
		if x.Type == "systemd" {
			return x.Name
		}
		sum := sha256.Sum256([]byte(x.Command)) // which holds no secret any more
		return x.File + ":" + x.User + ":" + x.Schedule + ":" + hex.EncodeToString(sum[:4])
	})
	return items, gaps, err
}

func systemdTimer(u *unit, all map[string]*unit) Timer {
	x := Timer{Name: u.Name, Type: "systemd", State: u.State, File: u.File, Unit: u.conf.last("Timer", "Unit")}
	if x.Unit == "" {
		x.Unit = strings.TrimSuffix(u.Name, ".timer") + ".service"
	}
	if target := all[x.Unit]; target != nil {
		x.User, x.Command = target.User, target.Command
		if x.Command == "" { // it is described after this one
			x.Command = process.Redact(strings.TrimLeft(target.conf.last("Service", "ExecStart"), "-@:+!|"))
			x.User = target.conf.last("Service", "User")
		}
	}
	var when []string
	for _, name := range []string{"OnCalendar", "OnBootSec", "OnStartupSec", "OnActiveSec", "OnUnitActiveSec", "OnUnitInactiveSec"} {
		for _, v := range u.conf["Timer"][name] {
			when = append(when, name+"="+v)
		}
	}
	x.Schedule = strings.Join(when, " ")
	return x
}

// cronTimers reads all crontabs that may be read.
func cronTimers(t inventory.Trees) (all []Timer, gaps []checks.Gap) {
	closed := false
	for _, c := range cronFiles {
		dir := t.InRoot(filepath.Dir(c.pattern))
		if f, err := os.Open(dir); err != nil {
			closed = closed || errors.Is(err, fs.ErrPermission)
			continue
		} else if f.Close() != nil {
			continue
		}
		paths, _ := filepath.Glob(t.InRoot(c.pattern)) // the pattern is ours
		for _, path := range paths {
			name := filepath.Base(path)
			if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || strings.ContainsAny(name, "~#") || strings.HasPrefix(name, ".") {
				continue
			}
			raw, err := inventory.ReadFile(path, mostFile)
			if err != nil {
				closed = closed || errors.Is(err, fs.ErrPermission)
				continue
			}
			user := name
			if c.user {
				user = ""
			}
			all = append(all, parseCrontab(raw, "/"+filepath.Join(filepath.Dir(c.pattern), name), user)...)
		}
	}
	for _, f := range cronFolders {
		entries, _ := os.ReadDir(t.InRoot("etc/cron." + f))
		for _, e := range entries {
			if path := "/etc/cron." + f + "/" + e.Name(); !strings.HasPrefix(e.Name(), ".") {
				all = append(all, Timer{Name: e.Name(), Type: "cron", Schedule: "@" + f, User: "root", Command: path, File: path})
			}
		}
	}
	if closed {
		gaps = append(gaps, checks.Gap{
			Part: "crontabs", Reason: "only root may read the crontabs of users", Cause: fs.ErrPermission,
			Fix: `systemctl edit picket-agent, add [Service] CapabilityBoundingSet=CAP_DAC_READ_SEARCH and ` +
				`AmbientCapabilities=CAP_DAC_READ_SEARCH, then systemctl restart picket-agent`,
		})
	}
	return all, gaps
}

// parseCrontab reads crontab(5); without a user each line names its own.
func parseCrontab(raw []byte, path, user string) []Timer {
	var out []Timer
	for line := range bytes.Lines(raw) {
		f := strings.Fields(strings.ToValidUTF8(string(line), "�"))
		if len(f) < 2 || strings.HasPrefix(f[0], "#") || len(out) == mostLines {
			continue
		}
		n := 5
		if strings.HasPrefix(f[0], "@") {
			n = 1
		}
		who := user
		rest := n
		if user == "" {
			rest++
		}
		if len(f) <= rest || n == 5 && slices.ContainsFunc(f[:5], notSchedule) {
			continue // a variable, or nothing that cron understands
		}
		if user == "" {
			who = f[n]
		}
		command, _, _ := strings.Cut(strings.Join(f[rest:], " "), "%") // what follows is input
		command = process.Redact(command)
		name := nameOf(command)
		if name == "" {
			name = filepath.Base(path)
		}
		out = append(out, Timer{Name: name, Type: "cron", Schedule: strings.Join(f[:n], " "), User: who, Command: command, File: path})
	}
	return out
}

// notSchedule reports whether a word cannot be a part of a schedule.
func notSchedule(s string) bool {
	return strings.Trim(s, "0123456789*/,-~?LW#abcdefghijklmnopqrstuvwyABCDEFGHIJKMNOPQRSTUVY") != "" || strings.Contains(s, "=")
}

// nameOf returns the program of a command, empty when it only leads to another.
func nameOf(command string) string {
	for word := range strings.FieldsSeq(command) {
		if strings.Contains(word, "=") {
			continue // a variable before the program
		}
		name := filepath.Base(strings.Trim(word, `"'();&`))
		if slices.Contains([]string{"test", "[", "cd", "if", "command", "env", "nice", "ionice", "sh", "bash", "flock", "sleep", "."}, name) {
			return ""
		}
		return name
	}
	return ""
}
