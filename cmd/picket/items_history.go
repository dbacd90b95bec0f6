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

// itemChange is one entry in an item's history.
type itemChange struct {
	Time       time.Time       `json:"time"`
	Operation  string          `json:"operation"`
	Source     string          `json:"source"`
	By         string          `json:"by"`
	Attributes []itemAttribute `json:"attributes"`
}

// itemAttribute is an earlier and a later value.
type itemAttribute struct {
	Name     string `json:"name"`
	From     string `json:"from"`
	To       string `json:"to"`
	FromName string `json:"from_name"`
	ToName   string `json:"to_name"`
}

// values are what stood there and what stands there, in words.
func (i itemAttribute) values() (from, to string) {
	value := func(v, name string) string {
		switch {
		case name != "":
			return name + " (" + v + ")"
		case v == "":
			return "–"
		}
		return v
	}
	return value(i.From, i.FromName), value(i.To, i.ToName)
}

func itemsHistoryCommand(a *app) *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use:               "history NAME|ID",
		Short:             "List what changed about an item, the newest first",
		Long:              `Lists what changed about an item, the newest first. Of an item that was deleted its id still leads to its history.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeItems,
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 1 || limit > 1000 {
				return fmt.Errorf("--limit: %d is not 1 to 1000", limit)
			}
			c, err := a.connect()
			if err != nil {
				return err
			}
			path, err := c.itemPath(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			var page struct {
				Items []itemChange `json:"items"`
				Next  string       `json:"next"`
			}
			raw, err := c.get(cmd.Context(), path+"/history", url.Values{"limit": {strconv.Itoa(limit)}}, &page)
			if err != nil {
				return err
			}
			if page.Next != "" {
				defer fmt.Fprintln(cmd.ErrOrStderr(), "there is more: give a larger --limit")
			}
			return a.print(cmd.OutOrStdout(), raw, func(out io.Writer) error {
				t := newTable("TIME", "WHAT", "SOURCE", "BY", "ATTRIBUTE", "FROM", "TO")
				for _, change := range page.Items {
					head := []string{a.clock(change.Time), change.Operation, change.Source, change.By}
					for _, one := range change.Attributes {
						from, to := one.values()
						t.add(head[0], head[1], head[2], head[3], one.Name, from, to)
						head = make([]string, 4)
					}
					if len(change.Attributes) == 0 {
						t.add(head[0], head[1], head[2], head[3], "", "", "")
					}
				}
				return t.write(out)
			})
		},
	}
	c.Flags().IntVar(&limit, "limit", 100, "the most changes to list")
	return c
}

func itemsDiffCommand(a *app) *cobra.Command {
	var from, to string
	c := &cobra.Command{
		Use:               "diff NAME|ID --from TIME [--to TIME]",
		Short:             "Show what is different about an item at two times",
		Example:           "  picket items diff web1 --from -7d\n  picket items diff web1 --from 2026-11-01 --to 2026-11-15",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeItems,
		RunE: func(cmd *cobra.Command, args []string) error {
			query := url.Values{}
			for name, text := range map[string]string{"from": from, "to": to} {
				t, err := parseTime(text, a.now())
				if err != nil {
					return fmt.Errorf("--%s: %w", name, err)
				}
				query.Set(name, t.UTC().Format(time.RFC3339Nano))
			}
			c, err := a.connect()
			if err != nil {
				return err
			}
			path, err := c.itemPath(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			var d struct {
				Items []itemAttribute `json:"items"`
			}
			raw, err := c.get(cmd.Context(), path+"/difference", query, &d)
			if err != nil {
				return err
			}
			return a.print(cmd.OutOrStdout(), raw, func(out io.Writer) error {
				if len(d.Items) == 0 {
					fmt.Fprintln(cmd.ErrOrStderr(), "nothing is different")
					return nil
				}
				t := newTable("ATTRIBUTE", strings.ToUpper(from), strings.ToUpper(to))
				for _, one := range d.Items {
					then, now := one.values()
					t.add(one.Name, then, now)
				}
				return t.write(out)
			})
		},
	}
	c.Flags().StringVar(&from, "from", "", "the earlier time: -1h, 15:04, \"2006-01-02 15:04\"")
	c.Flags().StringVar(&to, "to", "now", "the later time")
	// Only a flag that does not exist can fail here.
	_ = c.MarkFlagRequired("from")
	_ = c.RegisterFlagCompletionFunc("from", cobra.NoFileCompletions)
	_ = c.RegisterFlagCompletionFunc("to", cobra.NoFileCompletions)
	return c
}
