package control

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/picketmon/picket/demo"
	"github.com/picketmon/picket/demo/sim"
)

// Programs are the files of the programs that the demo runs.
type Programs struct {
	Demo   string // this one
	Agent  string // picket-agent
	Picket string // picket
}

// FindPrograms looks for the programs beside this one.
func FindPrograms() (Programs, error) {
	self, err := os.Executable()
	if err != nil {
		return Programs{}, fmt.Errorf("find this program: %w", err)
	}
	if real, err := filepath.EvalSymlinks(self); err == nil {
		self = real
	}
	beside := func(name string) string { return filepath.Join(filepath.Dir(self), name) }
	p := Programs{Demo: self, Agent: beside("picket-agent"), Picket: beside("picket")}
	for _, file := range []string{p.Agent, p.Picket} {
		if _, err := os.Stat(file); err != nil {
			return p, fmt.Errorf("%s is missing beside %s: \"make build\" builds all programs", filepath.Base(file), self)
		}
	}
	return p, nil
}

// prepare makes the demo's folder and its plan, or returns the plan that is there.
func prepare(ctx context.Context, dir demo.Dir, programs Programs, o StartOptions, url string) (demo.Plan, error) {
	plan, err := dir.ReadPlan()
	if err == nil {
		plan.URL, plan.Interval = url, o.Interval
	} else if !errors.Is(err, fs.ErrNotExist) {
		return plan, err
	} else if plan, err = newPlan(ctx, dir, o, url); err != nil {
		return plan, err
	}
	for _, h := range demo.Hosts() {
		if err := makeHost(dir, h, plan); err != nil {
			return plan, err
		}
		// The link gives the process its name. It is made anew: the program may have moved.
		link := dir.Bin(h.Service)
		if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return plan, fmt.Errorf("link the service's program: %w", err)
		}
		if err := os.Symlink(programs.Demo, link); err != nil {
			return plan, fmt.Errorf("link the service's program: %w", err)
		}
	}
	return plan, dir.WritePlan(plan)
}

func newPlan(ctx context.Context, dir demo.Dir, o StartOptions, url string) (demo.Plan, error) {
	if err := emptyFolder(string(dir)); err != nil {
		return demo.Plan{}, err
	}
	if err := os.MkdirAll(dir.Bin(""), 0o700); err != nil {
		return demo.Plan{}, fmt.Errorf("make the demo's folder: %w", err)
	}
	id := make([]byte, 8)
	_, _ = rand.Read(id) // it never fails
	plan := demo.Plan{
		ID: hex.EncodeToString(id), URL: url, Seed: o.Seed, Interval: o.Interval, Started: time.Now(), Ports: map[string]int{}, Agents: map[string]demo.Member{},
	}
	for _, h := range demo.Hosts() {
		port, err := freePort(ctx)
		if err != nil {
			return plan, err
		}
		plan.Ports[h.Name] = port
	}
	return plan, nil
}

// emptyFolder refuses a folder that holds something else than a demo: it will be deleted some day.
func emptyFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look into the demo's folder: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is not empty and no demo: choose another folder with --dir", dir)
	}
	return nil
}

func freePort(ctx context.Context) (int, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}

// makeHost makes the host's folders, and what its agent sees of a system: enough to describe the host as simulated.
func makeHost(dir demo.Dir, h demo.Host, plan demo.Plan) error {
	root := dir.Root(h.Name)
	for _, d := range []string{
		dir.Agent(h.Name), dir.Textfile(h.Name), dir.Logs(h.Name), dir.Data(h.Name), filepath.Join(root, "etc"), filepath.Join(root, "sys"),
		filepath.Join(root, "proc/sys/kernel/random"),
	} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return fmt.Errorf("make the folders of %s: %w", h.Name, err)
		}
	}
	number := func(of string) string {
		return fmt.Sprintf("%012x%04x%016x", uint64(sim.Random(plan.Seed, plan.ID+h.Name+of, 0)*(1<<48)), 0x4d0, uint64(sim.Random(plan.Seed, plan.ID+h.Name+of, 1)*(1<<62)))
	}
	boot := number("boot")
	for file, text := range map[string]string{
		"etc/os-release":                 "NAME=\"Picket demo\"\nPRETTY_NAME=\"Picket demo (simulated host)\"\nID=picket-demo\n",
		"etc/machine-id":                 number("machine") + "\n",
		"proc/meminfo":                   fmt.Sprintf("MemTotal: %d kB\n", sim.Memory(h)>>10),
		"proc/sys/kernel/osrelease":      sim.Kernel + "\n",
		"proc/sys/kernel/random/boot_id": fmt.Sprintf("%s-%s-%s-%s-%s\n", boot[:8], boot[8:12], boot[12:16], boot[16:20], boot[20:]),
	} {
		if err := demo.WriteFile(filepath.Join(root, file), []byte(text)); err != nil {
			return fmt.Errorf("describe %s: %w", h.Name, err)
		}
	}
	if runtime.GOOS != "linux" {
		return nil
	}
	// The agent measures itself, which is real.
	if err := os.Symlink("/proc/self", filepath.Join(root, "proc/self")); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("describe %s: %w", h.Name, err)
	}
	return nil
}
