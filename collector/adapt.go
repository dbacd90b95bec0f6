package collector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/config"
	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/fleet"
	"github.com/picketmon/picket/collector/live"
	"github.com/picketmon/picket/collector/metrics"
	pb "github.com/picketmon/picket/proto/gen/picketv1"
)

// fleetSamples stores what the fleet says of its agents.
type fleetSamples struct {
	store *metrics.Store

	mu   sync.Mutex
	refs map[*string]metrics.Ref // by the first element of a sample's labels, which stay the same slice
}

// maxFleetRefs bounds the remembered series; agents that left are forgotten with all others.
const maxFleetRefs = 200_000

// WriteSamples implements fleet.SampleWriter.
func (f *fleetSamples) WriteSamples(ctx context.Context, samples []fleet.Sample) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refs == nil || len(f.refs) > maxFleetRefs {
		f.refs = map[*string]metrics.Ref{}
	}
	app := f.store.Appender(ctx)
	for _, s := range samples {
		key := &s.Labels[0]
		ref, err := f.refs[key], metrics.ErrUnknownSeries
		if ref != 0 {
			ref, err = app.Append(ref, labels.EmptyLabels(), s.T, s.V)
		}
		if errors.Is(err, metrics.ErrUnknownSeries) {
			ref, err = app.Append(0, labels.FromStrings(s.Labels...), s.T, s.V)
		}
		if _, refused := errors.AsType[*metrics.Refusal](err); err != nil && !refused {
			return errors.Join(fmt.Errorf("append sample of the fleet: %w", err), app.Rollback())
		}
		f.refs[key] = ref
	}
	_, err := app.Commit()
	return err
}

// auditFleet writes the fleet's changes into the audit log, in the transaction of each.
func auditFleet(store *access.Store, logger *slog.Logger) fleet.AuditFunc {
	return func(ctx context.Context, action, target string, detail map[string]any) {
		noun := "agent"
		if len(action) > 6 && action[:6] == "token." {
			noun, action = "enroll_token", "enroll_"+action
		}
		if err := store.Audit(ctx, access.Entry{Action: action, TargetType: noun, TargetID: target, Detail: detail}); err != nil {
			logger.Error("write audit log", "action", action, "target", target, "error", err)
		}
	}
}

// tellStored tells those who watch what agents brought.
func tellStored(hub *live.Hub) func(c pb.Class, id fleet.AgentID, instance string) {
	return func(c pb.Class, id fleet.AgentID, instance string) {
		switch c {
		case pb.Class_CLASS_METRICS:
			hub.Publish(live.Sample, instance)
		case pb.Class_CLASS_RESULTS:
			hub.Publish(live.Result, string(id))
		case pb.Class_CLASS_INVENTORY:
			hub.Publish(live.Agent, string(id))
		}
	}
}

func openCA(c config.Config, logger *slog.Logger) (*fleet.CA, error) {
	return fleet.OpenCA(filepath.Join(c.DataDir, "ca"), fleet.CAOptions{Logger: logger})
}

func advertised(c config.Config) string {
	name, err := os.Hostname()
	if err != nil {
		name = "localhost"
	}
	return c.Advertised(name)
}

// Where the collector last listened, for other processes on its data: for agents, and as a URL for people.
const (
	addressKey = "grpc.address"
	urlKey     = "http.url"
)

// remember notes a value for other processes.
func remember(ctx context.Context, d *db.DB, key, value string) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode %s: %w", key, err)
	}
	_, err = d.NewRaw("INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value",
		key, string(raw)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("remember %s: %w", key, err)
	}
	return nil
}

// remembered returns what remember noted last, empty before the collector's first start.
func remembered(ctx context.Context, d *db.DB, key string) (string, error) {
	var raw string
	err := d.NewSelect().Table("settings").Column("value").Where("key = ?", key).Scan(ctx, &raw)
	if db.IsNoRows(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read %s: %w", key, err)
	}
	var value string
	if err := json.Unmarshal([]byte(raw), &value); err != nil {
		return "", fmt.Errorf("read %s: %w", key, err)
	}
	return value, nil
}

// siteURL is where people on this host reach the collector that listens on addr.
func siteURL(c config.Config, addr string) string {
	scheme := "http"
	if c.HTTPTLSCert != "" {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		if host, err = os.Hostname(); err != nil {
			host = "localhost"
		}
		addr = net.JoinHostPort(host, port)
	}
	return scheme + "://" + addr
}
