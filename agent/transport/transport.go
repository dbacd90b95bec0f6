// Package transport delivers what the agent found to the collector.
//
//	schedule ─ Deliver ─┐                       ┌─ sender ──────> AgentMessage
//	inventory ──────────┼─> record ─> buffer ─> ┤  (lanes: live, backlog)
//	drops, events ──────┘                       └─ receiver <─── CollectorMessage: ack, window, rejection
//
// In: cycles, events and inventory, encoded into self-contained records before they are buffered. Out: one stream to the collector. Delta
// rows are made when a record is sent, with state per stream and lane; a reconnect starts them anew. A record leaves the buffer when
// the collector says that it is durable. This package decides the order: results and events, inventory, live metrics, logs, old metrics.
package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/picketmon/picket/agent/buffer"
	pb "github.com/picketmon/picket/proto/gen/picketv1"
)

// Versions of the protocol that this agent speaks.
const (
	minVersion = 1
	maxVersion = 1
)

// ErrClone says that the collector knows this key from another host: the agent has to enrol anew and start with an empty spool.
var ErrClone = errors.New("the collector knows this agent's key from another host")

// Host is what the agent says of its machine.
type Host struct {
	Hostname    string
	Fingerprint []byte
	OS          string
	Arch        string
	Version     string // of the agent
	BootID      []byte
}

// Describe returns a metric's help text and unit for the collector's metadata; empty when unknown.
type Describe func(metric string) (help, unit string)

// Options configure a Transport. All but Describe and Dial are required.
type Options struct {
	Buffer   *buffer.Buffer
	Dir      string // where schemas of buffered records are kept
	Address  string // host:port of the collector
	TLS      func() *tls.Config
	Host     Host
	Describe Describe
	Logger   *slog.Logger
	// Heartbeat is sent when nothing else has been for this long; default 20 s.
	Heartbeat time.Duration
	// MaxAge is how long a schema outlives its last use; default 25 h.
	MaxAge time.Duration
}

func (o *Options) validate() error {
	if o.Buffer == nil || o.Dir == "" || o.Address == "" || o.TLS == nil || o.Logger == nil {
		return errors.New("transport needs a buffer, a directory, an address, TLS and a logger")
	}
	if o.Heartbeat == 0 {
		o.Heartbeat = 20 * time.Second
	}
	if o.MaxAge == 0 {
		o.MaxAge = 25 * time.Hour
	}
	if o.Describe == nil {
		o.Describe = func(string) (string, string) { return "", "" }
	}
	return nil
}

// Transport is the agent's side of the wire.
type Transport struct {
	opts    Options
	schemas *schemas
	drops   chan *pb.Dropped // from the buffer, to be told to the collector
	wire    wireCounter
	count   counters

	mu     sync.Mutex
	status Status
	conn   *grpc.ClientConn
	rec    []byte // scratch for Deliver, which is called from one goroutine at a time
	row    []byte
}

// Status is the state of the connection.
type Status struct {
	Connected bool
	Since     time.Time // of the present state
	Instance  string
	LastError string // of the last attempt, empty when connected
	Attempts  uint64 // connections tried since the start
	Streams   uint64 // connections that were welcomed
	Skew      time.Duration
}

type counters struct {
	messages, payload, samples, records, acks, lostSchemas, dropsUntold atomic.Uint64
}

// Counts are totals since the start, for the agent's own metrics.
type Counts struct {
	Messages    uint64 // sent
	Payload     uint64 // bytes of messages sent, before framing and TLS
	Samples     uint64 // sent, repeats after a reconnect included
	Records     uint64 // sent
	Acks        uint64 // messages received with acknowledgements
	LostSchemas uint64 // readings that could not be sent because their schema was damaged on disk
	DropsUntold uint64 // drop notices that found no room
	WireSent    uint64 // bytes at the TCP socket
	WireRead    uint64
}

// New returns a Transport that has loaded the schemas of what is buffered.
func New(opts Options) (*Transport, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	s, err := openSchemas(opts.Dir, opts.MaxAge, opts.Describe)
	if err != nil {
		return nil, err
	}
	return &Transport{opts: opts, schemas: s, drops: make(chan *pb.Dropped, 256)}, nil
}

// Status returns the state of the connection.
func (t *Transport) Status() Status {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.status
}

// Counts returns the totals since the start.
func (t *Transport) Counts() Counts {
	return Counts{
		Messages: t.count.messages.Load(), Payload: t.count.payload.Load(), Samples: t.count.samples.Load(),
		Records: t.count.records.Load(), Acks: t.count.acks.Load(), LostSchemas: t.count.lostSchemas.Load(),
		DropsUntold: t.count.dropsUntold.Load(),
		WireSent:    t.wire.sent.Load(), WireRead: t.wire.read.Load(),
	}
}

// Conn returns the present connection for other calls to the same collector, or an error when there is none.
func (t *Transport) Conn() (grpc.ClientConnInterface, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conn == nil {
		return nil, errors.New("not connected to the collector")
	}
	return t.conn, nil
}

// Run keeps a stream to the collector until ctx ends or the collector says ErrClone. It never gives up otherwise.
func (t *Transport) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wg.Go(func() { t.tellDrops(ctx) })
	for attempt := 0; ; attempt++ {
		began := time.Now()
		retry, err := t.connect(ctx)
		t.lost(err)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, ErrClone):
			return ErrClone
		}
		if time.Since(began) > time.Minute {
			attempt = 0
		}
		wait := max(fullJitter(attempt), retry)
		t.opts.Logger.Warn("not connected to the collector", "address", t.opts.Address, "error", err, "retry_in", wait.Round(time.Millisecond))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

func (t *Transport) lost(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.status.Connected || t.status.Since.IsZero() {
		t.status.Since = time.Now()
	}
	t.status.Connected = false
	if err != nil {
		t.status.LastError = err.Error()
	}
}

// Dropped notes records that the buffer gave up, so that the collector's ledger closes. It never blocks.
func (t *Transport) Dropped(d buffer.Drop) {
	notice := &pb.Dropped{
		Class: pb.Class(d.Class), First: d.First, Last: d.Last, Records: d.Records, Bytes: d.Bytes, Reason: d.Reason, TimeMs: d.Time,
	}
	select {
	case t.drops <- notice:
	default:
		t.count.dropsUntold.Add(1)
	}
}

// tellDrops buffers notices of drops, several in one record.
func (t *Transport) tellDrops(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case d := <-t.drops:
			batch := &pb.ResultBatch{Dropped: []*pb.Dropped{d}}
			for len(batch.Dropped) < cap(t.drops) && len(t.drops) > 0 {
				batch.Dropped = append(batch.Dropped, <-t.drops)
			}
			if err := t.buffer(buffer.Results, time.Now().UnixMilli(), batch); err != nil {
				t.opts.Logger.Error("buffer drop notice", "error", err)
			}
		}
	}
}

func describeRefusal(r *pb.Refusal) error {
	err := fmt.Errorf("collector refused: %s (%s)", r.GetDetail(), r.GetReason())
	if r.GetReason() == pb.Refusal_REASON_CLONE {
		return fmt.Errorf("%w: %s", ErrClone, r.GetDetail())
	}
	return err
}
