package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// duplicateSet is a set of items that may be one thing.
type duplicateSet struct {
	ID    string `json:"id"`
	State string `json:"state"`
	Main  string `json:"main"`
	Items []struct {
		ID         string `json:"id"`
		Name       string `json:"name"`
		ClassLabel string `json:"class_label"`
	} `json:"items"`
	Reason    string    `json:"reason"`
	CreatedAt time.Time `json:"created_at"`
}

// names lists the items of a set, the main one first.
func (d duplicateSet) names() string {
	var names []string
	for _, it := range d.Items {
		text := it.Name + " (" + it.ID + ")"
		if it.Name == "" {
			text = "deleted (" + it.ID + ")"
		}
		if it.ID == d.Main {
			names = slices.Insert(names, 0, text)
		} else {
			names = append(names, text)
		}
	}
	return strings.Join(names, ", ")
}

const duplicatesPath = "/api/v1/duplicates"

var duplicateStates = []string{"open", "merged", "dismissed"}

func duplicatesCommand(a *app) *cobra.Command {
	c := group("duplicates", "List, merge and dismiss items that may be one thing")
	c.AddCommand(duplicatesListCommand(a), duplicatesMergeCommand(a),
		duplicatesChange(a, "undo", "Part what was merged", "Part what was merged?", "parted"),
		duplicatesChange(a, "dismiss", "Say that the items of a set are different things", "Are they different things?", "dismissed"))
	return c
}

func duplicatesListCommand(a *app) *cobra.Command {
	var state string
	c := &cobra.Command{
		Use:   "list",
		Short: "List sets of items that may be one thing, the newest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			query := url.Values{}
			if state != "all" {
				query.Set("state", state)
			}
			sets, raw, err := collect[duplicateSet](cmd.Context(), c, duplicatesPath, query)
			if err != nil {
				return err
			}
			return a.print(cmd.OutOrStdout(), raw, func(out io.Writer) error {
				if len(sets) == 0 {
					fmt.Fprintln(cmd.ErrOrStderr(), "no such sets of duplicates")
					return nil
				}
				t := newTable("SET", "STATE", "FOUND", "WHY", "ITEMS")
				for _, s := range sets {
					t.add(s.ID, s.State, a.ago(s.CreatedAt), s.Reason, s.names())
				}
				return t.write(out)
			})
		},
	}
	c.Flags().StringVar(&state, "state", "open", "open, merged, dismissed or all")
	// Only a flag that does not exist can fail here.
	_ = c.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(append(slices.Clone(duplicateStates), "all"), cobra.ShellCompDirectiveNoFileComp))
	return c
}

func duplicatesMergeCommand(a *app) *cobra.Command {
	var (
		main string
		yes  bool
	)
	c := &cobra.Command{
		Use:   "merge SET [--main ID]",
		Short: "Make one item of a set",
		Long: `Makes one item of a set: what sources say of the others, their relations and what hangs on
them moves to the main one. "picket duplicates undo" parts them again. On a terminal it asks first.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			if main == "" {
				sets, _, err := collect[duplicateSet](cmd.Context(), c, duplicatesPath, url.Values{"state": {"open"}})
				if err != nil {
					return err
				}
				i := slices.IndexFunc(sets, func(s duplicateSet) bool { return s.ID == args[0] })
				if i < 0 {
					return fmt.Errorf("there is no open set of duplicates %s", clean(args[0]))
				}
				main = sets[i].Main
			}
			if err := a.confirm(cmd, yes, fmt.Sprintf("Make one item of set %s, which is %s?", args[0], main)); err != nil {
				return err
			}
			return a.changeSet(cmd, c, args[0], "merge", map[string]string{"main": main}, "merged")
		},
	}
	c.Flags().StringVar(&main, "main", "", "the id of the item that stays (default the one that was there first)")
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	_ = c.RegisterFlagCompletionFunc("main", cobra.NoFileCompletions) // only a flag that does not exist can fail here
	return c
}

// duplicatesChange is a command that says one thing of a set.
func duplicatesChange(a *app, verb, short, question, done string) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use: verb + " SET", Short: short, Long: short + ". On a terminal it asks first.",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			if err := a.confirm(cmd, yes, question); err != nil {
				return err
			}
			return a.changeSet(cmd, c, args[0], verb, map[string]string{}, done)
		},
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return c
}

func (a *app) changeSet(cmd *cobra.Command, c *client, id, verb string, body any, done string) error {
	var set duplicateSet
	raw, err := c.do(cmd.Context(), http.MethodPost, duplicatesPath+"/"+url.PathEscape(id)+"/"+verb, body, &set)
	if err != nil {
		return err
	}
	return a.print(cmd.OutOrStdout(), raw, func(out io.Writer) error {
		_, err := fmt.Fprintf(out, "%s: %s\n", done, clean(set.names()))
		return err
	})
}
