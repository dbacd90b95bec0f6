package metrics

import (
	"unicode/utf8"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// Limits bounds what one series may look like. Zero fields take the defaults.
type Limits struct {
	LabelNameBytes  int // longest label name
	LabelValueBytes int // longest label value; the metric name counts as one
	LabelsPerSeries int // the metric name counts as one
}

// DefaultLimits are wide enough for what Kubernetes and node_exporter send.
func DefaultLimits() Limits {
	return Limits{LabelNameBytes: 256, LabelValueBytes: 4096, LabelsPerSeries: 64}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	if l.LabelNameBytes <= 0 {
		l.LabelNameBytes = d.LabelNameBytes
	}
	if l.LabelValueBytes <= 0 {
		l.LabelValueBytes = d.LabelValueBytes
	}
	if l.LabelsPerSeries <= 0 {
		l.LabelsPerSeries = d.LabelsPerSeries
	}
	return l
}

// Check returns nil when ls may be a series, else the first limit or rule it breaks: a metric name is there, names are
// sorted, unique and not empty, all is UTF-8, and nothing is longer or more than allowed.
func (l Limits) Check(ls labels.Labels) *Refusal {
	if n := ls.Len(); n > l.LabelsPerSeries {
		return refuse(ReasonLimitLabels, "%d labels, limit is %d", n, l.LabelsPerSeries)
	}
	c := labelCheck{limits: l}
	ls.Range(c.label)
	if c.refusal == nil && !c.named {
		return refuse(ReasonInvalidLabels, "series %s has no metric name", abbreviate(ls.String()))
	}
	return c.refusal
}

type labelCheck struct {
	limits   Limits
	previous string
	named    bool
	refusal  *Refusal
}

func (c *labelCheck) label(lb labels.Label) {
	if c.refusal != nil {
		return
	}
	switch {
	case lb.Name == "":
		c.refusal = refuse(ReasonInvalidLabels, "empty label name")
	case len(lb.Name) > c.limits.LabelNameBytes:
		c.refusal = refuse(ReasonLimitLabelName, "label name %q has %d bytes, limit is %d", abbreviate(lb.Name), len(lb.Name), c.limits.LabelNameBytes)
	case len(lb.Value) > c.limits.LabelValueBytes:
		c.refusal = refuse(ReasonLimitLabelValue, "value of label %q has %d bytes, limit is %d", lb.Name, len(lb.Value), c.limits.LabelValueBytes)
	case !utf8.ValidString(lb.Name) || !utf8.ValidString(lb.Value):
		c.refusal = refuse(ReasonInvalidUTF8, "label %q is not UTF-8", lb.Name)
	case lb.Name == c.previous:
		c.refusal = refuse(ReasonInvalidLabels, "label name %q is not unique", lb.Name)
	case lb.Name < c.previous:
		c.refusal = refuse(ReasonInvalidLabels, "label names are not sorted: %q after %q", lb.Name, c.previous)
	case lb.Name == model.MetricNameLabel && lb.Value != "":
		c.named = true
	}
	c.previous = lb.Name
}

// abbreviate keeps messages about foreign input short.
func abbreviate(s string) string {
	const longest = 200
	if len(s) <= longest {
		return s
	}
	return s[:longest] + "…"
}
