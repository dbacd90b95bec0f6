package transport

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"math/big"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/picketmon/picket/agent/buffer"
	"github.com/picketmon/picket/agent/schedule"
	"github.com/picketmon/picket/checks"
	pb "github.com/picketmon/picket/proto/gen/picketv1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeCollector keeps what agents send and says what the test wants it to say.
type fakeCollector struct {
	pb.UnimplementedDeliveryServer
	addr  string
	roots *x509.CertPool
	greet func(*pb.Hello) *pb.CollectorMessage
	// answer is called for each message after Hello; what it returns is sent.
	answer func(*pb.AgentMessage) []*pb.CollectorMessage

	mu   sync.Mutex
	got  []*pb.AgentMessage
	more chan struct{}
}

func welcome(live, backlog uint32) func(*pb.Hello) *pb.CollectorMessage {
	return func(*pb.Hello) *pb.CollectorMessage {
		return &pb.CollectorMessage{Body: &pb.CollectorMessage_Welcome{Welcome: &pb.Welcome{
			Version: 1, Instance: "host-1", Window: &pb.Window{Live: live, Backlog: backlog}, ClockMs: time.Now().UnixMilli(),
			Accepts: []pb.Class{pb.Class_CLASS_RESULTS, pb.Class_CLASS_INVENTORY, pb.Class_CLASS_METRICS, pb.Class_CLASS_LOGS},
		}}}
	}
}

func startFake(t *testing.T) *fakeCollector {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"picket-collector"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeCollector{roots: x509.NewCertPool(), greet: welcome(32, 8), more: make(chan struct{}, 1)}
	f.roots.AddCert(cert)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.addr = l.Addr().String()
	srv := grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
	})))
	pb.RegisterDeliveryServer(srv, f)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l)
	}()
	t.Cleanup(func() {
		srv.Stop()
		<-done
	})
	return f
}

func (f *fakeCollector) tls() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: f.roots, ServerName: "picket-collector"}
}

// Stream implements the Delivery service.
func (f *fakeCollector) Stream(wire pb.Delivery_StreamServer) error {
	for first := true; ; first = false {
		msg, err := wire.Recv()
		if err != nil {
			return nil
		}
		f.mu.Lock()
		f.got = append(f.got, msg)
		f.mu.Unlock()
		select {
		case f.more <- struct{}{}:
		default:
		}
		var answers []*pb.CollectorMessage
		if first {
			answers = []*pb.CollectorMessage{f.greet(msg.GetHello())}
		} else if f.answer != nil {
			answers = f.answer(msg)
		}
		for _, a := range answers {
			if err := wire.Send(a); err != nil {
				return err
			}
			if a.GetRefusal() != nil {
				return nil
			}
		}
	}
}

// await returns all messages once enough says so.
func (f *fakeCollector) await(t *testing.T, enough func([]*pb.AgentMessage) bool) []*pb.AgentMessage {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		f.mu.Lock()
		got := append([]*pb.AgentMessage(nil), f.got...)
		f.mu.Unlock()
		if enough(got) {
			return got
		}
		select {
		case <-f.more:
		case <-deadline:
			t.Fatalf("not what was expected in 20 s: %v", got)
		}
	}
}

// ackAll acknowledges every batch at once.
func ackAll(m *pb.AgentMessage) []*pb.CollectorMessage {
	a := &pb.Acked{}
	switch body := m.GetBody().(type) {
	case *pb.AgentMessage_Metrics:
		c := body.Metrics.GetCycles()
		a.Class = pb.Class_CLASS_METRICS
		a.Above = []*pb.Range{{First: c[0].GetSeq(), Last: c[len(c)-1].GetSeq()}}
	case *pb.AgentMessage_Results:
		a.Class, a.Above = pb.Class_CLASS_RESULTS, []*pb.Range{{First: body.Results.GetSeq(), Last: body.Results.GetSeq()}}
	case *pb.AgentMessage_Inventory:
		a.Class, a.Above = pb.Class_CLASS_INVENTORY, []*pb.Range{{First: body.Inventory.GetSeq(), Last: body.Inventory.GetSeq()}}
	case *pb.AgentMessage_Logs:
		a.Class, a.Above = pb.Class_CLASS_LOGS, []*pb.Range{{First: body.Logs.GetSeq(), Last: body.Logs.GetSeq()}}
	default:
		return nil
	}
	return []*pb.CollectorMessage{{Body: &pb.CollectorMessage_Ack{Ack: &pb.Ack{Acked: []*pb.Acked{a}}}}}
}

func openBuffer(t *testing.T, dir string) *buffer.Buffer {
	t.Helper()
	b, err := buffer.Open(buffer.Options{Dir: filepath.Join(dir, "spool"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func newTransport(t *testing.T, f *fakeCollector, b *buffer.Buffer, dir string) *Transport {
	t.Helper()
	tr, err := New(Options{
		Buffer: b, Dir: filepath.Join(dir, "schemas"), Addresses: []string{f.addr}, TLS: f.tls, Host: &pb.Host{Hostname: "h", AgentVersion: "t"},
		Logger:   slog.New(slog.DiscardHandler),
		Describe: func(name string) (string, string) { return "help of " + name, "" },
	})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func layout(check string, names ...string) *schedule.Layout {
	l := &schedule.Layout{Check: check}
	for _, n := range names {
		l.Series = append(l.Series, schedule.Series{Name: n, Kind: checks.KindGauge, Labels: []string{"device", "a"}})
	}
	return l
}

func cycle(at int64, l *schedule.Layout, values ...float64) schedule.Cycle {
	return schedule.Cycle{Time: time.UnixMilli(at), Readings: []schedule.Reading{{Check: l.Check, Layout: l, Values: values}}}
}
