package class

import (
	"fmt"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
)

// Assignment gives attributes to items that no source says anything of, such as who owns them.
type Assignment struct {
	Name string
	When *vm.Program
	Set  map[string]string
}

// assignable is what a rule's condition is written about.
type assignable struct {
	Class string            `expr:"class"`
	Item  map[string]string `expr:"item"`
	Is    func(string) bool `expr:"is"`
}

// Assigned adds to values, those of an item of class c, what the rules assign to it, and returns for each attribute the name of its rule.
// Rules are tried in their order; the first that gives an attribute counts.
func (m *Model) Assigned(c *Class, values map[string]string) (by map[string]string) {
	for _, a := range m.assignments {
		out, err := expr.Run(a.When, assignable{Class: c.Name, Item: values, Is: func(name string) bool {
			d := m.classes[name]
			return d != nil && c.Is(d)
		}})
		if yes, ok := out.(bool); err != nil || !ok || !yes {
			continue // an expression that fails on this item does not mean it
		}
		for name, v := range a.Set {
			if values[name] != "" || c.Attribute(name) == nil {
				continue
			}
			values[name] = v
			if by == nil {
				by = map[string]string{}
			}
			by[name] = a.Name
		}
	}
	return by
}

// HasAssignments reports whether there are rules that assign attributes.
func (m *Model) HasAssignments() bool { return len(m.assignments) > 0 }

func (l *loader) assignments(docs []*document) {
	for _, d := range docs {
		for _, a := range d.Assign {
			if a.Name == "" || len(a.Set) == 0 {
				l.wrong(a.at, "an assignment needs a name, when, and set")
				continue
			}
			program, err := expr.Compile(a.When, expr.Env(assignable{}), expr.AsBool())
			if err != nil {
				l.wrong(a.at, "assignment %q: when: %v", a.Name, err)
				continue
			}
			next := Assignment{Name: a.Name, When: program, Set: map[string]string{}}
			for _, name := range sorted(a.Set) {
				v, err := l.assigned(name, a.Set[name])
				if err != nil {
					l.wrong(a.at, "assignment %q: %s %v", a.Name, name, err)
					continue
				}
				next.Set[name] = v
			}
			l.m.assignments = append(l.m.assignments, next)
		}
	}
}

// assigned brings a value into the form of the attribute, which some class must have.
func (l *loader) assigned(name, value string) (string, error) {
	for _, c := range l.m.Classes() {
		a := c.own[name]
		if a == nil {
			continue
		}
		v, ok, err := a.Canonical(value)
		if err == nil && !ok {
			err = fmt.Errorf("has no value")
		}
		return v, err
	}
	return "", fmt.Errorf("is an attribute of no class")
}
