package ingest

import (
	"context"
	"encoding/hex"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/event"
	"github.com/picketmon/picket/collector/fleet"
	pb "github.com/picketmon/picket/proto/gen/picketv1"
)

// Limits of a batch of rows.
const (
	maxResults = 10_000
	maxItems   = 50_000
	maxText    = 64 << 10
)

// results stores check results, agent events and notices of drops.
func (st *stream) results(ctx context.Context, b *pb.ResultBatch) error {
	if n := len(b.GetResults()) + len(b.GetEvents()) + len(b.GetDropped()); n > maxResults {
		return violation("a batch of %d results, limit is %d", n, maxResults)
	}
	now, agent := db.Now(), string(st.session.Agent.ID)
	results := make([]event.Result, 0, len(b.GetResults()))
	for _, r := range b.GetResults() {
		results = append(results, event.Result{
			ID: rowID(r.GetId()), AgentID: agent, Check: text(r.GetCheck()), Resource: text(r.GetResource()),
			Status: statusName(r.GetStatus()), Output: text(r.GetOutput()), Labels: texts(r.GetLabels()), Time: r.GetTimeMs(),
			DurationUS: int64(r.GetDurationUs()), ReceivedAt: now,
		})
	}
	events := make([]event.AgentEvent, 0, len(b.GetEvents()))
	for _, e := range b.GetEvents() {
		events = append(events, event.AgentEvent{
			ID: rowID(e.GetId()), AgentID: agent, Type: text(e.GetType()), Severity: statusName(e.GetSeverity()),
			Message: text(e.GetMessage()), Attributes: texts(e.GetAttributes()), Time: e.GetTimeMs(), ReceivedAt: now,
		})
	}
	return st.store(ctx, pb.Class_CLASS_RESULTS, b.GetSeq(), func(ctx context.Context, tx bun.IDB) error {
		if err := st.s.opts.Events.Insert(ctx, tx, results, events); err != nil {
			return err
		}
		return st.settleDrops(ctx, tx, b.GetDropped())
	}, func() { st.noteDrops(b.GetDropped()) })
}

// settleDrops writes what the agent gave up, so that nobody waits for it.
func (st *stream) settleDrops(ctx context.Context, tx bun.IDB, all []*pb.Dropped) error {
	drops := make([]fleet.Drop, 0, len(all))
	for _, d := range all {
		drops = append(drops, fleet.Drop{
			Class: d.GetClass(), First: d.GetFirst(), Last: d.GetLast(), Records: d.GetRecords(), Bytes: d.GetBytes(),
			Reason: text(d.GetReason()), Time: time.UnixMilli(d.GetTimeMs()),
		})
	}
	return st.s.opts.Fleet.SaveDrops(ctx, tx, st.session.Agent.ID, st.epoch, drops)
}

// noteDrops counts drops and closes the ledgers over them.
func (st *stream) noteDrops(all []*pb.Dropped) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, d := range all {
		c := int(d.GetClass())
		if c <= 0 || c >= len(classNames) {
			continue
		}
		st.s.metrics.dropped.WithLabelValues(classNames[c], reasonLabel(d.GetReason())).Add(float64(d.GetRecords()))
		if d.GetFirst() > 0 {
			st.ledgers[c].add(d.GetFirst(), d.GetLast())
		}
	}
}

// reasonLabel keeps an agent from making label values of its own.
func reasonLabel(reason string) string {
	switch reason {
	case "bytes", "age", "disk_free", "disk_full", "disk_error", "corrupt", "power_loss", "skipped", "too_large", "rejected", "undecodable":
		return reason
	}
	return "other"
}

// inventory stores differences of what is on the host.
func (st *stream) inventory(ctx context.Context, b *pb.InventoryBatch) error {
	if n := len(b.GetItems()) + len(b.GetCapabilities()); n > maxItems {
		return violation("an inventory batch of %d items, limit is %d", n, maxItems)
	}
	if b.GetKind() == fleet.KindCapability {
		return st.capabilities(ctx, b)
	}
	facts := fleet.Facts{Kind: text(b.GetKind()), Full: b.GetFull(), Hash: b.GetFullHash(), Time: time.UnixMilli(b.GetTimeMs())}
	for _, i := range b.GetItems() {
		facts.Items = append(facts.Items, fleet.Fact{
			Key: text(i.GetKey()), Class: text(i.GetClass()), Attributes: i.GetAttributes(), Gone: i.GetGone(),
		})
	}
	lost := false
	err := st.store(ctx, pb.Class_CLASS_INVENTORY, b.GetSeq(), func(ctx context.Context, tx bun.IDB) error {
		whole, err := st.s.opts.Fleet.SaveFacts(ctx, tx, st.session.Agent.ID, facts)
		lost = err == nil && !whole // what is refused would be refused again
		return err
	}, nil)
	if err != nil || !lost {
		return err
	}
	return st.askAll(facts.Kind)
}

