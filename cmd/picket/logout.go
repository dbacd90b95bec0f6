package main

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"
)

func logoutCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "logout",
		Short: "End the session that \"picket login\" made",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.anonymous()
			if err != nil {
				return err
			}
			all, err := a.logins()
			if err != nil {
				return err
			}
			url := c.base.String()
			l, ok := all[url]
			if !ok {
				fmt.Fprintf(cmd.ErrOrStderr(), "there is no login to %s\n", url)
				return nil
			}
			c.credential = credential{source: fromLogin, token: l.Token, user: l.User}
			_, err = c.do(cmd.Context(), http.MethodPost, "/api/v1/logout", nil, nil)
			if r, ok := errors.AsType[*refusal](err); ok && r.status == http.StatusUnauthorized {
				err = nil // it has ended already
			}
			if kept := a.keep(url, login{}); kept != nil {
				return errors.Join(err, kept)
			}
			if err != nil {
				return fmt.Errorf("the login is forgotten here, but the collector was not told, so its session lives on for up to 12 hours: %w", err)
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "signed out of %s\n", url)
			return nil
		},
	}
}
