//go:build linux

package herd

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/protobuf/proto"

	pb "github.com/picketmon/picket/proto/gen/picketv1"
	"github.com/picketmon/picket/proto/row"
)

// Agent is a simulated agent with one schema, of Series series unless Layout says otherwise. One goroutine may send.
type Agent struct {
	Host int
	// Layout is what the agent's values mean; set it before Connect.
	Layout *pb.SchemaDefinition

	address string
	host    *pb.Host
	tls     *tls.Config
	conn    *grpc.ClientConn
	stream  pb.Delivery_StreamClient
	window  uint64 // messages without acknowledgement at most
	row     row.State
	rows    []byte
	before  int64 // time of the cycle before, Unix milliseconds
	ended   chan struct{}

	mu    sync.Mutex
	news  *sync.Cond // acked or err changed
	sent  uint64
	acked uint64
	acks  uint64
	err   error
}

func newAgent(i int, address string, host *pb.Host, config *tls.Config) *Agent {
	a := &Agent{Host: i, Layout: benchLayout(), address: address, host: host, tls: config, ended: make(chan struct{})}
	a.news = sync.NewCond(&a.mu)
	return a
}

// Connect opens the stream as agent/transport does, and sends the schema.
func (a *Agent) Connect(ctx context.Context) (err error) {
	const window = 4 << 20 // as agent/transport
	a.conn, err = grpc.NewClient("passthrough:///"+a.address, grpc.WithTransportCredentials(credentials.NewTLS(a.tls)),
		grpc.WithInitialWindowSize(window), grpc.WithInitialConnWindowSize(window),
		grpc.WithReadBufferSize(8<<10), grpc.WithWriteBufferSize(32<<10),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 45 * time.Second, Timeout: 20 * time.Second}),
		grpc.WithDisableServiceConfig(), grpc.WithDisableRetry(), grpc.WithNoProxy())
	if err != nil {
		return fmt.Errorf("dial collector: %w", err)
	}
	if a.stream, err = pb.NewDeliveryClient(a.conn).Stream(ctx); err != nil {
		return fmt.Errorf("open stream: %w", err)
	}
	hello := &pb.Hello{MinVersion: 1, MaxVersion: 1, Epoch: rand.Uint64(), Host: a.host, ClockMs: time.Now().UnixMilli()}
	if err := a.write(&pb.AgentMessage{Body: &pb.AgentMessage_Hello{Hello: hello}}); err != nil {
		return err
	}
	msg, err := a.stream.Recv()
	if err != nil {
		return fmt.Errorf("greet collector: %w", err)
	}
	welcome := msg.GetWelcome()
	if welcome == nil {
		return fmt.Errorf("the collector answered Hello with %v", msg)
	}
	a.window = uint64(welcome.GetWindow().GetLive())
	go a.receive()
	return a.define()
}

func benchLayout() *pb.SchemaDefinition {
	def := &pb.SchemaDefinition{Symbols: []string{"device"}}
	for i := range Series {
		n := uint32(len(def.Symbols))
		def.Symbols = append(def.Symbols, metricName(i), deviceName(i))
		def.Series = append(def.Series, &pb.SeriesDefinition{Refs: []uint32{n, 0, n + 1}, Kind: pb.Kind_KIND_GAUGE})
	}
	return def
}

func (a *Agent) define() error {
	raw, err := proto.Marshal(a.Layout)
	if err != nil {
		return fmt.Errorf("encode schema: %w", err)
	}
	a.row.Reset(len(a.Layout.GetSeries()))
	return a.write(&pb.AgentMessage{Body: &pb.AgentMessage_Schema{Schema: &pb.Schema{Id: 1, Check: "bench", Definition: raw}}})
}

// Send sends a cycle as one message when the window is open, for which it waits. more says that another follows at once.
func (a *Agent) Send(t int64, values []float64, more bool) error {
	a.mu.Lock()
	for a.err == nil && a.sent-a.acked >= a.window {
		a.news.Wait()
	}
	a.sent++
	seq, err := a.sent, a.err
	a.mu.Unlock()
	if err != nil {
		return err
	}
	a.rows = a.row.Append(binary.AppendUvarint(a.rows[:0], 1), values)
	cycle := &pb.Cycle{Seq: seq, TimeMs: t - a.before, Rows: a.rows}
	a.before = t
	return a.write(&pb.AgentMessage{Body: &pb.AgentMessage_Metrics{Metrics: &pb.MetricBatch{Cycles: []*pb.Cycle{cycle}, More: more}}})
}

// SendMany sends cycles of the past as one message and waits until they are acknowledged. next fills in the values at a time.
func (a *Agent) SendMany(times []int64, next func(t int64) []float64) error {
	batch := &pb.MetricBatch{}
	for _, t := range times {
		rows := a.row.Append(binary.AppendUvarint(nil, 1), next(t))
		a.mu.Lock()
		a.sent++
		batch.Cycles = append(batch.Cycles, &pb.Cycle{Seq: a.sent, TimeMs: t - a.before, Rows: rows})
		a.mu.Unlock()
		a.before = t
	}
	if err := a.write(&pb.AgentMessage{Body: &pb.AgentMessage_Metrics{Metrics: batch}}); err != nil {
		return err
	}
	return a.Drain()
}

func (a *Agent) write(m *pb.AgentMessage) error {
	if err := a.stream.Send(m); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

func (a *Agent) receive() {
	defer close(a.ended)
	for {
		msg, err := a.stream.Recv()
		a.mu.Lock()
		switch {
		case err != nil:
			a.err = fmt.Errorf("receive: %w", err)
		case msg.GetAck() != nil:
			a.acks++
			for _, c := range msg.GetAck().GetAcked() {
				a.acked = max(a.acked, c.GetWatermark())
			}
			if w := msg.GetAck().GetWindow(); w != nil {
				a.window = uint64(w.GetLive())
			}
		default:
			a.err = fmt.Errorf("the collector said %v", msg)
		}
		failed := a.err != nil
		a.news.Broadcast()
		a.mu.Unlock()
		if failed {
			return
		}
	}
}

// Drain waits until all that was sent is acknowledged.
func (a *Agent) Drain() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.err == nil && a.acked < a.sent {
		a.news.Wait()
	}
	return a.err
}

// Counts returns the messages that were sent, those that were acknowledged, the acknowledgements, and why the stream ended.
func (a *Agent) Counts() (sent, acked, acks uint64, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sent, a.acked, a.acks, a.err
}

// Close ends the stream.
func (a *Agent) Close() error {
	if a.stream == nil {
		return nil
	}
	err := errors.Join(a.stream.CloseSend(), a.conn.Close())
	<-a.ended
	return err
}
