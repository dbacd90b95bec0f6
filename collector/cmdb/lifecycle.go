package cmdb

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/internal/errs"
)

// The install status of what is no more, and of what has been no more for long.
const (
	absent  = "100"
	retired = "7"
)

// goneAt returns when every source that looks had seen that the item is no more; false while one sees it, or while people say what it is.
func (it *item) goneAt() (at int64, gone bool) {
	for _, c := range it.claims {
		if c.Source == byHand {
			if c.Values["install_status"].Value != "" {
				return 0, false
			}
			continue
		}
		if !c.gone() {
			return 0, false
		}
		at, gone = max(at, c.Gone), true
	}
	return at, gone
}

// age gives an item that is no more the status that goes with how long it has been gone. What comes back has the status that its
// sources give it.
func (w *work) age(it *item) {
	at, gone := it.goneAt()
	if !gone {
		return
	}
	it.values["install_status"] = absent
	if l := w.model.Lifecycle(w.model.Class(it.Class)); l.RetireAfter > 0 && w.now-at >= l.RetireAfter.Milliseconds() {
		it.values["install_status"] = retired
	}
}

// Sweep retires items that have been absent for as long as their class allows, and deletes those that have been gone for longer still.
// It returns how many of each.
func (s *Store) Sweep(ctx context.Context) (nRetired, nDeleted int, err error) {
	for after := ItemID(""); ; {
		var ids []ItemID
		err := s.db.NewSelect().Model((*itemRow)(nil)).Column("id").Where("id > ?", after).Where("merged_into = ''").
			WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
				return q.Where(`attributes LIKE '%"install_status":"100"%'`).WhereOr(`attributes LIKE '%"install_status":"7"%'`)
			}).OrderExpr("id").Limit(portion).Scan(ctx, &ids)
		if err != nil {
			return nRetired, nDeleted, fmt.Errorf("read items that are gone: %w", err)
		}
		if len(ids) == 0 {
			return nRetired, nDeleted, nil
		}
		after = ids[len(ids)-1]
		err = s.write(ctx, "Rules", "life cycle", func(ctx context.Context, w *work) error {
			r, d, err := w.sweep(ctx, ids)
			nRetired, nDeleted = nRetired+r, nDeleted+d
			return err
		})
		if err != nil {
			return nRetired, nDeleted, err
		}
	}
}

func (w *work) sweep(ctx context.Context, ids []ItemID) (nRetired, nDeleted int, err error) {
	if err := w.load(ctx, ids); err != nil {
		return 0, 0, err
	}
	for _, id := range ids {
		it := w.items[id]
		if it == nil || it.deleted {
			continue
		}
		at, gone := it.goneAt()
		if !gone {
			continue
		}
		if l := w.model.Lifecycle(w.model.Class(it.Class)); l.DeleteAfter > 0 && w.now-at >= l.DeleteAfter.Milliseconds() {
			err := w.remove(ctx, it)
			if err == nil {
				nDeleted++
			} else if !errs.Is(err, errs.Conflict) { // one with duplicates stays
				return nRetired, nDeleted, err
			}
			continue
		}
		w.settle(it)
		if len(it.differences()) > 0 {
			it.changed = true
			nRetired++
		}
	}
	return nRetired, nDeleted, nil
}
