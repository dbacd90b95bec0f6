package collector

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/picketmon/picket/collector/cmdb"
	"github.com/picketmon/picket/collector/cmdb/populate"
	"github.com/picketmon/picket/collector/fleet"
	"github.com/picketmon/picket/collector/metrics"
)

// infoEvery is how often picket_item_info is written: twice within the five minutes for which PromQL takes a sample for the present.
const infoEvery = 2 * time.Minute

// itemInfo writes picket_item_info of every agent's host, so that PromQL joins on what the CMDB knows:
//
//	rate(node_cpu_seconds_total[5m]) * on (instance) group_left (service, owner) picket_item_info
//
// Labels are instance, item, class, service (all services above, joined by commas), owner, environment and criticality.
type itemInfo struct {
	items   *cmdb.Store
	fleet   *fleet.Fleet
	samples fleet.SampleWriter
	logger  *slog.Logger
	written map[string][]string // labels by instance
}

// Run writes until ctx ends.
func (i *itemInfo) Run(ctx context.Context) error {
	tick := time.NewTicker(infoEvery)
	defer tick.Stop()
	first := time.NewTimer(15 * time.Second) // hosts become items soon after the start
	defer first.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-first.C:
		case <-tick.C:
		}
		if err := i.write(ctx, time.Now()); err != nil && ctx.Err() == nil {
			i.logger.Error("write what is known of items as series", "error", err)
		}
	}
}

func (i *itemInfo) write(ctx context.Context, now time.Time) error {
	infos, err := i.items.Infos(ctx, populate.Source)
	if err != nil {
		return err
	}
	agents, err := i.fleet.AllAgents(ctx, fleet.Query{})
	if err != nil {
		return fmt.Errorf("read agents: %w", err)
	}
	instances := make(map[string]string, len(agents))
	for _, a := range agents {
		instances[string(a.ID)] = a.Instance
	}
	var samples []fleet.Sample
	next := make(map[string][]string, len(infos))
	for _, info := range infos {
		instance, ok := instances[info.NativeKey]
		if !ok {
			continue
		}
		labels := []string{
			"__name__", "picket_item_info", "class", info.Class, "criticality", info.Criticality, "environment", info.Environment,
			"instance", instance, "item", string(info.ID), "job", fleet.Job, "owner", info.Owner, "service", strings.Join(info.Services, ","),
		}
		if was := i.written[instance]; slices.Equal(was, labels) {
			labels = was // the writer knows series by their slice
		}
		next[instance] = labels
		samples = append(samples, fleet.Sample{Labels: labels, T: now.UnixMilli(), V: 1})
	}
	for instance, labels := range i.written {
		if !slices.Equal(next[instance], labels) {
			samples = append(samples, fleet.Sample{Labels: labels, T: now.UnixMilli(), V: metrics.StaleMarker()})
		}
	}
	if len(samples) == 0 {
		return nil
	}
	if err := i.samples.WriteSamples(ctx, samples); err != nil {
		return err
	}
	i.written = next
	return nil
}
