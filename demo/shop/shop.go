// Package shop is the demo shop's services: a load generator, the web, the app, the store. They are real: they listen on
// loopback, speak HTTP with each other, keep what they are given, write logs, and measure themselves with Prometheus' client
// library. Each writes its metrics as a text file for its host's agent, and tells the simulation of its host what it does. It
// looks at the demo's breaks and misbehaves as they say.
package shop

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/picketmon/picket/demo"
)

// reportEvery is how often a service says how it is.
const reportEvery = time.Second

// Options say which service this is.
type Options struct {
	Dir  demo.Dir
	Host string
}

// service is what all services have.
type service struct {
	dir     demo.Dir
	plan    demo.Plan
	host    demo.Host
	watch   *demo.Watch
	changed chan demo.Breaks // the latest breaks, when they change
	metrics *metrics
	logger  *slog.Logger
	access  *demo.LogFile
	started time.Time
	client  *http.Client

	handled  atomic.Uint64
	inFlight atomic.Int64
	written  atomic.Uint64
	leaked   atomic.Uint64
}

// role is what a service does beside that. run returns when ctx ends, or because it cannot go on.
type role interface {
	run(ctx context.Context) error
}

// Run runs the service of a host until ctx ends.
func Run(ctx context.Context, o Options) (err error) {
	s, closeLogs, err := newService(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLogs()) }()
	r, err := s.role()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	for _, part := range []func(context.Context){s.watch.Run, s.report, s.measure} {
		wg.Go(func() { part(ctx) })
	}
	s.logger.Info("started", "version", s.host.Version, "pid", os.Getpid())
	err = r.run(ctx)
	cancel()
	wg.Wait()
	s.client.CloseIdleConnections()
	s.logger.Info("stopped")
	return err
}

func newService(o Options) (*service, func() error, error) {
	s := &service{dir: o.Dir, started: time.Now(), changed: make(chan demo.Breaks, 1)}
	var err error
	if s.host, err = demo.HostNamed(o.Host); err != nil {
		return nil, nil, err
	}
	if s.plan, err = o.Dir.ReadPlan(); err != nil {
		return nil, nil, err
	}
	if s.watch, err = demo.NewWatch(o.Dir, s.tell); err != nil {
		return nil, nil, err
	}
	for _, dir := range []string{o.Dir.Textfile(o.Host), o.Dir.Data(o.Host)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, nil, fmt.Errorf("make the host's folders: %w", err)
		}
	}
	app, err := demo.OpenLogFile(filepath.Join(o.Dir.Logs(o.Host), "app.log"))
	if err != nil {
		return nil, nil, err
	}
	if s.access, err = demo.OpenLogFile(filepath.Join(o.Dir.Logs(o.Host), "access.log")); err != nil {
		return nil, nil, errors.Join(err, app.Close())
	}
	s.metrics = newMetrics(s.host)
	s.logger = slog.New(counted{slog.NewJSONHandler(app, nil), s.metrics}).With("service", s.host.Service, "host", s.host.Name)
	s.client = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DialContext: (&net.Dialer{Timeout: time.Second}).DialContext, MaxIdleConnsPerHost: 16, IdleConnTimeout: 30 * time.Second,
	}}
	return s, func() error { return errors.Join(app.Close(), s.access.Close()) }, nil
}

func (s *service) role() (role, error) {
	switch s.host.Service {
	case demo.Load:
		return newLoad(s), nil
	case demo.Web:
		return newWeb(s), nil
	case demo.App:
		return newApp(s), nil
	case demo.Store:
		return newStore(s)
	}
	return nil, fmt.Errorf("there is no service %q", s.host.Service)
}

// tell keeps the latest breaks for who waits for them.
func (s *service) tell(b demo.Breaks) {
	select {
	case <-s.changed:
	default:
	}
	s.changed <- b
}

// report says how the service is until ctx ends.
func (s *service) report(ctx context.Context) {
	s.every(ctx, reportEvery, func() {
		err := s.dir.WriteReport(s.host.Name, demo.Report{
			Time: time.Now(), PID: os.Getpid(), Started: s.started, Requests: s.handled.Load(), Written: s.written.Load(),
			InFlight: int(s.inFlight.Load()), Leaked: s.leaked.Load(),
		})
		if err != nil {
			s.logger.Error("write report", "error", err)
		}
	})
}

// measure writes the metrics until ctx ends.
func (s *service) measure(ctx context.Context) {
	path := filepath.Join(s.dir.Textfile(s.host.Name), "shop.prom")
	s.every(ctx, s.plan.Interval, func() {
		if err := prometheus.WriteToTextfile(path, s.metrics.registry); err != nil {
			s.logger.Error("write metrics", "error", err)
		}
	})
}

// every calls f now and then in that interval.
func (s *service) every(ctx context.Context, interval time.Duration, f func()) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		f()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// pause waits; it returns early when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// normal draws from the standard normal distribution.
func normal() float64 { return rand.NormFloat64() }
