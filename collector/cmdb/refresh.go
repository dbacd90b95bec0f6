package cmdb

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/picketmon/picket/collector/db"
)

// modelKey is the setting that tells by which model the items were worked out.
const modelKey = "cmdb.model"

// tidyEvery is how often the quality of items is measured, and what waits for nothing any more forgotten.
const tidyEvery = 5 * time.Minute

// Run works items out anew when the classes or rules have changed since, then keeps the CMDB tidy until ctx ends.
func (s *Store) Run(ctx context.Context) error {
	if err := s.refreshIfNew(ctx); err != nil && ctx.Err() == nil {
		s.logger.Error("work out items by the new classes and rules", "error", err)
	}
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		if err := s.measure(ctx); err != nil && ctx.Err() == nil {
			s.logger.Error("measure the quality of items", "error", err)
		}
		if r, d, err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.logger.Error("retire items that are gone", "error", err)
		} else if r+d > 0 {
			s.logger.Info("retired or deleted items that are gone", "retired", r, "deleted", d)
		}
		if n, err := s.PurgePartials(ctx); err != nil && ctx.Err() == nil {
			s.logger.Error("tidy up the CMDB", "error", err)
		} else if n > 0 {
			s.logger.Info("forgot items that waited for too long for what they lacked", "items", n)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (s *Store) refreshIfNew(ctx context.Context) error {
	var raw string
	err := s.db.NewSelect().Table("settings").Column("value").Where("key = ?", modelKey).Scan(ctx, &raw)
	if err != nil && !db.IsNoRows(err) {
		return fmt.Errorf("read setting %s: %w", modelKey, err)
	}
	var sum string
	if raw != "" && json.Unmarshal([]byte(raw), &sum) == nil && sum == s.model.Sum() {
		return nil
	}
	n, err := s.Refresh(ctx)
	if err != nil {
		return err
	}
	if n > 0 {
		s.logger.Info("worked out items by new classes and rules", "changed", n)
	}
	quoted, err := json.Marshal(s.model.Sum())
	if err != nil {
		return fmt.Errorf("encode setting %s: %w", modelKey, err)
	}
	_, err = s.db.NewRaw("INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value", modelKey, string(quoted)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("write setting %s: %w", modelKey, err)
	}
	return nil
}

// Refresh works out every item anew from what sources say, by the present classes and rules, and returns how many changed. Others
// write in between.
func (s *Store) Refresh(ctx context.Context) (changed int, err error) {
	for after := ItemID(""); ; {
		var ids []ItemID
		if err := s.db.NewSelect().Model((*itemRow)(nil)).Column("id").Where("id > ?", after).Where("merged_into = ''").OrderExpr("id").Limit(portion).Scan(ctx, &ids); err != nil {
			return changed, fmt.Errorf("read items: %w", err)
		}
		if len(ids) == 0 {
			return changed, nil
		}
		after = ids[len(ids)-1]
		err := s.write(ctx, "Rules", "classes and rules", func(ctx context.Context, w *work) error {
			if err := w.load(ctx, ids); err != nil {
				return err
			}
			for _, it := range w.items {
				w.settle(it)
				if it.touched = true; len(it.differences()) > 0 {
					it.changed = true
					changed++
				}
			}
			return nil
		})
		if err != nil {
			return changed, err
		}
	}
}
