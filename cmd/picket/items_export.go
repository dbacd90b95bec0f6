package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
)

func itemsExportCommand(a *app) *cobra.Command {
	var (
		filter itemFilter
		format string
	)
	c := &cobra.Command{
		Use:   "export [WORD…]",
		Short: "Write all items that match to standard output, as CSV or as JSON lines",
		Long: `Writes all items that match to standard output: as CSV, which "picket import items" takes
back, or as one JSON object on each line.`,
		Example: "  picket items export --class cmdb_ci_server > servers.csv\n  picket items export --format jsonl | jq .name",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			query, err := filter.query(cmd.Context(), c, args)
			if err != nil {
				return err
			}
			query.Set("format", format)
			return c.download(cmd.Context(), itemsPath+"/export", query, cmd.OutOrStdout())
		},
	}
	filter.flags(a, c)
	c.Flags().StringVar(&format, "format", "csv", "csv or jsonl")
	// Only a flag that does not exist can fail here.
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"csv", "jsonl"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// download writes an answer to out as it comes, however long it takes.
func (c *client) download(ctx context.Context, path string, query url.Values, out io.Writer) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base.String()+path+"?"+query.Encode(), nil)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	c.sign(r)
	patient := *c.http
	patient.Timeout = 0
	res, err := patient.Do(r)
	if err != nil {
		return c.unreachable(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		raw, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
		return errors.Join(c.refused(res, raw), err)
	}
	if _, err := io.Copy(out, res.Body); err != nil {
		return fmt.Errorf("the answer of %s broke off: %w", c.base, err)
	}
	if res.Trailer.Get("X-Incomplete") != "" {
		return fmt.Errorf("the collector %s could not write all of it (its log says more)", c.base)
	}
	return nil
}
