package main

import (
	"fmt"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
)

func runCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Measure and deliver until stopped; enrol first when a token is given and the host is not enrolled",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ag, err := a.agent()
			if err != nil {
				return err
			}
			// A small heap collected a little more often: the agent is a guest on the host.
			debug.SetGCPercent(50)
			return ag.Run(cmd.Context())
		},
	}
}

func enrollCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "enroll",
		Short: "Make this host an agent of the collector that the token names",
		Long: "Turns the token into a key and a certificate in the data folder. An identity that is there is replaced; the spool stays.\n" +
			"The token comes from --token-file (- is standard input), --token or PICKET_AGENT_TOKEN.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ag, err := a.agent()
			if err != nil {
				return err
			}
			id, err := ag.Enroll(cmd.Context())
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "enrolled as %s (agent %s), certificate valid until %s\n",
				id.Instance(), id.AgentID(), id.NotAfter().Format(time.DateOnly))
			return nil
		},
	}
}
