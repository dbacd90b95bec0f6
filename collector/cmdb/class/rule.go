package class

import (
	"cmp"
	"fmt"
	"slices"
)

func (l *loader) lookups(docs []*document) {
	for _, d := range docs {
		for _, t := range d.Lookups {
			at := &Lookup{Name: t.Name, Attributes: map[string]*Attribute{}}
			l.attributes(at.Attributes, classDoc{Name: t.Name, Attributes: t.Attributes, at: t.at})
			l.m.lookups[t.Name] = at
		}
	}
}

// identification gives each class its rule: the last one in the files, or that of the nearest class above.
func (l *loader) identification() {
	for _, d := range l.docs {
		c := l.m.classes[d.Name]
		if c == nil || d.Identification == nil {
			continue
		}
		c.rule = l.rule(c, d.Identification, d.at)
	}
	for _, c := range l.m.Classes() { // parents first
		if c.applies = c.rule; c.applies == nil && c.Parent != nil {
			c.applies = c.Parent.applies
		}
	}
	for _, d := range l.docs {
		if r := d.Identification; r != nil && r.Fallback && l.m.classes[d.Name] != nil {
			if above := l.m.classes[d.Name].Parent; above == nil || above.applies == nil || above.applies.Kind != Dependent {
				l.wrong(d.at, "class %s: fallback_to_parent, but the parent has no dependent rule", d.Name)
			}
		}
	}
}

func (l *loader) rule(c *Class, d *ruleDoc, at place) *Rule {
	r := &Rule{Owner: c, Kind: d.Kind, Relation: d.Relation, Host: End(d.Host), Fallback: d.Fallback}
	switch d.Kind {
	case Independent:
		if d.Relation != "" || d.Host != "" || d.Fallback {
			l.wrong(at, "class %s: relation, host and fallback_to_parent are for dependent rules", c.Name)
		}
	case Dependent:
		if l.m.relations[d.Relation] == nil {
			l.wrong(at, "class %s: a dependent rule needs a relation that exists, not %q", c.Name, d.Relation)
		}
		if r.Host != ParentEnd && r.Host != ChildEnd {
			l.wrong(at, "class %s: host says at which end of the relation the host is, parent or child, not %q", c.Name, d.Host)
		}
	default:
		l.wrong(at, "class %s: the kind of a rule is independent or dependent, not %q", c.Name, d.Kind)
	}
	if len(d.Entries) == 0 {
		l.wrong(at, "class %s: a rule needs at least one entry", c.Name)
	}
	for _, e := range d.Entries {
		if err := l.checkEntry(c, d.Kind, e); err != nil {
			l.wrong(at, "class %s: identifier entry %d (%s) %v", c.Name, e.Priority, e.Name, err)
			continue
		}
		id := fmt.Sprintf("%s/%d", c.Name, e.Priority)
		if slices.ContainsFunc(r.Entries, func(x Entry) bool { return x.ID == id }) {
			l.wrong(at, "class %s: two identifier entries have priority %d", c.Name, e.Priority)
		}
		r.Entries = append(r.Entries, Entry{
			ID: id, Name: e.Name, Priority: e.Priority, Lookup: e.Lookup, Attributes: e.Attributes, Own: e.Own,
			AllowNull: e.AllowNull, ExactCount: e.ExactCount, Filter: e.Filter,
		})
	}
	slices.SortFunc(r.Entries, func(a, b Entry) int { return cmp.Compare(a.Priority, b.Priority) })
	return r
}

func (l *loader) checkEntry(c *Class, kind Kind, e entryDoc) error {
	if len(e.Attributes) == 0 {
		return fmt.Errorf("names no attribute")
	}
	own := e.Own
	if e.Lookup == "" {
		own = append(slices.Clone(own), e.Attributes...)
	} else {
		t := l.m.lookups[e.Lookup]
		switch {
		case kind == Dependent:
			return fmt.Errorf("has a lookup, which dependent rules cannot have")
		case t == nil:
			return fmt.Errorf("looks up table %q, which does not exist", e.Lookup)
		case len(e.Own) > 0 && e.AllowNull:
			return fmt.Errorf("is hybrid, which allows no null")
		}
		for _, name := range e.Attributes {
			if t.Attributes[name] == nil {
				return fmt.Errorf("names attribute %q, which table %s has not", name, e.Lookup)
			}
		}
	}
	for _, name := range own {
		if name == "sys_class_name" && kind == Independent {
			return fmt.Errorf("names sys_class_name, which independent rules cannot")
		}
		if name != "sys_class_name" && c.all[name] == nil {
			return fmt.Errorf("names attribute %q, which the class has not", name)
		}
	}
	for name := range e.Filter {
		if c.all[name] == nil {
			return fmt.Errorf("filters by attribute %q, which the class has not", name)
		}
	}
	return nil
}

// rules reads who may write what, whose word grows stale, and who makes no items.
func (l *loader) rules(docs []*document) {
	for _, d := range docs {
		for _, r := range d.Reconciliation {
			c := l.ruled(r.at, r.Class, r.Source)
			if c == nil {
				continue
			}
			for _, name := range slices.Concat(r.Attributes, r.WithNull) {
				if c.all[name] == nil && !l.below(c, name) {
					l.wrong(r.at, "class %s has no attribute %q", c.Name, name)
				}
			}
			l.m.reconcile = append(l.m.reconcile, &Reconciliation{Class: c, Source: r.Source, Priority: r.Priority, Attributes: r.Attributes, WithNull: r.WithNull})
		}
		for _, r := range d.Refresh {
			if r.After < 0 {
				l.wrong(r.at, "after is negative")
			}
			if c := l.ruled(r.at, r.Class, r.Source); c != nil {
				l.m.refresh = append(l.m.refresh, Refresh{Class: c, Source: r.Source, After: r.After})
			}
		}
		for _, r := range d.Lifecycle {
			c := l.m.classes[r.Class]
			switch {
			case c == nil:
				l.wrong(r.at, "class %q does not exist", r.Class)
			case r.RetireAfter < 0 || r.DeleteAfter < 0 || r.DeleteAfter > 0 && r.DeleteAfter < r.RetireAfter:
				l.wrong(r.at, "life cycle of class %s: delete_after must not be shorter than retire_after, and neither negative", r.Class)
			default:
				l.m.lifecycles = append(l.m.lifecycles, Lifecycle{Class: c, RetireAfter: r.RetireAfter, DeleteAfter: r.DeleteAfter})
			}
		}
		for _, r := range d.NoInsert {
			if c := l.ruled(r.at, r.Class, r.Source); c != nil {
				l.m.inserts = append(l.m.inserts, Insert{Class: c, Source: r.Source})
			}
		}
	}
}

func (l *loader) ruled(at place, class, source string) *Class {
	c := l.m.classes[class]
	if c == nil {
		l.wrong(at, "class %q does not exist", class)
	}
	if l.m.sources[source] == nil {
		l.wrong(at, "source %q is not among the sources", source)
	}
	return c
}

// below reports whether a class below c has the attribute.
func (l *loader) below(c *Class, attribute string) bool {
	for _, d := range l.m.classes {
		if d.own[attribute] != nil && d.Is(c) {
			return true
		}
	}
	return false
}
