package ingest

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/fleet"
	pb "github.com/picketmon/picket/proto/gen/picketv1"
)

// capabilities stores differences of what can be collected on the host. When they do not add up to what the agent counts, some
// were lost, and it is asked for all.
func (st *stream) capabilities(ctx context.Context, b *pb.InventoryBatch) error {
	if n := len(b.GetItems()); n > 0 {
		return violation("a batch of capabilities with %d items", n)
	}
	changes := fleet.Capabilities{Full: b.GetFull(), Hash: b.GetFullHash(), Time: time.UnixMilli(b.GetTimeMs())}
	for _, c := range b.GetCapabilities() {
		changes.Items = append(changes.Items, fleet.Capability{
			Name: text(c.GetName()), Available: c.GetAvailable(), Reason: text(c.GetReason()), Fix: text(c.GetFix()), Gone: c.GetGone(),
		})
	}
	lost := false
	err := st.store(ctx, pb.Class_CLASS_INVENTORY, b.GetSeq(), func(ctx context.Context, tx bun.IDB) error {
		whole, err := st.s.opts.Fleet.SaveCapabilities(ctx, tx, st.session.Agent.ID, changes)
		lost = err == nil && !whole // what is refused would be refused again
		return err
	}, nil)
	if err != nil || !lost {
		return err
	}
	return st.askAll(b.GetKind())
}
