//go:build linux

// Command openmetrics compares Picket's import of OpenMetrics text with promtool tsdb create-blocks-from openmetrics, which is
// Debian's. Both read the same file of 500 series, 7 days, a sample a minute, ordered by time, one after the other in processes
// of their own: promtool as it comes, with blocks of two hours; promtool with blocks as long as Picket's; Picket. It prints CPU
// time and peak memory of each and the ratios, and exits with 1 above a bar.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/prometheus/prometheus/tsdb"

	"github.com/picketmon/picket/collector/metrics"
)

const (
	series = 500
	// blocks is the length of blocks that an import makes with the default retention of 30 days.
	blocks = 54 * time.Hour
)

func main() {
	serve := flag.String("serve", "", "be the importer of this file")
	dir := flag.String("dir", "", "folder for blocks")
	days := flag.Int("days", 7, "days of samples")
	cpuBar := flag.Float64("cpu-bar", 0.25, "highest ratio of CPU time to promtool as it comes that passes")
	memBar := flag.Float64("memory-bar", 0.5, "highest ratio of peak memory to promtool as it comes that passes")
	flag.Parse()
	var err error
	if *serve != "" {
		err = importFile(*serve, *dir)
	} else {
		err = run(context.Background(), *days, *cpuBar, *memBar)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "openmetrics:", err)
		os.Exit(1)
	}
}

// importFile is the child.
func importFile(file, dir string) (err error) {
	s, err := metrics.Open(metrics.Options{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	_, err = s.Import(context.Background(), f, metrics.ImportOptions{})
	return err
}

// cost is what a process took.
type cost struct {
	cpu    time.Duration
	memory int64 // peak of the resident set, bytes
	took   time.Duration
}

func run(ctx context.Context, days int, cpuBar, memBar float64) error {
	dir, err := os.MkdirTemp("", "openmetrics")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // it is in the folder for temporary files
	file := filepath.Join(dir, "text")
	samples, err := write(file, days)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	fmt.Printf("%d series, %d samples, %d MiB of text\n", series, samples, info.Size()>>20)
	promtool := []string{"promtool", "tsdb", "create-blocks-from", "openmetrics"}
	var costs [3]cost
	for i, c := range []struct {
		name string
		args func(out string) []string
	}{
		{"promtool, blocks of 2 h", func(out string) []string { return append(promtool, file, out) }},
		{"promtool, blocks of 54 h", func(out string) []string {
			return append(promtool, "--max-block-duration="+blocks.String(), file, out)
		}},
		{"picket", func(out string) []string { return []string{self, "-serve", file, "-dir", out} }},
	} {
		out := filepath.Join(dir, fmt.Sprint(i))
		if costs[i], err = measure(ctx, c.args(out)); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		stored, n, err := count(out)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		fmt.Printf("%-25s %7.1f s CPU, %6.1f s, %5d MiB at most, %d samples in %d blocks\n", c.name, costs[i].cpu.Seconds(),
			costs[i].took.Seconds(), costs[i].memory>>20, stored, n)
		if stored != samples {
			return fmt.Errorf("%s stored %d of %d samples", c.name, stored, samples)
		}
	}
	for i, name := range []string{"promtool as it comes", "promtool with long blocks"} {
		fmt.Printf("ratio to %s: CPU %.3f, memory %.3f\n", name, costs[2].cpu.Seconds()/costs[i].cpu.Seconds(),
			float64(costs[2].memory)/float64(costs[i].memory))
	}
	cpu, memory := costs[2].cpu.Seconds()/costs[0].cpu.Seconds(), float64(costs[2].memory)/float64(costs[0].memory)
	if cpu > cpuBar || memory > memBar {
		return fmt.Errorf("MISSED: CPU ratio %.3f, bar %.2f; memory ratio %.3f, bar %.2f", cpu, cpuBar, memory, memBar)
	}
	fmt.Printf("ok: CPU ratio %.3f, bar %.2f; memory ratio %.3f, bar %.2f\n", cpu, cpuBar, memory, memBar)
	return nil
}

// write makes the text, as a scraper would have seen it.
func write(file string, days int) (samples uint64, err error) {
	f, err := os.Create(file)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<20)
	rnd := rand.New(rand.NewPCG(1, 2))
	values := make([]float64, series)
	end := time.Now().Truncate(time.Hour).Add(-time.Hour).Unix()
	if _, err := w.WriteString("# TYPE node_network_receive_bytes counter\n"); err != nil {
		return 0, err
	}
	for at := end - int64(days)*86400; at < end; at += 60 {
		for i := range values {
			values[i] += float64(rnd.IntN(100_000))
			if _, err := fmt.Fprintf(w, "node_network_receive_bytes_total{device=\"eth%d\",instance=\"host%03d\",job=\"node\"} %g %d\n",
				i%5, i/5, values[i], at); err != nil {
				return 0, err
			}
			samples++
		}
	}
	if _, err := w.WriteString("# EOF\n"); err != nil {
		return 0, err
	}
	return samples, w.Flush()
}

func measure(ctx context.Context, args []string) (cost, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stderr = os.Stderr
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return cost{}, err
	}
	u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return cost{}, errors.New("the system does not tell what a process took")
	}
	return cost{cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), u.Maxrss << 10, time.Since(start)}, nil
}

// count adds up what the blocks in a folder say.
func count(dir string) (samples uint64, n int, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "meta.json"))
	if err != nil {
		return 0, 0, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return 0, 0, err
		}
		var m tsdb.BlockMeta
		if err := json.Unmarshal(text, &m); err != nil {
			return 0, 0, err
		}
		samples += m.Stats.NumSamples
	}
	return samples, len(files), nil
}
