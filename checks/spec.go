package checks

import (
	"fmt"
	"strings"
)

// Lookup finds the metric that documents the family called name: the entry of exactly that name, else the longest prefix
// entry that fits. It returns false when the spec does not document the family.
func (s Spec) Lookup(name string) (Metric, bool) {
	var best Metric
	found := false
	for _, m := range s.Metrics {
		if m.Name == name {
			return m, true
		}
		prefix, ok := strings.CutSuffix(m.Name, "*")
		if ok && strings.HasPrefix(name, prefix) && (!found || len(m.Name) > len(best.Name)) {
			best, found = m, true
		}
	}
	return best, found
}

// Validate says what is wrong with the spec itself: missing or malformed names and texts, or a metric documented twice.
func (s Spec) Validate() error {
	if s.Name == "" || strings.Trim(s.Name, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		return fmt.Errorf("check name %q: want lower-case letters, digits and _", s.Name)
	}
	if s.Help == "" || s.New == nil {
		return fmt.Errorf("check %s: Help and New are required", s.Name)
	}
	seen := make(map[string]bool, len(s.Metrics))
	for _, m := range s.Metrics {
		switch {
		case !ValidName(strings.TrimSuffix(m.Name, "*")):
			return fmt.Errorf("check %s: metric name %q is not valid", s.Name, m.Name)
		case m.Help == "":
			return fmt.Errorf("check %s: metric %s has no help text", s.Name, m.Name)
		case seen[m.Name]:
			return fmt.Errorf("check %s: metric %s is documented twice", s.Name, m.Name)
		}
		seen[m.Name] = true
	}
	return nil
}
