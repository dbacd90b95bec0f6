package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const (
	promPath = "/prometheus/api/v1"
	// countedSeries bounds how many series are asked for to be counted, shownSeries how many are named.
	countedSeries = 100_000
	shownSeries   = 5
)

func seriesCommand(a *app) *cobra.Command {
	c := group("series", "Delete series, and free their space")
	c.AddCommand(seriesDeleteCommand(a), seriesCleanCommand(a))
	return c
}

func seriesDeleteCommand(a *app) *cobra.Command {
	var (
		start, end string
		yes        bool
	)
	c := &cobra.Command{
		Use:   "delete SELECTOR…",
		Short: "Delete the samples of series for good",
		Long: `Deletes the samples that series have between --start and --end, or all of them. First it
says how many series match, and on a terminal it asks. Queries see nothing of it any more at
once; the disk space is freed within the next hours or days, or by "picket series clean".
Whoever still sends a series starts it anew.

Times are now, -1h, 15:04, "2006-01-02 15:04", RFC 3339 or Unix seconds.`,
		Example: "  picket series delete 'node_load1{instance=\"web1\"}'\n" +
			"  picket series delete '{demo=\"true\"}' --yes\n" +
			"  picket series delete --start '2026-11-23 14:00' --end '2026-11-23 15:00' '{instance=\"web1\"}'",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New(`which series? Give a selector, as in: picket series delete '{instance="web1"}'`)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			query := url.Values{"match[]": args}
			if err := a.span(query, start, end); err != nil {
				return err
			}
			return a.deleteSeries(cmd, query, yes)
		},
	}
	c.Flags().StringVar(&start, "start", "", "delete no samples before this time")
	c.Flags().StringVar(&end, "end", "", "delete no samples after this time")
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return c
}

// span adds the times that were given to a query.
func (a *app) span(query url.Values, start, end string) error {
	now := a.now()
	for name, text := range map[string]string{"start": start, "end": end} {
		if text == "" {
			continue
		}
		t, err := parseTime(text, now)
		if err != nil {
			return fmt.Errorf("--%s: %w", name, err)
		}
		query.Set(name, unix(t))
	}
	return nil
}

func (a *app) deleteSeries(cmd *cobra.Command, query url.Values, yes bool) error {
	c, err := a.connect()
	if err != nil {
		return err
	}
	var matched struct{ Data []map[string]string }
	query.Set("limit", strconv.Itoa(countedSeries))
	if _, err := c.get(cmd.Context(), promPath+"/series", query, &matched); err != nil {
		return err
	}
	query.Del("limit")
	n, out := len(matched.Data), cmd.ErrOrStderr()
	fmt.Fprintln(out, seriesMatch(n)+seriesExamples(matched.Data))
	if n > 0 {
		if err := a.confirm(cmd, yes, "Delete "+a.whatOf(query)+" for good?"); err != nil {
			return err
		}
		if _, err := c.do(cmd.Context(), http.MethodPost, promPath+"/admin/tsdb/delete_series?"+query.Encode(), nil, nil); err != nil {
			return err
		}
		fmt.Fprintln(out, "deleted")
	}
	raw, err := json.Marshal(map[string]any{"series": n, "more": n == countedSeries})
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	return a.print(cmd.OutOrStdout(), raw, func(io.Writer) error { return nil })
}

// seriesMatch says how many series a selector has.
func seriesMatch(n int) string {
	switch n {
	case 0:
		return "no series match, so there is nothing to delete"
	case 1:
		return "1 series matches:"
	case countedSeries:
		return fmt.Sprintf("%d series or more match, such as:", n)
	}
	return fmt.Sprintf("%d series match, such as:", n)
}

// seriesExamples names the first series, each on a line of its own.
func seriesExamples(all []map[string]string) string {
	var b strings.Builder
	for _, labels := range all[:min(len(all), shownSeries)] {
		b.WriteString("\n  " + clean(promSeries{Metric: labels}.name()))
	}
	return b.String()
}

// whatOf says which samples a query with start and end is about.
func (a *app) whatOf(query url.Values) string {
	if !query.Has("start") && !query.Has("end") {
		return "all their samples"
	}
	parts := []string{"their samples"}
	for _, name := range []string{"start", "end"} {
		if seconds, err := strconv.ParseFloat(query.Get(name), 64); err == nil {
			word := map[string]string{"start": "from", "end": "up to"}[name]
			parts = append(parts, word, a.exact(time.UnixMilli(int64(math.Round(seconds*1000)))))
		}
	}
	return strings.Join(parts, " ")
}

func seriesCleanCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "clean",
		Short: "Free the disk space of deleted series now",
		Long: `Writes the blocks that hold deleted samples anew, without them. That frees the space and
takes names and labels of deleted series off the lists. It can take minutes.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			c.http.Timeout = 0 // it takes as long as it takes
			if _, err := c.do(cmd.Context(), http.MethodPost, promPath+"/admin/tsdb/clean_tombstones", nil, nil); err != nil {
				return err
			}
			fmt.Fprintln(cmd.ErrOrStderr(), "cleaned")
			return nil
		},
	}
}
