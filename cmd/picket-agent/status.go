package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/picketmon/picket/agent/status"
)

func statusCommand(a *app) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Show what the running agent is doing",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := a.load(); err != nil {
				return err
			}
			r, err := status.Read(cmd.Context(), filepath.Join(a.config.DataDir, status.SocketName))
			if err != nil {
				return fmt.Errorf("%w (is the agent with data folder %s running?)", err, a.config.DataDir)
			}
			if asJSON {
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(r)
			}
			return printStatus(cmd.OutOrStdout(), r)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printStatus(out io.Writer, r status.Report) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	state := "not connected: " + r.Collector.LastError
	if r.Collector.Connected {
		state = "connected"
	}
	fmt.Fprintf(w, "instance\t%s\nagent\t%s, version %s, pid %d, up %s\n", r.Instance, r.AgentID, r.Version, r.PID, ago(r.Started))
	fmt.Fprintf(w, "collector\t%s, %s for %s\n", r.Collector.Address, state, ago(r.Collector.Since))
	fmt.Fprintf(w, "sent\t%d samples, %d bytes at the socket\n", r.Collector.SentSamples, r.Collector.SentBytes)
	fmt.Fprintf(w, "certificate\tvalid until %s\n\n", r.Expires.Format(time.DateOnly))
	fmt.Fprintln(w, "SPOOL\tRECORDS\tBYTES\tLAG\tDROPPED")
	for _, c := range r.Spool {
		fmt.Fprintf(w, "%s\t%d\t%d\t%.0fs\t%s\n", c.Class, c.Records, c.Bytes, c.LagSeconds, drops(c.Dropped))
	}
	fmt.Fprintln(w, "\nCHECK\tRUNS\tFAILED\tSERIES\tLAST\tERROR")
	for _, c := range r.Checks {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%s\t%s\n", c.Name, c.Runs, c.Failures+c.Overlaps, c.Series,
			time.Duration(c.LastSeconds*float64(time.Second)).Round(time.Microsecond), c.Error)
	}
	if len(r.Inventory) > 0 {
		fmt.Fprintln(w, "\nINVENTORY\tITEMS\tLOOKED\tTOOK\tSENT\tERROR")
	}
	for _, k := range r.Inventory {
		looked := "not yet"
		if !k.Looked.IsZero() {
			looked = ago(k.Looked).String() + " ago"
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%d\t%s\n", k.Kind, k.Items, looked,
			time.Duration(k.Took*float64(time.Second)).Round(time.Microsecond), k.Sent, k.Error)
	}
	printGaps(w, r)
	return w.Flush()
}

// printGaps lists what cannot be collected, as doctor does.
func printGaps(w io.Writer, r status.Report) {
	title := "\nCANNOT COLLECT\tREASON\tMEND\n"
	for _, c := range r.Capabilities {
		if c.Available {
			continue
		}
		fix := c.Fix
		if fix == "" {
			fix = "nothing to mend"
		}
		fmt.Fprintf(w, "%s%s\t%s\t%s\n", title, c.Name, c.Reason, fix)
		title = ""
	}
}

func drops(m map[string]uint64) string {
	if len(m) == 0 {
		return "none"
	}
	return fmt.Sprint(m)
}

func ago(t time.Time) time.Duration { return time.Since(t).Round(time.Second) }
