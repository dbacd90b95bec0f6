package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// relation says how two items hang together.
type relation struct {
	ID             string       `json:"id"`
	Type           string       `json:"type"`
	Parent         relationEnd  `json:"parent"`
	Child          relationEnd  `json:"child"`
	Sources        []sourceTime `json:"sources"`
	LastDiscovered time.Time    `json:"last_discovered"`
}

type relationEnd struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	ClassLabel string `json:"class_label"`
}

type sourceTime struct {
	Source string `json:"source"`
}

const relationsPath = "/api/v1/relations"

func relationsCommand(a *app) *cobra.Command {
	c := group("relations", "List, add and delete relations between items")
	c.AddCommand(relationsListCommand(a), relationsAddCommand(a), relationsDeleteCommand(a))
	return c
}

// relationTable shows relations as one of their items sees them; with an empty id as they are.
func relationTable(rels []relation, id string) *table {
	t := newTable("ITEM", "RELATION", "ITEM", "CLASS", "SOURCES", "ID")
	for _, r := range rels {
		parent, child, _ := strings.Cut(r.Type, "::")
		from, words, to := r.Parent, parent, r.Child
		if id == r.Child.ID {
			from, words, to = r.Child, child, r.Parent
		}
		var sources []string
		for _, s := range r.Sources {
			sources = append(sources, s.Source)
		}
		t.add(from.Name, words, to.Name, to.ClassLabel, strings.Join(sources, ", "), r.ID)
	}
	return t
}

func relationsListCommand(a *app) *cobra.Command {
	var kind string
	c := &cobra.Command{
		Use:               "list [NAME|ID]",
		Short:             "List relations, all or those of one item",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeItems,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			query, id := url.Values{}, ""
			if len(args) > 0 {
				if id, err = c.itemID(cmd.Context(), args[0]); err != nil {
					return err
				}
				query.Set("item", id)
			}
			if kind != "" {
				query.Set("type", kind)
			}
			rels, raw, err := collect[relation](cmd.Context(), c, relationsPath, query)
			if err != nil {
				return err
			}
			return a.print(cmd.OutOrStdout(), raw, func(out io.Writer) error {
				if len(rels) == 0 {
					fmt.Fprintln(cmd.ErrOrStderr(), "no relations")
					return nil
				}
				return relationTable(rels, id).write(out)
			})
		},
	}
	c.Flags().StringVar(&kind, "type", "", `only of this type, such as "Runs on::Runs"`)
	_ = c.RegisterFlagCompletionFunc("type", a.completeRelationTypes) // only a flag that does not exist can fail here
	return c
}

func relationsAddCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "add PARENT TYPE CHILD",
		Short:   "Add a relation by hand",
		Example: `  picket relations add shop "Depends on::Used by" db1`,
		Args:    cobra.ExactArgs(3),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return a.completeRelationTypes(cmd, nil, typed)
			}
			return a.completeItems(cmd, nil, typed)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			body := map[string]string{"type": args[1]}
			for name, text := range map[string]string{"parent": args[0], "child": args[2]} {
				if body[name], err = c.itemID(cmd.Context(), text); err != nil {
					return err
				}
			}
			var made relation
			raw, err := c.do(cmd.Context(), http.MethodPost, relationsPath, body, &made)
			if err != nil {
				return err
			}
			return a.print(cmd.OutOrStdout(), raw, func(out io.Writer) error { return relationTable([]relation{made}, "").write(out) })
		},
	}
}

func relationsDeleteCommand(a *app) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "delete ID",
		Short: "Delete a relation",
		Long: `Deletes a relation; "picket relations list" tells the ids. What a source still sees comes
back with its next report. On a terminal it asks first.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			if err := a.confirm(cmd, yes, "Delete relation "+args[0]+"?"); err != nil {
				return err
			}
			if _, err := c.do(cmd.Context(), http.MethodDelete, relationsPath+"/"+url.PathEscape(args[0]), nil, nil); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "deleted relation %s\n", clean(args[0]))
			return nil
		},
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return c
}

// completeRelationTypes offers the names of relation types.
func (a *app) completeRelationTypes(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	return a.complete(cmd, nil, func(ctx context.Context, c *client) (names []string, err error) {
		var page struct {
			Items []struct {
				Name string `json:"name"`
			} `json:"items"`
		}
		_, err = c.get(ctx, "/api/v1/relation-types", nil, &page)
		for _, one := range page.Items {
			if strings.HasPrefix(one.Name, typed) {
				names = append(names, one.Name)
			}
		}
		return names, err
	})
}
