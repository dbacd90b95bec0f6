//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	remoteapi "github.com/prometheus/client_golang/exp/api/remote"
	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/storage/remote"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/compression"

	"github.com/picketmon/picket/collector/api/prometheus"
	"github.com/picketmon/picket/collector/metrics"
)

// server is a child process seen from the parent.
type server struct {
	name, url string
	client    *http.Client
	cmd       *exec.Cmd
	stdin     interface{ Close() error }
	sent      int
}

func startServer(ctx context.Context, name string) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := []string{self, "-serve", name}
	if taskset, err := exec.LookPath("taskset"); err == nil {
		args = append([]string{taskset, "-c", "0"}, args...)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe() // closing it ends the child
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("%s did not start: %w", name, err)
	}
	return &server{
		name: name, url: "http://" + strings.TrimSpace(line), cmd: cmd, stdin: stdin,
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}, Timeout: time.Minute},
	}, nil
}

func (s *server) stop() {
	_ = s.stdin.Close()
	_ = s.cmd.Wait() // it has nothing to say any more
}

// runServer is the child: it serves the handler called name until stdin ends.
func runServer(name string) error {
	runtime.GOMAXPROCS(1)
	dir, err := os.MkdirTemp("", "picket-bench-remotewrite")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var handler http.Handler
	var gather client.Gatherer
	switch name {
	case "prometheus":
		reg := client.NewRegistry()
		db, err := tsdb.Open(filepath.Join(dir, "data"), slog.New(slog.DiscardHandler), reg, engineOptions(), nil)
		if err != nil {
			return err
		}
		defer func() { _ = db.Close() }()
		handler, gather = remote.NewWriteHandler(slog.New(slog.DiscardHandler), client.NewRegistry(), db,
			remoteapi.MessageTypes{remoteapi.WriteV1MessageType}, false, false), reg
	case "picket":
		s, closeStore, err := openPicket(filepath.Join(dir, "data"))
		if err != nil {
			return err
		}
		defer closeStore()
		handler, gather = s.handler, s.gather
	default:
		return fmt.Errorf("unknown server %q", name)
	}
	return listen(handler, gather)
}

// engineOptions are those that metrics.Open chooses.
func engineOptions() *tsdb.Options {
	o := tsdb.DefaultOptions()
	o.WALCompression = compression.Snappy
	o.OutOfOrderTimeWindow = (25 * time.Hour).Milliseconds()
	o.RetentionDuration = (30 * 24 * time.Hour).Milliseconds()
	o.MaxBlockDuration = (3 * 24 * time.Hour).Milliseconds()
	return o
}

type picket struct {
	handler http.Handler
	gather  client.Gatherer
}

func openPicket(dir string) (picket, func(), error) {
	logger, ctx := slog.New(slog.DiscardHandler), context.Background()
	store, err := metrics.Open(metrics.Options{Dir: dir, Logger: logger})
	if err != nil {
		return picket{}, nil, err
	}
	engine, err := metrics.NewPromQL(metrics.PromQLOptions{Logger: logger})
	if err != nil {
		return picket{}, nil, err
	}
	catalog, err := metrics.NewCatalog(ctx, metrics.CatalogOptions{Rows: noRows{}, Logger: logger})
	if err != nil {
		return picket{}, nil, err
	}
	for _, r := range prometheus.Routes(prometheus.Options{Engine: engine, Store: store, Catalog: catalog, Logger: logger}) {
		if r.Use == prometheus.Write {
			return picket{r.Handler, store.Gatherer()}, func() { _ = store.Close() }, nil
		}
	}
	return picket{}, nil, fmt.Errorf("no route for remote write")
}

type noRows struct{}

func (noRows) Load(context.Context, int) (map[string]metrics.Metadata, error) {
	return map[string]metrics.Metadata{}, nil
}
func (noRows) Save(context.Context, map[string]metrics.Metadata) error { return nil }

func listen(write http.Handler, gather client.Gatherer) error {
	mux := http.NewServeMux()
	mux.Handle("POST /write", write)
	mux.HandleFunc("GET /cpu", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("fresh") == "true" {
			runtime.GC()
		}
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprint(w, time.Duration(u.Utime.Nano()+u.Stime.Nano()))
	})
	mux.HandleFunc("GET /stored", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, stored(gather)) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	_, _ = bufio.NewReader(os.Stdin).ReadByte() // the parent closes it
	if err := srv.Close(); err != nil {
		return err
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func stored(gather client.Gatherer) int {
	families, err := gather.Gather()
	if err != nil {
		return -1
	}
	n := 0
	for _, f := range families {
		if f.GetName() == "prometheus_tsdb_head_samples_appended_total" {
			for _, m := range f.GetMetric() {
				n += int(m.GetCounter().GetValue())
			}
		}
	}
	return n
}
