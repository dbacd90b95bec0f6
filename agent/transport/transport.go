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

// Describe returns a metric's help text and unit for the collector's metadata; empty when unknown.
type Describe func(metric string) (help, unit string)

// Options configure a Transport. Buffer, Dir, Addresses, TLS, Host and Logger are required.
type Options struct {
	Buffer    *buffer.Buffer
	Dir       string   // where schemas of buffered records are kept
	Addresses []string // host:port of the collector, tried in turn
	TLS       func() *tls.Config
	Host      *pb.Host
	BootID    []byte
	Describe  Describe
	Logger    *slog.Logger
	// OnResync is called when the collector asks for all of a kind of inventory, or of all kinds when it is empty.
	OnResync func(kind string)
	// Heartbeat is sent when nothing else has been for this long; default 20 s.
	Heartbeat time.Duration
	// MaxAge is how long a schema outlives its last use; default 25 h.
	MaxAge time.Duration
}

func (o *Options) validate() error {
	if o.Buffer == nil || o.Dir == "" || len(o.Addresses) == 0 || o.TLS == nil || o.Host == nil || o.Logger == nil {
		return errors.New("transport needs a buffer, a directory, an address, TLS, a host and a logger")
	}
	if o.Heartbeat == 0 {
		o.Heartbeat = 20 * time.Second
	}
	if o.MaxAge == 0 {
		o.MaxAge = 25 * time.Hour
	}
	if o.OnResync == nil {
		o.OnResync = func(string) {}
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
	wire    wireCounter
	count   counters

	mu     sync.Mutex
	status Status
	rec    []byte // scratch for Deliver, which is called from one goroutine at a time
	row    []byte
}

// Status is the state of the connection.
type Status struct {
	Connected bool
	Address   string    // of the present or last connection
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
	DropsUntold uint64 // drop notices that could not be buffered
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
	return &Transport{opts: opts, schemas: s}, nil
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

// Run keeps a stream to the collector until ctx ends or the collector says ErrClone. It never gives up otherwise.
func (t *Transport) Run(ctx context.Context) error {
	for attempt := 0; ; attempt++ {
		began := time.Now()
		address := t.opts.Addresses[attempt%len(t.opts.Addresses)]
		retry, err := t.connect(ctx, address)
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
		t.opts.Logger.Warn("not connected to the collector", "address", address, "error", err, "retry_in", wait.Round(time.Millisecond))
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

// Dropped buffers a notice of records that the buffer gave up, so that the collector's ledger closes.
func (t *Transport) Dropped(d buffer.Drop) {
	notice := &pb.Dropped{
		Class: pb.Class(d.Class), First: d.First, Last: d.Last, Records: d.Records, Bytes: d.Bytes, Reason: d.Reason, TimeMs: d.Time,
	}
	if err := t.buffer(buffer.Results, d.Time, &pb.ResultBatch{Dropped: []*pb.Dropped{notice}}); err != nil {
		t.count.dropsUntold.Add(1)
		t.opts.Logger.Error("buffer drop notice", "class", d.Class, "records", d.Records, "reason", d.Reason, "error", err)
	}
}

func describeRefusal(r *pb.Refusal) error {
	err := fmt.Errorf("collector refused: %s (%s)", r.GetDetail(), r.GetReason())
	if r.GetReason() == pb.Refusal_REASON_CLONE {
		return fmt.Errorf("%w: %s", ErrClone, r.GetDetail())
	}
	return err
}
