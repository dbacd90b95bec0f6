//go:build linux

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/picketmon/picket/bench/herd"
)

// agent is a simulated agent with its values.
type agent struct {
	*herd.Agent
	values *herd.Values
}

func connectAgents(ctx context.Context, token string, n int) ([]client, error) {
	herded, err := herd.Enrol(ctx, token, n)
	if err != nil {
		return nil, err
	}
	clients := make([]client, 0, n)
	for i, a := range herded {
		if err := a.Connect(ctx); err != nil {
			return clients, fmt.Errorf("agent %d: %w", i, err)
		}
		clients = append(clients, &agent{a, herd.NewValues(i)})
	}
	return clients, nil
}

// Cycle implements client.
func (a *agent) Cycle(now time.Time) error { return a.Send(now.UnixMilli(), a.values.Next(), false) }

// Counts implements client.
func (a *agent) Counts() (sent, acked uint64, err error) {
	sent, acked, _, err = a.Agent.Counts()
	return sent, acked, err
}
