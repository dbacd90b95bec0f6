package process

import (
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/picketmon/picket/agent/inventory"
)

const (
	fresh      = 2 * time.Second  // a look that old serves both kinds
	grownUp    = 10 * time.Second // a process younger than that is not told, unless it listens
	rounds     = 24               // looks after which a known process is seen after
	listAgain  = 6                // looks after which processes are listed though none was started: some may have ended
	tries      = 3                // looks for the owner of a socket
	retryDiag  = 10 * time.Minute
	settledUDP = time.Minute // a UDP socket on a port that the kernel chose counts when it is that old
	ticks      = 100         // USER_HZ: per second, on every Linux that Go runs on
)

// table is what runs and listens, kept from look to look so that a look reads only what is new.
type table struct {
	trees  inventory.Trees
	logger *slog.Logger
	reader reader
	// dirents is where names of files are read to.
	dirents [8 << 10]byte

	mu         sync.Mutex
	at         time.Time
	looks      int
	listed     int // look that listed the processes
	newest     int // pid
	young      int // processes that are to be read when they are old enough
	boot       time.Time
	procs      map[int]*entry
	sockets    map[string]*listener
	last       []socket // of the last look
	unsettled  bool     // the sockets want to be seen after though they are the same
	generation uint64
	err        error
	sockErr    error
	kernel     *kernel
	noKernel   time.Time // when it did not answer
	chosen     [2]uint16 // the range of ports that the kernel chooses from
	hidden     int       // processes whose executable may not be seen
}

// entry is a process id: proc is nil as long as the process is too young.
type entry struct {
	*proc
	seen    time.Time // first
	hidden  bool
	checked int // look
}

// listener is a socket with its owner.
type listener struct {
	socket
	seen   time.Time
	counts bool // it is told
	owner  int  // pid, 0 when it is not known
	tried  int
}

func newTable(t inventory.Trees, logger *slog.Logger) *table {
	return &table{trees: t, logger: logger, reader: reader{proc: t.Proc}, procs: map[int]*entry{}, sockets: map[string]*listener{}}
}

// look brings the table up to date and returns its generation, which changes with what it holds.
func (t *table) look() (uint64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if t.looks > 0 && now.Sub(t.at) < fresh {
		return t.generation, t.err
	}
	if t.looks == 0 {
		t.begin()
	}
	t.at = now
	t.looks++
	changed := false
	if last := t.newestPID(); last == 0 || last != t.newest || t.young > 0 || t.looks-t.listed >= listAgain {
		pids, err := t.pids()
		if t.err = err; err != nil {
			return t.generation, err
		}
		t.newest, t.listed = last, t.looks
		changed = t.processes(pids, now)
	}
	if t.listeners(now) || changed {
		t.generation++
	}
	return t.generation, nil
}

// newestPID returns the id that the kernel gave last, 0 when it does not tell: while it stays the same nothing was started.
func (t *table) newestPID() int {
	n, err := readFile(t.trees.Proc+"/loadavg", t.dirents[:128])
	if err != nil {
		return 0
	}
	f := strings.Fields(string(t.dirents[:n]))
	if len(f) != 5 {
		return 0
	}
	pid, err := strconv.Atoi(f[4])
	if err != nil {
		return 0
	}
	return pid
}

// begin reads what stays the same.
func (t *table) begin() {
	t.boot = bootTime(t.trees)
	t.chosen = [2]uint16{32768, 60999}
	if f := strings.Fields(inventory.Line(t.trees.InProc("sys/net/ipv4/ip_local_port_range"))); len(f) == 2 {
		low, err1 := strconv.ParseUint(f[0], 10, 16)
		high, err2 := strconv.ParseUint(f[1], 10, 16)
		if err1 == nil && err2 == nil {
			t.chosen = [2]uint16{uint16(low), uint16(high)}
		}
	}
}

