package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// agentFact is one thing that an agent found on its host.
type agentFact struct {
	Class      string         `json:"class"`
	Key        string         `json:"key"`
	Attributes map[string]any `json:"attributes"`
	UpdatedAt  time.Time      `json:"updated_at"`
}

func agentsFactsCommand(a *app) *cobra.Command {
	var kind string
	c := &cobra.Command{
		Use:   "facts INSTANCE|ID",
		Short: "Show what an agent found on its host",
		Long: `Shows what an agent found on its host: how much there is of each kind, and with --kind all
of one kind with when it last changed. A kind of which there is one is shown attribute by attribute.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeAgents,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			path := agentsPath + "/" + url.PathEscape(args[0])
			if kind == "" {
				var d agentDetail
				raw, err := c.get(cmd.Context(), path, nil, &d)
				if err != nil {
					return err
				}
				return a.print(cmd.OutOrStdout(), raw, func(out io.Writer) error {
					t := newTable("KIND", ">COUNT")
					for _, k := range d.Facts {
						t.add(k.Kind, strconv.Itoa(k.Count))
					}
					return t.write(out)
				})
			}
			all, raw, err := collect[agentFact](cmd.Context(), c, path+"/facts", url.Values{"kind": {kind}})
			if err != nil {
				return err
			}
			return a.print(cmd.OutOrStdout(), raw, func(out io.Writer) error { return a.writeFacts(out, kind, all) })
		},
	}
	c.Flags().StringVar(&kind, "kind", "", "show all of this kind: host, application, listener, package, …")
	return c
}

func (a *app) writeFacts(out io.Writer, kind string, all []agentFact) error {
	switch len(all) {
	case 0:
		_, err := fmt.Fprintf(out, "nothing of kind %q was found\n", kind)
		return err
	case 1:
		var f facts
		f.add("changed", a.ago(all[0].UpdatedAt))
		for _, name := range slices.Sorted(maps.Keys(all[0].Attributes)) {
			f.add(name, factText(all[0].Attributes[name]))
		}
		return f.write(out)
	}
	t := newTable(strings.ToUpper(kind), "CHANGED", "ATTRIBUTES")
	for _, x := range all {
		var words []string
		for _, name := range slices.Sorted(maps.Keys(x.Attributes)) {
			if text := factText(x.Attributes[name]); name != "name" && text != "" {
				words = append(words, name+"="+text)
			}
		}
		t.add(x.Key, a.ago(x.UpdatedAt), strings.Join(words, " "))
	}
	return t.write(out)
}

// factText returns an attribute's value as people read it.
func factText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		words := make([]string, 0, len(v))
		for _, one := range v {
			words = append(words, factText(one))
		}
		return strings.Join(words, ",")
	case nil:
		return ""
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(raw)
}
