// Package collector puts the collector together; it is the only package that knows all the others.
//
//	agents ─ gRPC, TLS ─> fleet (enrolment) ─ ingest ─┬─> metrics (tsdb)
//	                                                  └─> event, fleet's facts ─> db (SQLite, PostgreSQL)
//	users ── HTTP ──────> access.Router ─> api ─> nouns
//	senders ─ HTTP ─────> access.Router ─> remote write ─> metrics
//
// New opens everything and checks the wiring; Run serves until its context ends and closes in the opposite order.
package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"google.golang.org/grpc"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/cmdb"
	"github.com/picketmon/picket/collector/cmdb/populate"
	"github.com/picketmon/picket/collector/config"
	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/event"
	"github.com/picketmon/picket/collector/fleet"
	"github.com/picketmon/picket/collector/ingest"
	"github.com/picketmon/picket/collector/live"
	"github.com/picketmon/picket/collector/metrics"
)

// Options are what a Collector is made of. All but Terminal are required.
type Options struct {
	Config  config.Config
	Version string
	Logger  *slog.Logger
	// Notice tells people what they need to know once: where to sign in, where a generated password is.
	Notice func(format string, args ...any)
	// Terminal says that a person reads what Notice says, and nobody keeps it: then a generated password is told, not only where it is.
	Terminal bool
}

// Collector is a collector whose stores are open.
type Collector struct {
	opts    Options
	config  config.Config
	logger  *slog.Logger
	reg     *prometheus.Registry
	started time.Time

	db       *db.DB
	ca       *fleet.CA
	fleet    *fleet.Fleet
	access   *access.Store
	guard    *access.Guard
	router   *access.Router
	store    *metrics.Store
	catalog  *metrics.Catalog
	events   *event.Store
	cmdb     *cmdb.Store
	populate *populate.Populator
	itemInfo *itemInfo
	ingest   *ingest.Server
	live     *live.Hub
	grpc     *grpc.Server

	httpListener, grpcListener net.Listener
	closers                    []func() error // run last to first
}

// New opens the stores and the listeners. It binds the ports first, so that a second collector fails at once and says why.
func New(ctx context.Context, o Options) (c *Collector, err error) {
	if o.Logger == nil || o.Notice == nil {
		return nil, errors.New("the collector needs a logger and a notice")
	}
	if err := o.Config.Validate(); err != nil {
		return nil, fmt.Errorf("configuration:\n%w", err)
	}
	c = &Collector{opts: o, config: o.Config, logger: o.Logger, reg: prometheus.NewRegistry(), started: time.Now()}
	opened := c
	defer func() {
		if err != nil {
			c, err = nil, errors.Join(err, opened.close())
		}
	}()
	c.reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if err := os.MkdirAll(c.config.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	if c.httpListener, err = c.listen(ctx, "http.addr", c.config.HTTPAddr); err != nil {
		return nil, err
	}
	if c.grpcListener, err = c.listen(ctx, "grpc.addr", c.config.GRPCAddr); err != nil {
		return nil, err
	}
	if err := c.openStores(ctx); err != nil {
		return nil, err
	}
	if err := c.wire(ctx); err != nil {
		return nil, err
	}
	return c, c.firstAdmin(ctx)
}

func (c *Collector) listen(ctx context.Context, setting, addr string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s: cannot listen on %s (is it in use by another program?): %w", setting, addr, err)
	}
	c.onClose(func() error {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("close listener %s: %w", addr, err)
		}
		return nil
	})
	return l, nil
}

func (c *Collector) onClose(f func() error) { c.closers = append(c.closers, f) }

// close closes what is open, the newest first.
func (c *Collector) close() error {
	var all error
	for _, v := range slices.Backward(c.closers) {
		all = errors.Join(all, v())
	}
	c.closers = nil
	return all
}

