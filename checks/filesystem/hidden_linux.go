package filesystem

import (
	"os"
	"os/user"
	"strings"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

// gaps adds what the list of mounts lacks.
func (l *lister) gaps(gaps []checks.Gap) []checks.Gap {
	if l.hidden != nil {
		gaps = append(gaps, *l.hidden)
	}
	return gaps
}

// explain says how the agent may see process 1, whose mounts are the host's; the agent's own are fewer in a container or in a
// unit of its own. It returns nil where there is no procfs at all.
func (l *lister) explain() *checks.Gap {
	if !l.fs.HasProc() {
		return nil
	}
	g := &checks.Gap{
		Part: "host's mounts", Reason: "process 1 is hidden from the agent, which sees the mounts of its own namespace only",
		Fix:   "in the agent's unit ProtectProc=default; in a container -v /proc:/host/proc:ro and --path-procfs /host/proc",
		Cause: checks.ErrNoData,
	}
	options, ok := procOptions(l.fs.ProcPath("self/mounts"))
	if !ok || !strings.Contains(options, "hidepid=") || strings.Contains(options, "hidepid=0") || strings.Contains(options, "hidepid=off") {
		return g
	}
	g.Reason = "/proc is mounted with hidepid: the agent sees the mounts of its own namespace only"
	g.Fix = "groupadd -f proc && usermod -aG proc {user} && mount -o remount,gid=proc /proc (and gid=proc in /etc/fstab), then restart the agent"
	for option := range strings.SplitSeq(options, ",") {
		if id, ok := strings.CutPrefix(option, "gid="); ok && id != "0" {
			if group, err := user.LookupGroupId(id); err == nil {
				id = group.Name
			}
			g.Fix = "usermod -aG " + id + " {user} && systemctl restart picket-agent"
		}
	}
	return g
}

// procOptions returns the options that the procfs in use is mounted with.
func procOptions(table string) (options string, ok bool) {
	data, err := os.ReadFile(table)
	if err != nil {
		return "", false
	}
	lines := hostfs.Lines{Data: data}
	for {
		line, more := lines.Next()
		if !more {
			return options, ok
		}
		var f [4][]byte
		if hostfs.Fields(f[:], line) == len(f) && string(f[2]) == "proc" && strings.HasSuffix(string(f[1]), "/proc") {
			options, ok = string(f[3]), true // a later mount lies over the ones before
		}
	}
}
