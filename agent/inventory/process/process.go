package process

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/picketmon/picket/agent/inventory"
	"github.com/picketmon/picket/checks"
)

// Every is the time between two looks at processes and sockets.
const Every = 5 * time.Second

// Options are what the sources are made of.
type Options struct {
	Trees    inventory.Trees
	Packages Packages
	// Names returns the name of a user.
	Names func(uid uint32) string
	// Commands says that command lines are told, redacted.
	Commands bool
	Logger   *slog.Logger
}

// Listener is something that listens on the host.
type Listener struct {
	Protocol    string `json:"protocol"` // tcp, tcp6, udp, udp6
	Address     string `json:"ip_address"`
	Port        uint16 `json:"port"`
	Application string `json:"application,omitempty"` // its key
	User        string `json:"user"`
	UID         uint32 `json:"uid"`
	Unit        string `json:"unit,omitempty"`
}

// Sources returns the kinds application and listener, which look at the same table.
func Sources(o Options) []inventory.Source {
	t := newTable(o.Trees, o.Logger)
	w := &watch{table: t, names: o.Names, folder: folder{
		trees: o.Trees, packages: o.Packages, names: o.Names, commands: o.Commands, binaries: map[string]*executable{}, most: map[string]int{},
	}}
	stamp := func() string {
		generation, err := t.look()
		if err != nil {
			return ""
		}
		return strconv.FormatUint(generation, 36)
	}
	return []inventory.Source{
		{Kind: "listener", Every: Every, Linger: 2, Stamp: stamp, Gather: w.listeners},
		{Kind: "application", Every: Every, Linger: 3, Stamp: stamp, Gather: w.applications},
	}
}

// watch makes items of the table.
type watch struct {
	table *table
	names func(uid uint32) string

	mu     sync.Mutex
	folder folder
	folded uint64 // generation
	apps   map[string]*Application
	of     map[int]string
	units  map[uint64]string // by id of the control group
}

// refresh folds the table when it changed. Both mutexes are held until done is called.
func (w *watch) refresh() (done func(), err error) {
	generation, err := w.table.look()
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.table.mu.Lock()
	if w.apps == nil || w.folded != generation {
		w.apps, w.of = w.folder.fold(w.table)
		w.units = w.groupIDs()
		w.folded = generation
	}
	return func() { w.table.mu.Unlock(); w.mu.Unlock() }, nil
}

func (w *watch) applications(context.Context) ([]inventory.Item, []checks.Gap, error) {
	done, err := w.refresh()
	if err != nil {
		return nil, nil, err
	}
	defer done()
	items := make([]inventory.Item, 0, len(w.apps))
	for key, a := range w.apps {
		item, err := inventory.NewItem("appl", key, a)
		if err != nil {
			return nil, nil, err
		}
		items = append(items, item)
	}
	if w.table.hidden == 0 {
		return items, nil, nil
	}
	return items, []checks.Gap{{
		Part: "executable", Reason: "the agent's user may not see which programs the processes of other users run", Fix: seeProcesses(), Cause: fs.ErrPermission,
	}}, nil
}

// seeProcesses is what lets the agent see other users' processes.
func seeProcesses() string {
	if os.Geteuid() == 0 { // and yet it may not: it lacks the capability
		return "in a container: --cap-add SYS_PTRACE --pid host"
	}
	return "systemctl edit picket-agent, add [Service] CapabilityBoundingSet=CAP_SYS_PTRACE CAP_DAC_READ_SEARCH and " +
		"AmbientCapabilities=CAP_SYS_PTRACE CAP_DAC_READ_SEARCH, then systemctl restart picket-agent"
}

func (w *watch) listeners(context.Context) ([]inventory.Item, []checks.Gap, error) {
	done, err := w.refresh()
	if err != nil {
		return nil, nil, err
	}
	defer done()
	if w.table.sockErr != nil {
		return nil, nil, w.table.sockErr
	}
	items := make([]inventory.Item, 0, len(w.table.sockets))
	unknown := false
	for key, l := range w.table.sockets {
		if !l.counts {
			continue
		}
		x := Listener{
			Protocol: l.protocol, Address: l.address.Addr().String(), Port: l.address.Port(), Application: w.of[l.owner], UID: l.uid,
			User: w.names(l.uid), Unit: w.units[l.cgroup],
		}
		if e := w.table.procs[l.owner]; e != nil && e.proc != nil {
			x.Unit = e.cgroup.unit
		} else if w.apps[x.Unit] != nil {
			x.Application = x.Unit // the kernel told the control group; it is not seen who of it
		}
		unknown = unknown || x.Application == "" && w.table.hidden > 0
		item, err := inventory.NewItem("listener", key, x)
		if err != nil {
			return nil, nil, err
		}
		items = append(items, item)
	}
	if !unknown {
		return items, nil, nil
	}
	return items, []checks.Gap{{
		Part: "application", Reason: "the agent's user may not see which processes of other users listen", Fix: seeProcesses(), Cause: fs.ErrPermission,
	}}, nil
}

// groupIDs returns the units by the numbers that the kernel knows their control groups by: inodes of the unified hierarchy.
func (w *watch) groupIDs() map[uint64]string {
	out := map[uint64]string{}
	seen := map[string]bool{}
	for _, e := range w.table.procs {
		if e.proc == nil || e.cgroup.unit == "" || seen[e.cgroup.path] {
			continue
		}
		seen[e.cgroup.path] = true
		if info, err := os.Stat(w.folder.trees.InSys("fs/cgroup" + e.cgroup.path)); err == nil {
			out[inventory.Inode(info)] = e.cgroup.unit
		}
	}
	return out
}
