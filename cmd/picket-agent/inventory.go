package main

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/picketmon/picket/agent"
	"github.com/picketmon/picket/checks"
)

func inventoryCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "inventory [KIND]", Short: "Look at what is on this host and print exactly what would be sent; without a kind, list the kinds",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			logger, err := a.load()
			if err != nil {
				return err
			}
			if len(args) > 0 {
				return agent.PrintInventory(cmd.Context(), a.config, args[0], version, logger, cmd.OutOrStdout())
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "KIND\tITEMS\tERROR")
			for _, k := range agent.Inventory(cmd.Context(), a.config, version, logger) {
				why := ""
				if k.Error != nil && !errors.Is(k.Error, checks.ErrNoData) {
					why = k.Error.Error()
				}
				fmt.Fprintf(w, "%s\t%d\t%s\n", k.Kind, k.Items, why)
			}
			return w.Flush()
		},
	}
}
