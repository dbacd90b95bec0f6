//go:build linux

// Command append compares metrics.Appender with bare tsdb appends: 100 hosts of 100 series at 10 s, one commit per host
// and step, cached references, write-ahead log with snappy on both. It prints CPU seconds per million samples of both and
// their ratio, which is the median over rounds of raw, ours, raw, raw, ours, raw, and exits with 1 when the ratio is above the bar.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/compression"

	"github.com/picketmon/picket/collector/metrics"
)

const (
	hosts  = 100
	series = 100
)

func main() {
	rounds := flag.Int("rounds", 30, "rounds of raw, ours, raw and back")
	steps := flag.Int("steps", 20, "steps of 10 s per measurement")
	bar := flag.Float64("bar", 1.05, "highest ratio that passes")
	flag.Parse()
	ratio, err := run(*rounds, *steps)
	if err != nil {
		fmt.Fprintln(os.Stderr, "append:", err)
		os.Exit(1)
	}
	if ratio > *bar {
		fmt.Printf("MISSED: ratio %.3f is above %.2f\n", ratio, *bar)
		os.Exit(1)
	}
	fmt.Printf("ok: ratio %.3f, bar %.2f\n", ratio, *bar)
}

// batch appends one host's samples of one step and commits.
type batch func(host int, t int64, values []float64) error

func run(rounds, steps int) (float64, error) {
	runtime.GOMAXPROCS(1)
	dir, err := os.MkdirTemp("", "picket-bench-append")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	// A raw engine on either side of ours: who is opened later fares a few per cent worse, whoever it is.
	var engines [3]batch
	for i, open := range []func(string) (batch, func(), error){rawEngine, ourEngine, rawEngine} {
		b, closeEngine, err := open(filepath.Join(dir, strconv.Itoa(i)))
		if err != nil {
			return 0, err
		}
		defer closeEngine()
		engines[i] = b
	}
	load := newLoad()
	var rawCost, ourCost, ratios, null []float64
	for round := range rounds {
		cost, err := thereAndBack(engines, load.next(steps), load.next(steps))
		if err != nil {
			return 0, err
		}
		if round == 0 {
			continue // series are made and chunks begun
		}
		raw := (cost[0] + cost[2]) / 2
		rawCost, ourCost = append(rawCost, raw), append(ourCost, cost[1])
		ratios, null = append(ratios, cost[1]/raw), append(null, cost[2]/cost[0])
	}
	fmt.Printf("raw tsdb append     %.3f cpu-s per million samples (median of %d; raw against raw %.3f)\n", median(rawCost), len(rawCost), median(null))
	fmt.Printf("metrics.Appender    %.3f cpu-s per million samples\n", median(ourCost))
	return median(ratios), nil
}

// thereAndBack feeds every engine the same two stretches of time, there and back, and returns the CPU seconds per million samples
// of each.
func thereAndBack(engines [3]batch, first, second stretch) ([3]float64, error) {
	var cost [3]float64
	for i, which := range []int{0, 1, 2, 2, 1, 0} {
		s := first
		if i >= len(engines) {
			s = second
		}
		c, err := measure(engines[which], s)
		if err != nil {
			return cost, err
		}
		cost[which] += c / 2
	}
	return cost, nil
}

func measure(b batch, s stretch) (float64, error) {
	runtime.GC()
	start := cpu()
	for i, t := range s.times {
		for h := range hosts {
			if err := b(h, t, s.values[i][h*series:(h+1)*series]); err != nil {
				return 0, err
			}
		}
	}
	return (cpu() - start).Seconds() / float64(len(s.times)*hosts*series) * 1e6, nil
}

func rawEngine(dir string) (batch, func(), error) {
	o := tsdb.DefaultOptions()
	o.WALCompression = compression.Snappy
	o.OutOfOrderTimeWindow = (25 * time.Hour).Milliseconds()
	o.MaxBlockDuration = (72 * time.Hour).Milliseconds()
	db, err := tsdb.Open(dir, slog.New(slog.DiscardHandler), nil, o, nil)
	if err != nil {
		return nil, nil, err
	}
	refs := make([]storage.SeriesRef, hosts*series)
	return func(h int, t int64, values []float64) error {
		a := db.AppenderV2(context.Background())
		for i, v := range values {
			l := labels.EmptyLabels()
			at := h*series + i
			if refs[at] == 0 {
				l = seriesLabels(h, i)
			}
			ref, err := a.Append(refs[at], l, 0, t, v, nil, nil, storage.AOptions{})
			if err != nil {
				return err
			}
			refs[at] = ref
		}
		return a.Commit()
	}, func() { _ = db.Close() }, nil
}

func ourEngine(dir string) (batch, func(), error) {
	s, err := metrics.Open(metrics.Options{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, nil, err
	}
	refs := make([]metrics.Ref, hosts*series)
	return func(h int, t int64, values []float64) error {
		a := s.Appender(context.Background())
		for i, v := range values {
			l := labels.EmptyLabels()
			at := h*series + i
			if refs[at] == 0 {
				l = seriesLabels(h, i)
			}
			ref, err := a.Append(refs[at], l, t, v)
			if err != nil {
				return err
			}
			refs[at] = ref
		}
		_, err := a.Commit()
		return err
	}, func() { _ = s.Close() }, nil
}

func seriesLabels(host, i int) labels.Labels {
	return labels.FromStrings(model.MetricNameLabel, "bench_metric_"+strconv.Itoa(i), "host", "host-"+strconv.Itoa(host), "region", "eu-west-"+strconv.Itoa(host%4))
}

// load makes values as hosts have them: counters, constants, slow walks and noise.
type load struct {
	t      int64
	random *rand.Rand
	last   []float64
}

func newLoad() *load {
	return &load{t: time.Now().Add(-12 * time.Hour).UnixMilli(), random: rand.New(rand.NewPCG(1, 2)), last: make([]float64, hosts*series)}
}

// stretch is the samples of all series at some steps.
type stretch struct {
	times  []int64
	values [][]float64 // by step, then host and series
}

func (l *load) next(steps int) stretch {
	times, values := make([]int64, steps), make([][]float64, steps)
	for s := range steps {
		l.t += 10_000
		times[s] = l.t
		for i := range l.last {
			switch kind := i % 10; {
			case kind < 1:
				l.last[i] = math.Min(100, math.Max(0, math.Round(l.last[i]+l.random.NormFloat64())))
			case kind < 4:
				l.last[i] = l.random.Float64() * 1000
			case kind < 8:
				l.last[i] += float64(l.random.IntN(1000))
			}
		}
		values[s] = slices.Clone(l.last)
	}
	return stretch{times, values}
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}
