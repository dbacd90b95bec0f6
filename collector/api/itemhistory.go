package api

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/cmdb"
)

// noTime asks for the present.
var noTime time.Time

// ItemChange is one entry in an item's history.
type ItemChange struct {
	ID         string          `json:"id"`
	Time       time.Time       `json:"time" doc:"When it was written here"`
	Operation  string          `json:"operation" enum:"insert,update,merge,delete"`
	Source     string          `json:"source"`
	By         string          `json:"by,omitempty" doc:"Who brought it"`
	Attributes []ItemAttribute `json:"attributes" nullable:"false" doc:"What changed, by name; sys_class_name, host, duplicate_of and merged_into stand among them"`
}

// ItemAttribute is the earlier and the later value of an attribute.
type ItemAttribute struct {
	Name  string `json:"name"`
	Label string `json:"label"`
	From  string `json:"from,omitempty" doc:"Absent when it had none"`
	To    string `json:"to,omitempty" doc:"Absent when it has none"`
	// The names of the items that the values refer to.
	FromName string `json:"from_name,omitempty" doc:"Of the item that from refers to"`
	ToName   string `json:"to_name,omitempty" doc:"Of the item that to refers to"`
}

// itemDifference is what is different about an item at two times.
type itemDifference struct {
	From  time.Time       `json:"from"`
	To    time.Time       `json:"to"`
	Items []ItemAttribute `json:"items" nullable:"false" doc:"By name of the attribute"`
}

type itemHistoryInput struct {
	IDInput
	Paging
}

type itemDifferenceInput struct {
	IDInput
	From time.Time `query:"from" required:"true"`
	To   time.Time `query:"to" doc:"By default now"`
}

func (a *api) mountItemHistory() {
	viewer := []access.Role{access.Viewer}
	register(a, operation{
		id: "list-item-history", method: get, path: itemsPath + "/{id}/history", tag: "item", roles: viewer,
		summary: "What changed about an item, the newest first", description: "It stays when the item is deleted.",
	}, a.itemHistory)
	register(a, operation{
		id: "compare-item", method: get, path: itemsPath + "/{id}/difference", tag: "item", roles: viewer,
		summary: "What is different about an item at two times", description: "Before it was there, it had no values.",
	}, a.itemDifference)
}

func (a *api) itemHistory(ctx context.Context, in *itemHistoryInput) (*answer[list[ItemChange]], error) {
	before, err := in.position()
	if err != nil {
		return nil, err
	}
	id := cmdb.ItemID(in.ID)
	changes, err := a.CMDB.History(ctx, id, before, int64(in.Limit)+1)
	if err != nil {
		return nil, err
	}
	out := list[ItemChange]{}
	if len(changes) > in.Limit {
		changes = changes[:in.Limit]
		out.Next = cursor(changes[in.Limit-1].ID)
	}
	var class string
	switch it, err := a.CMDB.Item(ctx, id); {
	case err == nil:
		class = it.Class
	case len(changes) == 0 && before == "": // neither is there nor ever was
		return nil, err
	}
	names, err := a.referred(ctx, changes)
	if err != nil {
		return nil, err
	}
	out.Items = items(changes, func(c cmdb.Change) ItemChange {
		return ItemChange{ID: c.ID, Time: c.Time, Operation: c.Op, Source: c.Source, By: c.By, Attributes: a.attributesOf(class, c.Attributes, names)}
	})
	return &answer[list[ItemChange]]{out}, nil
}

func (a *api) itemDifference(ctx context.Context, in *itemDifferenceInput) (*answer[itemDifference], error) {
	id := cmdb.ItemID(in.ID)
	if in.To.IsZero() {
		in.To = time.Now()
	}
	if in.To.Before(in.From) {
		in.From, in.To = in.To, in.From
	}
	d, err := a.CMDB.Difference(ctx, id, in.From, in.To)
	if err != nil {
		return nil, err
	}
	it, err := a.CMDB.AsOf(ctx, id, in.To)
	if err != nil {
		return nil, err
	}
	names, err := a.referred(ctx, []cmdb.Change{{Attributes: d}})
	if err != nil {
		return nil, err
	}
	return &answer[itemDifference]{itemDifference{From: in.From, To: in.To, Items: a.attributesOf(it.Class, d, names)}}, nil
}

// The attributes of changes whose values are ids of items.
var referring = []string{"host", "duplicate_of", "merged_into"}

// referred returns what the items are called that changes refer to.
func (a *api) referred(ctx context.Context, changes []cmdb.Change) (map[cmdb.ItemID]cmdb.Brief, error) {
	var ids []cmdb.ItemID
	for _, c := range changes {
		for _, name := range referring {
			for _, id := range c.Attributes[name] {
				if id != "" {
					ids = append(ids, cmdb.ItemID(id))
				}
			}
		}
	}
	return a.CMDB.Briefs(ctx, ids)
}

// attributesOf puts changed attributes in order, with their labels in a class.
func (a *api) attributesOf(class string, changed map[string][2]string, names map[cmdb.ItemID]cmdb.Brief) []ItemAttribute {
	out := make([]ItemAttribute, 0, len(changed))
	for name, v := range changed {
		one := ItemAttribute{Name: name, Label: a.attributeLabel(class, name), From: v[0], To: v[1]}
		if slices.Contains(referring, name) {
			one.FromName, one.ToName = names[cmdb.ItemID(v[0])].Name, names[cmdb.ItemID(v[1])].Name
		}
		out = append(out, one)
	}
	slices.SortFunc(out, func(x, y ItemAttribute) int { return cmp.Compare(x.Name, y.Name) })
	return out
}
