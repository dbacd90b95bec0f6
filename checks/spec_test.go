package checks_test

import (
	"context"
	"strings"
	"testing"

	"github.com/picketmon/picket/checks"
)

func TestLookup(t *testing.T) {
	spec := checks.Spec{Metrics: []checks.Metric{
		{Name: "node_memory_*", Kind: checks.KindGauge},
		{Name: "node_memory_HugePages_*", Kind: checks.KindUntyped},
		{Name: "node_memory_HugePages_Free", Kind: checks.KindCounter},
	}}
	for name, want := range map[string]string{
		"node_memory_MemFree_bytes":   "node_memory_*",
		"node_memory_HugePages_Total": "node_memory_HugePages_*",
		"node_memory_HugePages_Free":  "node_memory_HugePages_Free",
		"node_memor":                  "",
		"node_load1":                  "",
	} {
		m, ok := spec.Lookup(name)
		if m.Name != want || ok != (want != "") {
			t.Errorf("Lookup(%q) = %q, %v; want %q", name, m.Name, ok, want)
		}
	}
}

func TestValidate(t *testing.T) {
	good := func() checks.Spec {
		return checks.Spec{
			Name: "cpu", Help: "CPU time.",
			Metrics: []checks.Metric{{Name: "node_cpu_seconds_total", Help: "h"}, {Name: "node_cpu_*", Help: "h"}},
			New: func() (checks.Check, error) {
				return checks.Func(func(context.Context, checks.Reporter) error { return nil }), nil
			},
		}
	}
	if err := good().Validate(); err != nil {
		t.Fatalf("good spec: %v", err)
	}
	for name, c := range map[string]struct {
		change func(*checks.Spec)
		want   string
	}{
		"upper case name": {func(s *checks.Spec) { s.Name = "CPU" }, "lower-case"},
		"no name":         {func(s *checks.Spec) { s.Name = "" }, "lower-case"},
		"no help":         {func(s *checks.Spec) { s.Help = "" }, "required"},
		"no New":          {func(s *checks.Spec) { s.New = nil }, "required"},
		"bad metric":      {func(s *checks.Spec) { s.Metrics[0].Name = "node-cpu" }, "not valid"},
		"empty metric":    {func(s *checks.Spec) { s.Metrics[0].Name = "*" }, "not valid"},
		"no metric help":  {func(s *checks.Spec) { s.Metrics[0].Help = "" }, "no help"},
		"twice":           {func(s *checks.Spec) { s.Metrics[1] = s.Metrics[0] }, "twice"},
	} {
		t.Run(name, func(t *testing.T) {
			s := good()
			c.change(&s)
			if err := s.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Validate() = %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestValidNames(t *testing.T) {
	for name, want := range map[string][2]bool{
		"a": {true, true}, "a1": {true, true}, "_a": {true, true}, "a:b": {true, false}, "__a": {true, false},
		"": {}, "1a": {}, "a-b": {}, "a b": {}, "é": {},
	} {
		if got := checks.ValidName(name); got != want[0] {
			t.Errorf("ValidName(%q) = %v", name, got)
		}
		if got := checks.ValidLabelName(name); got != want[1] {
			t.Errorf("ValidLabelName(%q) = %v", name, got)
		}
	}
}
