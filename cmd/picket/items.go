package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// item is the part of an item that tables show.
type item struct {
	ID              string            `json:"id"`
	Class           string            `json:"class"`
	ClassLabel      string            `json:"class_label"`
	Name            string            `json:"name"`
	Host            string            `json:"host"`
	HostName        string            `json:"host_name"`
	Attributes      map[string]string `json:"attributes"`
	DiscoverySource string            `json:"discovery_source"`
	FirstDiscovered time.Time         `json:"first_discovered"`
	LastDiscovered  time.Time         `json:"last_discovered"`
	DuplicateOf     string            `json:"duplicate_of"`
	MergedInto      string            `json:"merged_into"`
}

const itemsPath = "/api/v1/items"

func itemsCommand(a *app) *cobra.Command {
	c := group("items", "List, show, compare, change and export the items of the CMDB")
	c.AddCommand(itemsListCommand(a), itemsShowCommand(a), itemsHistoryCommand(a), itemsDiffCommand(a), itemsExportCommand(a),
		itemsCreateCommand(a), itemsSetCommand(a), itemsDeleteCommand(a))
	return c
}

// itemFilter is which items are meant.
type itemFilter struct {
	class, on  string
	attributes []string
	duplicates bool
}

func (f *itemFilter) flags(a *app, c *cobra.Command) {
	c.Flags().StringVar(&f.class, "class", "", "only items of this class and of those below")
	c.Flags().StringVar(&f.on, "on", "", "only what hangs on this item: a name or an id")
	c.Flags().StringArrayVar(&f.attributes, "attr", nil, "name=value that items must have, in any case; may be given several times")
	c.Flags().BoolVar(&f.duplicates, "duplicates", false, "only items that may be the same as another")
	// Only a flag that does not exist can fail here.
	_ = c.RegisterFlagCompletionFunc("class", a.completeClasses)
	_ = c.RegisterFlagCompletionFunc("attr", cobra.NoFileCompletions)
	_ = c.RegisterFlagCompletionFunc("on", cobra.NoFileCompletions)
}

func (f *itemFilter) query(ctx context.Context, c *client, args []string) (url.Values, error) {
	query := url.Values{}
	for name, v := range map[string]string{"class": f.class, "search": strings.Join(args, " ")} {
		if v != "" {
			query.Set(name, v)
		}
	}
	if f.on != "" {
		host, err := c.itemID(ctx, f.on)
		if err != nil {
			return nil, err
		}
		query.Set("host", host)
	}
	for _, one := range f.attributes {
		if name, value, ok := strings.Cut(one, "="); !ok || name == "" || value == "" {
			return nil, fmt.Errorf("--attr: %q is not name=value", one)
		}
		query.Add("attr", one)
	}
	if f.duplicates {
		query.Set("duplicates", "true")
	}
	return query, nil
}

func itemsListCommand(a *app) *cobra.Command {
	var (
		filter itemFilter
		limit  int
	)
	c := &cobra.Command{
		Use:   "list [WORD…]",
		Short: "List items whose name, address, serial number or the like has the words",
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 1 {
				return fmt.Errorf("--limit: %d is less than 1", limit)
			}
			c, err := a.connect()
			if err != nil {
				return err
			}
			query, err := filter.query(cmd.Context(), c, args)
			if err != nil {
				return err
			}
			selected := len(query) > 0
			found, total, raw, err := c.firstItems(cmd.Context(), query, limit)
			if err != nil {
				return err
			}
			if len(found) < total {
				defer fmt.Fprintf(cmd.ErrOrStderr(), "these are %d of %s: say which, give a larger --limit, or use \"picket items export\"\n", len(found), count(total, "item", "items"))
			}
			return a.print(cmd.OutOrStdout(), raw, func(out io.Writer) error {
				if len(found) == 0 {
					fmt.Fprintln(cmd.ErrOrStderr(), noItems(selected))
					return nil
				}
				t := newTable("NAME", "CLASS", "ON", "ADDRESS", "SERIAL NUMBER", "SOURCE", "SEEN", "ID")
				for _, one := range found {
					name := one.Name
					if one.DuplicateOf != "" {
						name += " (duplicate)"
					}
					t.add(name, one.ClassLabel, one.HostName, one.Attributes["ip_address"], one.Attributes["serial_number"], one.DiscoverySource,
						a.ago(one.LastDiscovered), one.ID)
				}
				return t.write(out)
			})
		},
	}
	filter.flags(a, c)
	c.Flags().IntVar(&limit, "limit", 1000, "the most items to list")
	return c
}

func noItems(selected bool) string {
	if selected {
		return "no such items"
	}
	return `there are no items yet: agents report their hosts, and "picket import items" takes files`
}

// firstItems asks for pages until there are enough, and returns how many there are in all, and the answer as if it had been one page.
func (c *client) firstItems(ctx context.Context, query url.Values, limit int) (found []item, total int, raw []byte, err error) {
	var all []json.RawMessage
	for len(all) < limit {
		query.Set("limit", strconv.Itoa(min(limit-len(all), 1000)))
		var page struct {
			Items []json.RawMessage `json:"items"`
			Next  string            `json:"next"`
			Total int               `json:"total"`
		}
		if _, err := c.get(ctx, itemsPath, query, &page); err != nil {
			return nil, 0, nil, err
		}
		all, total = append(all, page.Items...), page.Total
		if page.Next == "" {
			break
		}
		query.Set("after", page.Next)
	}
	for _, one := range all {
		var it item
		if err := json.Unmarshal(one, &it); err != nil {
			return nil, 0, nil, fmt.Errorf("%s does not answer like a Picket collector: %w", c.base, err)
		}
		found = append(found, it)
	}
	lines := make([][]byte, len(all))
	for i := range all {
		lines[i] = all[i]
	}
	raw = fmt.Appendf(nil, `{"items":[%s],"total":%d}`, bytes.Join(lines, []byte(",")), total)
	return found, total, raw, nil
}

// itemID returns the id of the item that a person names: by its id, or by a name that one item has.
func (c *client) itemID(ctx context.Context, text string) (string, error) {
	if len(text) == 32 && strings.Trim(text, "0123456789abcdef") == "" {
		return text, nil
	}
	if text == "" {
		return "", errors.New("which item? Give its name or its id")
	}
	found, total, _, err := c.firstItems(ctx, url.Values{"attr": {"name=" + text}}, 10)
	switch {
	case err != nil:
		return "", err
	case total == 0:
		return "", fmt.Errorf("there is no item %s", clean(text))
	case total == 1:
		return found[0].ID, nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d items have the name %s: give the id of one", total, clean(text))
	for _, one := range found {
		fmt.Fprintf(&b, "\n  %s  %s", one.ID, clean(one.ClassLabel))
		if one.HostName != "" {
			b.WriteString(" on " + clean(one.HostName))
		}
	}
	return "", errors.New(b.String())
}

// itemPath returns the path of the item that a person names.
func (c *client) itemPath(ctx context.Context, text string) (string, error) {
	id, err := c.itemID(ctx, text)
	return itemsPath + "/" + url.PathEscape(id), err
}

// completeItems offers the names that begin like what was typed.
func (a *app) completeItems(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	return a.complete(cmd, args, func(ctx context.Context, c *client) (names []string, err error) {
		found, _, _, err := c.firstItems(ctx, url.Values{"search": {typed}}, 200)
		for _, one := range found {
			if strings.HasPrefix(one.Name, typed) && one.Name == clean(one.Name) {
				names = append(names, cobra.CompletionWithDesc(one.Name, one.ClassLabel))
			}
		}
		return names, err
	})
}
