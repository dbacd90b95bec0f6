package api

import (
	"context"
	"time"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/cmdb"
)

const duplicatesPath = "/api/v1/duplicates"

// DuplicateSet is a set of items that may be one thing.
type DuplicateSet struct {
	ID        string          `json:"id"`
	State     cmdb.TaskState  `json:"state" enum:"open,merged,dismissed" doc:"dismissed: they are different things"`
	Reason    string          `json:"reason"`
	Main      string          `json:"main" doc:"The id of the item that the others are duplicates of, or were merged into"`
	Items     []DuplicateItem `json:"items" nullable:"false"`
	CreatedAt time.Time       `json:"created_at"`
	UpdatedAt time.Time       `json:"updated_at"`
	UpdatedBy string          `json:"updated_by,omitempty"`
}

// DuplicateItem is one item of a set.
type DuplicateItem struct {
	ID         string `json:"id"`
	Name       string `json:"name,omitempty" doc:"Absent when it was deleted"`
	Class      string `json:"class,omitempty"`
	ClassLabel string `json:"class_label,omitempty"`
	MergedInto string `json:"merged_into,omitempty"`
}

type duplicatesInput struct {
	Paging
	State cmdb.TaskState `query:"state" enum:"open,merged,dismissed" doc:"By default all"`
	Item  string         `query:"item" maxLength:"32" doc:"Sets with the item of this id"`
}

type mergeInput struct {
	IDInput
	Body mergeBody
}

type mergeBody struct {
	Main string `json:"main" minLength:"1" maxLength:"32" doc:"The id of the item of the set that stays"`
}

func (a *api) mountDuplicates() {
	operator := []access.Role{access.Operator}
	register(a, operation{
		id: "list-duplicates", method: get, path: duplicatesPath, tag: "duplicate", roles: []access.Role{access.Viewer},
		summary: "Sets of items that may be one thing, the newest first",
	}, a.duplicates)
	register(a, operation{
		id: "merge-duplicates", method: post, path: duplicatesPath + "/{id}/merge", tag: "duplicate", roles: operator,
		summary: "Make one item of a set",
		description: "What sources say of the others, their relations and what hangs on them moves to main. It can be undone. " +
			"409 when the set is not open, or its items are of classes with different rules of identification.",
	}, a.mergeDuplicates)
	register(a, operation{
		id: "undo-merge", method: post, path: duplicatesPath + "/{id}/undo", tag: "duplicate", roles: operator,
		summary: "Part what was merged",
		description: "The items get back what sources said of them, their relations and what hung on them. The set counts as dismissed then. " +
			"409 when it is not merged, or the items were merged further or deleted since.",
	}, a.undoMerge)
	register(a, operation{
		id: "dismiss-duplicates", method: post, path: duplicatesPath + "/{id}/dismiss", tag: "duplicate", roles: operator,
		summary: "Say that the items of a set are different things", description: "409 when the set is not open.",
	}, a.dismissDuplicates)
}

func (a *api) duplicates(ctx context.Context, in *duplicatesInput) (*answer[list[DuplicateSet]], error) {
	before, err := in.position()
	if err != nil {
		return nil, err
	}
	page, next, err := a.CMDB.TaskPage(ctx, cmdb.TaskQuery{State: in.State, Item: cmdb.ItemID(in.Item), Before: before, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	out, err := a.duplicateSets(ctx, page)
	return &answer[list[DuplicateSet]]{list[DuplicateSet]{Items: out, Next: cursor(next)}}, err
}

// duplicateSets adds to sets what their items are called.
func (a *api) duplicateSets(ctx context.Context, page []cmdb.Task) ([]DuplicateSet, error) {
	var ids []cmdb.ItemID
	for _, t := range page {
		ids = append(ids, t.Items...)
	}
	known, err := a.CMDB.Briefs(ctx, ids)
	if err != nil {
		return nil, err
	}
	return items(page, func(t cmdb.Task) DuplicateSet {
		return DuplicateSet{
			ID: t.ID, State: t.State, Reason: t.Reason, Main: string(t.Main), CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt, UpdatedBy: t.UpdatedBy,
			Items: items(t.Items, func(id cmdb.ItemID) DuplicateItem {
				b, ok := known[id]
				if !ok {
					return DuplicateItem{ID: string(id)}
				}
				return DuplicateItem{ID: string(id), Name: b.Name, Class: b.Class, ClassLabel: a.classLabel(b.Class), MergedInto: string(b.MergedInto)}
			}),
		}
	}), nil
}

func (a *api) mergeDuplicates(ctx context.Context, in *mergeInput) (*answer[DuplicateSet], error) {
	return a.changeSet(ctx, "merge", in.ID, func(ctx context.Context) error {
		return a.CMDB.MergeSet(ctx, in.ID, cmdb.ItemID(in.Body.Main), who(ctx))
	})
}

func (a *api) undoMerge(ctx context.Context, in *IDInput) (*answer[DuplicateSet], error) {
	return a.changeSet(ctx, "undo", in.ID, func(ctx context.Context) error { return a.CMDB.PartSet(ctx, in.ID, who(ctx)) })
}

func (a *api) dismissDuplicates(ctx context.Context, in *IDInput) (*answer[DuplicateSet], error) {
	return a.changeSet(ctx, "dismiss", in.ID, func(ctx context.Context) error { return a.CMDB.Dismiss(ctx, in.ID, who(ctx)) })
}

func (a *api) changeSet(ctx context.Context, action, id string, fn func(ctx context.Context) error) (*answer[DuplicateSet], error) {
	var sets []DuplicateSet
	err := a.change(ctx, func(ctx context.Context) (e access.Entry, err error) {
		if err := fn(ctx); err != nil {
			return e, err
		}
		t, err := a.CMDB.Task(ctx, id)
		if err != nil {
			return e, err
		}
		if sets, err = a.duplicateSets(ctx, []cmdb.Task{t}); err != nil {
			return e, err
		}
		return access.Entry{Action: "duplicate." + action, TargetType: "duplicate", TargetID: id, Detail: struct {
			Main  string        `json:"main"`
			Items []cmdb.ItemID `json:"items"`
		}{string(t.Main), t.Items}}, nil
	})
	if err != nil {
		return nil, err
	}
	return &answer[DuplicateSet]{sets[0]}, nil
}
