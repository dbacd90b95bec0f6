package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/picketmon/picket/agent/buffer"
	pb "github.com/picketmon/picket/proto/gen/picketv1"
)

// ackTimeout is how long the collector may take to acknowledge before the stream counts as dead.
const ackTimeout = 90 * time.Second

// backlogBytes is how much old data goes into one message: enough to spare wake-ups, little enough that live data passes soon.
const (
	backlogBytes  = 48 << 10
	backlogCycles = 256
)

// stream is one connection's delivery state.
type stream struct {
	t      *Transport
	wire   pb.Delivery_StreamClient
	enc    *encoder
	accept map[buffer.Class]bool
	live   uint64                  // metrics up to here were buffered before the stream began: backlog
	after  map[buffer.Class]uint64 // last sequence sent; of metrics: on the live lane
	old    uint64                  // last sequence sent on the backlog lane
	wake   chan struct{}           // something was acknowledged

	mu     sync.Mutex
	window [2]int     // by lane
	flight [2][]flown // messages without acknowledgement, by lane, oldest first
}

// flown is a message under way.
type flown struct {
	class buffer.Class
	last  uint64 // its highest sequence
	at    time.Time
}

// newStream settles what the collector has already. When it has more than this spool ever gave, the spool was set back (a
// snapshot, a restored backup): it gets a new epoch, and the stream must be opened anew.
func newStream(t *Transport, wire pb.Delivery_StreamClient, w *pb.Welcome) (*stream, error) {
	s := &stream{
		t: t, wire: wire, enc: newEncoder(t.schemas), accept: map[buffer.Class]bool{},
		after: map[buffer.Class]uint64{}, wake: make(chan struct{}, 1), live: t.opts.Buffer.Last(buffer.Metrics),
	}
	s.after[buffer.Metrics] = s.live
	for _, c := range w.GetAccepts() {
		s.accept[buffer.Class(c)] = true
	}
	s.setWindow(w.GetWindow())
	if err := s.acked(w.GetAcked()); err != nil {
		if errors.Is(err, buffer.ErrBeyond) {
			err = errors.Join(fmt.Errorf("the spool was set back, it gets a new epoch: %w", err), t.opts.Buffer.Renew())
		}
		return nil, err
	}
	return s, nil
}

func (s *stream) setWindow(w *pb.Window) {
	if w == nil {
		return
	}
	s.mu.Lock()
	s.window = [2]int{int(w.GetLive()), int(w.GetBacklog())}
	s.mu.Unlock()
}

// run sends and receives until one of both ends.
func (s *stream) run(ctx context.Context, cancel context.CancelFunc) (time.Duration, error) {
	var (
		wg    sync.WaitGroup
		retry time.Duration
		why   error
	)
	wg.Go(func() {
		defer cancel()
		retry, why = s.receive()
	})
	err := s.send(ctx)
	if ctx.Err() != nil && err == nil {
		_ = s.wire.CloseSend()
	}
	cancel()
	wg.Wait()
	if why != nil && !errors.Is(why, context.Canceled) {
		err = why
	}
	return retry, err
}

// send delivers what the buffer holds, in the order of the classes, until ctx ends.
func (s *stream) send(ctx context.Context) error {
	idle := time.NewTimer(s.t.opts.Heartbeat)
	defer idle.Stop()
	for {
		appended := s.t.opts.Buffer.Wait()
		sent, err := s.sendNext()
		if err != nil {
			return err
		}
		if sent {
			if ctx.Err() != nil {
				return nil
			}
			continue
		}
		idle.Reset(s.t.opts.Heartbeat)
		select {
		case <-ctx.Done():
			return nil
		case <-appended:
		case <-s.wake:
		case <-idle.C:
			if err := s.beat(); err != nil {
				return err
			}
		}
	}
}

// beat tells the collector that the agent lives, and gives up a collector that has gone silent.
func (s *stream) beat() error {
	s.mu.Lock()
	for _, lane := range s.flight {
		if len(lane) > 0 && time.Since(lane[0].at) > ackTimeout {
			s.mu.Unlock()
			return fmt.Errorf("no acknowledgement in %s", ackTimeout)
		}
	}
	s.mu.Unlock()
	return s.write(&pb.AgentMessage{Body: &pb.AgentMessage_Heartbeat{Heartbeat: &pb.Heartbeat{ClockMs: time.Now().UnixMilli()}}})
}

