package inventory

import (
	"cmp"
	"crypto/sha256"
	"maps"
	"slices"
	"strings"

	"github.com/picketmon/picket/checks"
)

// Limits of capabilities. The collector has the same.
const (
	mostCapabilities = 500
	mostName         = 200
	mostText         = 1000
)

// Capability says whether one thing can be collected on this host. One that is not available and has no fix is not there: there is
// nothing to mend.
type Capability struct {
	Name      string `json:"name"` // the check's, followed by ":" and the part when it is a part
	Available bool   `json:"available"`
	Reason    string `json:"reason,omitempty"`
	Fix       string `json:"fix,omitempty"`
	Gone      bool   `json:"-"` // in differences: nobody tries to collect it any more
}

// Found is what a check's last run found out about what it can collect.
type Found struct {
	Check string
	Err   error
	Gaps  []checks.Gap
}

// Capabilities turns what checks found into capabilities in order of name, within the limits.
func Capabilities(host Host, all []Found) []Capability {
	found := map[string]Capability{}
	for _, f := range all {
		found[f.Check] = host.Explain(f.Check, f.Err)
		for i := range f.Gaps {
			c := host.Explain(f.Check, &f.Gaps[i])
			c.Name = text(f.Check+":"+f.Gaps[i].Part, mostName)
			found[c.Name] = c
		}
	}
	out := inOrder(found)
	return out[:min(len(out), mostCapabilities)]
}

// inOrder returns the capabilities in order of name.
func inOrder(all map[string]Capability) []Capability {
	return slices.SortedFunc(maps.Values(all), byName)
}

func byName(a, b Capability) int { return cmp.Compare(a.Name, b.Name) }

// Hash returns SHA-256 over capabilities in order of name: name, 1 or 0, reason and fix of each, every one ended by a zero byte.
func Hash(sorted []Capability) []byte {
	h := sha256.New()
	for _, c := range sorted {
		available := "0"
		if c.Available {
			available = "1"
		}
		for _, s := range []string{c.Name, available, c.Reason, c.Fix} {
			_, _ = h.Write(append([]byte(s), 0)) // a hash takes everything
		}
	}
	return h.Sum(nil)
}

// text makes one line of valid UTF-8 of s, of at most limit bytes.
func text(s string, limit int) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", " "), "�")), " ")
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "")
	}
	return s
}
