package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// agent is the part of an agent that tables show.
type agent struct {
	ID             string    `json:"id"`
	Instance       string    `json:"instance"`
	Hostname       string    `json:"hostname"`
	State          string    `json:"state"`
	OS             string    `json:"os"`
	Arch           string    `json:"arch"`
	Version        string    `json:"version"`
	RemoteAddr     string    `json:"remote_addr"`
	EnrolledWith   string    `json:"enrolled_with"`
	EnrolledAt     time.Time `json:"enrolled_at"`
	LastSeenAt     time.Time `json:"last_seen_at"`
	ConnectedAt    time.Time `json:"connected_at"`
	DisconnectedAt time.Time `json:"disconnected_at"`
	RevokedAt      time.Time `json:"revoked_at"`
	RevokedReason  string    `json:"revoked_reason"`

	CertificateExpiresAt time.Time `json:"certificate_expires_at"`
	Gaps                 int       `json:"gaps"`
	WorstResult          struct {
		Status string `json:"status"`
		NotOK  int    `json:"not_ok"`
	} `json:"worst_result"`
}

// worst tells the worst of an agent's latest results, and how many are not ok.
func (a agent) worst() string {
	if a.WorstResult.NotOK == 0 {
		return a.WorstResult.Status
	}
	return fmt.Sprintf("%s (%d)", a.WorstResult.Status, a.WorstResult.NotOK)
}

const agentsPath = "/api/v1/agents"

func agentsCommand(a *app) *cobra.Command {
	c := group("agents", "List, show, revoke and delete agents, and what they found")
	c.AddCommand(agentsListCommand(a), agentsShowCommand(a), agentsFactsCommand(a), agentsRevokeCommand(a), agentsDeleteCommand(a))
	return c
}

func agentsListCommand(a *app) *cobra.Command {
	var (
		states    []string
		gap, sort string
	)
	c := &cobra.Command{
		Use:               "list [TEXT]",
		Short:             "List the agents whose instance, hostname or id contains the text",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeAgents,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			query := url.Values{}
			if len(states) > 0 {
				query.Set("state", strings.Join(states, ","))
			}
			if gap != "" {
				query.Set("gap", gap)
			}
			if len(args) > 0 {
				query.Set("text", args[0])
			}
			selected := len(query) > 0
			if sort != "" {
				query.Set("sort", sort)
			}
			agents, raw, err := collect[agent](cmd.Context(), c, agentsPath, query)
			if err != nil {
				return err
			}
			return a.print(cmd.OutOrStdout(), raw, func(out io.Writer) error {
				if len(agents) == 0 {
					fmt.Fprintln(cmd.ErrOrStderr(), noAgents(selected))
					return nil
				}
				t := newTable("INSTANCE", "STATE", "SEEN", "WORST", ">GAPS", "VERSION", "PLATFORM", "ADDRESS")
				for _, one := range agents {
					t.add(one.Instance, one.State, a.ago(one.LastSeenAt), one.worst(), strconv.Itoa(one.Gaps), one.Version,
						one.OS+"/"+one.Arch, one.RemoteAddr)
				}
				return t.write(out)
			})
		},
	}
	c.Flags().StringSliceVar(&states, "state", nil, "only agents in any of these states: "+strings.Join(agentStates, ", "))
	c.Flags().StringVar(&gap, "gap", "", "only agents that cannot collect this: a check, or check:part")
	c.Flags().StringVar(&sort, "sort", "", "in order of "+strings.Join(agentOrders, ", ")+"; with - in front the other way round")
	// Only a flag that does not exist can fail here.
	_ = c.RegisterFlagCompletionFunc("sort", cobra.FixedCompletions(agentOrders, cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(agentStates, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// agentOrders are what agents can be listed in order of.
var agentOrders = []string{"instance", "hostname", "state", "version", "last_seen_at", "enrolled_at", "certificate_expires_at", "gaps", "worst_result"}

func noAgents(selected bool) string {
	if selected {
		return "no such agents"
	}
	return `there are no agents yet: "picket tokens create" makes a token to enrol with`
}

// completeAgents offers the instances that begin like what was typed.
func (a *app) completeAgents(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	return a.complete(cmd, args, func(ctx context.Context, c *client) (names []string, err error) {
		var page struct{ Items []agent }
		_, err = c.get(ctx, agentsPath, url.Values{"text": {typed}, "limit": {"1000"}}, &page)
		for _, one := range page.Items {
			if strings.HasPrefix(one.Instance, typed) && one.Instance == clean(one.Instance) {
				names = append(names, cobra.CompletionWithDesc(one.Instance, one.State))
			}
		}
		return names, err
	})
}

func agentsRevokeCommand(a *app) *cobra.Command {
	var (
		reason string
		yes    bool
	)
	c := &cobra.Command{
		Use:   "revoke INSTANCE|ID",
		Short: "Shut an agent out for good",
		Long: `Shuts an agent out for good: its certificates are worthless from now on and its stream
ends at once. Its host comes back only as a new agent with a new token. On a terminal it
asks first.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeAgents,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			if err := a.confirm(cmd, yes, fmt.Sprintf("Shut out %s for good?", args[0])); err != nil {
				return err
			}
			var one agent
			body := map[string]string{"reason": reason}
			raw, err := c.do(cmd.Context(), http.MethodPost, agentsPath+"/"+url.PathEscape(args[0])+"/revoke", body, &one)
			if err != nil {
				return err
			}
			return a.print(cmd.OutOrStdout(), raw, func(out io.Writer) error {
				_, err := fmt.Fprintf(out, "revoked %s (agent %s)\n", clean(one.Instance), clean(one.ID))
				return err
			})
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for the list of agents and the audit log")
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return c
}
