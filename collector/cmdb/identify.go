package cmdb

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/picketmon/picket/collector/cmdb/class"
)

// identify finds the item that a subject means: by sys_id, by the source's native key, by the first identifier entry that leads
// somewhere. Nothing found and no error means that it is new.
func (w *work) identify(ctx context.Context, x *subject) error {
	if x.sysID != "" {
		return w.bySysID(ctx, x)
	}
	if x.native != "" {
		if id, ok := w.byClaim[[2]string{x.source, x.native}]; ok {
			x.item = w.items[id]
			for x.item != nil && x.item.MergedInto != "" {
				if err := w.load(ctx, []ItemID{x.item.MergedInto}); err != nil {
					return err
				}
				x.item = w.items[x.item.MergedInto]
			}
			if x.item != nil {
				return nil
			}
		}
	}
	keys := x.keys(w.model)
	tried := false
	for _, k := range keys {
		a := Attempt{Identifier: k.entry.Name, Attributes: slices.Concat(k.entry.Attributes), Table: searched(x.class, k.entry), Hybrid: k.entry.Own}
		switch {
		case len(k.hashes) == 0:
			a.Result = Skipped
		default:
			tried = true
			a.Result = w.try(x, k)
		}
		x.result.Attempts = append(x.result.Attempts, a)
		if a.Result == Matched || a.Result == MultiMatch {
			x.entry = k.entry
			x.result.EntryID = k.entry.ID
			return nil
		}
	}
	if !tried && x.native == "" {
		x.fail(MatchingMissing, "none of the identifier entries of class "+x.class.Name+" has the values it needs: "+wanted(keys))
	}
	return nil
}

func searched(c *class.Class, e *class.Entry) string {
	if e.Lookup != "" {
		return e.Lookup
	}
	return c.Rule().Owner.Name
}

func wanted(keys []keyed) string {
	var parts []string
	for _, k := range keys {
		parts = append(parts, strings.Join(slices.Concat(k.entry.Own, k.entry.Attributes), " and "))
	}
	return strings.Join(parts, "; or ")
}

func (w *work) bySysID(ctx context.Context, x *subject) error {
	id := ItemID(x.sysID)
	if err := w.load(ctx, []ItemID{id}); err != nil {
		return err
	}
	switch it := w.items[id]; {
	case it == nil:
		x.fail(InvalidInput, "there is no item with sys_id "+x.sysID)
	case it.DuplicateOf != "":
		x.fail(InvalidInput, "item "+x.sysID+" is a duplicate of "+string(it.DuplicateOf))
	case it.MergedInto != "":
		x.fail(InvalidInput, "item "+x.sysID+" was merged into "+string(it.MergedInto))
	default:
		x.item = it
	}
	return nil
}

// try looks for the subject under one entry. Several matches are a set of duplicates, of which the oldest is taken for the one meant,
// unless they are known to be different things.
func (w *work) try(x *subject, k keyed) AttemptResult {
	list := w.candidates(x, k)
	if len(list) == 0 {
		return NoMatch
	}
	if len(list) == 1 {
		x.item = list[0]
		return Matched
	}
	if w.different(list) {
		return w.oneOf(x, list, k)
	}
	if k.entry.Lookup != "" { // which of them has been decided by their rows and their age
		x.item = list[0]
		return Matched
	}
	w.duplicates(list, "several items are found by "+strings.Join(k.entry.Attributes, " and "))
	if len(list) > w.model.MaxDuplicates || w.model.MaxDuplicates == 0 {
		x.fail(MultipleMatches, fmt.Sprintf("%d items match by %s: %s", len(list), k.entry.Name, names(list)))
		return MultiMatch
	}
	for _, it := range list[1:] {
		w.setDuplicate(it, list[0])
	}
	x.item = list[0]
	return MultiMatch
}