func (t *table) pids() ([]int, error) {
	pids := make([]int, 0, len(t.procs)+16)
	err := list(t.trees.Proc, t.dirents[:], func(name string) {
		if name[0] >= '1' && name[0] <= '9' {
			if pid, err := strconv.Atoi(name); err == nil {
				pids = append(pids, pid)
			}
		}
	})
	if err != nil {
		return nil, &fs.PathError{Op: "list", Path: t.trees.Proc, Err: err}
	}
	if len(pids) == 0 {
		return nil, &fs.PathError{Op: "list the processes of", Path: filepath.Join(t.trees.Proc, "1"), Err: syscall.ENOENT}
	}
	return pids, nil
}

// processes notes who came and went, and reports whether a process that counts did.
func (t *table) processes(pids []int, now time.Time) (changed bool) {
	uptime := time.Duration(0)
	if t.looks == 1 {
		uptime = upTime(t.trees)
	}
	alive := make(map[int]bool, len(pids))
	t.young = 0
	for _, pid := range pids {
		alive[pid] = true
		e := t.procs[pid]
		switch {
		case e == nil:
			e = &entry{seen: now}
			t.procs[pid] = e
			if t.looks == 1 { // most are old
				if s, ok := t.reader.stat(pid); ok && (uptime == 0 || uptime-time.Duration(s.start)*time.Second/ticks >= grownUp) {
					e.seen = now.Add(-grownUp)
				}
			}
			if now.Sub(e.seen) >= grownUp {
				changed = t.read(pid, e) || changed
			}
		case e.proc == nil:
			if now.Sub(e.seen) >= grownUp {
				changed = t.read(pid, e) || changed
			}
		case t.looks-e.checked >= rounds:
			changed = t.check(pid, e, now) || changed
		}
		if t.procs[pid].proc == nil {
			t.young++
		}
	}
	for pid, e := range t.procs {
		if !alive[pid] {
			changed = changed || e.proc != nil && !e.kernel
			t.forget(pid, e)
		}
	}
	return changed
}

func (t *table) forget(pid int, e *entry) {
	if e.hidden {
		t.hidden--
	}
	delete(t.procs, pid)
	for _, l := range t.sockets {
		if l.owner == pid {
			l.owner, l.tried, t.unsettled = 0, 0, true // another may have inherited the socket
		}
	}
}

// read reads a process that is old enough, or that listens.
func (t *table) read(pid int, e *entry) bool {
	s, ok := t.reader.stat(pid)
	if !ok {
		return false
	}
	if s.zombie { // nothing is left to tell of it
		e.proc, e.checked = &proc{pid: pid, start: s.start, comm: s.comm, kernel: true}, t.looks
		return false
	}
	p, err := t.reader.read(pid, s)
	if e.hidden {
		t.hidden--
	}
	if e.hidden = err != nil; e.hidden {
		t.hidden++
	}
	e.proc, e.checked = p, t.looks-pid%rounds // the looks after are spread
	return !p.kernel
}

// check looks whether a process is still the one it was: ids are used again, and a process may become another program.
func (t *table) check(pid int, e *entry, now time.Time) bool {
	e.checked = t.looks
	s, ok := t.reader.stat(pid)
	switch {
	case !ok:
		return false
	case s.start != e.start:
		counted := !e.kernel
		t.forget(pid, e)
		t.procs[pid] = &entry{seen: now}
		return counted
	case s.comm != e.comm && !e.kernel:
		return t.read(pid, e)
	}
	return false
}

