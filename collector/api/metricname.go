package api

import (
	"context"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/metrics"
)

// NameFinder searches the names of metrics.
type NameFinder interface {
	Find(ctx context.Context, search string, limit int) (metrics.Found, error)
}

// MetricName is a metric's name and what is known about it.
type MetricName struct {
	Name string `json:"name"`
	Type string `json:"type,omitempty" doc:"counter, gauge, histogram, summary, …, unknown; absent when nobody told"`
	Help string `json:"help,omitempty"`
	Unit string `json:"unit,omitempty"`
}

// metricNames is the answer of the finder. It is no page: whoever wants others searches better.
type metricNames struct {
	Items []MetricName `json:"items" nullable:"false" doc:"The best first"`
	Total int          `json:"total" doc:"How many names fit in all"`
}

type metricNamesInput struct {
	Search string `query:"search" maxLength:"200" doc:"Up to eight words, in any case"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"50" doc:"The most items to return"`
}

func (a *api) mountMetricNames() {
	register(a, operation{
		id: "find-metric-names", method: get, path: "/api/v1/metric-names", tag: "metric", roles: []access.Role{access.Viewer},
		summary: "Metric names that fit a search, the best first",
		description: "A name fits when it, or its help text, holds all words of the search, or when it has the letters of the search in " +
			"this order. First comes the very name, then names that begin with the words, names whose own words do, names with the words " +
			"anywhere, abbreviations (ncst for node_cpu_seconds_total), names whose help text has the words, names with the letters " +
			"anywhere; among equals the shorter. Without a search all names fit, in alphabetical order. New names are found within seconds.",
	}, a.metricNames)
}

func (a *api) metricNames(ctx context.Context, in *metricNamesInput) (*answer[metricNames], error) {
	found, err := a.Names.Find(ctx, in.Search, in.Limit)
	if err != nil {
		return nil, err
	}
	return &answer[metricNames]{metricNames{Total: found.Total, Items: items(found.Names, func(n metrics.FoundName) MetricName {
		return MetricName{Name: n.Name, Type: n.Kind, Help: n.Help, Unit: n.Unit}
	})}}, nil
}
