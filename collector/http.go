package collector

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/api"
	"github.com/picketmon/picket/collector/api/prometheus"
	"github.com/picketmon/picket/collector/metrics"
	"github.com/picketmon/picket/web"
)

// mountHTTP mounts every HTTP route of the product.
func (c *Collector) mountHTTP() error {
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n")) // whoever asked has gone away otherwise
	})
	c.router.Route(http.MethodGet, "/healthz", ok, access.Public)
	c.router.Route(http.MethodGet, "/readyz", http.HandlerFunc(c.ready), access.Public)
	c.router.Route(http.MethodGet, "/metrics", promhttp.HandlerFor(c.reg, promhttp.HandlerOpts{}), access.Viewer)
	if err := c.mountPrometheus(); err != nil {
		return err
	}
	finder, err := metrics.NewFinder(c.store, c.catalog, c.logger)
	if err != nil {
		return err
	}
	dist, err := fs.Sub(web.FS, "dist")
	if err != nil {
		return fmt.Errorf("open web UI: %w", err)
	}
	if err := api.MountWeb(c.router, dist); err != nil {
		return err
	}
	return api.Mount(c.router, api.Options{
		Access: c.access, Guard: c.guard, Fleet: c.fleet, Events: c.events, CMDB: c.cmdb, Live: c.live, Names: finder, ImportMaxBytes: c.config.ImportMaxBytes,
		Import: func(ctx context.Context, text io.Reader, labels map[string]string, confirm func(metrics.ImportResult) error) (metrics.ImportResult, error) {
			return c.store.Import(ctx, text, metrics.ImportOptions{Labels: labels, MaxBytes: c.config.ImportMaxBytes, Catalog: c.catalog, Confirm: confirm})
		},
		Version: c.opts.Version, Started: c.started,
		AgentAddresses: []string{c.advertised()}, Storage: c.storage,
		InTx: func(ctx context.Context, fn func(context.Context) error) error {
			return c.db.InTx(ctx, func(ctx context.Context, _ bun.Tx) error { return fn(ctx) })
		},
	})
}

// mountPrometheus mounts what tools made for Prometheus ask: reading is for viewers, remote write for operators, deleting for admins.
func (c *Collector) mountPrometheus() error {
	engine, err := metrics.NewPromQL(metrics.PromQLOptions{Logger: c.logger, Registerer: c.reg})
	if err != nil {
		return err
	}
	router := c.router.With(access.Errors(access.PrometheusErrors))
	for _, r := range prometheus.Routes(prometheus.Options{
		Engine: engine, Store: c.store, Catalog: c.catalog, Logger: c.logger, Registerer: c.reg, Version: c.opts.Version,
		Started: c.started, Retention: c.config.RetentionTime.String(), Lookback: 5 * time.Minute, Timeout: access.DefaultTimeout,
		Audit: func(ctx context.Context, action string, detail map[string]any) error {
			return c.access.Audit(ctx, access.Entry{Action: action, TargetType: "series", Detail: detail})
		},
	}) {
		switch r.Use {
		case prometheus.Read:
			router.Route(r.Method, r.Pattern, r.Handler, access.Viewer)
		case prometheus.Write:
			router.Route(r.Method, r.Pattern, r.Handler, access.Operator)
		case prometheus.Delete:
			router.With(access.Timeout(0)).Route(r.Method, r.Pattern, r.Handler, access.Admin)
		}
	}
	return nil
}

// storage adds up what the stores hold.
func (c *Collector) storage(context.Context) (s api.Storage, err error) {
	s.Series = c.store.Series()
	if s.MetricsBytes, err = diskUse(filepath.Join(c.config.DataDir, "metrics"), ""); err != nil {
		return s, err
	}
	if c.config.DatabaseURL == "" {
		s.DatabaseBytes, err = diskUse(c.config.DataDir, "picket.db")
	}
	return s, err
}

// diskUse adds up the sizes of the files below dir, or of those directly in it whose names begin with prefix.
func diskUse(dir, prefix string) (sum int64, err error) {
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // the engine deletes files while we walk
			return nil
		case err != nil:
			return err
		case e.IsDir() && prefix != "" && path != dir:
			return filepath.SkipDir
		case e.IsDir() || !strings.HasPrefix(e.Name(), prefix):
			return nil
		}
		if info, err := e.Info(); err == nil {
			sum += info.Size()
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("add up the files in %s: %w", dir, err)
	}
	return sum, nil
}

// ready answers whether the collector can store: the database answers.
func (c *Collector) ready(w http.ResponseWriter, r *http.Request) {
	if err := c.db.PingContext(r.Context()); err != nil {
		c.logger.Error("readiness", "error", err)
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ready\n"))
}
