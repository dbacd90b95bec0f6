package transport

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"github.com/picketmon/picket/agent/buffer"
	pb "github.com/picketmon/picket/proto/gen/picketv1"
)

// The windows are fixed: the estimator of gRPC would send pings for them, and pings cost more than what a host has to say.
const windowBytes = 4 << 20

// maxMessage is the largest message accepted from the collector.
const maxMessage = 4 << 20

// fullJitter returns a random wait up to 1 s doubled attempt times, at most 60 s.
func fullJitter(attempt int) time.Duration {
	ceiling := time.Second << min(attempt, 6)
	return rand.N(min(ceiling, 60*time.Second))
}

// wireCounter counts bytes at the TCP sockets.
type wireCounter struct{ sent, read atomic.Uint64 }

type countedConn struct {
	net.Conn
	w *wireCounter
}

func (c countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.w.read.Add(uint64(n))
	return n, err
}

func (c countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.w.sent.Add(uint64(n))
	return n, err
}

func (t *Transport) dial(address string) (*grpc.ClientConn, error) {
	dialer := &net.Dialer{Timeout: 15 * time.Second}
	return grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(credentials.NewTLS(t.opts.TLS())),
		grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, "tcp", addr)
			if err != nil {
				return nil, err
			}
			return countedConn{c, &t.wire}, nil
		}),
		grpc.WithInitialWindowSize(windowBytes), grpc.WithInitialConnWindowSize(windowBytes),
		grpc.WithReadBufferSize(8<<10), grpc.WithWriteBufferSize(32<<10),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 45 * time.Second, Timeout: 20 * time.Second}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
		grpc.WithDisableServiceConfig(), grpc.WithDisableRetry(), grpc.WithNoProxy(),
		grpc.WithUserAgent("picket-agent/"+t.opts.Host.GetAgentVersion()),
	)
}

// connect dials, greets and delivers until the stream ends. It returns why, and how long the collector asked to stay away.
func (t *Transport) connect(ctx context.Context, address string) (retry time.Duration, err error) {
	t.mu.Lock()
	t.status.Attempts++
	t.mu.Unlock()
	conn, err := t.dial(address)
	if err != nil {
		return 0, fmt.Errorf("dial %s: %w", address, err)
	}
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wire, err := pb.NewDeliveryClient(conn).Stream(ctx)
	if err != nil {
		return 0, fmt.Errorf("open stream: %w", err)
	}
	welcome, retry, err := t.greet(wire, cancel)
	if err != nil {
		return retry, err
	}
	t.mu.Lock()
	t.status.Address = address
	t.status.Connected, t.status.Since, t.status.LastError = true, time.Now(), ""
	t.status.Instance = welcome.GetInstance()
	t.status.Streams++
	t.status.Skew = time.Since(time.UnixMilli(welcome.GetClockMs())).Round(time.Millisecond)
	t.mu.Unlock()
	t.opts.Logger.Info("connected to the collector", "address", address, "instance", welcome.GetInstance())
	s, err := newStream(t, wire, welcome)
	if err != nil {
		return 0, err
	}
	return s.run(ctx, cancel)
}

// greet sends Hello and waits for Welcome, at most 30 s.
func (t *Transport) greet(wire pb.Delivery_StreamClient, cancel context.CancelFunc) (*pb.Welcome, time.Duration, error) {
	hello := &pb.Hello{
		MinVersion: minVersion, MaxVersion: maxVersion, Epoch: t.opts.Buffer.Epoch(), ClockMs: time.Now().UnixMilli(),
		Host: t.opts.Host, BootId: t.opts.BootID,
	}
	for _, c := range classes {
		first, next := t.opts.Buffer.Position(c)
		hello.Positions = append(hello.Positions, &pb.Position{Class: pb.Class(c), FirstUnacked: first, Next: next})
	}
	timer := time.AfterFunc(30*time.Second, cancel)
	defer timer.Stop()
	if err := wire.Send(&pb.AgentMessage{Body: &pb.AgentMessage_Hello{Hello: hello}}); err != nil {
		_, cause := wire.Recv() // Send says only EOF, Recv has the reason
		return nil, 0, fmt.Errorf("greet the collector: %w", errors.Join(cause, err))
	}
	msg, err := wire.Recv()
	if err != nil {
		return nil, 0, fmt.Errorf("greet the collector: %w", err)
	}
	switch body := msg.GetBody().(type) {
	case *pb.CollectorMessage_Welcome:
		if v := body.Welcome.GetVersion(); v < minVersion || v > maxVersion {
			return nil, 0, fmt.Errorf("the collector chose protocol version %d, this agent speaks %d to %d", v, minVersion, maxVersion)
		}
		return body.Welcome, 0, nil
	case *pb.CollectorMessage_Refusal:
		return nil, time.Duration(body.Refusal.GetRetryAfterMs()) * time.Millisecond, describeRefusal(body.Refusal)
	}
	return nil, 0, fmt.Errorf("the collector answered Hello with %T", msg.GetBody())
}

// classes in the order of delivery.
var classes = [...]buffer.Class{buffer.Results, buffer.Inventory, buffer.Metrics, buffer.Logs}
