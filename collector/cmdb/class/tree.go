package class

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// word is how classes and attributes are named.
var word = regexp.MustCompile(`^[a-z][a-z0-9_]{0,79}$`)

// classes makes the tree. A class that stands in several files is one, with the attributes of all.
func (l *loader) classes() {
	extends := map[string]string{}
	where := map[string]place{}
	for _, d := range l.docs {
		if !word.MatchString(d.Name) {
			l.wrong(d.at, "class %q: a name has 1 to 80 of a-z, 0-9 and _, and begins with a letter", d.Name)
			continue
		}
		c := l.m.classes[d.Name]
		if c == nil {
			c = &Class{Name: d.Name, Label: d.Label, own: map[string]*Attribute{}}
			l.m.classes[d.Name], where[d.Name] = c, d.at
		}
		if d.Label != "" {
			c.Label = d.Label
		}
		if d.Extends != "" {
			if was := extends[d.Name]; was != "" && was != d.Extends {
				l.wrong(d.at, "class %s extends %s here and %s elsewhere", d.Name, d.Extends, was)
			}
			extends[d.Name] = d.Extends
		}
		l.attributes(c.own, d)
	}
	for _, name := range sorted(extends) {
		parent := l.m.classes[extends[name]]
		if parent == nil {
			l.wrong(where[name], "class %s extends %s, which does not exist", name, extends[name])
			continue
		}
		l.m.classes[name].Parent = parent
	}
	for _, name := range sorted(l.m.classes) {
		l.inherit(l.m.classes[name], where[name])
	}
	for _, d := range l.docs {
		for _, name := range d.Recommended {
			if c := l.m.classes[d.Name]; c != nil && c.all[name] == nil {
				l.wrong(d.at, "class %s recommends attribute %q, which it has not", d.Name, name)
			} else if c != nil {
				c.recommended = append(c.recommended, name)
			}
		}
	}
	for _, name := range sorted(l.m.classes) {
		for _, a := range l.m.classes[name].own {
			if a.Type == Reference && l.m.classes[a.To] == nil {
				l.wrong(where[name], "class %s: attribute %s refers to class %q, which does not exist", name, a.Name, a.To)
			}
		}
	}
}

func (l *loader) attributes(into map[string]*Attribute, d classDoc) {
	for _, name := range sorted(d.Attributes) {
		a, err := d.Attributes[name].attribute(name)
		if err != nil {
			l.wrong(d.at, "class %s: attribute %q %v", d.Name, name, err)
			continue
		}
		into[name] = a
	}
}

func (d attributeDoc) attribute(name string) (*Attribute, error) {
	if !word.MatchString(name) {
		return nil, fmt.Errorf("is no name: 1 to 80 of a-z, 0-9 and _, beginning with a letter")
	}
	if d.Type == "" {
		d.Type = String
	}
	if d.Label == "" {
		d.Label = strings.ReplaceAll(strings.ToUpper(name[:1])+name[1:], "_", " ")
	}
	types := []Type{String, Text, Integer, Decimal, Boolean, Datetime, IP, MAC, Choice, Reference}
	switch {
	case !slices.Contains(types, d.Type):
		return nil, fmt.Errorf("has type %q, which is none of %v", d.Type, types)
	case d.Type == Choice && len(d.Choices) == 0:
		return nil, fmt.Errorf("has no choices")
	case d.MaxLength < 0 || d.MaxLength > maxText:
		return nil, fmt.Errorf("has max_length %d, 1 to %d are allowed", d.MaxLength, maxText)
	}
	a := &Attribute{Name: name, Label: d.Label, Type: d.Type, Required: d.Required, Max: d.MaxLength, Choices: d.Choices, To: d.To}
	if d.Default != "" {
		v, _, err := a.Canonical(d.Default)
		if err != nil {
			return nil, fmt.Errorf("has a default that %w", err)
		}
		a.Default = v
	}
	return a, nil
}

// inherit gives a class its depth and the attributes of those above.
func (l *loader) inherit(c *Class, at place) {
	if c.all != nil {
		return
	}
	chain := []*Class{c}
	for p := c.Parent; p != nil; p = p.Parent {
		if len(chain) > maxDepth || slices.Contains(chain, p) {
			l.wrong(at, "class %s: the classes above it go round in a circle, or are more than %d", c.Name, maxDepth)
			c.Parent, c.all = nil, c.own
			return
		}
		chain = append(chain, p)
	}
	c.Depth, c.all = len(chain)-1, map[string]*Attribute{}
	for _, above := range slices.Backward(chain) {
		maps.Copy(c.all, above.own)
	}
	for _, name := range sorted(c.all) {
		a := c.all[name]
		c.sorted = append(c.sorted, a)
		if a.Default != "" {
			c.defaults = append(c.defaults, a)
		}
	}
}
