package main

import (
	"errors"
	"fmt"
	"net/url"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/internal/errs"
)

func loginLinkCommand(a *app) *cobra.Command {
	var (
		name, site string
		ttl        time.Duration
	)
	c := &cobra.Command{
		Use:   "login-link",
		Short: "Print a link that signs a browser in, once; works while the collector runs",
		Long: `Prints a link on standard output. Whoever opens it first is signed in as the user; then, or when it is too old, it is
worthless. So are a user's links once its password changes or it is disabled. "picket login --link" takes it too.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if site, err = checkSite(site); err != nil {
				return err
			}
			admin, err := a.admin(cmd.Context())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, admin.Close()) }()
			who := "command line"
			if u, err := user.Current(); err == nil {
				who = u.Username + " (command line)"
			}
			ctx := access.With(cmd.Context(), access.System(who))
			u, err := admin.Access.UserByName(ctx, name)
			if errs.Is(err, errs.NotFound) {
				return fmt.Errorf("there is no user %q (the collector makes the user admin at its first start)", name)
			}
			if err != nil {
				return err
			}
			secret, _, err := admin.Access.CreateLoginLink(ctx, u.ID, ttl)
			if err != nil {
				return err
			}
			if site == "" {
				site = admin.URL
			}
			// Browsers keep what follows # to themselves: it reaches no log.
			fmt.Fprintf(cmd.OutOrStdout(), "%s/sign-in#link=%s\n", site, secret)
			return nil
		},
	}
	c.Flags().StringVar(&name, "user", access.AdminName, "who is signed in")
	c.Flags().DurationVar(&ttl, "ttl", access.DefaultLinkTTL, "how long the link is good, at most 24h")
	c.Flags().StringVar(&site, "url", "", "address to put into the link, as behind a proxy; by default where the collector listens")
	return c
}

// checkSite returns the address without a slash at its end; empty stays empty.
func checkSite(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", fmt.Errorf("--url: %q is not an address like https://picket.example.com", text)
	}
	return strings.TrimRight(text, "/"), nil
}
