package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"
)

const (
	defaultPoints = 60
	graphCells    = 30
)

// window is the range of a query.
type window struct {
	start, end time.Time
	step       time.Duration
}

func queryRangeCommand(a *app) *cobra.Command {
	var (
		start, end, step string
		points           bool
	)
	c := &cobra.Command{
		Use:   "query-range EXPR",
		Short: "Ask for the values of a PromQL expression over a time",
		Long: `Asks for the values of a PromQL expression at each step from start to end, and draws one
line for each series; --points shows every value instead.

Times are now, -1h, 15:04, "2006-01-02 15:04", RFC 3339 or Unix seconds.`,
		Example: "  picket query-range --start -6h 'node_load1'\n" +
			"  picket query-range --start 14:00 --end 15:00 --step 1m --points 'rate(node_network_receive_bytes_total[5m])'",
		Args: oneExpression,
		RunE: func(cmd *cobra.Command, args []string) error {
			w, err := parseWindow(start, end, step, a.now())
			if err != nil {
				return err
			}
			p, raw, err := a.ask(cmd, "query_range", url.Values{
				"query": {args[0]}, "start": {unix(w.start)}, "end": {unix(w.end)},
				"step": {strconv.FormatFloat(w.step.Seconds(), 'f', -1, 64)},
			})
			if err != nil {
				return err
			}
			return a.print(cmd.OutOrStdout(), raw, func(out io.Writer) error {
				all, err := p.series()
				if err != nil {
					return err
				}
				if len(all) == 0 {
					fmt.Fprintln(cmd.ErrOrStderr(), "no series")
					return nil
				}
				sortByName(all)
				if points {
					return a.writePoints(out, all)
				}
				return a.writeGraphs(out, w, all)
			})
		},
	}
	c.Flags().StringVar(&start, "start", "", "where to begin (default one hour before the end)")
	c.Flags().StringVar(&end, "end", "now", "where to end")
	c.Flags().StringVar(&step, "step", "", fmt.Sprintf("from value to value, as 30s or 5m (default a %dth of the range)", defaultPoints))
	c.Flags().BoolVar(&points, "points", false, "show every value")
	return c
}

// parseWindow reads a range. Without a step it has about 60, of whole seconds.
func parseWindow(start, end, step string, now time.Time) (w window, err error) {
	now = now.Truncate(time.Second)
	if w.end, err = parseTime(end, now); err != nil {
		return w, fmt.Errorf("--end: %w", err)
	}
	w.start = w.end.Add(-time.Hour)
	if start != "" {
		if w.start, err = parseTime(start, now); err != nil {
			return w, fmt.Errorf("--start: %w", err)
		}
	}
	if !w.start.Before(w.end) {
		return w, errors.New("--start must be before --end")
	}
	w.step = max(w.end.Sub(w.start)/defaultPoints, time.Second).Round(time.Second)
	if step != "" {
		if w.step, err = parseSpan(step); err != nil {
			return w, fmt.Errorf("--step: %w", err)
		}
		if w.step <= 0 {
			return w, errors.New("--step must be more than nothing")
		}
	}
	return w, nil
}

// writeGraphs draws one line for each series.
func (a *app) writeGraphs(out io.Writer, w window, all []promSeries) error {
	zone := a.now().Location()
	if _, err := fmt.Fprintf(out, "%s to %s, every %s\n\n", w.start.In(zone).Format(time.DateTime), w.end.In(zone).Format(time.DateTime), model.Duration(w.step)); err != nil {
		return err
	}
	t := newTable("SERIES", ">POINTS", ">MIN", ">MEAN", ">MAX", ">LAST", "GRAPH")
	for _, s := range all {
		points := s.points()
		lowest, mean, highest := summary(points)
		row := []string{s.name(), strconv.Itoa(len(points)), "", "", "", "", graph(w, points)}
		if !math.IsNaN(mean) {
			row[2], row[3], row[4] = number(lowest), number(mean), number(highest)
		}
		if len(points) > 0 {
			row[5] = points[len(points)-1].short()
		}
		t.add(row...)
	}
	return t.write(out)
}

// summary returns the least, the mean and the greatest of the values that are numbers, NaN without any.
func summary(points []promPoint) (lowest, mean, highest float64) {
	n, sum := 0.0, 0.0
	lowest, highest = math.NaN(), math.NaN()
	for _, p := range points {
		if math.IsNaN(p.value) {
			continue
		}
		if n == 0 {
			lowest, highest = p.value, p.value
		}
		n++
		sum += p.value
		lowest, highest = min(lowest, p.value), max(highest, p.value)
	}
	return lowest, sum / n, highest
}

// graph draws the means of equal parts of the window as bars of eight heights; parts without values stay blank.
func graph(w window, points []promPoint) string {
	slots := int(w.end.Sub(w.start)/w.step) + 1
	cells := min(slots, graphCells)
	parts := make([][]promPoint, cells)
	for _, p := range points {
		slot := int(p.time.Sub(w.start).Round(time.Millisecond) / w.step)
		if slot >= 0 && slot < slots && !math.IsInf(p.value, 0) {
			parts[slot*cells/slots] = append(parts[slot*cells/slots], p)
		}
	}
	means := make([]promPoint, cells)
	for i, part := range parts {
		_, means[i].value, _ = summary(part)
	}
	lowest, _, highest := summary(means)
	var b strings.Builder
	for _, m := range means {
		switch {
		case math.IsNaN(m.value):
			b.WriteByte(' ')
		case highest == lowest:
			b.WriteRune('▁')
		default:
			b.WriteRune([]rune("▁▂▃▄▅▆▇█")[int(math.Min(7, (m.value-lowest)/(highest-lowest)*8))])
		}
	}
	return b.String()
}
