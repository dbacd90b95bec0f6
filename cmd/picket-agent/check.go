package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/picketmon/picket/agent"
)

func checkCommand(a *app) *cobra.Command {
	c := &cobra.Command{Use: "check", Short: "List the checks, or run one and print what it would send"}
	c.AddCommand(&cobra.Command{
		Use: "list", Short: "List all checks", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := a.load(); err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "CHECK\tRUNS\tWHAT IT MEASURES")
			for _, c := range agent.List(a.config) {
				fmt.Fprintf(w, "%s\t%s\t%s\n", c.Name, map[bool]string{true: "yes", false: "no"}[c.On], c.Help)
			}
			return w.Flush()
		},
	}, &cobra.Command{
		Use: "run NAME", Short: "Run one check now and print exactly what would be sent", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			logger, err := a.load()
			if err != nil {
				return err
			}
			return agent.Try(cmd.Context(), a.config, args[0], logger, cmd.OutOrStdout())
		},
	})
	return c
}
