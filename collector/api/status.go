package api

import (
	"context"
	"time"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/fleet"
)

// Storage is what the stores hold.
type Storage struct {
	Series        int   `json:"series" doc:"Series in memory: those that got samples lately"`
	MetricsBytes  int64 `json:"metrics_bytes" doc:"Disk that samples take"`
	DatabaseBytes int64 `json:"database_bytes,omitempty" doc:"Disk that rows take; absent when another server keeps them"`
}

// Status is how the collector is.
type Status struct {
	Version       string              `json:"version"`
	StartedAt     time.Time           `json:"started_at"`
	UptimeSeconds int64               `json:"uptime_seconds"`
	Agents        map[fleet.State]int `json:"agents" doc:"How many are in each state"`
	Storage       *Storage            `json:"storage,omitempty"`
}

func (a *api) mountStatus() {
	register(a, operation{
		id: "status", method: get, path: "/api/v1/status", tag: "status", roles: []access.Role{access.Viewer},
		summary: "Version, uptime, agents by state, what is stored",
	}, a.status)
}

func (a *api) status(ctx context.Context, _ *nothing) (*answer[Status], error) {
	counts, err := a.Fleet.Counts(ctx)
	if err != nil {
		return nil, err
	}
	out := Status{
		Version: a.Version, StartedAt: a.Started.UTC().Truncate(time.Millisecond),
		UptimeSeconds: int64(time.Since(a.Started).Seconds()), Agents: map[fleet.State]int{},
	}
	for _, s := range fleet.States() {
		out.Agents[s] = counts[s]
	}
	if a.Storage != nil {
		s, err := a.Storage(ctx)
		if err != nil {
			return nil, err
		}
		out.Storage = &s
	}
	return &answer[Status]{out}, nil
}
