package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/uptrace/bun"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/picketmon/picket/collector/fleet"
	pb "github.com/picketmon/picket/proto/gen/picketv1"
)

// acksEvery is how many messages an acknowledgement may cover while more are on their way.
const acksEvery = 8

// accepts are the classes that this collector stores.
var accepts = []pb.Class{pb.Class_CLASS_RESULTS, pb.Class_CLASS_INVENTORY, pb.Class_CLASS_METRICS}

// stream is one agent's delivery. One goroutine receives, stores and acknowledges.
type stream struct {
	s       *Server
	wire    pb.Delivery_StreamServer
	session *fleet.Session
	epoch   uint64
	samples *samples
	pace    pace
	unacked int // messages since the last acknowledgement
	pending [len(classNames)]bool

	busy   sync.Mutex // held while a message is handled
	closed bool       // no message is handled any more

	asked map[string]time.Time // when all of a kind of inventory was asked for

	mu      sync.Mutex // ledgers: of the stream's goroutine, but Server.save reads those of samples
	ledgers [len(classNames)]ledger
	saved   ledger // of samples, as in the database
}

var classNames = [...]string{"unspecified", "results", "inventory", "metrics", "logs"}

// Stream implements the Delivery service.
func (s *Server) Stream(wire pb.Delivery_StreamServer) error {
	ctx := wire.Context()
	agent, err := s.opts.Fleet.Authenticate(ctx)
	if err != nil {
		return err
	}
	hello, err := firstHello(wire)
	if err != nil {
		return err
	}
	if hello.GetMinVersion() > maxVersion || hello.GetMaxVersion() < minVersion {
		return s.refuse(wire, pb.Refusal_REASON_VERSION, fmt.Sprintf("this collector speaks protocol versions %d to %d, the agent %d to %d",
			minVersion, maxVersion, hello.GetMinVersion(), hello.GetMaxVersion()))
	}
	host, err := fleet.HostFromProto(hello.GetHost(), hello.GetBootId())
	if err != nil {
		return err
	}
	session, err := s.opts.Fleet.Connect(ctx, agent, host)
	if err != nil {
		if errors.Is(err, fleet.ErrClone) {
			return s.refuse(wire, pb.Refusal_REASON_CLONE, err.Error())
		}
		return err
	}
	defer session.Close()
	st, err := s.newStream(wire, session, hello)
	if err != nil {
		return err
	}
	return st.serve()
}

// firstHello waits for the agent's Hello, at most 15 s.
func firstHello(wire pb.Delivery_StreamServer) (*pb.Hello, error) {
	type first struct {
		msg *pb.AgentMessage
		err error
	}
	got := make(chan first, 1)
	go func() { // ends with the stream at the latest
		msg, err := wire.Recv()
		got <- first{msg, err}
	}()
	select {
	case f := <-got:
		if f.err != nil {
			return nil, fmt.Errorf("receive hello: %w", f.err)
		}
		if h := f.msg.GetHello(); h != nil {
			return h, nil
		}
		return nil, status.Error(codes.InvalidArgument, "the first message must be Hello")
	case <-time.After(15 * time.Second):
		return nil, status.Error(codes.DeadlineExceeded, "no Hello in 15 s")
	}
}

func (s *Server) refuse(wire pb.Delivery_StreamServer, why pb.Refusal_Reason, detail string) error {
	s.metrics.ended.WithLabelValues(why.String()).Inc()
	return wire.Send(&pb.CollectorMessage{Body: &pb.CollectorMessage_Refusal{Refusal: &pb.Refusal{Reason: why, Detail: detail}}})
}

