package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// collectorStatus is the part of the API's status that tables show.
type collectorStatus struct {
	Version       string         `json:"version"`
	StartedAt     time.Time      `json:"started_at"`
	UptimeSeconds int64          `json:"uptime_seconds"`
	Agents        map[string]int `json:"agents"`
	Storage       *struct {
		Series        int   `json:"series"`
		MetricsBytes  int64 `json:"metrics_bytes"`
		DatabaseBytes int64 `json:"database_bytes"`
	} `json:"storage"`
}

// agentStates are the states in the order people want to read them.
var agentStates = []string{"up", "warn", "down", "never", "revoked"}

func statusCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show how the collector is",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			var s collectorStatus
			raw, err := c.get(cmd.Context(), "/api/v1/status", nil, &s)
			if err != nil {
				return err
			}
			return a.print(cmd.OutOrStdout(), raw, func(out io.Writer) error { return a.writeStatus(out, c, s) })
		},
	}
}

func (a *app) writeStatus(out io.Writer, c *client, s collectorStatus) error {
	var f facts
	f.add("collector", fmt.Sprintf("%s, version %s", c.base, s.Version))
	f.add("running", fmt.Sprintf("for %s, since %s", span(time.Duration(s.UptimeSeconds)*time.Second), a.clock(s.StartedAt)))
	var parts []string
	total := 0
	for _, state := range agentStates {
		if n := s.Agents[state]; n > 0 {
			parts = append(parts, strconv.Itoa(n)+" "+state)
			total += n
		}
	}
	if total == 0 {
		parts = []string{`none yet: "picket tokens create" makes a token to enrol with`}
	}
	f.add("agents", strings.Join(parts, ", "))
	if s.Storage != nil {
		f.add("series", strconv.Itoa(s.Storage.Series)+" in memory")
		f.add("samples", bytesText(s.Storage.MetricsBytes)+" on disk")
		if s.Storage.DatabaseBytes > 0 {
			f.add("database", bytesText(s.Storage.DatabaseBytes)+" on disk")
		}
	}
	return f.write(out)
}
