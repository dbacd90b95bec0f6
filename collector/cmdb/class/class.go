// Package class knows what kinds of items there are and by which rules they are told apart: the tree of classes with their
// attributes, the entries that identify an item, relation types, sources, who may say what of which attribute, and what counts as no
// value at all. In go files of YAML (builtin/*.yaml and those of the administrator), out comes a Model that never changes. It reads no
// database and knows no item.
//
// The words are ServiceNow's, see https://www.servicenow.com/docs, "Identification and Reconciliation engine".
package class

import (
	"slices"
	"strings"
	"time"
)

// Type is what the values of an attribute are.
type Type string

// The types. Values are kept as text in one canonical form per type; see Attribute.Canonical.
const (
	String    Type = "string"
	Text      Type = "text" // longer, with line breaks
	Integer   Type = "integer"
	Decimal   Type = "decimal"
	Boolean   Type = "boolean"
	Datetime  Type = "datetime"
	IP        Type = "ip_address"
	MAC       Type = "mac_address"
	Choice    Type = "choice"
	Reference Type = "reference" // the id of another item
)

// Attribute is one attribute of a class.
type Attribute struct {
	Name     string
	Label    string
	Type     Type
	Required bool
	Max      int               // bytes of its longest value
	Choices  map[string]string // labels by value, of type Choice
	To       string            // the class that a Reference refers to
	Default  string            // of new items
}

// Kind is how the items of a class are identified.
type Kind string

// The kinds.
const (
	Independent Kind = "independent" // by what they are
	Dependent   Kind = "dependent"   // by what they are under the one item they hang on
)

// Rule identifies the items of a class and of all classes below that have no rule of their own.
type Rule struct {
	Owner    *Class // the class that the rule stands at
	Kind     Kind
	Relation string // the type of relation by which a dependent item hangs on its host
	Host     End    // the end of it at which the host is
	Fallback bool   // a dependent rule after which the parent's rule is tried
	Entries  []Entry
}

// End is an end of a relation.
type End string

// The ends.
const (
	ParentEnd End = "parent"
	ChildEnd  End = "child"
)

// Entry is one way to identify an item; of several the one with the smallest Priority is tried first.
type Entry struct {
	ID         string // owner/priority, unique in a Model
	Name       string
	Priority   int
	Lookup     string   // the table that Attributes are of; empty: the item itself
	Attributes []string // all of which must be equal
	Own        []string // of a hybrid entry: attributes of the item itself beside those of the lookup
	AllowNull  bool     // it is enough when one attribute has a value; those without one must then have none
	ExactCount bool     // all lookups must lead to the same item
	Filter     map[string]string
}

// Class is one class of items.
type Class struct {
	Name   string
	Label  string
	Parent *Class // nil at a root
	Depth  int
	own    map[string]*Attribute

	recommended []string
	sorted      []*Attribute // all
	defaults    []*Attribute // those of all with a default
	all         map[string]*Attribute
	rule        *Rule // its own
	applies     *Rule // its own, or that of the nearest class above
}

// Rule returns the rule that identifies items of the class, nil when there is none.
func (c *Class) Rule() *Rule { return c.applies }

// Attribute returns an attribute of the class or of one above it, nil when there is none.
func (c *Class) Attribute(name string) *Attribute { return c.all[name] }

// Attributes returns all attributes, those from above included, in order of name.
func (c *Class) Attributes() []*Attribute {
	return slices.Clip(c.sorted)
}

// Defaults returns the attributes that have a default, in order of name.
func (c *Class) Defaults() []*Attribute { return slices.Clip(c.defaults) }

