package metrics

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
)

// Rows keeps metadata in the table metric_metadata.
type Rows struct{ db *db.DB }

// NewRows returns Rows on d.
func NewRows(d *db.DB) *Rows { return &Rows{d} }

type metadataRow struct {
	bun.BaseModel `bun:"table:metric_metadata"`

	Name      string `bun:"name,pk"`
	Kind      string `bun:"kind"`
	Help      string `bun:"help"`
	Unit      string `bun:"unit"`
	UpdatedAt int64  `bun:"updated_at"`
}

// saveChunk keeps one statement well below both databases' limit of parameters.
const saveChunk = 500

// Load returns at most limit names, the latest changed first, see MetadataRows.
func (r *Rows) Load(ctx context.Context, limit int) (map[string]Metadata, error) {
	var rows []metadataRow
	err := r.db.NewSelect().Model(&rows).OrderExpr("updated_at DESC, name").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("load metric metadata: %w", err)
	}
	names := make(map[string]Metadata, len(rows))
	for _, row := range rows {
		names[row.Name] = Metadata{Kind: row.Kind, Help: row.Help, Unit: row.Unit}
	}
	return names, nil
}

// Save inserts or overwrites, see MetadataRows.
func (r *Rows) Save(ctx context.Context, changed map[string]Metadata) error {
	now := db.Now()
	rows := make([]metadataRow, 0, len(changed))
	for _, name := range slices.Sorted(maps.Keys(changed)) {
		m := changed[name]
		rows = append(rows, metadataRow{Name: name, Kind: m.Kind, Help: m.Help, Unit: m.Unit, UpdatedAt: now})
	}
	err := r.db.InTxReadCommitted(ctx, func(ctx context.Context, tx bun.Tx) error {
		for chunk := range slices.Chunk(rows, saveChunk) {
			_, err := tx.NewInsert().Model(&chunk).On("CONFLICT (name) DO UPDATE").
				Set("kind = EXCLUDED.kind, help = EXCLUDED.help, unit = EXCLUDED.unit, updated_at = EXCLUDED.updated_at").
				Exec(ctx)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("save %d rows of metric metadata: %w", len(rows), err)
	}
	return nil
}
