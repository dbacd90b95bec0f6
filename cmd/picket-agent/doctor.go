package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/picketmon/picket/agent"
)

func doctorCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Look for what keeps this agent from working and say how to mend it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger, err := a.load()
			if err != nil {
				return err
			}
			bad := 0
			for _, f := range agent.Examine(cmd.Context(), a.config, version, logger) {
				mark := "ok  "
				if f.Problem != "" {
					mark = "FAIL"
					bad++
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s  %s", mark, f.Subject)
				if f.Problem != "" {
					fmt.Fprintf(cmd.OutOrStdout(), ": %s\n      mend: %s", f.Problem, f.Fix)
				} else if f.Detail != "" {
					fmt.Fprintf(cmd.OutOrStdout(), ": %s", f.Detail)
				}
				fmt.Fprintln(cmd.OutOrStdout())
			}
			if bad > 0 {
				return errors.New("the agent does not work as it should")
			}
			return nil
		},
	}
}
