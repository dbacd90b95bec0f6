package collector

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/oklog/run"
)

// shutdownGrace is how long requests may take to end.
const shutdownGrace = 5 * time.Second

// HTTPAddr returns the address that HTTP listens on.
func (c *Collector) HTTPAddr() string { return c.httpListener.Addr().String() }

// GRPCAddr returns the address that agents connect to.
func (c *Collector) GRPCAddr() string { return c.grpcListener.Addr().String() }

// Run serves until ctx ends or a part fails, then closes everything. First the doors close, then what works behind them, then the
// stores: what was acknowledged is stored.
func (c *Collector) Run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, c.close()) }()
	behind, stop := context.WithCancel(context.WithoutCancel(ctx))
	var (
		wg     sync.WaitGroup
		failed = make(chan error, 8)
	)
	for name, part := range map[string]func(context.Context) error{
		"metrics": c.store.Run, "metadata": c.catalog.Run, "ingest": c.ingest.Run, "fleet": c.fleet.Run, "access": c.guard.Run,
		"events": c.events.Run, "live": c.live.Run, "cmdb": c.cmdb.Run, "populate": c.populate.Run, "item info": c.itemInfo.Run,
	} {
		wg.Go(func() {
			if err := part(behind); err != nil {
				failed <- fmt.Errorf("%s: %w", name, err)
			}
		})
	}
	err = c.serve(ctx, failed)
	stop()
	wg.Wait()
	return err
}

// serve keeps the doors open until ctx ends or something fails.
func (c *Collector) serve(ctx context.Context, failed <-chan error) error {
	srv := &http.Server{
		Handler: c.router, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ReadTimeout: 2 * time.Minute, ErrorLog: slog.NewLogLogger(c.logger.With("component", "http").Handler(), slog.LevelWarn), TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12},
	}
	scheme := "http"
	var g run.Group
	g.Add(func() error { return c.grpc.Serve(c.grpcListener) }, func(error) { c.grpc.Stop() })
	g.Add(func() error {
		if c.config.HTTPTLSCert != "" {
			return ignoreClosed(srv.ServeTLS(c.httpListener, c.config.HTTPTLSCert, c.config.HTTPTLSKey))
		}
		return ignoreClosed(srv.Serve(c.httpListener))
	}, func(error) {
		c.live.Close() // its streams would never end by themselves
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
		defer cancel()
		if err := srv.Shutdown(last); err != nil {
			_ = srv.Close()
		}
	})
	stopped := make(chan struct{})
	g.Add(func() error {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case <-stopped:
			return nil
		}
	}, func(error) { close(stopped) })
	if c.config.HTTPTLSCert != "" {
		scheme = "https"
	}
	c.opts.Notice("collector %s: %s://%s, agents connect to %s", c.opts.Version, scheme, c.HTTPAddr(), c.GRPCAddr())
	c.logger.Info("collector started", "version", c.opts.Version, "http_addr", c.HTTPAddr(), "grpc_addr", c.GRPCAddr(),
		"data_dir", c.config.DataDir)
	return g.Run()
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
