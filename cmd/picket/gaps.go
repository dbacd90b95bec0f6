package main

import (
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// capability says whether one thing can be collected on a host.
type capability struct {
	Name      string    `json:"name"`
	Available bool      `json:"available"`
	Reason    string    `json:"reason"`
	Fix       string    `json:"fix"`
	Since     time.Time `json:"since"`
}

// fleetGap is one thing that cannot be collected, and where.
type fleetGap struct {
	Name      string   `json:"name"`
	Reason    string   `json:"reason"`
	Fix       string   `json:"fix"`
	Agents    int      `json:"agents"`
	Instances []string `json:"instances"`
}

const gapsPath = "/api/v1/gaps"

func gapsCommand(a *app) *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:   "gaps [CHECK]",
		Short: "List what cannot be collected, and what mends it",
		Long: `Lists what agents cannot collect though it could be mended: why, how to mend it, on how many
agents, and the first of them. "picket agents list --gap CHECK" lists all of them. With --all
also what hosts do not have, where there is nothing to mend.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			query := url.Values{}
			if !all {
				query.Set("fixable", "true")
			}
			if len(args) > 0 {
				query.Set("name", args[0])
			}
			gaps, raw, err := collect[fleetGap](cmd.Context(), c, gapsPath, query)
			if err != nil {
				return err
			}
			return a.print(cmd.OutOrStdout(), raw, func(out io.Writer) error {
				if len(gaps) == 0 {
					fmt.Fprintln(cmd.ErrOrStderr(), "agents collect all that they try to, as far as it could be mended")
					return nil
				}
				t := newTable(">AGENTS", "CANNOT COLLECT", "REASON", "MEND", "WHERE")
				for _, g := range gaps {
					t.add(strconv.Itoa(g.Agents), g.Name, g.Reason, remedy(g.Fix), where(g))
				}
				return t.write(out)
			})
		},
	}
	c.Flags().BoolVar(&all, "all", false, "also what hosts do not have, where there is nothing to mend")
	return c
}

func remedy(fix string) string {
	if fix == "" {
		return "nothing to mend"
	}
	return fix
}

// where names the first agents of a gap.
func where(g fleetGap) string {
	const few = 3
	names := g.Instances[:min(len(g.Instances), few)]
	text := strings.Join(names, ", ")
	if more := g.Agents - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// missing lists what an agent cannot collect.
func (a *app) missing(d agentDetail) *table {
	t := newTable("CANNOT COLLECT", "SINCE", "REASON", "MEND")
	for _, c := range d.Capabilities {
		if !c.Available {
			t.add(c.Name, a.ago(c.Since), c.Reason, remedy(c.Fix))
		}
	}
	return t
}

// collects lists what an agent can collect.
func collects(d agentDetail) string {
	var names []string
	for _, c := range d.Capabilities {
		if c.Available {
			names = append(names, c.Name)
		}
	}
	return strings.Join(names, ", ")
}
