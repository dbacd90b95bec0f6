package main

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"time"

	"github.com/spf13/cobra"
)

func queryCommand(a *app) *cobra.Command {
	var at string
	c := &cobra.Command{
		Use:   "query EXPR",
		Short: "Ask for the value of a PromQL expression now, or at a time",
		Example: "  picket query 'node_load1'\n" +
			"  picket query 'topk(5, rate(node_cpu_seconds_total{mode=\"user\"}[5m]))'\n" +
			"  picket query --time '2026-11-23 14:00' up",
		Args: oneExpression,
		RunE: func(cmd *cobra.Command, args []string) error {
			query := url.Values{"query": {args[0]}}
			if at != "" {
				t, err := parseTime(at, a.now())
				if err != nil {
					return fmt.Errorf("--time: %w", err)
				}
				query.Set("time", unix(t))
			}
			p, raw, err := a.ask(cmd, "query", query)
			if err != nil {
				return err
			}
			return a.print(cmd.OutOrStdout(), raw, func(out io.Writer) error {
				return a.writeInstant(out, cmd.ErrOrStderr(), args[0], p)
			})
		},
	}
	c.Flags().StringVar(&at, "time", "", `when: now, -1h, 15:04, "2006-01-02 15:04", RFC 3339 or Unix seconds`)
	return c
}

func oneExpression(_ *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return errors.New("which expression? Give one, as in: picket query node_load1")
	case 1:
		return nil
	}
	return errors.New("more than one expression was given: put it between single quotes")
}

// ask sends a query to the Prometheus API.
func (a *app) ask(cmd *cobra.Command, endpoint string, query url.Values) (p promAnswer, raw []byte, err error) {
	c, err := a.connect()
	if err != nil {
		return p, nil, err
	}
	if raw, err = c.get(cmd.Context(), "/prometheus/api/v1/"+endpoint, query, &p); err != nil {
		return p, nil, err
	}
	p.warn(cmd.ErrOrStderr())
	return p, raw, nil
}

// ordered are the functions whose result has an order of its own.
var ordered = regexp.MustCompile(`^\s*(sort|sort_desc|sort_by_label|sort_by_label_desc|topk|bottomk)\b`)

// writeInstant draws the result of an instant query.
func (a *app) writeInstant(out, remarks io.Writer, expr string, p promAnswer) error {
	switch p.Data.ResultType {
	case "scalar", "string":
		var one promPoint
		if err := one.UnmarshalJSON(p.Data.Result); err != nil {
			return fmt.Errorf("the collector's %s cannot be read: %w", p.Data.ResultType, err)
		}
		_, err := fmt.Fprintln(out, clean(one.text))
		return err
	case "vector", "matrix":
	default:
		return fmt.Errorf("the collector answers with a %q: try -o json", p.Data.ResultType)
	}
	all, err := p.series()
	if err != nil {
		return err
	}
	if len(all) == 0 {
		fmt.Fprintln(remarks, "no series")
		return nil
	}
	if !ordered.MatchString(expr) {
		sortByName(all)
	}
	if p.Data.ResultType == "matrix" {
		return a.writePoints(out, all)
	}
	t := newTable("SERIES", ">VALUE")
	for _, s := range all {
		switch {
		case s.Value != nil:
			t.add(s.name(), s.Value.text)
		case s.Histogram != nil:
			t.add(s.name(), s.Histogram.text)
		}
	}
	return t.write(out)
}

// writePoints draws every point of every series.
func (a *app) writePoints(out io.Writer, all []promSeries) error {
	for _, s := range all {
		if _, err := fmt.Fprintln(out, clean(s.name())); err != nil {
			return err
		}
		for _, p := range s.points() {
			if _, err := fmt.Fprintf(out, "  %s  %s\n", a.exact(p.time), clean(p.text)); err != nil {
				return err
			}
		}
	}
	return nil
}

// exact formats the time of a sample, with milliseconds when it has some.
func (a *app) exact(t time.Time) string {
	layout := time.DateTime
	if t.UnixMilli()%1000 != 0 {
		layout = "2006-01-02 15:04:05.000"
	}
	return t.In(a.now().Location()).Format(layout)
}
