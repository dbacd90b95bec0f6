package cmdb

import (
	"maps"
	"slices"
	"time"

	"github.com/picketmon/picket/collector/cmdb/class"
	"github.com/picketmon/picket/collector/db"
)

// subject is an item of a payload on its way: what it says in canonical form, and what became of it.
type subject struct {
	in      PayloadItem
	inputs  []int
	class   *class.Class
	source  string
	native  string
	key     string // under which its claim is kept
	feed    string
	time    int64
	sysID   string
	values  map[string]string
	nulls   []string // attributes that were given without a value
	lookups []lookup
	hosts   []int // subjects that it may hang on: those it has its rule's relation with
	host    *item // what it hangs on, once that is known
	result  ItemResult
	item    *item
	entry   *class.Entry
}

func (x *subject) fail(code, message string) {
	x.result.Errors = append(x.result.Errors, Problem{code, message})
}

func (x *subject) warn(code, message string) {
	x.result.Warnings = append(x.result.Warnings, Problem{code, message})
}

func (x *subject) failed() bool { return len(x.result.Errors) > 0 }

// lookup is a row of a table that belongs to an item.
type lookup struct {
	Table  string            `json:"t"`
	Values map[string]string `json:"v"`
}

// prepare reads the items of a payload into subjects.
func (s *Store) prepare(p *Payload, now time.Time) []*subject {
	list := make([]*subject, len(p.Items))
	for i := range p.Items {
		list[i] = s.subject(p, i, now)
	}
	for _, r := range p.Relations {
		parent, child, err := p.ends(r)
		if err != nil {
			continue // check has said so
		}
		list[parent].hangsOn(r.Type, class.ChildEnd, child)
		list[child].hangsOn(r.Type, class.ParentEnd, parent)
	}
	return list
}

// hangsOn notes the other end of a relation as a host when the subject's rule says so.
func (x *subject) hangsOn(relation string, end class.End, other int) {
	if x.class == nil || x.class.Rule() == nil {
		return
	}
	if r := x.class.Rule(); r.Kind == class.Dependent && r.Relation == relation && r.Host == end {
		x.hosts = append(x.hosts, other)
	}
}

func (s *Store) subject(p *Payload, i int, now time.Time) *subject {
	in := p.Items[i]
	x := &subject{in: in, inputs: []int{i}, source: p.Source, time: db.Millis(p.Time), result: ItemResult{Class: in.Class, Inputs: []int{i}}}
	if x.time == 0 {
		x.time = now.UnixMilli()
	}
	if info := in.SourceInfo; info != nil {
		x.sourceInfo(s.model, *info)
	}
	// A clock that is ahead must not rule for ever.
	if ahead := now.Add(maxAhead).UnixMilli(); x.time > ahead {
		x.time = now.UnixMilli()
	}
	if x.class = s.model.Class(in.Class); x.class == nil {
		x.fail(InvalidInput, "there is no class "+quote(in.Class))
		return x
	}
	if x.class.Rule() == nil {
		x.fail(RuleMissing, "class "+in.Class+" has no identification rule")
		return x
	}
	x.read(s.model, in)
	return x
}

// maxAhead is how far in the future a report's time may lie.
const maxAhead = 10 * time.Minute

func (x *subject) sourceInfo(m *class.Model, info SourceInfo) {
	if info.Name != "" {
		if m.Source(info.Name) == nil {
			x.fail(InvalidInput, quote(info.Name)+" is not among the sources")
		}
		x.source = info.Name
	}
	if x.native = db.Text(info.NativeKey); len(x.native) > maxNativeKey {
		x.fail(InvalidInput, "source_native_key is too long")
		x.native = ""
	}
	x.feed = info.Feed
	if !info.Recency.IsZero() {
		x.time = info.Recency.UnixMilli()
	}
}

// read brings the values and lookups into canonical form.
func (x *subject) read(m *class.Model, in PayloadItem) {
	x.values = make(map[string]string, len(in.Values))
	for _, name := range slices.Sorted(maps.Keys(in.Values)) {
		v := in.Values[name]
		if name == "sys_id" {
			x.sysID, _ = v.(string)
			if !db.IsID(x.sysID) {
				x.fail(InvalidInput, "sys_id is not an id")
			}
			continue
		}
		a := x.class.Attribute(name)
		if a == nil {
			if name != "sys_class_name" {
				x.warn(UnknownAttribute, "class "+x.class.Name+" has no attribute "+quote(name)+"; it was left out")
			}
			continue
		}
		value, ok, err := a.Canonical(v)
		switch {
		case err != nil:
			x.warn(BadValue, name+" "+err.Error()+"; it was left out")
		case !ok || m.Placeholder(name, value) && a.Type != class.MAC && a.Type != class.IP:
			x.nulls = append(x.nulls, name)
		default:
			x.values[name] = value
		}
	}
	if len(in.Lookup) > maxLookups {
		x.fail(InvalidInput, "more than 100 lookups")
		return
	}
	for _, l := range in.Lookup {
		x.lookup(m, l)
	}
}

func (x *subject) lookup(m *class.Model, in PayloadLookup) {
	t := m.Lookup(in.Class)
	if t == nil {
		x.warn(UnknownAttribute, "there is no lookup table "+quote(in.Class)+"; it was left out")
		return
	}
	row := lookup{Table: t.Name, Values: map[string]string{}}
	for name, v := range in.Values {
		a := t.Attributes[name]
		if a == nil {
			continue
		}
		value, ok, err := a.Canonical(v)
		if err != nil {
			x.warn(BadValue, t.Name+"."+name+" "+err.Error()+"; it was left out")
		} else if ok && !m.Placeholder(name, value) {
			row.Values[name] = value
		}
	}
	if len(row.Values) > 0 {
		x.lookups = append(x.lookups, row)
	}
}

func quote(s string) string {
	if len(s) > 100 {
		s = s[:100] + "…"
	}
	return `"` + db.Text(s) + `"`
}
