package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

const importItemsPath = "/api/v1/imports/items"

// importedItems is what became of a file of items.
type importedItems struct {
	DryRun     bool `json:"dry_run"`
	Items      int  `json:"items"`
	Inserted   int  `json:"inserted"`
	Updated    int  `json:"updated"`
	Unchanged  int  `json:"unchanged"`
	Incomplete int  `json:"incomplete"`
	Failed     int  `json:"failed"`
	Relations  int  `json:"relations"`
	Problems   []struct {
		Line     int    `json:"line"`
		Name     string `json:"name"`
		Severity string `json:"severity"`
		Message  string `json:"message"`
	} `json:"problems"`
	More int `json:"more_problems"`
}

func importItemsCommand(a *app) *cobra.Command {
	var (
		source, class, format string
		dry                   bool
	)
	c := &cobra.Command{
		Use:   "items FILE",
		Short: "Identify and reconcile the items of a CSV or JSON file",
		Long: `Takes the items of a file into the CMDB, plain or packed with gzip; - is standard input. For
each the item that it means is found, or made, and what the source may say is written.

CSV: the first line names the columns: class, sys_id, native_key (how the source itself knows
the item), hangs_on (the name or sys_id of what it hangs on) and attributes. Empty cells say nothing. What
"picket items export" writes can be taken back.
JSON: an array of {"className": …, "values": {…}}, or a report with items and relations.

Items with errors are left out and told by their lines; the others are taken. The same file
once more changes nothing. If an item has an error, the exit code is 1.`,
		Example: "  picket import items servers.csv --class cmdb_ci_server --dry-run\n  picket import items cmdb.json --source ServiceNow",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("which file? Give one, or - for standard input, as in: picket import items servers.csv")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			kind, err := itemsType(args[0], format)
			if err != nil {
				return err
			}
			query := url.Values{}
			for name, v := range map[string]string{"source": source, "class": class} {
				if v != "" {
					query.Set(name, v)
				}
			}
			if dry {
				query.Set("dry_run", "true")
			}
			c, err := a.connect()
			if err != nil {
				return err
			}
			text, err := a.openText(args[0])
			if err != nil {
				return err
			}
			defer text.file.Close()
			return a.importItems(cmd, c, query, kind, text)
		},
	}
	c.Flags().StringVar(&source, "source", "", "whose report it is (default Import)")
	c.Flags().StringVar(&class, "class", "", "of items whose line does not say")
	c.Flags().StringVar(&format, "format", "", "csv or json (default by the name of the file)")
	c.Flags().BoolVar(&dry, "dry-run", false, "say what would become of it, and change nothing")
	// Only a flag that does not exist can fail here.
	_ = c.RegisterFlagCompletionFunc("source", cobra.NoFileCompletions)
	_ = c.RegisterFlagCompletionFunc("class", a.completeClasses)
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"csv", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// itemsType returns the media type of a file of items.
func itemsType(name, format string) (string, error) {
	if format == "" {
		format = strings.TrimPrefix(filepath.Ext(strings.TrimSuffix(strings.ToLower(name), ".gz")), ".")
	}
	switch format {
	case "csv", "tsv", "txt":
		return "text/csv", nil
	case "json":
		return "application/json", nil
	}
	return "", fmt.Errorf("is %s CSV or JSON? Say so with --format csv or --format json", name)
}

func (a *app) importItems(cmd *cobra.Command, c *client, query url.Values, kind string, t *text) error {
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	p := newSending(cmd.ErrOrStderr(), t.size, false, a.progress != nil && a.progress())
	var done importedItems
	raw, err := c.upload(ctx, importItemsPath, kind, query, &sent{t.r, p}, t, &done)
	begun := p.end()
	if no, ok := errors.AsType[*refusal](err); ok && len(no.problems) > 0 {
		return refusedText(no)
	} else if err != nil && begun {
		return fmt.Errorf("%w\nWhat was taken before that stays; it does no harm to import the file again", err)
	} else if err != nil {
		return err
	}
	if err := a.print(cmd.OutOrStdout(), raw, func(out io.Writer) error { return writeImportedItems(out, done) }); err != nil {
		return err
	}
	if done.Failed > 0 {
		return fmt.Errorf("%s with an error", count(done.Failed, "item", "items"))
	}
	return nil
}

func writeImportedItems(out io.Writer, done importedItems) error {
	if len(done.Problems) > 0 {
		t := newTable(">LINE", "ITEM", "", "WHAT IS WRONG")
		for _, p := range done.Problems {
			t.add(strconv.Itoa(p.Line), p.Name, p.Severity, p.Message)
		}
		if err := t.write(out); err != nil {
			return err
		}
		if done.More > 0 {
			fmt.Fprintf(out, "and %d more\n", done.More)
		}
		fmt.Fprintln(out)
	}
	verb := "took"
	if done.DryRun {
		verb = "a dry run, nothing was changed: would take"
	}
	text := fmt.Sprintf("%s %s: %d new, %d changed, %d as they were", verb, count(done.Items-done.Failed-done.Incomplete, "item", "items"), done.Inserted, done.Updated, done.Unchanged)
	if done.Relations > 0 {
		text += ", " + count(done.Relations, "relation", "relations")
	}
	if done.Incomplete > 0 {
		text += fmt.Sprintf("; %d wait for another report to bring what they lack", done.Incomplete)
	}
	_, err := fmt.Fprintln(out, text)
	return err
}