// Recommended returns the attributes that an item of the class should have, those from above included, in order of name.
func (c *Class) Recommended() []string {
	var names []string
	for at := c; at != nil; at = at.Parent {
		names = append(names, at.recommended...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Own reports whether the attribute stands at the class itself.
func (c *Class) Own(attribute string) bool { return c.own[attribute] != nil }

// Is reports whether c is the class d or one below it.
func (c *Class) Is(d *Class) bool {
	for ; c != nil && c.Depth >= d.Depth; c = c.Parent {
		if c == d {
			return true
		}
	}
	return false
}

// Impact says which way trouble goes along a relation.
type Impact string

// The ways.
const (
	ChildToParent Impact = "child_to_parent" // the parent needs the child
	ParentToChild Impact = "parent_to_child"
	NoImpact      Impact = "none"
)

// RelationType is a kind of relation, named "parent's words::child's words".
type RelationType struct {
	Name   string
	Parent string // what the parent does: Runs on
	Child  string // what the child does: Runs
	Impact Impact
	// Redundant says that an item with several such relations may do without some: see its attribute needs.
	Redundant bool
}

// Source is where reports come from.
type Source struct {
	Name string
	// NativeKeyIsIdentity says that two things with different native keys are never one, whatever else they share, such as hosts that
	// were cloned with their serial number.
	NativeKeyIsIdentity bool
	// TellsChanges says that the source speaks of what changed only, and says itself when a thing is no more: its silence means nothing.
	TellsChanges bool
}

// Lookup is a table of values that belong to items and identify them.
type Lookup struct {
	Name       string
	Attributes map[string]*Attribute
}

// Model is all of it. It is safe for concurrent use.
type Model struct {
	classes      map[string]*Class
	relations    map[string]*RelationType
	sources      map[string]*Source
	lookups      map[string]*Lookup
	placeholders map[string][]string // patterns in lower case, by attribute
	reconcile    []*Reconciliation
	refresh      []Refresh
	inserts      []Insert
	lifecycles   []Lifecycle
	assignments  []Assignment
	sum          string
	// Reclassification of items by a report: to a class below, to one above, to one of another branch.
	upgrade, downgrade, sideways bool
	// MaxDuplicates is how many items may match one entry for the oldest of them to be taken for the one meant.
	MaxDuplicates int
}

// Refresh is how long a source's word holds: when a newer report of another source is this much younger, it may take over.
type Refresh struct {
	Class  *Class
	Source string
	After  time.Duration
}

// Lifecycle is what becomes of items that are no more, as every source says that sees them: they are absent, after RetireAfter retired,
// after DeleteAfter deleted. 0 is never.
type Lifecycle struct {
	Class       *Class
	RetireAfter time.Duration
	DeleteAfter time.Duration
}

// Insert forbids a source to make items of a class.
type Insert struct {
	Class  *Class
	Source string
}

// Sum tells models apart: it is another one for other files.
func (m *Model) Sum() string { return m.sum }

// Class returns a class by its name, nil when there is none.
func (m *Model) Class(name string) *Class { return m.classes[name] }

// Classes returns all classes, parents before their children, otherwise in order of name.
func (m *Model) Classes() []*Class {
	list := make([]*Class, 0, len(m.classes))
	for _, c := range m.classes {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b *Class) int {
		if a.Depth != b.Depth {
			return a.Depth - b.Depth
		}
		return strings.Compare(a.Name, b.Name)
	})
	return list
}

// Below returns the names of the class and of all classes below it, in order of name.
func (m *Model) Below(c *Class) []string {
	var names []string
	for name, d := range m.classes {
		if d.Is(c) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// RelationType returns a relation type by its name, nil when there is none.
func (m *Model) RelationType(name string) *RelationType { return m.relations[name] }

// RelationTypes returns all relation types in order of name.
func (m *Model) RelationTypes() []*RelationType {
	list := make([]*RelationType, 0, len(m.relations))
	for _, r := range m.relations {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b *RelationType) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Source returns a source by its name, nil when it is not known.
func (m *Model) Source(name string) *Source { return m.sources[name] }

// Lookup returns a table of lookups by its name, nil when there is none.
func (m *Model) Lookup(name string) *Lookup { return m.lookups[name] }

// TellChanges returns the names of sources whose silence means nothing, in order.
func (m *Model) TellChanges() []string {
	var names []string
	for _, s := range m.sources {
		if s.TellsChanges {
			names = append(names, s.Name)
		}
	}
	slices.Sort(names)
	return names
}

// Lifecycle returns what becomes of items of the class that are no more: the rule of the nearest class.
func (m *Model) Lifecycle(c *Class) (l Lifecycle) {
	depth := -1
	for _, x := range m.lifecycles {
		if c != nil && c.Is(x.Class) && x.Class.Depth >= depth {
			depth, l = x.Class.Depth, x
		}
	}
	return l
}

// MayInsert reports whether the source may make items of the class.
func (m *Model) MayInsert(c *Class, source string) bool {
	for _, i := range m.inserts {
		if i.Source == source && c.Is(i.Class) {
			return false
		}
	}
	return true
}
