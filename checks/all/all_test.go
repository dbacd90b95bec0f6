package all_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/all"
	"github.com/picketmon/picket/checks/checktest"
)

// TestBuiltin runs every check on the machine that runs the test.
func TestBuiltin(t *testing.T) {
	specs := all.Builtin(all.Options{})
	if !slices.IsSortedFunc(specs, func(a, b checks.Spec) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the list is not sorted by name")
	}
	names, families := map[string]bool{}, map[string]string{}
	for _, s := range specs {
		if err := s.Validate(); err != nil {
			t.Error(err)
		}
		if names[s.Name] {
			t.Errorf("two checks are called %s", s.Name)
		}
		names[s.Name] = true
		for _, m := range s.Metrics {
			if other := families[m.Name]; other != "" {
				t.Errorf("%s and %s both report %s", other, s.Name, m.Name)
			}
			families[m.Name] = s.Name
		}
		t.Run(s.Name, func(t *testing.T) { runHere(t, s) })
	}
}

func runHere(t *testing.T, s checks.Spec) {
	check, err := s.New()
	if err != nil {
		t.Fatal(err)
	}
	rec := checktest.NewRecorder(time.Now())
	if err := check.Run(t.Context(), rec); err != nil && !errors.Is(err, checks.ErrNoData) {
		t.Error(err)
	}
	for _, p := range rec.Problems() {
		t.Error(p)
	}
	for _, sample := range rec.Samples() {
		if m, ok := s.Lookup(sample.Name); !ok || m.Kind != sample.Kind {
			t.Errorf("%s is of kind %d, documented: %+v, %v", sample.Series(), sample.Kind, m, ok)
		}
	}
}