// newStream loads what is settled already and sends Welcome.
func (s *Server) newStream(wire pb.Delivery_StreamServer, session *fleet.Session, hello *pb.Hello) (*stream, error) {
	st := &stream{
		s: s, wire: wire, session: session, epoch: hello.GetEpoch(),
		samples: &samples{
			store: s.opts.Samples, meta: s.opts.Metadata, limits: s.opts.Limits, series: s.opts.Series, zstd: s.zstd,
			id: identity{job: Job, instance: session.Agent.Instance},
		},
	}
	if err := st.loadLedgers(session.Context()); err != nil {
		return nil, status.Errorf(codes.Unavailable, "load what is settled: %v", err)
	}
	for _, p := range hello.GetPositions() {
		// What the agent no longer holds will never come.
		if c := int(p.GetClass()); c > 0 && c < len(classNames) && p.GetFirstUnacked() > 0 {
			st.ledgers[c].add(1, p.GetFirstUnacked()-1)
		}
	}
	live, backlog := st.pace.window()
	welcome := &pb.Welcome{
		Version: min(hello.GetMaxVersion(), maxVersion), Instance: session.Agent.Instance, Accepts: accepts,
		Window: &pb.Window{Live: live, Backlog: backlog}, ClockMs: time.Now().UnixMilli(),
		Limits: &pb.Limits{
			MessageBytes: MaxMessage, LabelNameBytes: uint32(s.opts.Limits.LabelNameBytes),
			LabelValueBytes: uint32(s.opts.Limits.LabelValueBytes), LabelsPerSeries: uint32(s.opts.Limits.LabelsPerSeries),
			Series: uint32(s.opts.Series),
		},
	}
	for _, c := range accepts {
		welcome.Acked = append(welcome.Acked, st.acked(c))
	}
	return st, wire.Send(&pb.CollectorMessage{Body: &pb.CollectorMessage_Welcome{Welcome: welcome}})
}

// serve receives until the stream ends or the fleet cuts it. Receiving cannot be interrupted but by returning, so it has a goroutine of
// its own; that may outlive serve inside Recv, but handles nothing more.
func (st *stream) serve() error {
	st.s.mu.Lock()
	st.s.streams[st] = struct{}{}
	st.s.mu.Unlock()
	ctx := st.session.Context()
	done := make(chan error, 1)
	go func() { done <- st.receive(ctx) }()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		err = st.cut(context.Cause(ctx))
	}
	st.busy.Lock()
	st.closed = true
	st.busy.Unlock()
	st.s.mu.Lock()
	delete(st.s.streams, st)
	st.s.mu.Unlock()
	st.s.metrics.ended.WithLabelValues(cause(err)).Inc()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if saveErr := st.saveSamples(last, st.s.opts.DB); saveErr != nil {
		st.s.opts.Logger.Warn("save watermark at the stream's end", "agent", st.session.Agent.ID, "error", saveErr)
	}
	return err
}

// cut tells the agent why its stream ends.
func (st *stream) cut(why error) error {
	reason := pb.Refusal_REASON_SHUTDOWN
	switch {
	case errors.Is(why, fleet.ErrRevoked):
		reason = pb.Refusal_REASON_REVOKED
	case errors.Is(why, fleet.ErrDuplicate):
		reason = pb.Refusal_REASON_DUPLICATE
	case errors.Is(why, context.Canceled):
		return status.Error(codes.Canceled, "the stream was cancelled")
	}
	return status.Errorf(codes.PermissionDenied, "%s: %v", reason, why)
}

func cause(err error) string {
	if err == nil || errors.Is(err, io.EOF) {
		return "closed"
	}
	return status.Code(err).String()
}

func (st *stream) receive(ctx context.Context) error {
	for {
		msg, err := st.wire.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		st.session.Seen(time.Now())
		if err := st.handleOne(ctx, msg); err != nil {
			return err
		}
	}
}

func (st *stream) handleOne(ctx context.Context, msg *pb.AgentMessage) error {
	st.busy.Lock()
	defer st.busy.Unlock()
	if st.closed || ctx.Err() != nil {
		return context.Canceled
	}
	if err := st.handle(ctx, msg); err != nil {
		return st.fault(err)
	}
	return nil
}

// fault turns an error into the stream's end: the agent tries again later, with what was not acknowledged.
func (st *stream) fault(err error) error {
	if errors.Is(err, errProtocol) {
		st.s.opts.Logger.Warn("agent breaks the protocol", "agent", st.session.Agent.ID, "instance", st.session.Agent.Instance, "error", err)
		return status.Error(codes.InvalidArgument, err.Error())
	}
	st.s.opts.Logger.Error("ingest", "agent", st.session.Agent.ID, "instance", st.session.Agent.Instance, "error", err)
	return status.Error(codes.Unavailable, "the collector cannot store at the moment")
}