// candidates returns the items that an entry leads to and that may be what the subject means.
func (w *work) candidates(x *subject, k keyed) []*item {
	votes := map[*item]int{}
	var list []*item
	for _, h := range k.hashes {
		for _, it := range w.found(h) {
			if votes[it]++; votes[it] == 1 {
				list = append(list, it)
			}
		}
	}
	list = slices.DeleteFunc(list, func(it *item) bool {
		if c := w.model.Class(it.Class); c == nil || c.Rule() != x.class.Rule() && !x.class.Rule().Fallback {
			return true
		}
		for name, v := range k.entry.Filter {
			if !strings.EqualFold(it.values[name], v) {
				return true
			}
		}
		return w.otherIdentity(x, it)
	})
	if k.entry.Lookup == "" {
		slices.SortFunc(list, older)
		return list
	}
	return byVotes(list, votes, k)
}

// byVotes picks of the items that own rows of a lookup: with an exact count the oldest to which all rows lead, otherwise the one with
// the most rows, of equal ones the oldest.
func byVotes(list []*item, votes map[*item]int, k keyed) []*item {
	if k.entry.ExactCount {
		list = slices.DeleteFunc(list, func(it *item) bool { return votes[it] < len(k.hashes) })
	}
	slices.SortFunc(list, func(a, b *item) int {
		if votes[a] != votes[b] {
			return votes[b] - votes[a]
		}
		return older(a, b)
	})
	return list
}

// otherIdentity reports whether a source whose native keys are identities knows the item under another key than the subject's.
func (w *work) otherIdentity(x *subject, it *item) bool {
	mine := &claim{Source: x.source, NativeKey: x.native}
	return mine.identity(w.model) && slices.ContainsFunc(it.claims, func(c *claim) bool { return w.others(mine, c) })
}

// others reports whether two claims are of one source whose native keys say that they are about different things.
func (w *work) others(a, b *claim) bool {
	return a.Source == b.Source && a.NativeKey != b.NativeKey && a.identity(w.model) && b.identity(w.model)
}

// apart reports whether two items are known to be different things.
func (w *work) apart(a, b *item) bool {
	return slices.ContainsFunc(a.claims, func(c *claim) bool {
		return slices.ContainsFunc(b.claims, func(d *claim) bool { return w.others(c, d) })
	})
}

// different reports whether all of several items are known to be different things.
func (w *work) different(list []*item) bool {
	for i, a := range list {
		for _, b := range list[i+1:] {
			if !w.apart(a, b) {
				return false
			}
		}
	}
	return true
}

// oneOf chooses among different things that share an identifier, such as clones with one serial number. Where nothing tells them apart the
// first is taken, and said so.
func (w *work) oneOf(x *subject, list []*item, k keyed) AttemptResult {
	f := facts{class: x.class.Name, values: x.values, lookups: x.lookups}
	if x.host != nil {
		f.host = x.host.ID
	}
	if x.item = w.meant(f, list); x.item == nil {
		x.item = slices.MinFunc(list, func(a, b *item) int { return byIdentity(w.model, a, b) })
	}
	if w.meantAlone(f, list) {
		return Matched
	}
	x.warn(MultipleMatches, fmt.Sprintf("%d different items match by %s, and nothing tells which is meant; the first was taken: %s", len(list), k.entry.Name, names(list)))
	return MultiMatch
}

// meantAlone reports whether an identifier of f leads to one of the things only.
func (w *work) meantAlone(f facts, list []*item) bool {
	for _, e := range entries(w.model.Class(list[0].Class)) {
		hashes, hits := f.keys(w.model, e), 0
		for _, it := range list {
			if slices.ContainsFunc(w.identityKeys(it, e), func(h string) bool { return slices.Contains(hashes, h) }) {
				hits++
			}
		}
		if hits == 1 {
			return true
		}
	}
	return false
}

func names(list []*item) string {
	var parts []string
	for _, it := range list {
		if len(parts) == 5 {
			parts = append(parts, "…")
			break
		}
		parts = append(parts, it.Name+" ("+string(it.ID)+")")
	}
	return strings.Join(parts, ", ")
}
