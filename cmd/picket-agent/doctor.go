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
		Long: `Looks for what keeps this agent from working and says how to mend it. A line begins with
ok, with FAIL for what keeps the agent from working, with gap for what it cannot collect
though it could be mended, and with none for what this host does not have. What can be
collected is asked of the running agent, which may be allowed less than you; without one
each check runs once, here and now.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger, err := a.load()
			if err != nil {
				return err
			}
			bad := 0
			for _, f := range agent.Examine(cmd.Context(), a.config, version, logger) {
				mark := "ok  "
				switch {
				case f.Problem == "":
				case !f.Gap:
					mark = "FAIL"
					bad++
				case f.Fix != "":
					mark = "gap "
				default:
					mark = "none"
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s  %s", mark, f.Subject)
				switch {
				case f.Fix != "":
					fmt.Fprintf(cmd.OutOrStdout(), ": %s\n      mend: %s", f.Problem, f.Fix)
				case f.Problem != "":
					fmt.Fprintf(cmd.OutOrStdout(), ": %s; nothing to mend", f.Problem)
				case f.Detail != "":
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
