package checktest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/checktest"
)

func TestRecorderNamesMisuse(t *testing.T) {
	r := checktest.NewRecorder(time.UnixMilli(1))
	r.Gauge("a", 1, "y", "2", "x", "1")
	r.Counter("a-b", 1)
	r.Untyped("a", 1, "x")
	r.Gauge("a", 2, "x", "1", "y", "2")
	r.Gauge("b", 1, "__x", "1")
	r.Gauge("c", 1, "x", "\xff")
	r.Gauge("d", 1, "x", "1", "x", "2")
	r.Result(checks.Result{Resource: "/"})
	got := strings.Join(r.Problems(), "\n")
	for _, want := range []string{
		"a-b: metric name is not valid", "a: label without value", `a{x="1",y="2"}: reported twice`,
		`label name "__x" is not valid`, "is not UTF-8", `label "x" given twice`, `result for "/" has status 0`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no problem %q in\n%s", want, got)
		}
	}
	if v, ok := r.Value(`a{x="1",y="2"}`); !ok || v != 1 {
		t.Errorf("value is %v, %v", v, ok)
	}
	if _, ok := r.Value("nothing"); ok {
		t.Error("a value of nothing")
	}
	if text := r.Text(); !strings.Contains(text, "gauge a{x=\"1\",y=\"2\"} 1\n") || !strings.Contains(text, "counter a-b 1\n") {
		t.Error(text)
	}
}

func TestSuiteOnAGoodCheck(t *testing.T) {
	spec := func(run checks.Func) checks.Spec {
		return checks.Spec{
			Name: "good", Help: "Is good.",
			Metrics: []checks.Metric{{Name: "x_*", Kind: checks.KindGauge, Help: "h"}},
			New:     func() (checks.Check, error) { return run, nil },
		}
	}
	checktest.Suite(t, checktest.Subject{
		Spec: spec(func(ctx context.Context, r checks.Reporter) error {
			r.Gauge("x_1", 1, "cpu", "0")
			return ctx.Err()
		}),
		Empty: spec(func(context.Context, checks.Reporter) error { return checks.ErrNoData }),
	})
}
