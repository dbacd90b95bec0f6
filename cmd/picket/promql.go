package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// promAnswer is an answer of the Prometheus API to a query.
type promAnswer struct {
	Data struct {
		ResultType string          `json:"resultType"`
		Result     json.RawMessage `json:"result"`
	} `json:"data"`
	Warnings []string `json:"warnings"`
	Infos    []string `json:"infos"`
}

// warn shows what the engine remarked.
func (p promAnswer) warn(out io.Writer) {
	for _, w := range p.Warnings {
		fmt.Fprintln(out, "warning:", clean(strings.TrimPrefix(w, "PromQL warning: ")))
	}
	for _, i := range p.Infos {
		fmt.Fprintln(out, "info:", clean(strings.TrimPrefix(i, "PromQL info: ")))
	}
}

// promSeries is one series of a vector or matrix.
type promSeries struct {
	Metric     map[string]string `json:"metric"`
	Value      *promPoint        `json:"value"`
	Histogram  *promPoint        `json:"histogram"`
	Values     []promPoint       `json:"values"`
	Histograms []promPoint       `json:"histograms"`
}

// promPoint is a time and a value, [1700000000.1, "0.5"], or a native histogram in place of the value.
type promPoint struct {
	time  time.Time
	text  string
	value float64 // NaN for histograms
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *promPoint) UnmarshalJSON(b []byte) error {
	var pair []json.RawMessage
	if err := json.Unmarshal(b, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return errors.New("a sample is not a time and a value")
	}
	var seconds float64
	if err := json.Unmarshal(pair[0], &seconds); err != nil {
		return err
	}
	if math.Abs(seconds) > 1e12 {
		return fmt.Errorf("the time %v of a sample is out of range", seconds)
	}
	p.time = time.UnixMilli(int64(math.Round(seconds * 1000)))
	p.value = math.NaN()
	if len(pair[1]) > 0 && pair[1][0] == '{' {
		var h struct{ Count, Sum string }
		if err := json.Unmarshal(pair[1], &h); err != nil {
			return err
		}
		p.text = fmt.Sprintf("histogram: count %s, sum %s", h.Count, h.Sum)
		return nil
	}
	if err := json.Unmarshal(pair[1], &p.text); err != nil {
		return err
	}
	if v, err := strconv.ParseFloat(p.text, 64); err == nil {
		p.value = v
	}
	return nil
}

// short is the value with about six significant digits.
func (p promPoint) short() string {
	if math.IsNaN(p.value) {
		return p.text
	}
	return number(p.value)
}

// points are the samples of a matrix' series, by time.
func (s promSeries) points() []promPoint {
	all := slices.Concat(s.Values, s.Histograms)
	slices.SortStableFunc(all, func(a, b promPoint) int { return a.time.Compare(b.time) })
	return all
}

// name writes the series as PromQL would select it.
func (s promSeries) name() string {
	var quoted []string // a name that needs quotes stands inside the braces
	metric, labels := "", make([]string, 0, len(s.Metric))
	for name, value := range s.Metric {
		switch {
		case name == model.MetricNameLabel && model.LegacyValidation.IsValidMetricName(value):
			metric = value
		case name == model.MetricNameLabel:
			quoted = []string{strconv.Quote(value)}
		case model.LegacyValidation.IsValidLabelName(name):
			labels = append(labels, name+"="+strconv.Quote(value))
		default:
			labels = append(labels, strconv.Quote(name)+"="+strconv.Quote(value))
		}
	}
	slices.Sort(labels)
	labels = append(quoted, labels...)
	if metric != "" && len(labels) == 0 {
		return metric
	}
	return metric + "{" + strings.Join(labels, ",") + "}"
}

// series decodes a vector or matrix.
func (p promAnswer) series() (all []promSeries, err error) {
	if err := json.Unmarshal(p.Data.Result, &all); err != nil {
		return nil, fmt.Errorf("the collector's %s cannot be read: %w", clean(p.Data.ResultType), err)
	}
	return all, nil
}

// sortByName orders series by name, so that equal answers look equal.
func sortByName(all []promSeries) {
	names := make(map[*promSeries]string, len(all))
	sorted := make([]*promSeries, len(all))
	for i := range all {
		sorted[i] = &all[i]
		names[sorted[i]] = all[i].name()
	}
	slices.SortStableFunc(sorted, func(a, b *promSeries) int { return strings.Compare(names[a], names[b]) })
	out := make([]promSeries, len(all))
	for i, s := range sorted {
		out[i] = *s
	}
	copy(all, out)
}

// number formats a computed value with about six significant digits.
func number(v float64) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return strconv.FormatFloat(v, 'f', -1, 64)
	case v == math.Trunc(v) && math.Abs(v) < 1e15:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case math.Abs(v) >= 1e6 && math.Abs(v) < 1e15:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 6, 64)
}
