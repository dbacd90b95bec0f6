package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/cmdb"
	"github.com/picketmon/picket/internal/errs"
)

// itemBodyLimit bounds a request body about one item: attributes of type text may be long.
const itemBodyLimit = 1 << 20

// values are what is said of attributes. Numbers keep all their digits.
type values map[string]any

// UnmarshalJSON implements json.Unmarshaler.
func (v *values) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return fmt.Errorf("attributes: %w", err)
	}
	*v = m
	return nil
}

// Schema implements huma.SchemaProvider.
func (values) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: &huma.Schema{},
		Description: "Text, numbers, booleans and nulls by attribute; null and empty text take a value away",
	}
}

type newItemInput struct{ Body newItem }

type newItem struct {
	Class      string `json:"class" minLength:"1" maxLength:"80"`
	Attributes values `json:"attributes"`
	Host       string `json:"host,omitempty" maxLength:"32" doc:"The id of the item it hangs on, for classes whose items hang on others"`
}

type itemChangeInput struct {
	IDInput
	Body itemPatch
}

type itemPatch struct {
	Attributes values `json:"attributes"`
}

func (a *api) mountItemChanges() {
	operator := []access.Role{access.Operator}
	register(a, operation{
		id: "create-item", method: post, path: itemsPath, tag: "item", roles: operator, status: http.StatusCreated, bodyLimit: itemBodyLimit,
		summary:     "Add an item by hand",
		description: "Its source is Manual Entry. It is not looked whether there is such an item already: identify does that.",
	}, a.createItem)
	register(a, operation{
		id: "change-item", method: patch, path: itemsPath + "/{id}", tag: "item", roles: operator, bodyLimit: itemBodyLimit,
		summary: "Write attributes of an item by hand",
		description: "What is absent stays. What people say counts as the word of the source Manual Entry: whether it wins over other sources the rules of " +
			"reconciliation say. null takes back what people said.",
	}, a.changeItem)
	register(a, operation{
		id: "delete-item", method: remove, path: itemsPath + "/{id}", tag: "item", roles: operator,
		summary: "Delete an item",
		description: "Its relations and what hangs on it go with it; its history stays. What sources still see comes back with their next report. " +
			"409 when other items are duplicates of it.",
	}, a.deleteItem)
}

// who names the principal for the history of items.
func who(ctx context.Context) string { return access.From(ctx).Name }

// change makes a change of the CMDB and writes it down, both or neither.
func (a *api) change(ctx context.Context, fn func(ctx context.Context) (access.Entry, error)) error {
	return a.CMDB.Together(ctx, func(ctx context.Context) error {
		entry, err := fn(ctx)
		if err != nil {
			return err
		}
		return a.Access.Audit(ctx, entry)
	})
}

// itemEntry tells of a change of one item.
func itemEntry(action string, it cmdb.Item, attributes values) access.Entry {
	return access.Entry{Action: "item." + action, TargetType: "item", TargetID: string(it.ID), Detail: struct {
		Class      string   `json:"class"`
		Name       string   `json:"name"`
		Attributes []string `json:"attributes,omitempty"`
	}{it.Class, it.Name, slices.Sorted(maps.Keys(attributes))}}
}

func (a *api) createItem(ctx context.Context, in *newItemInput) (*created[ItemDetail], error) {
	var id cmdb.ItemID
	err := a.change(ctx, func(ctx context.Context) (e access.Entry, err error) {
		if id, err = a.CMDB.Create(ctx, in.Body.Class, in.Body.Attributes, cmdb.ItemID(in.Body.Host), who(ctx)); err != nil {
			return e, err
		}
		it, err := a.CMDB.Item(ctx, id)
		return itemEntry("create", it, in.Body.Attributes), err
	})
	if err != nil {
		return nil, err
	}
	made, err := a.itemDetail(ctx, id, noTime)
	return &created[ItemDetail]{Location: at(itemsPath, string(id)), Body: made}, err
}

func (a *api) changeItem(ctx context.Context, in *itemChangeInput) (*answer[ItemDetail], error) {
	if len(in.Body.Attributes) == 0 {
		return nil, errs.New(errs.Invalid, "nothing to change: give attributes")
	}
	id := cmdb.ItemID(in.ID)
	err := a.change(ctx, func(ctx context.Context) (e access.Entry, err error) {
		if err := a.CMDB.Update(ctx, id, in.Body.Attributes, who(ctx)); err != nil {
			return e, err
		}
		it, err := a.CMDB.Item(ctx, id)
		return itemEntry("update", it, in.Body.Attributes), err
	})
	if err != nil {
		return nil, err
	}
	changed, err := a.itemDetail(ctx, id, noTime)
	return &answer[ItemDetail]{changed}, err
}

func (a *api) deleteItem(ctx context.Context, in *IDInput) (*nothing, error) {
	id := cmdb.ItemID(in.ID)
	return nil, a.change(ctx, func(ctx context.Context) (e access.Entry, err error) {
		it, err := a.CMDB.Item(ctx, id)
		if err != nil {
			return e, err
		}
		return itemEntry("delete", it, nil), a.CMDB.Delete(ctx, id, who(ctx))
	})
}
