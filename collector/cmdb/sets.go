package cmdb

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/internal/errs"
)

// TaskQuery says which sets of duplicates to list; empty fields select all.
type TaskQuery struct {
	State TaskState
	Item  ItemID
	// Before is the id of the last set of the page before; Limit the most sets of a page.
	Before string
	Limit  int
}

// TaskPage returns a page of sets of duplicates, the newest first, and the id to go on before, empty at the end.
func (s *Store) TaskPage(ctx context.Context, q TaskQuery) (page []Task, next string, err error) {
	var rows []taskRow
	sel := s.db.NewSelect().Model(&rows).OrderExpr("id DESC").Limit(int64(q.Limit) + 1)
	if q.State != "" {
		sel = sel.Where("state = ?", q.State)
	}
	if q.Item != "" {
		if !db.IsID(string(q.Item)) {
			return nil, "", nil
		}
		sel = sel.Where("members LIKE ?", "%"+string(q.Item)+"%")
	}
	if q.Before != "" {
		sel = sel.Where("id < ?", q.Before)
	}
	if err := sel.Scan(ctx); err != nil {
		return nil, "", fmt.Errorf("read sets of duplicates: %w", err)
	}
	if len(rows) > q.Limit {
		rows = rows[:q.Limit]
		next = rows[q.Limit-1].ID
	}
	page = make([]Task, len(rows))
	for i, r := range rows {
		page[i] = r.task()
	}
	return page, next, nil
}

// Task returns one set of duplicates. Kinds: NotFound.
func (s *Store) Task(ctx context.Context, id string) (Task, error) {
	row := new(taskRow)
	err := s.db.NewSelect().Model(row).Where("id = ?", id).Scan(ctx)
	if db.IsNoRows(err) {
		return Task{}, errs.New(errs.NotFound, "there is no set of duplicates %s", id)
	}
	if err != nil {
		return Task{}, fmt.Errorf("read set of duplicates %s: %w", id, err)
	}
	return row.task(), nil
}

// MergeSet makes all items of an open set parts of one of them. Kinds: NotFound, Conflict, Invalid.
func (s *Store) MergeSet(ctx context.Context, id string, main ItemID, by string) error {
	return s.Together(ctx, func(ctx context.Context) error {
		t, err := s.Task(ctx, id)
		if err != nil {
			return err
		}
		if t.State != TaskOpen {
			return errs.New(errs.Conflict, "the set of duplicates is %s", t.State)
		}
		if !slices.Contains(t.Items, main) {
			return errs.New(errs.Invalid, "main: item %s is not one of the set", main)
		}
		there, err := s.Briefs(ctx, t.Items)
		if err != nil {
			return err
		}
		others := slices.DeleteFunc(slices.Clone(t.Items), func(i ItemID) bool {
			b, ok := there[i]
			return i == main || !ok || b.MergedInto != ""
		})
		if len(others) == 0 {
			return errs.New(errs.Conflict, "none of the other items is left")
		}
		if err := s.Merge(ctx, main, others, by); err != nil {
			return err
		}
		return s.write(ctx, byHand, by, func(ctx context.Context, w *work) error {
			row, err := w.task(ctx, id)
			if err != nil || row.State == TaskMerged { // it is a pair, which the merge has noted
				return err
			}
			row.State, row.MainID, row.UpdatedAt, row.UpdatedBy = TaskMerged, main, w.now, by
			w.tasks[row.Members] = row
			return nil
		})
	})
}

// PartSet undoes the merging of a set: of a pair, or of a larger set pair by pair. Kinds: NotFound, Conflict.
func (s *Store) PartSet(ctx context.Context, id, by string) error {
	return s.Together(ctx, func(ctx context.Context) error {
		t, err := s.Task(ctx, id)
		if err != nil {
			return err
		}
		if len(t.Items) == 2 {
			return s.Unmerge(ctx, id, by)
		}
		if t.State != TaskMerged {
			return errs.New(errs.Conflict, "the set of duplicates is %s, there is nothing to part", t.State)
		}
		var with []string
		for _, other := range t.Items {
			if other != t.Main {
				with = append(with, members(t.Main, other))
			}
		}
		var pairs []taskRow // merges are undone in the reverse order
		err = s.db.NewSelect().Model(&pairs).Where("members IN ?", bun.Tuple(with)).Where("state = ?", TaskMerged).OrderExpr("id DESC").Scan(ctx)
		if err != nil {
			return fmt.Errorf("read pairs of set %s: %w", id, err)
		}
		for _, p := range pairs {
			if err := s.Unmerge(ctx, p.ID, by); err != nil {
				return err
			}
		}
		return s.write(ctx, byHand, by, func(ctx context.Context, w *work) error {
			row, err := w.task(ctx, id)
			if err != nil {
				return err
			}
			row.State, row.UpdatedAt, row.UpdatedBy = TaskDismissed, w.now, by
			w.tasks[row.Members] = row
			return nil
		})
	})
}