func (st *stream) handle(ctx context.Context, msg *pb.AgentMessage) error {
	switch body := msg.GetBody().(type) {
	case *pb.AgentMessage_Metrics:
		return st.metrics(ctx, body.Metrics)
	case *pb.AgentMessage_Schema:
		rejection, err := st.samples.define(body.Schema)
		return errors.Join(err, st.reject(rejection))
	case *pb.AgentMessage_Results:
		return st.results(ctx, body.Results)
	case *pb.AgentMessage_Inventory:
		return st.inventory(ctx, body.Inventory)
	case *pb.AgentMessage_Hello:
		return violation("a second Hello")
	case *pb.AgentMessage_Logs:
		return violation("a log batch, though Welcome did not accept logs")
	default: // heartbeats, and what newer agents may say
		return nil
	}
}

func (st *stream) metrics(ctx context.Context, b *pb.MetricBatch) error {
	if len(b.GetCycles()) == 0 {
		return nil
	}
	began := time.Now()
	l := &st.ledgers[pb.Class_CLASS_METRICS]
	if err := st.samples.append(ctx, b, l.has); err != nil {
		return err
	}
	took := time.Since(began)
	st.pace.took(took)
	m := st.s.metrics
	m.commit.WithLabelValues("samples").Observe(took.Seconds())
	c := st.samples.take()
	m.samples.Add(float64(c.stored))
	for reason, n := range c.refused {
		m.refused.WithLabelValues(reason).Add(float64(n))
	}
	st.mu.Lock()
	for _, c := range b.GetCycles() {
		l.add(c.GetSeq(), c.GetSeq())
	}
	st.mu.Unlock()
	m.batches.WithLabelValues("metrics").Inc()
	if c.stored > 0 {
		st.stored(pb.Class_CLASS_METRICS)
	}
	return st.ack(pb.Class_CLASS_METRICS, b.GetMore())
}

func (st *stream) stored(c pb.Class) {
	a := &st.session.Agent
	st.s.opts.Stored(c, a.ID, a.Instance)
}

// ack acknowledges the class, at once unless more is on its way.
func (st *stream) ack(c pb.Class, more bool) error {
	st.pending[c] = true
	if st.unacked++; more && st.unacked < acksEvery {
		return nil
	}
	st.unacked = 0
	msg := &pb.Ack{}
	for c, pending := range st.pending {
		if pending {
			msg.Acked = append(msg.Acked, st.acked(pb.Class(c)))
			st.pending[c] = false
		}
	}
	if live, backlog := st.pace.window(); st.pace.changed(live, backlog) {
		msg.Window = &pb.Window{Live: live, Backlog: backlog}
	}
	return st.wire.Send(&pb.CollectorMessage{Body: &pb.CollectorMessage_Ack{Ack: msg}})
}

func (st *stream) acked(c pb.Class) *pb.Acked {
	l := &st.ledgers[c]
	a := &pb.Acked{Class: c, Watermark: l.watermark}
	for _, s := range l.above {
		a.Above = append(a.Above, &pb.Range{First: s.first, Last: s.last})
	}
	return a
}

func (st *stream) reject(r *pb.Rejection) error {
	if r == nil {
		return nil
	}
	st.s.metrics.rejected.WithLabelValues(r.GetReason()).Inc()
	st.s.opts.Logger.Warn("rejected", "agent", st.session.Agent.ID, "instance", st.session.Agent.Instance,
		"class", r.GetClass(), "seq", r.GetSeq(), "reason", r.GetReason(), "detail", r.GetDetail())
	return st.wire.Send(&pb.CollectorMessage{Body: &pb.CollectorMessage_Rejection{Rejection: r}})
}

// saveSamples writes the watermark of samples if it moved since the last time.
func (st *stream) saveSamples(ctx context.Context, tx bun.IDB) error {
	st.mu.Lock()
	l := st.ledgers[pb.Class_CLASS_METRICS].clone()
	same := l.equal(st.saved)
	st.mu.Unlock()
	if same {
		return nil
	}
	if err := st.saveLedger(ctx, tx, pb.Class_CLASS_METRICS, l); err != nil {
		return err
	}
	st.mu.Lock()
	st.saved = l
	st.mu.Unlock()
	return nil
}