// sendNext sends one message of the most urgent class that has something and whose window is open.
func (s *stream) sendNext() (bool, error) {
	if s.open(pb.Lane_LANE_LIVE) {
		for _, c := range classes {
			if !s.accept[c] {
				continue
			}
			rec, ok, err := s.t.opts.Buffer.Next(c, s.after[c])
			if err != nil {
				return false, fmt.Errorf("read buffer: %w", err)
			}
			if ok {
				return true, s.sendLive(rec)
			}
		}
	}
	if s.accept[buffer.Metrics] && s.old < s.live && s.open(pb.Lane_LANE_BACKLOG) {
		return s.sendBacklog()
	}
	return false, nil
}

func (s *stream) open(l pb.Lane) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.flight[l]) < s.window[l]
}

func (s *stream) sendLive(rec buffer.Record) error {
	s.after[rec.Class] = rec.Seq
	if rec.Class == buffer.Metrics {
		cycle, fresh, err := s.encode(pb.Lane_LANE_LIVE, rec)
		if err != nil || cycle == nil {
			return err
		}
		if err := s.define(fresh); err != nil {
			return err
		}
		return s.ship(&pb.MetricBatch{Lane: pb.Lane_LANE_LIVE, Cycles: []*pb.Cycle{cycle}})
	}
	msg, err := decodeRecord(rec)
	if err != nil {
		return s.t.opts.Buffer.Reject(rec.Class, rec.Seq, "undecodable")
	}
	s.fly(pb.Lane_LANE_LIVE, rec.Class, rec.Seq)
	s.t.count.records.Add(1)
	return s.write(msg)
}

// sendBacklog sends as many old cycles as fit one message. A cycle with a new schema begins a message of its own, as a schema may take
// over the id of one that the cycles before it use.
func (s *stream) sendBacklog() (bool, error) {
	batch, size := &pb.MetricBatch{Lane: pb.Lane_LANE_BACKLOG}, 0
	for size < backlogBytes && len(batch.Cycles) < backlogCycles {
		rec, ok, err := s.t.opts.Buffer.Next(buffer.Metrics, s.old)
		if err != nil {
			return false, fmt.Errorf("read buffer: %w", err)
		}
		if !ok || rec.Seq > s.live {
			s.old = s.live
			break
		}
		s.old = rec.Seq
		cycle, fresh, err := s.encode(pb.Lane_LANE_BACKLOG, rec)
		if err != nil {
			return false, err
		}
		if cycle == nil {
			continue
		}
		if len(fresh) > 0 {
			if len(batch.Cycles) > 0 {
				batch.More = true
				if err := s.ship(batch); err != nil {
					return false, err
				}
				batch, size = &pb.MetricBatch{Lane: pb.Lane_LANE_BACKLOG}, 0
			}
			if err := s.define(fresh); err != nil {
				return false, err
			}
		}
		batch.Cycles = append(batch.Cycles, cycle)
		size += len(cycle.Rows)
	}
	if len(batch.Cycles) == 0 {
		return true, nil
	}
	batch.More = s.old < s.live
	return true, s.ship(batch)
}

// encode makes delta rows of a record. A record that cannot be decoded is settled as dropped; the cycle is nil then.
func (s *stream) encode(lane pb.Lane, rec buffer.Record) (*pb.Cycle, []*pb.Schema, error) {
	cycle, fresh, lost, err := s.enc.cycle(lane, rec)
	if err != nil {
		s.t.opts.Logger.Error("metrics record cannot be decoded", "seq", rec.Seq, "error", err)
		return nil, nil, s.t.opts.Buffer.Reject(buffer.Metrics, rec.Seq, "undecodable")
	}
	s.t.count.lostSchemas.Add(uint64(lost))
	return cycle, fresh, nil
}

func (s *stream) define(fresh []*pb.Schema) error {
	for _, m := range fresh {
		if err := s.write(&pb.AgentMessage{Body: &pb.AgentMessage_Schema{Schema: m}}); err != nil {
			return err
		}
	}
	return nil
}

func (s *stream) ship(batch *pb.MetricBatch) error {
	s.fly(batch.GetLane(), buffer.Metrics, batch.Cycles[len(batch.Cycles)-1].GetSeq())
	s.t.count.records.Add(uint64(len(batch.Cycles)))
	s.t.count.samples.Add(s.enc.takeSamples())
	return s.write(&pb.AgentMessage{Body: &pb.AgentMessage_Metrics{Metrics: batch}})
}

