package cmdb

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/picketmon/picket/collector/cmdb/class"
)

// keyed is what an item, or a subject, is identified by under one entry.
type keyed struct {
	entry  *class.Entry
	hashes []string // of an entry with lookups one per row; several otherwise when sources say different things
}

// facts is what keys are made of.
type facts struct {
	class   string
	host    ItemID
	values  map[string]string
	lookups []lookup
}

// entries returns the identifier entries of a class in the order of trying them.
func entries(c *class.Class) []*class.Entry {
	var list []*class.Entry
	for r := c.Rule(); r != nil; {
		for i := range r.Entries {
			list = append(list, &r.Entries[i])
		}
		if !r.Fallback || r.Owner.Parent == nil {
			break
		}
		r = r.Owner.Parent.Rule()
	}
	return list
}

// keys returns the hashes under which f is found by the entry; none when it lacks a value that the entry needs.
func (f facts) keys(m *class.Model, e *class.Entry) []string {
	own, ok := f.parts(m, e, e.Attributes)
	if e.Lookup != "" {
		own, ok = f.parts(m, e, e.Own)
	}
	if !ok && len(e.Own)+len(e.Attributes) > 0 && (e.Lookup == "" || len(e.Own) > 0) {
		return nil
	}
	if e.Lookup == "" {
		return []string{hash(e.ID, f.host, own)}
	}
	var list []string
	for _, l := range f.lookups {
		if l.Table != e.Lookup {
			continue
		}
		row, ok := facts{class: f.class, host: f.host, values: l.Values}.parts(m, e, e.Attributes)
		if !ok {
			continue
		}
		if h := hash(e.ID, f.host, slices.Concat(own, row)); !slices.Contains(list, h) {
			list = append(list, h)
		}
	}
	return list
}

// parts returns the values of attributes as they are compared: without regard to case and outer blanks, placeholders and what is not
// there as nothing. ok is false when they do not suffice for the entry.
func (f facts) parts(m *class.Model, e *class.Entry, attributes []string) (parts []string, ok bool) {
	some, all := false, true
	for _, name := range attributes {
		v := f.values[name]
		if name == "sys_class_name" {
			v = f.class
		}
		v = strings.ToLower(strings.TrimSpace(v))
		// Under its host a placeholder tells items apart as well as any other value.
		if v == "" || f.host == "" && m.Placeholder(name, v) {
			all = false
			parts = append(parts, "\x01")
			continue
		}
		some = some || name != "sys_class_name"
		parts = append(parts, "="+v)
	}
	return parts, all && (some || len(attributes) == 0) || e.AllowNull && some
}

// hash makes the key of an entry's values; 120 bits of SHA-256 are enough to tell ten billion items apart.
func hash(entry string, host ItemID, parts []string) string {
	h := sha256.New()
	for _, p := range append([]string{entry, string(host)}, parts...) {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:15])
}

// keys returns what a subject is identified by, by entry in order of priority.
func (x *subject) keys(m *class.Model) []keyed {
	f := facts{class: x.class.Name, values: x.values, lookups: x.lookups}
	if x.host != nil {
		f.host = x.host.ID
	}
	var list []keyed
	for _, e := range entries(x.class) {
		list = append(list, keyed{e, f.keys(m, e)})
	}
	return list
}

// keys returns what an item is identified by: by the values that won, and by those that each source claims.
func (it *item) keysNow(m *class.Model) []keyed {
	c := m.Class(it.Class)
	if c == nil || c.Rule() == nil {
		return nil
	}
	sets := []facts{{class: it.Class, host: it.HostID, values: it.values}}
	for _, cl := range it.claims {
		values := make(map[string]string, len(cl.Values))
		for name, s := range cl.Values {
			values[name] = s.Value
		}
		sets = append(sets, facts{class: it.Class, host: it.HostID, values: values, lookups: cl.Lookups})
		sets[0].lookups = append(sets[0].lookups, cl.Lookups...)
	}
	var list []keyed
	for _, e := range entries(c) {
		k := keyed{entry: e}
		for i, f := range sets {
			// Where a value may be missing, what one source leaves out another may say: only the whole counts.
			if e.AllowNull && i > 0 {
				break
			}
			for _, h := range f.keys(m, e) {
				if !slices.Contains(k.hashes, h) {
					k.hashes = append(k.hashes, h)
				}
			}
		}
		list = append(list, k)
	}
	return list
}
