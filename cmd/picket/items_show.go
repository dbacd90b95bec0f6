package main

import (
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// itemDetail is all that the API tells of an item.
type itemDetail struct {
	item
	Words map[string][]struct {
		Value  string    `json:"value"`
		Source string    `json:"source"`
		Time   time.Time `json:"time"`
		Counts bool      `json:"counts"`
	} `json:"words"`
	Hanging []struct {
		Label string `json:"label"`
		Count int    `json:"count"`
	} `json:"hanging"`
	MainName string `json:"main_name"`
}

func itemsShowCommand(a *app) *cobra.Command {
	var at string
	c := &cobra.Command{
		Use:               "show NAME|ID",
		Short:             "Show one item: its attributes and who says so, its relations, what hangs on it",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeItems,
		RunE: func(cmd *cobra.Command, args []string) error {
			query := url.Values{}
			if at != "" {
				then, err := parseTime(at, a.now())
				if err != nil {
					return err
				}
				query.Set("at", then.UTC().Format(time.RFC3339Nano))
			}
			c, err := a.connect()
			if err != nil {
				return err
			}
			path, err := c.itemPath(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			var one itemDetail
			raw, err := c.get(cmd.Context(), path, query, &one)
			if err != nil {
				return err
			}
			var rels []relation
			if at == "" && a.output == asTable {
				if rels, _, err = collect[relation](cmd.Context(), c, relationsPath, url.Values{"item": {one.ID}}); err != nil {
					return err
				}
			}
			return a.print(cmd.OutOrStdout(), raw, func(out io.Writer) error { return a.writeItem(out, one, rels) })
		},
	}
	c.Flags().StringVar(&at, "at", "", "as it was known at this time: -1h, 15:04, \"2006-01-02 15:04\"")
	_ = c.RegisterFlagCompletionFunc("at", cobra.NoFileCompletions) // only a flag that does not exist can fail here
	return c
}

func (a *app) writeItem(out io.Writer, one itemDetail, rels []relation) error {
	var head facts
	head.add("name", one.Name)
	head.add("class", one.ClassLabel+" ("+one.Class+")")
	head.add("id", one.ID)
	head.add("on", one.HostName)
	if one.DuplicateOf != "" {
		head.add("may be the same as", one.MainName+" ("+one.DuplicateOf+")")
	}
	if one.MergedInto != "" {
		head.add("merged into", one.MainName+" ("+one.MergedInto+")")
	}
	head.add("discovered", a.clock(one.FirstDiscovered))
	if !one.LastDiscovered.IsZero() {
		head.add("seen", a.ago(one.LastDiscovered)+" by "+one.DiscoverySource)
	}
	var hanging []string
	for _, h := range one.Hanging {
		hanging = append(hanging, fmt.Sprintf("%s %d", h.Label, h.Count))
	}
	head.add("hanging on it", strings.Join(hanging, ", "))
	if err := head.write(out); err != nil {
		return err
	}
	t := newTable("ATTRIBUTE", "VALUE", "SAYS", "SINCE", "OTHERS SAY")
	for _, name := range slices.Sorted(maps.Keys(one.Attributes)) {
		source, since := "", ""
		var others []string
		for _, w := range one.Words[name] {
			if w.Counts && source == "" {
				source, since = w.Source, a.clock(w.Time)
			} else if w.Value != one.Attributes[name] {
				others = append(others, w.Source+": "+w.Value)
			}
		}
		t.add(name, one.Attributes[name], source, since, strings.Join(others, "; "))
	}
	for _, part := range []*table{t, relationTable(rels, one.ID)} {
		if len(part.rows) == 0 {
			continue
		}
		fmt.Fprintln(out)
		if err := part.write(out); err != nil {
			return err
		}
	}
	return nil
}