func (c *Collector) openStores(ctx context.Context) (err error) {
	if c.db, err = db.Open(ctx, db.Options{DataDir: c.config.DataDir, URL: c.config.DatabaseURL, Logger: c.logger, Registerer: c.reg}); err != nil {
		return err
	}
	c.onClose(c.db.Close)
	c.store, err = metrics.Open(metrics.Options{
		Dir: filepath.Join(c.config.DataDir, "metrics"), RetentionTime: c.config.RetentionTime, RetentionBytes: c.config.RetentionBytes,
		OutOfOrderWindow: c.config.OutOfOrder, MaxSeries: c.config.MaxSeries, Logger: c.logger, Registerer: c.reg,
	})
	if err != nil {
		return err
	}
	c.onClose(c.store.Close)
	c.catalog, err = metrics.NewCatalog(ctx, metrics.CatalogOptions{Rows: metrics.NewRows(c.db), Logger: c.logger, Registerer: c.reg})
	if err != nil {
		return err
	}
	c.events = event.NewStore(c.db, c.config.ResultsKeep, c.logger)
	c.cmdb, err = c.openCMDB()
	return err
}

// wire makes the nouns and mounts every route and method.
func (c *Collector) wire(ctx context.Context) (err error) {
	if c.access, err = access.NewStore(access.Options{DB: c.db, Logger: c.logger, Registerer: c.reg}); err != nil {
		return err
	}
	proxies, err := c.config.Proxies()
	if err != nil {
		return err
	}
	if c.guard, err = access.NewGuard(access.GuardOptions{Store: c.access, Logger: c.logger, TrustedProxies: proxies}); err != nil {
		return err
	}
	if c.ca, err = openCA(c.config, c.logger); err != nil {
		return err
	}
	c.live = live.New(live.Options{Registerer: c.reg})
	if c.fleet, err = fleet.New(fleet.Options{
		DB: c.db, CA: c.ca, Logger: c.logger, Registerer: c.reg, Audit: auditFleet(c.access, c.logger), Samples: &fleetSamples{store: c.store},
		WarnAfter: c.config.WarnAfter, DownAfter: c.config.DownAfter, Changed: func(id fleet.AgentID) { c.live.Publish(live.Agent, string(id)) },
	}); err != nil {
		return err
	}
	c.itemInfo = &itemInfo{items: c.cmdb, fleet: c.fleet, samples: &fleetSamples{store: c.store}, logger: c.logger.With("component", "cmdb")}
	c.populate = populate.New(populate.Options{Facts: agentFacts{c.fleet}, Items: c.cmdb, Logger: c.logger})
	if c.router, err = access.NewRouter(access.RouterOptions{
		Guard: c.guard, Logger: c.logger, Registerer: c.reg, VerifyAgent: c.verifyAgent,
	}); err != nil {
		return err
	}
	if c.ingest, err = ingest.New(ingest.Options{
		Fleet: c.fleet, Samples: c.store, Metadata: c.catalog, Events: c.events, DB: c.db, Limits: metrics.DefaultLimits(),
		Logger: c.logger, Registerer: c.reg, Series: c.config.AgentSeries, Stored: tellStored(c.live),
	}); err != nil {
		return err
	}
	if err := c.mountGRPC(); err != nil {
		return err
	}
	if err := c.mountHTTP(); err != nil {
		return err
	}
	return errors.Join(
		remember(ctx, c.db, addressKey, c.advertised()),
		remember(ctx, c.db, urlKey, siteURL(c.config, c.HTTPAddr())),
	)
}

// advertised is the address agents are told; port 0 is replaced by the one that was given.
func (c *Collector) advertised() string {
	cfg := c.config
	if host, port, err := net.SplitHostPort(cfg.GRPCAddr); err == nil && port == "0" {
		_, real, _ := net.SplitHostPort(c.grpcListener.Addr().String())
		cfg.GRPCAddr = net.JoinHostPort(host, real)
	}
	return advertised(cfg)
}

func (c *Collector) firstAdmin(ctx context.Context) error {
	generated, password, err := c.access.EnsureAdmin(ctx, c.config.AdminPassword, c.config.DataDir)
	if err != nil {
		return fmt.Errorf("make the first admin: %w", err)
	}
	file := filepath.Join(c.config.DataDir, access.AdminPasswordFile)
	switch {
	case generated && c.opts.Terminal:
		c.opts.Notice("user %s, password %s (kept in %s)", access.AdminName, password, file)
	case generated: // what is said here ends up in the journal, which others read
		c.opts.Notice("user %s, password in %s", access.AdminName, file)
	}
	return nil
}
