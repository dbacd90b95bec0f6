package cmdb

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/internal/errs"
)

// TaskState is what became of a set of duplicates.
type TaskState string

// The states.
const (
	TaskOpen      TaskState = "open"
	TaskMerged    TaskState = "merged"
	TaskDismissed TaskState = "dismissed" // they are different things
)

// Task is a set of items that may be one thing.
type Task struct {
	ID        string
	Items     []ItemID
	Reason    string
	State     TaskState
	Main      ItemID // the item that the others are duplicates of, or were merged into
	CreatedAt time.Time
	UpdatedAt time.Time
	UpdatedBy string
}

type taskRow struct {
	bun.BaseModel `bun:"table:duplicate_tasks,alias:duplicate_tasks"`
	ID            string    `bun:"id,pk"`
	Members       string    `bun:"members"` // ids in order
	Reason        string    `bun:"reason"`
	State         TaskState `bun:"state"`
	MainID        ItemID    `bun:"main_id"`
	Undo          string    `bun:"undo"`
	CreatedAt     int64     `bun:"created_at"`
	UpdatedAt     int64     `bun:"updated_at"`
	UpdatedBy     string    `bun:"updated_by"`
}

// mergeUndo is what it takes to part two items that were merged.
type mergeUndo struct {
	Main       undoItem       `json:"main"`
	Other      undoItem       `json:"other"`
	Relations  []undoRelation `json:"relations,omitempty"`
	Dependents []ItemID       `json:"dependents,omitempty"`
}

type undoItem struct {
	ID     ItemID      `json:"id"`
	Claims []undoClaim `json:"claims"`
}

type undoClaim struct {
	Source    string `json:"source"`
	Key       string `json:"key"`
	NativeKey string `json:"native_key"`
	First     int64  `json:"first"`
	Last      int64  `json:"last"`
	Body      body   `json:"body"`
}

type undoRelation struct {
	Parent  ItemID           `json:"parent"`
	Child   ItemID           `json:"child"`
	Type    string           `json:"type"`
	Sources map[string]int64 `json:"sources"`
	Had     bool             `json:"had,omitempty"` // the item that it moved to had it as well
}

func snapshot(it *item) undoItem {
	u := undoItem{ID: it.ID}
	for _, c := range it.claims {
		b := c.body
		b.Values, b.Classes = maps.Clone(b.Values), maps.Clone(b.Classes)
		u.Claims = append(u.Claims, undoClaim{c.Source, c.Key, c.NativeKey, c.First, c.Last, b})
	}
	return u
}

func members(ids ...ItemID) string {
	slices.Sort(ids)
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = string(id)
	}
	return strings.Join(parts, ",")
}

// duplicates notes a set of items that may be one thing, once.
func (w *work) duplicates(list []*item, reason string) {
	ids := make([]ItemID, len(list))
	for i, it := range list {
		ids[i] = it.ID
	}
	m := members(ids...)
	if w.tasks[m] == nil {
		w.tasks[m] = &taskRow{ID: db.NewID(), Members: m, Reason: reason, State: TaskOpen, MainID: list[0].ID, Undo: "{}", CreatedAt: w.now, UpdatedAt: w.now, UpdatedBy: w.by}
	}
}

// merged notes, under an id, two items that were merged, and how to part them.
func (w *work) merged(id string, main, other *item, reason string, undo mergeUndo) error {
	raw, err := json.Marshal(undo)
	if err != nil {
		return fmt.Errorf("encode how to part item %s: %w", other.ID, err)
	}
	m := members(main.ID, other.ID)
	w.tasks[m] = &taskRow{ID: id, Members: m, Reason: reason, State: TaskMerged, MainID: main.ID, Undo: string(raw), CreatedAt: w.now, UpdatedAt: w.now, UpdatedBy: w.by}
	return nil
}

func (r taskRow) task() Task {
	t := Task{ID: r.ID, Reason: r.Reason, State: r.State, Main: r.MainID, CreatedAt: db.Time(r.CreatedAt), UpdatedAt: db.Time(r.UpdatedAt), UpdatedBy: r.UpdatedBy}
	for id := range strings.SplitSeq(r.Members, ",") {
		t.Items = append(t.Items, ItemID(id))
	}
	return t
}

// Tasks returns sets of duplicates in a state, the newest first; an empty state means all.
func (s *Store) Tasks(ctx context.Context, state TaskState, limit int64) ([]Task, error) {
	var rows []taskRow
	q := s.db.NewSelect().Model(&rows).OrderExpr("id DESC").Limit(limit)
	if state != "" {
		q = q.Where("state = ?", state)
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("read sets of duplicates: %w", err)
	}
	list := make([]Task, len(rows))
	for i, r := range rows {
		list[i] = r.task()
	}
	return list, nil
}

// Merge makes the others parts of main. Kinds: NotFound, Conflict, Invalid.
func (s *Store) Merge(ctx context.Context, main ItemID, others []ItemID, by string) error {
	return s.write(ctx, byHand, by, func(ctx context.Context, w *work) error {
		if err := w.load(ctx, append([]ItemID{main}, others...)); err != nil {
			return err
		}
		m := w.items[main]
		if m == nil || m.MergedInto != "" {
			return errs.New(errs.NotFound, "there is no item %s", main)
		}
		for _, id := range others {
			o := w.items[id]
			switch {
			case o == nil || o.MergedInto != "":
				return errs.New(errs.NotFound, "there is no item %s", id)
			case o == m:
				return errs.New(errs.Invalid, "item %s cannot be merged into itself", id)
			case w.model.Class(o.Class) == nil || w.model.Class(m.Class) == nil || w.model.Class(o.Class).Rule() != w.model.Class(m.Class).Rule():
				return errs.New(errs.Conflict, "items of class %s and %s are identified in different ways", m.Class, o.Class)
			}
			if err := w.merge(ctx, m, o, "merged by hand"); err != nil {
				return err
			}
		}
		return nil
	})
}

// Dismiss says that the items of a task are different things. Kinds: NotFound, Conflict.
func (s *Store) Dismiss(ctx context.Context, id, by string) error {
	return s.write(ctx, byHand, by, func(ctx context.Context, w *work) error {
		row, err := w.task(ctx, id)
		if err != nil {
			return err
		}
		if row.State != TaskOpen {
			return errs.New(errs.Conflict, "the set of duplicates is %s", row.State)
		}
		t := row.task()
		if err := w.load(ctx, slices.Clone(t.Items)); err != nil {
			return err
		}
		for _, i := range t.Items {
			if it := w.items[i]; it != nil && it.DuplicateOf == row.MainID {
				it.DuplicateOf, it.changed = "", true
			}
		}
		row.State, row.UpdatedAt, row.UpdatedBy = TaskDismissed, w.now, by
		w.tasks[row.Members] = row
		return nil
	})
}

func (w *work) task(ctx context.Context, id string) (*taskRow, error) {
	row := new(taskRow)
	err := w.tx.NewSelect().Model(row).Where("id = ?", id).Scan(ctx)
	if db.IsNoRows(err) {
		return nil, errs.New(errs.NotFound, "there is no set of duplicates %s", id)
	}
	if err != nil {
		return nil, fmt.Errorf("read set of duplicates %s: %w", id, err)
	}
	return row, nil
}
