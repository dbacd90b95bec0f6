package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

// enrollToken is the part of an enrolment token that tables show.
type enrollToken struct {
	ID        string    `json:"id"`
	UsesLeft  int       `json:"uses_left"`
	UsesMax   int       `json:"uses_max"`
	Addresses []string  `json:"addresses"`
	CreatedBy string    `json:"created_by"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
	RevokedAt time.Time `json:"revoked_at"`
	Token     string    `json:"token"`
}

const tokensPath = "/api/v1/enroll-tokens"

func tokensCommand(a *app) *cobra.Command {
	c := group("tokens", "Make, list and revoke the tokens that hosts enrol with")
	c.AddCommand(tokensCreateCommand(a), tokensListCommand(a), tokensRevokeCommand(a))
	return c
}

func tokensCreateCommand(a *app) *cobra.Command {
	var (
		uses      int
		ttl       string
		reinstall bool
		addresses []string
	)
	c := &cobra.Command{
		Use:   "create",
		Short: "Print a token that enrols hosts",
		Long: `Prints the token on standard output, and on standard error what to do with it on another
host. It cannot be shown again.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			life, err := parseSpan(ttl)
			if err != nil {
				return fmt.Errorf("--ttl: %w", err)
			}
			body := map[string]any{"uses": uses, "ttl_seconds": int64(life.Seconds()), "allow_reinstall": reinstall}
			if len(addresses) > 0 {
				body["addresses"] = addresses
			}
			c, err := a.connect()
			if err != nil {
				return err
			}
			var t enrollToken
			raw, err := c.do(cmd.Context(), http.MethodPost, tokensPath, body, &t)
			if err != nil {
				return err
			}
			return a.print(cmd.OutOrStdout(), raw, func(out io.Writer) error {
				if _, err := fmt.Fprintln(out, clean(t.Token)); err != nil {
					return err
				}
				fmt.Fprint(cmd.ErrOrStderr(), a.installLine(t))
				return nil
			})
		},
	}
	c.Flags().IntVar(&uses, "uses", 1, "how many hosts it enrols")
	c.Flags().StringVar(&ttl, "ttl", "24h", "how long it is valid, as 24h or 7d, at most 90d")
	c.Flags().BoolVar(&reinstall, "reinstall", true, "let a host that was enrolled before get its former id and instance back")
	c.Flags().StringArrayVar(&addresses, "address", nil, "where its agents connect, host:port, instead of what the collector is set to tell; may be repeated")
	return c
}

// installLine says how another host joins. The token goes through a file that only the agent's user can read.
func (a *app) installLine(t enrollToken) string {
	address := ""
	if len(t.Addresses) > 0 {
		address = "\nAgents connect to " + clean(t.Addresses[0])
		if host, _, err := net.SplitHostPort(t.Addresses[0]); err == nil && loopback(host) {
			address += ", which only the collector's own machine can: for others set grpc.advertise-addr there, or give --address"
		}
		address += "."
	}
	return fmt.Sprintf(`
On another host, with the package picket-agent installed, as root:

  install -m 0600 -o picket-agent /dev/stdin /etc/picket-agent/token <<<'%[1]s' && systemctl restart picket-agent

Or with the binary alone:

  picket-agent run --data-dir /var/lib/picket-agent --token-file - <<<'%[1]s'

The token is good for %[2]s until %[3]s.%[4]s
`, clean(t.Token), count(t.UsesLeft, "host", "hosts"), a.clock(t.ExpiresAt), address)
}

func tokensListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the tokens; their secrets are kept nowhere", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			tokens, raw, err := collect[enrollToken](cmd.Context(), c, tokensPath, nil)
			if err != nil {
				return err
			}
			return a.print(cmd.OutOrStdout(), raw, func(out io.Writer) error {
				if len(tokens) == 0 {
					fmt.Fprintln(cmd.ErrOrStderr(), `there are no tokens: "picket tokens create" makes one`)
					return nil
				}
				t := newTable("ID", "STATE", "USES LEFT", "EXPIRES", "CREATED", "BY")
				for _, one := range tokens {
					t.add(one.ID, one.state(a.now()), fmt.Sprintf("%d of %d", one.UsesLeft, one.UsesMax), a.clock(one.ExpiresAt),
						a.clock(one.CreatedAt), one.CreatedBy)
				}
				return t.write(out)
			})
		},
	}
}

// state says whether the token can still be used.
func (t enrollToken) state(now time.Time) string {
	switch {
	case !t.RevokedAt.IsZero():
		return "revoked"
	case t.UsesLeft == 0:
		return "used up"
	case now.After(t.ExpiresAt):
		return "expired"
	}
	return "valid"
}

func tokensRevokeCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "Make a token useless; agents that were enrolled with it stay", Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			return a.complete(cmd, args, func(ctx context.Context, c *client) (ids []string, err error) {
				tokens, _, err := collect[enrollToken](ctx, c, tokensPath, nil)
				for _, t := range tokens {
					if state := t.state(a.now()); state == "valid" {
						ids = append(ids, cobra.CompletionWithDesc(t.ID, "by "+clean(t.CreatedBy)+", "+a.clock(t.CreatedAt)))
					}
				}
				return ids, err
			})
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			if _, err := c.do(cmd.Context(), http.MethodDelete, tokensPath+"/"+url.PathEscape(args[0]), nil, nil); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "revoked token %s\n", args[0])
			return nil
		},
	}
}
