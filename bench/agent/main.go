// Command agent measures the agent beside Debian's prometheus-node-exporter with the same collectors, in the same run: CPU per 400
// metrics, memory, bytes per sample. Both run for the same cycles; the exporter is scraped at the agent's interval.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
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

var collectors = strings.Fields("cpu loadavg meminfo filesystem diskstats netdev netstat sockstat stat uname time vmstat pressure filefd")

func main() {
	cycles := flag.Int("cycles", 30, "cycles to measure")
	warm := flag.Int("warm", 3, "cycles before")
	interval := flag.Duration("interval", 10*time.Second, "interval of both")
	bin := flag.String("bin", "bin", "folder of picket's binaries")
	asJSON := flag.Bool("json", false, "print JSON")
	flag.Parse()
	r, err := measure(*bin, *warm, *cycles, *interval)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if *asJSON {
		_ = json.NewEncoder(os.Stdout).Encode(r)
	} else {
		r.print()
	}
	if !r.met() {
		fmt.Fprintln(os.Stderr, "a bar is missed")
		os.Exit(1)
	}
}

// usage is what one process used.
type usage struct {
	CPU     float64 // seconds
	RSS     float64 // MB
	PSS     float64
	Dirty   float64
	Metrics float64 // per cycle
}

func (u usage) per400(cycles int) float64 { return u.CPU * 1000 / float64(cycles) / u.Metrics * 400 }

type result struct {
	Cycles          int
	Agent, Exporter usage
	Payload, Socket float64 // bytes per sample
}

// The bars, as docs/performance.md has them.
const (
	maxCPU     = 0.7 // times node_exporter's per 400 metrics
	maxRSS     = 20  // MB
	maxPayload = 1.0 // bytes per sample
	maxSocket  = 1.3
)

func (r result) ratio() float64 { return r.Agent.per400(r.Cycles) / r.Exporter.per400(r.Cycles) }

func (r result) met() bool {
	return r.ratio() <= maxCPU && r.Agent.RSS <= maxRSS && r.Payload <= maxPayload && r.Socket <= maxSocket
}

func (r result) print() {
	fmt.Printf("%-16s %10s %8s %8s %8s %8s %14s\n", "", "metrics", "RSS MB", "PSS MB", "dirty", "ms/cycle", "ms/400 metrics")
	for name, u := range map[string]usage{"picket-agent": r.Agent, "node-exporter": r.Exporter} {
		fmt.Printf("%-16s %10.0f %8.1f %8.1f %8.1f %8.2f %14.2f\n", name, u.Metrics, u.RSS, u.PSS, u.Dirty, u.CPU*1000/float64(r.Cycles), u.per400(r.Cycles))
	}
	fmt.Printf("CPU per 400 metrics: %.2f x node-exporter (bar %.1f)\n", r.ratio(), maxCPU)
	fmt.Printf("agent RSS %.1f MB (bar %d)\n", r.Agent.RSS, maxRSS)
	fmt.Printf("wire: %.2f B/sample payload (bar %.1f), %.2f B/sample at the socket both ways (bar %.1f), %d cycles\n",
		r.Payload, maxPayload, r.Socket, maxSocket, r.Cycles)
}

func measure(bin string, warm, cycles int, interval time.Duration) (r result, err error) {
	dir, err := os.MkdirTemp("", "picket-bench-")
	if err != nil {
		return r, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	httpAddr, grpcAddr, expAddr := freeAddr(), freeAddr(), freeAddr()
	if _, err := start(ctx, filepath.Join(bin, "picket-collector"), "run", "--data-dir", dir+"/c", "--http-addr", httpAddr, "--grpc-addr", grpcAddr, "--log-level", "error"); err != nil {
		return r, err
	}
	if err := answers("http://" + httpAddr + "/readyz"); err != nil {
		return r, err
	}
	token, err := exec.CommandContext(ctx, filepath.Join(bin, "picket-collector"), "token", "create", "--data-dir", dir+"/c").Output()
	if err != nil {
		return r, fmt.Errorf("create token: %w", err)
	}
	agent, err := start(ctx, filepath.Join(bin, "picket-agent"), "run", "--data-dir", dir+"/a", "--collector", grpcAddr,
		"--token", strings.TrimSpace(string(token)), "--interval", interval.String(), "--log-level", "error",
		"--inventory-disable", strings.Join(all.Kinds(), ",")) // the exporter has none; bench/inventory measures it
	if err != nil {
		return r, err
	}
	args := []string{"--collector.disable-defaults", "--web.listen-address=" + expAddr}
	for _, c := range collectors {
		args = append(args, "--collector."+c)
	}
	exporter, err := start(ctx, "prometheus-node-exporter", args...)
	if err != nil {
		return r, err
	}
	if err := answers("http://" + expAddr + "/metrics"); err != nil {
		return r, err
	}
	var a0, e0 float64
	var s0 status.Report
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for i := range warm + cycles {
		<-tick.C
		n, err := scrape("http://" + expAddr + "/metrics")
		if err != nil {
			return r, err
		}
		r.Exporter.Metrics = float64(n)
		if i == warm-1 {
			a0, e0 = cpu(agent), cpu(exporter)
			if s0, err = status.Read(ctx, dir+"/a/"+status.SocketName); err != nil {
				return r, err
			}
		}
	}
	s1, err := status.Read(ctx, dir+"/a/"+status.SocketName)
	if err != nil {
		return r, err
	}
	r.Cycles = cycles
	r.Agent.CPU, r.Exporter.CPU = cpu(agent)-a0, cpu(exporter)-e0
	samples := float64(s1.Collector.SentSamples - s0.Collector.SentSamples)
	r.Agent.Metrics = samples / float64(cycles)
	memory(agent, &r.Agent)
	memory(exporter, &r.Exporter)
	r.Payload = float64(s1.Collector.Payload-s0.Collector.Payload) / samples
	r.Socket = float64(s1.Collector.SentBytes+s1.Collector.ReadBytes-s0.Collector.SentBytes-s0.Collector.ReadBytes) / samples
	return r, nil
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
		if _, err = scrape(url); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return err
}

// scrape fetches url and counts the lines that are node_ series.
func scrape(url string) (int, error) {
	resp, err := http.Get(url)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	n := 0
	for line := range strings.Lines(string(body)) {
		if !strings.HasPrefix(line, "#") {
			n++
		}
	}
	return n, nil
}

// cpu returns the CPU seconds a process used, at the resolution of the scheduler where the kernel tells it.
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

func memory(pid int, u *usage) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return
	}
	for line := range strings.Lines(string(raw)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		kb, _ := strconv.ParseFloat(f[1], 64)
		switch f[0] {
		case "Rss:":
			u.RSS = kb / 1024
		case "Pss:":
			u.PSS = kb / 1024
		case "Private_Dirty:":
			u.Dirty = kb / 1024
		}
	}
}