// Asking for all of a kind again, on one stream.
const (
	askAgain  = 10 * time.Minute // an agent that counts in another way is not asked all the time
	mostAsked = 1000             // kinds
)

// askAll asks the agent for all of a kind of inventory.
func (st *stream) askAll(kind string) error {
	now := time.Now()
	if last, ok := st.asked[kind]; ok && now.Sub(last) < askAgain || !ok && len(st.asked) >= mostAsked {
		return nil
	}
	if st.asked == nil {
		st.asked = map[string]time.Time{}
	}
	st.asked[kind] = now
	return st.wire.Send(&pb.CollectorMessage{Body: &pb.CollectorMessage_Resync{Resync: &pb.Resync{Kind: kind}}})
}

// store commits one batch of rows together with the class's watermark, unless it is known already, and acknowledges it.
func (st *stream) store(ctx context.Context, c pb.Class, seq uint64, write func(context.Context, bun.IDB) error, then func()) error {
	if seq == 0 {
		return violation("a batch of %s without a sequence", classNames[c])
	}
	l := &st.ledgers[c]
	if l.has(seq) {
		st.s.metrics.repeated.WithLabelValues(classNames[c]).Inc()
		return st.ack(c, false)
	}
	after := l.clone()
	after.add(seq, seq)
	began := time.Now()
	err := st.s.rows.commit(ctx, func(ctx context.Context, tx bun.IDB) error {
		if err := write(ctx, tx); err != nil {
			return err
		}
		return st.saveLedger(ctx, tx, c, after)
	})
	if permanent(err) {
		return st.rejectRows(c, seq, "refused", err.Error())
	}
	if err != nil {
		return err
	}
	took := time.Since(began)
	st.pace.took(took)
	st.s.metrics.commit.WithLabelValues("rows").Observe(took.Seconds())
	st.s.metrics.batches.WithLabelValues(classNames[c]).Inc()
	l.add(seq, seq)
	if then != nil {
		then()
	}
	st.stored(c)
	return st.ack(c, false)
}

// rejectRows tells the agent that a batch can never be stored, and settles it.
func (st *stream) rejectRows(c pb.Class, seq uint64, reason, detail string) error {
	st.ledgers[c].add(seq, seq)
	return st.reject(&pb.Rejection{Class: c, Seq: seq, Reason: reason, Detail: detail})
}

func (st *stream) loadLedgers(ctx context.Context) error {
	all, err := st.s.opts.Fleet.LoadDelivery(ctx, st.session.Agent.ID, st.epoch)
	if err != nil {
		return err
	}
	for c, p := range all {
		if c <= 0 || int(c) >= len(classNames) {
			continue
		}
		st.ledgers[c].watermark = p.Watermark
		for _, r := range p.Above {
			st.ledgers[c].add(r.First, r.Last)
		}
	}
	st.saved = st.ledgers[pb.Class_CLASS_METRICS].clone()
	return nil
}

func (st *stream) saveLedger(ctx context.Context, tx bun.IDB, c pb.Class, l ledger) error {
	p := fleet.Position{Watermark: l.watermark}
	for _, s := range l.above {
		p.Above = append(p.Above, fleet.Range{First: s.first, Last: s.last})
	}
	return st.s.opts.Fleet.SaveDelivery(ctx, tx, st.session.Agent.ID, st.epoch, map[pb.Class]fleet.Position{c: p})
}

// rowID is the id an agent gave a row, so that a repeat is recognised; one that gives none gets a new one.
func rowID(id []byte) string {
	if len(id) != 16 {
		return db.NewID()
	}
	return hex.EncodeToString(id)
}

func text(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	return db.Text(s)
}

func texts(m map[string]string) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[text(k)] = text(v)
	}
	return out
}

func statusName(s pb.Status) string {
	if s == pb.Status_STATUS_UNSPECIFIED {
		return "unknown"
	}
	return strings.ToLower(strings.TrimPrefix(s.String(), "STATUS_"))
}
