package api

import (
	"cmp"
	"context"
	"slices"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/cmdb/class"
	"github.com/picketmon/picket/internal/errs"
)

const classesPath = "/api/v1/classes"

// Class is one kind of items.
type Class struct {
	Name   string `json:"name"`
	Label  string `json:"label"`
	Parent string `json:"parent,omitempty" doc:"The class it is a kind of; absent at a root"`
	Items  int64  `json:"items" doc:"How many there are of the class itself"`
	Total  int64  `json:"total" doc:"With those of the classes below"`
}

// ClassAttribute is one attribute that items of a class may have.
type ClassAttribute struct {
	Name      string            `json:"name"`
	Label     string            `json:"label"`
	Type      class.Type        `json:"type" enum:"string,text,integer,decimal,boolean,datetime,ip_address,mac_address,choice,reference"`
	Required  bool              `json:"required"`
	Choices   map[string]string `json:"choices,omitempty" doc:"Labels by value"`
	To        string            `json:"to,omitempty" doc:"The class that a reference refers to"`
	Default   string            `json:"default,omitempty" doc:"Of new items"`
	Inherited string            `json:"inherited,omitempty" doc:"The class above that has it; absent when it is the class's own"`
}

// ClassRule is how items of a class are told apart.
type ClassRule struct {
	Class    string      `json:"class" doc:"At which the rule stands: the class or one above"`
	Kind     class.Kind  `json:"kind" enum:"independent,dependent"`
	Relation string      `json:"relation,omitempty" doc:"By which a dependent item hangs on its host"`
	Host     class.End   `json:"host,omitempty" enum:"parent,child" doc:"At which end of it the host is"`
	Fallback bool        `json:"fallback" doc:"The rule of the parent class is tried as well"`
	Entries  []RuleEntry `json:"entries" nullable:"false" doc:"In the order in which they are tried"`
}

// RuleEntry is one way to find an item.
type RuleEntry struct {
	Name       string            `json:"name"`
	Priority   int               `json:"priority" doc:"The smallest is tried first"`
	Lookup     string            `json:"lookup,omitempty" doc:"The table of values that the attributes are of; absent: of the item itself"`
	Attributes []string          `json:"attributes" nullable:"false" doc:"All of which must be equal"`
	Own        []string          `json:"own_attributes,omitempty" nullable:"false" doc:"Attributes of the item itself beside those of the lookup"`
	AllowNull  bool              `json:"allow_null" doc:"Attributes without a value are equal"`
	ExactCount bool              `json:"exact_count" doc:"All lookups must lead to the same item"`
	Filter     map[string]string `json:"filter,omitempty" doc:"Values that the items found must have"`
}

// ClassDetail is all about one class.
type ClassDetail struct {
	Class
	Above      []string         `json:"above" nullable:"false" doc:"The classes it is a kind of, the nearest first"`
	Attributes []ClassAttribute `json:"attributes" nullable:"false" doc:"By name"`
	Rule       *ClassRule       `json:"identification,omitempty" doc:"Absent when reports about such items are refused"`
}

// RelationType is one way in which items hang together.
type RelationType struct {
	Name   string       `json:"name" doc:"What the parent does and what the child does, with :: between"`
	Parent string       `json:"parent" doc:"What the parent does: Runs on"`
	Child  string       `json:"child" doc:"What the child does: Runs"`
	Impact class.Impact `json:"impact" enum:"child_to_parent,parent_to_child,none" doc:"Which way trouble goes"`
}

type classInput struct {
	Name string `path:"name" maxLength:"80" doc:"Of the class"`
}

func (a *api) mountClasses() {
	viewer := []access.Role{access.Viewer}
	register(a, operation{
		id: "list-classes", method: get, path: classesPath, tag: "class", roles: viewer, summary: "Classes of items, with how many items there are",
		description: "All on one page, each after the class it is a kind of.",
	}, a.classes)
	register(a, operation{
		id: "show-class", method: get, path: classesPath + "/{name}", tag: "class", roles: viewer,
		summary: "One class with its attributes and how its items are told apart",
	}, a.class)
	register(a, operation{
		id: "list-relation-types", method: get, path: "/api/v1/relation-types", tag: "class", roles: viewer,
		summary: "In which ways items hang together", description: "All on one page, by name.",
	}, a.relationTypes)
}

