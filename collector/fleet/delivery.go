package fleet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/proto/gen/picketv1"
)

// Position is what is durable here of one class of an agent's epoch: everything up to the watermark, and ranges above it.
type Position struct {
	Watermark uint64
	Above     []Range
}

// Range is a run of sequence numbers, both ends included.
type Range struct{ First, Last uint64 }

// MarshalJSON writes [first,last].
func (r Range) MarshalJSON() ([]byte, error) { return json.Marshal([2]uint64{r.First, r.Last}) }

// UnmarshalJSON reads [first,last].
func (r *Range) UnmarshalJSON(b []byte) error {
	var pair [2]uint64
	if err := json.Unmarshal(b, &pair); err != nil {
		return fmt.Errorf("read range: %w", err)
	}
	r.First, r.Last = pair[0], pair[1]
	return nil
}

// Drop is a run of records that the agent gave up and that will never come.
type Drop struct {
	Class       picketv1.Class
	First, Last uint64
	Records     uint64
	Bytes       uint64
	Reason      string
	Time        time.Time
}

type deliveryRow struct {
	bun.BaseModel `bun:"table:delivery_state"`
	AgentID       AgentID         `bun:"agent_id,pk"`
	Epoch         string          `bun:"epoch,pk"`
	Class         int32           `bun:"class,pk"`
	Watermark     int64           `bun:"watermark"`
	Above         json.RawMessage `bun:"above"`
	UpdatedAt     int64           `bun:"updated_at"`
}

type dropRow struct {
	bun.BaseModel `bun:"table:delivery_drops"`
	ID            string  `bun:"id,pk"`
	AgentID       AgentID `bun:"agent_id"`
	Epoch         string  `bun:"epoch"`
	Class         int32   `bun:"class"`
	FirstSeq      int64   `bun:"first_seq"`
	LastSeq       int64   `bun:"last_seq"`
	Records       int64   `bun:"records"`
	Bytes         int64   `bun:"bytes"`
	Reason        string  `bun:"reason"`
	Time          int64   `bun:"time"`
}

func epochText(epoch uint64) string { return fmt.Sprintf("%016x", epoch) }

// LoadDelivery returns what is durable of an agent's epoch, by class; classes nothing came of are absent.
func (f *Fleet) LoadDelivery(ctx context.Context, id AgentID, epoch uint64) (map[picketv1.Class]Position, error) {
	var rows []deliveryRow
	if err := f.db.NewSelect().Model(&rows).Where("agent_id = ?", id).Where("epoch = ?", epochText(epoch)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read delivery state of agent %s: %w", id, err)
	}
	positions := make(map[picketv1.Class]Position, len(rows))
	for _, r := range rows {
		p := Position{Watermark: uint64(r.Watermark)}
		if err := json.Unmarshal(r.Above, &p.Above); err != nil {
			return nil, fmt.Errorf("read delivery state of agent %s, class %d: %w", id, r.Class, err)
		}
		positions[picketv1.Class(r.Class)] = p
	}
	return positions, nil
}

// SaveDelivery writes down what is durable of an agent's epoch, within the transaction q that makes it durable. A watermark
// never goes back.
func (f *Fleet) SaveDelivery(ctx context.Context, q bun.IDB, id AgentID, epoch uint64, positions map[picketv1.Class]Position) error {
	if len(positions) == 0 {
		return nil
	}
	rows := make([]deliveryRow, 0, len(positions))
	for class, p := range positions {
		above := []byte("[]")
		if len(p.Above) > 0 {
			var err error
			if above, err = json.Marshal(p.Above); err != nil {
				return fmt.Errorf("encode ranges: %w", err)
			}
		}
		rows = append(rows, deliveryRow{
			AgentID: id, Epoch: epochText(epoch), Class: int32(class), Watermark: int64(p.Watermark), Above: above, UpdatedAt: db.Now(),
		})
	}
	_, err := q.NewInsert().Model(&rows).On("CONFLICT (agent_id, epoch, class) DO UPDATE").
		Set("watermark = EXCLUDED.watermark").Set("above = EXCLUDED.above").Set("updated_at = EXCLUDED.updated_at").
		Where("EXCLUDED.watermark >= delivery_row.watermark").Exec(ctx)
	if err != nil {
		return fmt.Errorf("write delivery state of agent %s: %w", id, err)
	}
	return nil
}

// SaveDrops adds to the ledger what the agent dropped, within the transaction q. The same drop told twice counts once.
func (f *Fleet) SaveDrops(ctx context.Context, q bun.IDB, id AgentID, epoch uint64, drops []Drop) error {
	if len(drops) == 0 {
		return nil
	}
	rows := make([]dropRow, len(drops))
	for i, d := range drops {
		rows[i] = dropRow{
			ID: dropID(id, epoch, d), AgentID: id, Epoch: epochText(epoch), Class: int32(d.Class), FirstSeq: int64(d.First),
			LastSeq: int64(d.Last), Records: int64(d.Records), Bytes: int64(d.Bytes), Reason: db.Text(d.Reason), Time: db.Millis(d.Time),
		}
	}
	if _, err := q.NewInsert().Model(&rows).On("CONFLICT (id) DO NOTHING").Exec(ctx); err != nil {
		return fmt.Errorf("write drops of agent %s: %w", id, err)
	}
	return nil
}

// Drops returns what the agent dropped since a time, the newest first, at most 1000.
func (f *Fleet) Drops(ctx context.Context, id AgentID, since time.Time) ([]Drop, error) {
	var rows []dropRow
	if err := f.db.NewSelect().Model(&rows).Where("agent_id = ?", id).Where("time >= ?", db.Millis(since)).
		OrderExpr("time DESC, id").Limit(maxPage).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read drops of agent %s: %w", id, err)
	}
	drops := make([]Drop, len(rows))
	for i, r := range rows {
		drops[i] = Drop{
			Class: picketv1.Class(r.Class), First: uint64(r.FirstSeq), Last: uint64(r.LastSeq), Records: uint64(r.Records),
			Bytes: uint64(r.Bytes), Reason: r.Reason, Time: db.Time(r.Time),
		}
	}
	return drops, nil
}

// dropID makes the row's id from what the drop is, so that it can be told again.
func dropID(id AgentID, epoch uint64, d Drop) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %016x %d %d %d %s", id, epoch, d.Class, d.First, d.Last, d.Reason))
	return hex.EncodeToString(sum[:16])
}
