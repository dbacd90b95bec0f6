// Command inventory measures what looking at the host costs the agent: two agents run side by side, one with its inventory and one
// without, and what the first uses more is the inventory's. Both are the real binary; figures come from /proc.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/picketmon/picket/agent/inventory/all"
	"github.com/picketmon/picket/agent/status"
)

// The bars, as docs/performance.md has them.
const (
	maxFull   = 500.0 // ms CPU until every kind was looked at
	maxRest   = 2.0   // ms CPU per 10 s at rest
	maxSteady = 28.0  // MB
	maxPeak   = 48.0
)

type result struct {
	Items          int
	Full           float64 // ms CPU of the first looks
	Rest           float64 // ms CPU per 10 s afterwards
	Steady, Peak   float64 // MB RSS of the agent with its inventory
	Without        float64 // MB RSS of the other
	Seconds, Kinds int
}

func main() {
	seconds := flag.Int("seconds", 120, "seconds at rest to measure")
	bin := flag.String("bin", "bin", "folder of picket's binaries")
	asJSON := flag.Bool("json", false, "print JSON")
	flag.Parse()
	r, err := measure(*bin, *seconds)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if *asJSON {
		_ = json.NewEncoder(os.Stdout).Encode(r)
	} else {
		fmt.Printf("%d items of %d kinds\n", r.Items, r.Kinds)
		fmt.Printf("CPU of a full inventory: %.0f ms (bar %.0f)\n", r.Full, maxFull)
		fmt.Printf("CPU at rest: %.2f ms per 10 s over %d s (bar %.1f)\n", r.Rest, r.Seconds, maxRest)
		fmt.Printf("agent RSS %.1f MB (bar %.0f), peak %.1f MB (bar %.0f); without inventory %.1f MB\n", r.Steady, maxSteady, r.Peak, maxPeak, r.Without)
	}
	if r.Full > maxFull || r.Rest > maxRest || r.Steady > maxSteady || r.Peak > maxPeak {
		fmt.Fprintln(os.Stderr, "a bar is missed")
		os.Exit(1)
	}
}

// agent is a running agent.
type agent struct {
	pid int
	dir string
}

func measure(bin string, seconds int) (r result, err error) {
	dir, err := os.MkdirTemp("", "picket-bench-")
	if err != nil {
		return r, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	httpAddr, grpcAddr := freeAddr(), freeAddr()
	if _, err := start(ctx, filepath.Join(bin, "picket-collector"), "run", "--data-dir", dir+"/c", "--http-addr", httpAddr, "--grpc-addr", grpcAddr, "--log-level", "error"); err != nil {
		return r, err
	}
	if err := answers("http://" + httpAddr + "/readyz"); err != nil {
		return r, err
	}
	with, err := enrol(ctx, bin, dir, "with", grpcAddr)
	if err != nil {
		return r, err
	}
	without, err := enrol(ctx, bin, dir, "without", grpcAddr, "--inventory-disable", strings.Join(all.Kinds(), ","))
	if err != nil {
		return r, err
	}
	began := time.Now()
	if r.Items, r.Kinds, err = with.lookedAtAll(ctx); err != nil {
		return r, err
	}
	r.Full = max(0, cpu(with.pid)-cpu(without.pid)) * 1000
	time.Sleep(max(0, 30*time.Second-time.Since(began))) // what goes out after the first looks
	a0, b0 := cpu(with.pid), cpu(without.pid)
	time.Sleep(time.Duration(seconds) * time.Second)
	r.Rest = max(0, (cpu(with.pid)-a0)-(cpu(without.pid)-b0)) * 1000 / float64(seconds) * 10
	r.Seconds = seconds
	r.Steady, r.Peak = memory(with.pid, "VmRSS:"), memory(with.pid, "VmHWM:")
	r.Without = memory(without.pid, "VmRSS:")
	return r, nil
}

// enrol starts an agent of its own.
func enrol(ctx context.Context, bin, dir, name, collector string, args ...string) (agent, error) {
	token, err := exec.CommandContext(ctx, filepath.Join(bin, "picket-collector"), "token", "create", "--data-dir", dir+"/c").Output()
	if err != nil {
		return agent{}, fmt.Errorf("create token: %w", err)
	}
	a := agent{dir: filepath.Join(dir, name)}
	a.pid, err = start(ctx, filepath.Join(bin, "picket-agent"), append([]string{
		"run", "--data-dir", a.dir, "--collector", collector, "--token", strings.TrimSpace(string(token)), "--host-id", name, "--log-level", "error",
	}, args...)...)
	return a, err
}

// lookedAtAll waits until every kind was looked at, and returns how much there is.
func (a agent) lookedAtAll(ctx context.Context) (items, kinds int, err error) {
	for range 600 {
		time.Sleep(100 * time.Millisecond)
		report, err := status.Read(ctx, filepath.Join(a.dir, status.SocketName))
		if err != nil || len(report.Inventory) == 0 {
			continue
		}
		items, waiting := 0, false
		for _, k := range report.Inventory {
			items += k.Items
			waiting = waiting || k.Looked.IsZero()
		}
		if !waiting {
			return items, len(report.Inventory), nil
		}
	}
	return 0, 0, fmt.Errorf("the agent did not look at everything within a minute")
}

func freeAddr() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// start starts a child that dies with ctx and returns its pid.
func start(ctx context.Context, name string, args ...string) (int, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("start %s: %w", name, err)
	}
	go func() { _ = cmd.Wait() }()
	return cmd.Process.Pid, nil
}

func answers(url string) error {
	var err error
	for range 100 {
		var resp *http.Response
		if resp, err = http.Get(url); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
			err = fmt.Errorf("%s answers %s", url, resp.Status)
		}
		time.Sleep(100 * time.Millisecond)
	}
	return err
}

// cpu returns the CPU seconds a process used, at the resolution of the scheduler.
func cpu(pid int) float64 {
	total := 0.0
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, t := range tasks {
		raw, err := os.ReadFile(t)
		if err != nil {
			continue
		}
		ns, _ := strconv.ParseFloat(strings.Fields(string(raw))[0], 64)
		total += ns / 1e9
	}
	return total
}

// memory returns a figure of /proc/PID/status in MB.
func memory(pid int, name string) float64 {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == name {
			kb, _ := strconv.ParseFloat(f[1], 64)
			return kb / 1024
		}
	}
	return 0
}
