package main

import (
	"errors"
	"fmt"
	"os/user"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/fleet"
)

func tokenCommand(a *app) *cobra.Command {
	c := &cobra.Command{Use: "token", Short: "Make, list and revoke the tokens that hosts enrol with"}
	c.AddCommand(tokenCreateCommand(a), tokenListCommand(a), tokenRevokeCommand(a))
	return c
}

func tokenCreateCommand(a *app) *cobra.Command {
	var (
		o         fleet.TokenOptions
		reinstall bool
	)
	c := &cobra.Command{
		Use:   "create",
		Short: "Print a token that enrols hosts; works before, during and after run",
		Long:  "Prints the token on standard output, and on standard error what to do with it on another host.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			admin, err := a.admin(cmd.Context())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, admin.Close()) }()
			o.AllowReinstall, o.Addresses, o.CreatedBy = reinstall, []string{admin.Address}, "command line"
			if u, err := user.Current(); err == nil {
				o.CreatedBy = u.Username + " (command line)"
			}
			ctx := access.With(cmd.Context(), access.System(o.CreatedBy))
			printable, t, err := admin.Fleet.CreateToken(ctx, o)
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), printable)
			fmt.Fprint(cmd.ErrOrStderr(), installLine(printable, t))
			return nil
		},
	}
	c.Flags().IntVar(&o.Uses, "uses", 1, "how many hosts it enrols")
	c.Flags().DurationVar(&o.TTL, "ttl", 24*time.Hour, "how long it is valid, at most 2160h")
	c.Flags().BoolVar(&reinstall, "reinstall", true, "let a host that was enrolled before get its former id and instance back")
	return c
}

// installLine says how another host joins; docs/install.md and web/src/agent/install.ts say the same. The token goes through a file that only the agent's user can read.
func installLine(token string, t fleet.Token) string {
	return fmt.Sprintf(`
On another host, with the package picket-agent installed, as root:

  install -m 0600 -o picket-agent /dev/stdin /etc/picket-agent/token <<<'%s' && systemctl restart picket-agent
  picket-agent doctor --config /etc/picket-agent/agent.yaml

Or with the binary alone:

  picket-agent run --data-dir /var/lib/picket-agent --token-file - <<<'%s'

The token is good for %d host(s) until %s. Agents connect to %s.
`, token, token, t.UsesLeft, t.ExpiresAt.Local().Format("2006-01-02 15:04 MST"), t.Addresses[0])
}

func tokenListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the tokens; their secrets are kept nowhere", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			admin, err := a.admin(cmd.Context())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, admin.Close()) }()
			tokens, err := admin.Fleet.Tokens(cmd.Context())
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tUSES LEFT\tEXPIRES\tREVOKED\tCREATED BY")
			for _, t := range tokens {
				revoked := "no"
				if !t.RevokedAt.IsZero() {
					revoked = t.RevokedAt.Format(time.DateTime)
				}
				fmt.Fprintf(w, "%s\t%d of %d\t%s\t%s\t%s\n", t.ID, t.UsesLeft, t.UsesMax, t.ExpiresAt.Format(time.DateTime), revoked, t.CreatedBy)
			}
			return w.Flush()
		},
	}
}

func tokenRevokeCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "Make a token useless", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			admin, err := a.admin(cmd.Context())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, admin.Close()) }()
			ctx := access.With(cmd.Context(), access.System("command line"))
			return admin.Fleet.RevokeToken(ctx, fleet.TokenID(args[0]))
		},
	}
}
