package metrics

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb/tsdbutil"
)

func TestRefusals(t *testing.T) {
	t0 := now()
	day := 24 * time.Hour.Milliseconds()
	wide := make([]string, 0, 200)
	for i := range 70 {
		wide = append(wide, fmt.Sprintf("l%02d", i), "v")
	}
	for name, c := range map[string]struct {
		labels labels.Labels
		sample sample
		want   Reason
	}{
		"future":         {series("x"), sample{t0 + 11*60_000, 1}, ReasonFuture},
		"too old":        {series("x"), sample{t0 - 26*day/24 - 1000, 1}, ReasonTooOld},
		"duplicate":      {series("x"), sample{t0, 2}, ReasonDuplicate},
		"no name":        {labels.FromStrings("a", "b"), sample{t0, 1}, ReasonInvalidLabels},
		"no labels":      {labels.EmptyLabels(), sample{t0, 1}, ReasonInvalidLabels},
		"not UTF-8":      {series("x", "a", "\xff"), sample{t0, 1}, ReasonInvalidUTF8},
		"many labels":    {series("x", wide...), sample{t0, 1}, ReasonLimitLabels},
		"long name":      {series("x", strings.Repeat("n", 257), "v"), sample{t0, 1}, ReasonLimitLabelName},
		"long value":     {series("x", "a", strings.Repeat("v", 4097)), sample{t0, 1}, ReasonLimitLabelValue},
		"too many in db": {series("third"), sample{t0, 1}, ReasonLimitSeries},
	} {
		t.Run(name, func(t *testing.T) {
			reg := prometheus.NewRegistry()
			s := open(t, Options{Registerer: reg, MaxSeries: 2})
			put(t, s, series("x"), sample{t0, 1})
			put(t, s, series("y"), sample{t0, 1})
			out, errs := put(t, s, c.labels, c.sample)
			if len(errs) != 1 {
				t.Fatalf("errors %v, want one refusal", errs)
			}
			var r *Refusal
			if !errors.As(errs[0], &r) || r.Reason != c.want {
				t.Fatalf("refused as %v, want %s", errs[0], c.want)
			}
			if out.Stored != 0 || out.Refused[c.want] != 1 || out.RefusedTotal() != 1 {
				t.Errorf("outcome %+v", out)
			}
			for reason, counter := range s.self.dropped {
				if n := testutil.ToFloat64(counter); (Reason(reason) == c.want) != (n == 1) {
					t.Errorf("counted %v as %s", n, Reason(reason))
				}
			}
			if d := cmp.Diff(map[string][]sample{`{__name__="x"}`: {{t0, 1}}}, raw(t, s, "x")); d != "" {
				t.Errorf("other samples are touched: %s", d)
			}
		})
	}
}

// One refused sample must not hinder its neighbours.
func TestRefusalKeepsBatch(t *testing.T) {
	s := open(t, Options{})
	t0 := now()
	out, errs := put(t, s, series("x"), sample{t0 - 1000, 1}, sample{t0 + 24*3600_000, 9}, sample{t0, 2})
	if out.Stored != 2 || out.Refused[ReasonFuture] != 1 || len(errs) != 1 {
		t.Fatalf("%+v, %v", out, errs)
	}
	want := map[string][]sample{`{__name__="x"}`: {{t0 - 1000, 1}, {t0, 2}}}
	if d := cmp.Diff(want, raw(t, s, "x")); d != "" {
		t.Error(d)
	}
}

func TestHistogram(t *testing.T) {
	s := open(t, Options{})
	t0 := now()
	a := s.Appender(t.Context())
	if _, err := a.AppendHistogram(0, series("h"), t0, tsdbutil.GenerateTestHistogram(3), nil); err != nil {
		t.Fatal(err)
	}
	bad := tsdbutil.GenerateTestHistogram(3)
	bad.Count = 0
	var r *Refusal
	if _, err := a.AppendHistogram(0, series("bad"), t0, bad, nil); !errors.As(err, &r) || r.Reason != ReasonInvalidHistogram {
		t.Errorf("got %v, want an invalid histogram", err)
	}
	if _, err := a.AppendHistogram(0, series("f"), t0, nil, &histogram.FloatHistogram{}); err != nil {
		t.Error(err)
	}
	if out, err := a.Commit(); err != nil || out.Stored != 2 || out.Refused[ReasonInvalidHistogram] != 1 {
		t.Errorf("%+v, %v", out, err)
	}
}
