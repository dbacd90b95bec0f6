//go:build linux

// Command remotewrite compares Picket's remote-write receiver with Prometheus' own handler. Each runs in a process of its own, on
// the same processor when taskset is there, over a database with the same options; the load is 10,000 series at 10 s, sent over
// loopback by four connections, 2000 and 100 samples to a request. Measurements are interleaved: Prometheus, Picket, Picket,
// Prometheus. It prints the servers' CPU seconds per million samples and their ratio, and exits with 1 above the bar.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
)

const connections = 4

func main() {
	serve := flag.String("serve", "", "be the server: prometheus or picket")
	rounds := flag.Int("rounds", 6, "rounds of Prometheus, Picket, Picket, Prometheus for each size of request")
	steps := flag.Int("steps", 30, "steps of 10,000 samples in a measurement")
	bar := flag.Float64("bar", 0.4, "highest ratio that passes")
	flag.Parse()
	if *serve != "" {
		if err := runServer(*serve); err != nil {
			fmt.Fprintln(os.Stderr, *serve+":", err)
			os.Exit(1)
		}
		return
	}
	worst, err := run(context.Background(), *rounds, *steps)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "remotewrite:", err)
		os.Exit(1)
	case worst > *bar:
		fmt.Printf("MISSED: ratio %.3f is above %.2f\n", worst, *bar)
		os.Exit(1)
	}
	fmt.Printf("ok: ratio %.3f, bar %.2f\n", worst, *bar)
}

func run(ctx context.Context, rounds, steps int) (worst float64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var servers [2]*server
	for i, name := range []string{"prometheus", "picket"} {
		s, err := startServer(ctx, name)
		if err != nil {
			return 0, err
		}
		defer s.stop()
		servers[i] = s
	}
	load := newLoad()
	fmt.Println("samples/request  prometheus cpu-s/M  picket cpu-s/M  ratio (median of", rounds, "rounds)")
	for _, size := range []int{2000, 100} {
		var prom, ours, ratios []float64
		for round := range rounds + 1 {
			cost, err := abba(ctx, servers, load, size, steps)
			if err != nil {
				return 0, err
			}
			if round == 0 {
				continue // series are made, caches filled
			}
			prom, ours, ratios = append(prom, cost[0]), append(ours, cost[1]), append(ratios, cost[1]/cost[0])
		}
		fmt.Printf("%15d  %18.3f  %14.3f  %.3f\n", size, median(prom), median(ours), median(ratios))
		worst = max(worst, median(ratios))
	}
	for _, s := range servers {
		fmt.Printf("%s stored %d samples of %d sent\n", s.name, s.stored(ctx), s.sent)
		if s.stored(ctx) != s.sent {
			return 0, fmt.Errorf("%s has not stored everything", s.name)
		}
	}
	return worst, nil
}

func abba(ctx context.Context, servers [2]*server, load *load, size, steps int) (cost [2]float64, err error) {
	first, second := load.next(steps, size), load.next(steps, size)
	for i, which := range []int{0, 1, 1, 0} {
		requests := first
		if i >= 2 {
			requests = second
		}
		c, err := measure(ctx, servers[which], requests)
		if err != nil {
			return cost, fmt.Errorf("%s: %w", servers[which].name, err)
		}
		cost[which] += c / 2
	}
	return cost, nil
}

// measure sends the requests of all steps and returns the server's CPU seconds per million samples.
func measure(ctx context.Context, s *server, steps [][]request) (float64, error) {
	start, err := s.cpu(ctx, true)
	if err != nil {
		return 0, err
	}
	samples := 0
	for _, requests := range steps {
		var g errgroup.Group
		g.SetLimit(connections)
		for _, r := range requests {
			samples += r.samples
			g.Go(func() error { return s.write(ctx, r.body) })
		}
		if err := g.Wait(); err != nil {
			return 0, err
		}
	}
	s.sent += samples
	end, err := s.cpu(ctx, false)
	if err != nil {
		return 0, err
	}
	return (end - start).Seconds() / float64(samples) * 1e6, nil
}

func (s *server) write(ctx context.Context, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/write", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("Content-Encoding", "snappy")
	req.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
	_, err = s.do(req, http.StatusNoContent)
	return err
}

// cpu returns the CPU time the server has used, after a garbage collection when fresh.
func (s *server) cpu(ctx context.Context, fresh bool) (time.Duration, error) {
	text, err := s.get(ctx, "/cpu?fresh="+strconv.FormatBool(fresh))
	if err != nil {
		return 0, err
	}
	return time.ParseDuration(text)
}

// stored returns how many samples the server's engine has taken, 0 when it does not answer.
func (s *server) stored(ctx context.Context) int {
	text, err := s.get(ctx, "/stored")
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(text)
	return n
}

func (s *server) get(ctx context.Context, path string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, http.NoBody)
	if err != nil {
		return "", err
	}
	return s.do(req, http.StatusOK)
}

func (s *server) do(req *http.Request, want int) (string, error) {
	resp, err := s.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode != want {
		return "", errors.New(resp.Status + ": " + string(body))
	}
	return string(body), nil
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}
