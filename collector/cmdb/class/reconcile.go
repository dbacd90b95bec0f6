package class

import "slices"

// Reconciliation lets a source write attributes of a class and of the classes below.
type Reconciliation struct {
	Class      *Class
	Source     string
	Priority   int      // the smaller, the stronger
	Attributes []string // empty: all
	WithNull   []string // attributes that the source may empty
}

// Authority is who may write one attribute of items of one class. The zero Authority is: anyone, the latest word counts.
type Authority struct {
	priority map[string]int // by source; nil: no rule covers the attribute
	null     map[string]bool
}

// Ruled reports whether any rule covers the attribute.
func (a Authority) Ruled() bool { return a.priority != nil }

// Priority returns how strong a source's word is, the smaller the stronger; ok is false for a source without a rule, which may only
// fill what is empty.
func (a Authority) Priority(source string) (priority int, ok bool) {
	if a.priority == nil {
		return 0, true
	}
	priority, ok = a.priority[source]
	return priority, ok
}

// MayEmpty reports whether the source may take the attribute's value away.
func (a Authority) MayEmpty(source string) bool { return a.null[source] }

// Authority returns who may write the attribute of items of class c. Rules that name the attribute go before those for all attributes;
// among them those of the nearest class void those of classes above.
func (m *Model) Authority(c *Class, attribute string) Authority {
	var a Authority
	for _, specific := range []bool{true, false} {
		for at := c; at != nil && a.priority == nil; at = at.Parent {
			a.take(m.reconcile, at, attribute, specific)
		}
	}
	// Who may empty an attribute is asked of every rule that covers it.
	for _, r := range m.reconcile {
		if c.Is(r.Class) && slices.Contains(r.WithNull, attribute) && (len(r.Attributes) == 0 || slices.Contains(r.Attributes, attribute)) {
			if a.null == nil {
				a.null = map[string]bool{}
			}
			a.null[r.Source] = true
		}
	}
	return a
}

func (a *Authority) take(rules []*Reconciliation, at *Class, attribute string, specific bool) {
	for _, r := range rules {
		if r.Class != at || specific != (len(r.Attributes) > 0) || specific && !slices.Contains(r.Attributes, attribute) {
			continue
		}
		if a.priority == nil {
			a.priority = map[string]int{}
		}
		if p, ok := a.priority[r.Source]; !ok || r.Priority < p {
			a.priority[r.Source] = r.Priority
		}
	}
}

// StaleAfter returns how much younger another source's word must be to take the place of this source's, of items of class c; ok is
// false when the source's word never grows stale. The rule of the nearest class counts.
func (m *Model) StaleAfter(c *Class, source string) (ms int64, ok bool) {
	depth := -1
	for _, r := range m.refresh {
		if r.Source == source && c.Is(r.Class) && r.Class.Depth > depth {
			depth, ms, ok = r.Class.Depth, r.After.Milliseconds(), true
		}
	}
	return ms, ok
}

// Reclassified returns the class of an item that is of class from and was reported as to: the same rule must identify both, and the
// model must allow the direction.
func (m *Model) Reclassified(from, to *Class) *Class {
	if from == to || from.Rule() != to.Rule() {
		return from
	}
	switch {
	case to.Is(from):
		if m.upgrade {
			return to
		}
	case from.Is(to):
		if m.downgrade {
			return to
		}
	case m.sideways:
		return to
	}
	return from
}
