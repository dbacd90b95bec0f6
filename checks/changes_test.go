package checks_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/checktest"
)

func TestChanges(t *testing.T) {
	var c checks.Changes
	start := time.UnixMilli(0)
	for i, step := range []struct {
		after time.Duration
		judge map[string]checks.Status
		want  []string
	}{
		{0, map[string]checks.Status{"/": checks.OK, "/a": checks.Critical}, []string{"/ ok", "/a critical"}},
		{10 * time.Second, map[string]checks.Status{"/": checks.OK, "/a": checks.Critical}, nil},
		{20 * time.Second, map[string]checks.Status{"/": checks.Warning, "/a": checks.Critical}, []string{"/ warning"}},
		{5 * time.Minute, map[string]checks.Status{"/": checks.Warning, "/a": checks.Critical}, []string{"/a critical"}},
		{6 * time.Minute, map[string]checks.Status{"/": checks.OK}, []string{"/ ok", "/a ok"}},
		{20 * time.Minute, map[string]checks.Status{"/": checks.OK}, nil},
		{21 * time.Minute, nil, nil},
		{22 * time.Minute, map[string]checks.Status{"/": checks.OK}, []string{"/ ok"}},
	} {
		rec := checktest.NewRecorder(start.Add(step.after))
		for resource, status := range step.judge {
			c.Judge(rec, checks.Result{Resource: resource, Status: status})
		}
		c.Finish(rec, "gone")
		var got []string
		for _, res := range rec.Results() {
			got = append(got, fmt.Sprintf("%s %s", res.Resource, res.Status))
		}
		slices.Sort(got)
		if !slices.Equal(got, step.want) {
			t.Errorf("step %d: got %q, want %q", i, got, step.want)
		}
	}
}
