package collector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/config"
	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/fleet"
	"github.com/picketmon/picket/collector/metrics"
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

const addressKey = "grpc.address"

// rememberAddress notes where agents connect, for tokens made by other processes.
func rememberAddress(ctx context.Context, d *db.DB, address string) error {
	raw, err := json.Marshal(address)
	if err != nil {
		return fmt.Errorf("encode address: %w", err)
	}
	_, err = d.NewRaw("INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value",
		addressKey, string(raw)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("remember address: %w", err)
	}
	return nil
}

// rememberedAddress returns where the collector last listened, empty before its first start.
func rememberedAddress(ctx context.Context, d *db.DB) (string, error) {
	var raw string
	err := d.NewSelect().Table("settings").Column("value").Where("key = ?", addressKey).Scan(ctx, &raw)
	if db.IsNoRows(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read address: %w", err)
	}
	var address string
	if err := json.Unmarshal([]byte(raw), &address); err != nil {
		return "", fmt.Errorf("read address: %w", err)
	}
	return address, nil
}
