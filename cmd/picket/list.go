package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

// collect asks for all pages of a list. It returns the items and, as if it had been one page, the answer.
func collect[T any](ctx context.Context, c *client, path string, query url.Values) (items []T, raw []byte, err error) {
	query = maps.Clone(query)
	if query == nil {
		query = url.Values{}
	}
	query.Set("limit", "1000")
	var all []json.RawMessage
	for {
		var page struct {
			Items []json.RawMessage `json:"items"`
			Next  string            `json:"next"`
		}
		if _, err := c.get(ctx, path, query, &page); err != nil {
			return nil, nil, err
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			break
		}
		if page.Next == query.Get("after") {
			return nil, nil, errors.New("the collector's list does not end")
		}
		query.Set("after", page.Next)
	}
	for _, one := range all {
		var item T
		if err := json.Unmarshal(one, &item); err != nil {
			return nil, nil, fmt.Errorf("%s does not answer like a Picket collector: %w", c.base, err)
		}
		items = append(items, item)
	}
	var b bytes.Buffer
	b.WriteString(`{"items":[`)
	for i, one := range all {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(one)
	}
	b.WriteString("]}\n")
	return items, b.Bytes(), nil
}

// complete offers what list returns for the first argument. Whoever presses tab waits for it, so it gives up soon and quietly.
func (a *app) complete(cmd *cobra.Command, args []string, list func(context.Context, *client) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	c, err := a.connect()
	if err != nil {
		cobra.CompDebugln(err.Error(), false)
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), 3*time.Second)
	defer cancel()
	offers, err := list(ctx, c)
	if err != nil {
		cobra.CompDebugln(err.Error(), false)
	}
	return offers, cobra.ShellCompDirectiveNoFileComp
}