func (a *api) classes(ctx context.Context, _ *nothing) (*answer[list[Class]], error) {
	counts, err := a.CMDB.Counts(ctx, "")
	if err != nil {
		return nil, err
	}
	return &answer[list[Class]]{list[Class]{Items: a.classTree(counts)}}, nil
}

// classTree returns all classes, parents first.
func (a *api) classTree(counts map[string]int64) []Class {
	all := a.CMDB.Model().Classes()
	totals := make(map[string]int64, len(all))
	for _, c := range all {
		for above := c; above != nil; above = above.Parent {
			totals[above.Name] += counts[c.Name]
		}
	}
	return items(all, func(c *class.Class) Class {
		out := Class{Name: c.Name, Label: c.Label, Items: counts[c.Name], Total: totals[c.Name]}
		if c.Parent != nil {
			out.Parent = c.Parent.Name
		}
		return out
	})
}

func (a *api) class(ctx context.Context, in *classInput) (*answer[ClassDetail], error) {
	c := a.CMDB.Model().Class(in.Name)
	if c == nil {
		return nil, errs.New(errs.NotFound, "there is no class %.80q", in.Name)
	}
	counts, err := a.CMDB.Counts(ctx, "")
	if err != nil {
		return nil, err
	}
	d := ClassDetail{Above: []string{}, Rule: ruleOf(c.Rule())}
	tree := a.classTree(counts)
	d.Class = tree[slices.IndexFunc(tree, func(x Class) bool { return x.Name == c.Name })]
	for above := c.Parent; above != nil; above = above.Parent {
		d.Above = append(d.Above, above.Name)
	}
	d.Attributes = items(c.Attributes(), func(t *class.Attribute) ClassAttribute {
		out := ClassAttribute{Name: t.Name, Label: cmp.Or(t.Label, t.Name), Type: cmp.Or(t.Type, class.String), Required: t.Required, Choices: t.Choices, To: t.To, Default: t.Default}
		for at := c; at != nil; at = at.Parent {
			if at.Own(t.Name) {
				if at != c {
					out.Inherited = at.Name
				}
				break
			}
		}
		return out
	})
	return &answer[ClassDetail]{d}, nil
}

func ruleOf(r *class.Rule) *ClassRule {
	if r == nil {
		return nil
	}
	return &ClassRule{
		Class: r.Owner.Name, Kind: r.Kind, Relation: r.Relation, Host: r.Host, Fallback: r.Fallback,
		Entries: items(r.Entries, func(e class.Entry) RuleEntry {
			return RuleEntry{
				Name: e.Name, Priority: e.Priority, Lookup: e.Lookup, Attributes: e.Attributes, Own: e.Own, AllowNull: e.AllowNull, ExactCount: e.ExactCount,
				Filter: e.Filter,
			}
		}),
	}
}

func (a *api) relationTypes(context.Context, *nothing) (*answer[list[RelationType]], error) {
	all := a.CMDB.Model().RelationTypes()
	return &answer[list[RelationType]]{list[RelationType]{Items: items(all, func(r *class.RelationType) RelationType {
		return RelationType{Name: r.Name, Parent: r.Parent, Child: r.Child, Impact: r.Impact}
	})}}, nil
}

// classLabel is what people call a class; its name when it is none of the model's any more.
func (a *api) classLabel(name string) string {
	if c := a.CMDB.Model().Class(name); c != nil {
		return cmp.Or(c.Label, c.Name)
	}
	return name
}

// attributeLabel is what people call an attribute.
func (a *api) attributeLabel(className, name string) string {
	switch name {
	case "sys_class_name":
		return "Class"
	case "host":
		return "Hangs on"
	case "duplicate_of":
		return "Duplicate of"
	case "merged_into":
		return "Merged into"
	}
	if c := a.CMDB.Model().Class(className); c != nil {
		if t := c.Attribute(name); t != nil {
			return cmp.Or(t.Label, name)
		}
	}
	return name
}

// classCounts puts counts in order, the largest first.
func (a *api) classCounts(counts map[string]int64) []ClassCount {
	out := make([]ClassCount, 0, len(counts))
	for name, n := range counts {
		out = append(out, ClassCount{Class: name, Label: a.classLabel(name), Count: n})
	}
	slices.SortFunc(out, func(x, y ClassCount) int { return cmp.Or(cmp.Compare(y.Count, x.Count), cmp.Compare(x.Class, y.Class)) })
	return out
}