func (s *stream) fly(l pb.Lane, c buffer.Class, last uint64) {
	s.mu.Lock()
	s.flight[l] = append(s.flight[l], flown{c, last, time.Now()})
	s.mu.Unlock()
}

func (s *stream) write(m *pb.AgentMessage) error {
	s.t.count.messages.Add(1)
	s.t.count.payload.Add(uint64(proto.Size(m)))
	if err := s.wire.Send(m); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

// decodeRecord turns a buffered record of any class but metrics into a message with its sequence.
func decodeRecord(rec buffer.Record) (*pb.AgentMessage, error) {
	switch rec.Class {
	case buffer.Results:
		b := &pb.ResultBatch{}
		err := proto.Unmarshal(rec.Data, b)
		b.Seq = rec.Seq
		return &pb.AgentMessage{Body: &pb.AgentMessage_Results{Results: b}}, err
	case buffer.Inventory:
		b := &pb.InventoryBatch{}
		err := proto.Unmarshal(rec.Data, b)
		b.Seq = rec.Seq
		return &pb.AgentMessage{Body: &pb.AgentMessage_Inventory{Inventory: b}}, err
	case buffer.Logs:
		b := &pb.LogBatch{}
		err := proto.Unmarshal(rec.Data, b)
		b.Seq = rec.Seq
		return &pb.AgentMessage{Body: &pb.AgentMessage_Logs{Logs: b}}, err
	}
	return nil, fmt.Errorf("class %d has no message", rec.Class)
}

// receive handles the collector's messages until the stream ends, and returns how long to stay away and why.
func (s *stream) receive() (time.Duration, error) {
	for {
		msg, err := s.wire.Recv()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("the collector closed the stream")
			}
			return 0, err
		}
		switch body := msg.GetBody().(type) {
		case *pb.CollectorMessage_Ack:
			s.t.count.acks.Add(1)
			s.setWindow(body.Ack.GetWindow())
			if err := s.acked(body.Ack.GetAcked()); err != nil {
				return 0, err
			}
		case *pb.CollectorMessage_Rejection:
			s.rejected(body.Rejection)
		case *pb.CollectorMessage_Resync:
			s.t.opts.OnResync(body.Resync.GetKind())
		case *pb.CollectorMessage_Refusal:
			return time.Duration(body.Refusal.GetRetryAfterMs()) * time.Millisecond, describeRefusal(body.Refusal)
		default: // a newer collector may say more
		}
	}
}

// acked settles what the collector holds durably.
func (s *stream) acked(all []*pb.Acked) error {
	for _, a := range all {
		above := make([]buffer.Range, 0, len(a.GetAbove()))
		for _, r := range a.GetAbove() {
			above = append(above, buffer.Range{First: r.GetFirst(), Last: r.GetLast()})
		}
		c := buffer.Class(a.GetClass())
		if err := s.t.opts.Buffer.Ack(c, a.GetWatermark(), above); err != nil {
			return fmt.Errorf("settle %s up to %d: %w", c, a.GetWatermark(), err)
		}
		s.land(c, a.GetWatermark(), above)
	}
	return nil
}

// land takes settled messages out of the flight, which makes room for others.
func (s *stream) land(c buffer.Class, watermark uint64, above []buffer.Range) {
	defer func() {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}()
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.flight {
		kept := s.flight[l][:0]
		for _, f := range s.flight[l] {
			if f.class != c || !covered(f.last, watermark, above) {
				kept = append(kept, f)
			}
		}
		s.flight[l] = kept
	}
}

func covered(seq, watermark uint64, above []buffer.Range) bool {
	for _, r := range above {
		if seq >= r.First && seq <= r.Last {
			return true
		}
	}
	return seq <= watermark
}

func (s *stream) rejected(r *pb.Rejection) {
	s.t.opts.Logger.Warn("the collector rejected a record", "class", r.GetClass(), "seq", r.GetSeq(),
		"reason", r.GetReason(), "detail", r.GetDetail())
	if r.GetSeq() == 0 {
		return // part of a record: the rest counts
	}
	c := buffer.Class(r.GetClass())
	if err := s.t.opts.Buffer.Reject(c, r.GetSeq(), "rejected"); err != nil {
		s.t.opts.Logger.Error("settle rejected record", "error", err)
	}
	s.land(c, 0, []buffer.Range{{First: r.GetSeq(), Last: r.GetSeq()}})
}