// listeners notes which sockets came and went, looks for their owners, and reports whether one that counts changed.
func (t *table) listeners(now time.Time) (changed bool) {
	all, err := t.dump(now)
	if t.sockErr = err; err != nil {
		return false // what was known stands
	}
	if !t.unsettled && slices.Equal(all, t.last) {
		return false
	}
	t.last, t.unsettled = append(t.last[:0], all...), false
	alive := make(map[string]bool, len(all))
	for _, s := range all {
		key := s.key()
		alive[key] = true
		l := t.sockets[key]
		switch {
		case l == nil:
			l = &listener{socket: s, seen: now}
			if t.looks == 1 {
				l.seen = now.Add(-settledUDP)
			}
			t.sockets[key] = l
		case l.inode != s.inode && !slices.ContainsFunc(all, func(o socket) bool { return o.inode == l.inode }):
			l.socket, l.owner, l.tried = s, 0, 0 // bound anew
			changed = changed || l.counts
		}
		if !l.counts && (!l.chosenPort(t.chosen) || now.Sub(l.seen) >= settledUDP) {
			l.counts, changed = true, true
		}
		t.unsettled = t.unsettled || !l.counts
	}
	for key, l := range t.sockets {
		if !alive[key] {
			changed = changed || l.counts
			delete(t.sockets, key)
		}
	}
	return t.owners() || changed
}

// chosenPort reports whether the kernel chose the port of a UDP socket: mostly that is somebody who asks, and only for a while.
func (l *listener) chosenPort(chosen [2]uint16) bool {
	p := l.address.Port()
	return strings.HasPrefix(l.protocol, "udp") && p >= chosen[0] && p <= chosen[1]
}

func (t *table) dump(now time.Time) ([]socket, error) {
	if t.kernel == nil && (t.noKernel.IsZero() || now.Sub(t.noKernel) > retryDiag) && t.trees.Proc == "/proc" {
		var err error
		if t.kernel, err = openKernel(); err != nil {
			t.noKernel = now
			t.logger.Debug("the kernel does not answer about sockets, procfs does", "error", err)
		}
	}
	if t.kernel != nil {
		all, err := t.kernel.sockets()
		if err == nil {
			return all, nil
		}
		t.kernel.close()
		t.kernel, t.noKernel = nil, now
		t.logger.Debug("the kernel does not answer about sockets, procfs does", "error", err)
	}
	return readTables(t.trees)
}

// owners looks for the processes that hold sockets whose owner is not known.
func (t *table) owners() bool {
	wanted := map[string]*listener{}
	for _, l := range t.sockets {
		if l.owner == 0 && l.tried < tries && l.inode != 0 {
			l.tried++
			t.unsettled = true
			wanted["socket:["+strconv.FormatUint(uint64(l.inode), 10)+"]"] = l
		}
	}
	if len(wanted) == 0 {
		return false
	}
	changed := false
	pids := slices.Sorted(maps.Keys(t.procs))
	slices.Reverse(pids) // who listens since a moment ago was mostly started a moment ago
	for _, pid := range pids {
		e := t.procs[pid]
		if len(wanted) == 0 {
			break
		}
		if e.proc != nil && e.kernel {
			continue
		}
		for _, target := range t.held(pid) {
			l := wanted[target]
			if l == nil {
				continue
			}
			delete(wanted, target)
			if e.proc == nil {
				t.read(pid, e) // it is young, but it listens
			}
			if e.proc != nil {
				l.owner, changed = pid, true
			}
		}
	}
	return changed
}

// held returns what sockets a process holds, none when its descriptors may not be seen.
func (t *table) held(pid int) (out []string) {
	dir := t.trees.Proc + "/" + strconv.Itoa(pid) + "/fd"
	_ = list(dir, t.dirents[:], func(name string) { // a part is better than nothing
		if target, err := os.Readlink(dir + "/" + name); err == nil && strings.HasPrefix(target, "socket:") {
			out = append(out, target)
		}
	})
	return out
}

func bootTime(t inventory.Trees) time.Time {
	raw, err := inventory.ReadFile(t.InProc("stat"), 1<<20)
	if err != nil {
		return time.Time{}
	}
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, "btime "); ok {
			if s, err := strconv.ParseInt(strings.TrimSpace(rest), 10, 64); err == nil {
				return time.Unix(s, 0)
			}
		}
	}
	return time.Time{}
}

func upTime(t inventory.Trees) time.Duration {
	first, _, _ := strings.Cut(inventory.Line(t.InProc("uptime")), " ")
	s, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return 0
	}
	return time.Duration(s * float64(time.Second))
}
