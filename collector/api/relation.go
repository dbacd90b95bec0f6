package api

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/cmdb"
)

const relationsPath = "/api/v1/relations"

// Relation says how two items hang together.
type Relation struct {
	ID              string       `json:"id"`
	Type            string       `json:"type"`
	Parent          RelationEnd  `json:"parent"`
	Child           RelationEnd  `json:"child"`
	Sources         []SourceTime `json:"sources" nullable:"false" doc:"Who saw it, by name"`
	FirstDiscovered time.Time    `json:"first_discovered,omitzero"`
	LastDiscovered  time.Time    `json:"last_discovered,omitzero"`
}

// RelationEnd is the item at one end of a relation.
type RelationEnd struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Class      string `json:"class"`
	ClassLabel string `json:"class_label"`
}

// SourceTime is a source and when it spoke last.
type SourceTime struct {
	Source string    `json:"source"`
	Time   time.Time `json:"time"`
}

func (a *api) relationOf(r cmdb.Relation) Relation {
	out := Relation{
		ID: r.ID, Type: r.Type, FirstDiscovered: r.FirstDiscovered, LastDiscovered: r.LastDiscovered, Sources: []SourceTime{},
		Parent: RelationEnd{ID: string(r.Parent), Name: r.ParentName, Class: r.ParentClass, ClassLabel: a.classLabel(r.ParentClass)},
		Child:  RelationEnd{ID: string(r.Child), Name: r.ChildName, Class: r.ChildClass, ClassLabel: a.classLabel(r.ChildClass)},
	}
	for _, name := range slices.Sorted(maps.Keys(r.Sources)) {
		out.Sources = append(out.Sources, SourceTime{Source: name, Time: r.Sources[name]})
	}
	return out
}

type relationsInput struct {
	Paging
	Item   string `query:"item" maxLength:"32" doc:"Relations with the item of this id at either end"`
	Parent string `query:"parent" maxLength:"32" doc:"With this item as the parent"`
	Child  string `query:"child" maxLength:"32" doc:"With this item as the child"`
	Type   string `query:"type" maxLength:"200" doc:"One relation type"`
}

type newRelationInput struct{ Body newRelation }

type newRelation struct {
	Parent string `json:"parent" minLength:"1" maxLength:"32" doc:"The id of an item"`
	Child  string `json:"child" minLength:"1" maxLength:"32" doc:"The id of another item"`
	Type   string `json:"type" minLength:"1" maxLength:"200" doc:"The name of a relation type"`
}

func (a *api) mountRelations() {
	operator := []access.Role{access.Operator}
	register(a, operation{
		id: "list-relations", method: get, path: relationsPath, tag: "relation", roles: []access.Role{access.Viewer},
		summary: "How items hang together, the oldest first",
	}, a.relations)
	register(a, operation{
		id: "create-relation", method: post, path: relationsPath, tag: "relation", roles: operator, status: http.StatusCreated,
		summary: "Add a relation by hand", description: "One that is there already is given back: Manual Entry counts as one of its sources from now on.",
	}, a.createRelation)
	register(a, operation{
		id: "delete-relation", method: remove, path: relationsPath + "/{id}", tag: "relation", roles: operator,
		summary: "Delete a relation", description: "What a source still sees comes back with its next report.",
	}, a.deleteRelation)
}

func (a *api) relations(ctx context.Context, in *relationsInput) (*answer[list[Relation]], error) {
	after, err := in.position()
	if err != nil {
		return nil, err
	}
	page, next, err := a.CMDB.Relations(ctx, cmdb.RelationQuery{
		Item: cmdb.ItemID(in.Item), Parent: cmdb.ItemID(in.Parent), Child: cmdb.ItemID(in.Child), Type: in.Type, After: after, Limit: in.Limit,
	})
	if err != nil {
		return nil, err
	}
	return &answer[list[Relation]]{list[Relation]{Items: items(page, a.relationOf), Next: cursor(next)}}, nil
}

// relationEntry tells of a change of one relation.
func relationEntry(action string, r cmdb.Relation) access.Entry {
	return access.Entry{Action: "relation." + action, TargetType: "relation", TargetID: r.ID, Detail: map[string]string{
		"type": r.Type, "parent": string(r.Parent), "parent_name": r.ParentName, "child": string(r.Child), "child_name": r.ChildName,
	}}
}

func (a *api) createRelation(ctx context.Context, in *newRelationInput) (*created[Relation], error) {
	var r cmdb.Relation
	err := a.change(ctx, func(ctx context.Context) (e access.Entry, err error) {
		id, err := a.CMDB.Relate(ctx, cmdb.ItemID(in.Body.Parent), cmdb.ItemID(in.Body.Child), in.Body.Type, who(ctx))
		if err != nil {
			return e, err
		}
		r, err = a.CMDB.Relation(ctx, id)
		return relationEntry("create", r), err
	})
	if err != nil {
		return nil, err
	}
	return &created[Relation]{Location: at(relationsPath, r.ID), Body: a.relationOf(r)}, nil
}

func (a *api) deleteRelation(ctx context.Context, in *IDInput) (*nothing, error) {
	return nil, a.change(ctx, func(ctx context.Context) (e access.Entry, err error) {
		r, err := a.CMDB.Relation(ctx, in.ID)
		if err != nil {
			return e, err
		}
		return relationEntry("delete", r), a.CMDB.Unrelate(ctx, in.ID, who(ctx))
	})
}
