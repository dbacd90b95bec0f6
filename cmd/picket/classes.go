package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// itemClass is one kind of items.
type itemClass struct {
	Name   string `json:"name"`
	Label  string `json:"label"`
	Parent string `json:"parent"`
	Items  int    `json:"items"`
	Total  int    `json:"total"`
}

// classDetail is all that the API tells of a class.
type classDetail struct {
	itemClass
	Above      []string `json:"above"`
	Attributes []struct {
		Name      string            `json:"name"`
		Label     string            `json:"label"`
		Type      string            `json:"type"`
		Required  bool              `json:"required"`
		Choices   map[string]string `json:"choices"`
		Inherited string            `json:"inherited"`
	} `json:"attributes"`
	Rule *struct {
		Class    string `json:"class"`
		Kind     string `json:"kind"`
		Relation string `json:"relation"`
		Entries  []struct {
			Name       string   `json:"name"`
			Priority   int      `json:"priority"`
			Lookup     string   `json:"lookup"`
			Attributes []string `json:"attributes"`
			Own        []string `json:"own_attributes"`
		} `json:"entries"`
	} `json:"identification"`
}

const classesPath = "/api/v1/classes"

func classesCommand(a *app) *cobra.Command {
	c := group("classes", "List and show the classes of items")
	c.AddCommand(classesListCommand(a), classesShowCommand(a))
	return c
}

func classesListCommand(a *app) *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the classes that have items, with how many",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			classes, raw, err := collectPlain[itemClass](cmd.Context(), c, classesPath)
			if err != nil {
				return err
			}
			return a.print(cmd.OutOrStdout(), raw, func(out io.Writer) error {
				t := newTable("CLASS", "NAME", ">ITEMS", ">WITH THOSE BELOW")
				addClasses(t, classes, "", 0, all)
				if len(t.rows) == 0 {
					fmt.Fprintln(cmd.ErrOrStderr(), "no class has items yet: --all lists them")
					return nil
				}
				return t.write(out)
			})
		},
	}
	c.Flags().BoolVar(&all, "all", false, "also classes without items")
	return c
}

// addClasses adds the classes below parent as a tree.
func addClasses(t *table, classes []itemClass, parent string, depth int, all bool) {
	for _, c := range classes {
		if c.Parent == parent && (all || c.Total > 0) {
			t.add(strings.Repeat("  ", depth)+c.Label, c.Name, strconv.Itoa(c.Items), strconv.Itoa(c.Total))
			addClasses(t, classes, c.Name, depth+1, all)
		}
	}
}

// collectPlain asks for a list that comes on one page.
func collectPlain[T any](ctx context.Context, c *client, path string) ([]T, []byte, error) {
	var page struct {
		Items []T `json:"items"`
	}
	raw, err := c.get(ctx, path, nil, &page)
	return page.Items, raw, err
}

func classesShowCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "show CLASS",
		Short:             "Show one class with its attributes and how its items are told apart",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeClasses,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			var one classDetail
			raw, err := c.get(cmd.Context(), classesPath+"/"+url.PathEscape(args[0]), nil, &one)
			if err != nil {
				return err
			}
			return a.print(cmd.OutOrStdout(), raw, func(out io.Writer) error { return writeClass(out, one) })
		},
	}
}

func writeClass(out io.Writer, one classDetail) error {
	var head facts
	head.add("class", one.Label+" ("+one.Name+")")
	head.add("a kind of", strings.Join(one.Above, ", "))
	head.add("items", fmt.Sprintf("%d, with those of the classes below %d", one.Items, one.Total))
	if r := one.Rule; r != nil {
		text := "by what they are"
		if r.Kind == "dependent" {
			text = "by what they are under the item they hang on, " + r.Relation
		}
		head.add("told apart", text+" (rule of "+r.Class+")")
		for _, e := range r.Entries {
			by := strings.Join(append(slices.Clone(e.Own), e.Attributes...), " and ")
			if e.Lookup != "" {
				by += " in " + e.Lookup
			}
			head.add("", fmt.Sprintf("%d. %s: %s", e.Priority, e.Name, by))
		}
	}
	if err := head.write(out); err != nil {
		return err
	}
	t := newTable("ATTRIBUTE", "LABEL", "TYPE", "OF", "CHOICES")
	for _, at := range one.Attributes {
		kind := at.Type
		if at.Required {
			kind += ", required"
		}
		var choices []string
		for _, value := range slices.Sorted(maps.Keys(at.Choices)) {
			choices = append(choices, value+" "+at.Choices[value])
		}
		t.add(at.Name, at.Label, kind, at.Inherited, strings.Join(choices, ", "))
	}
	fmt.Fprintln(out)
	return t.write(out)
}

// completeClasses offers the names of classes.
func (a *app) completeClasses(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	return a.complete(cmd, nil, func(ctx context.Context, c *client) (names []string, err error) {
		classes, _, err := collectPlain[itemClass](ctx, c, classesPath)
		for _, one := range classes {
			if strings.HasPrefix(one.Name, typed) {
				names = append(names, cobra.CompletionWithDesc(one.Name, one.Label))
			}
		}
		return names, err
	})
}
