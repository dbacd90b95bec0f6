package main

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
)

func agentsDeleteCommand(a *app) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "delete INSTANCE|ID",
		Short: "Forget an agent that was revoked",
		Long: `Forgets an agent that was revoked: its facts, results and events are deleted, and its
instance is free for the next host of that name. Its certificates stay worthless. The audit
log stays, and so do its samples: "picket series delete" deletes those. On a terminal it
asks first.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeAgents,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			if err := a.confirm(cmd, yes, fmt.Sprintf("Delete all that is known of %s?", args[0])); err != nil {
				return err
			}
			if _, err := c.do(cmd.Context(), http.MethodDelete, agentsPath+"/"+url.PathEscape(args[0]), nil, nil); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "deleted agent %s\n", args[0])
			return nil
		},
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return c
}
