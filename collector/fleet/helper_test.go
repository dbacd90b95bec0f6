package fleet

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/proto/gen/picketv1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Logger returns a logger that writes to the test's output.
func Logger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// NewCA returns a fresh authority whose agents' certificates live for life; 0 means the default.
func NewCA(t testing.TB, life time.Duration) *CA {
	t.Helper()
	ca, err := OpenCA(t.TempDir(), CAOptions{Logger: Logger(t), AgentLife: life})
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// NewFleet returns a fleet on d; change may alter its options.
func NewFleet(t testing.TB, d *db.DB, change func(*Options)) *Fleet {
	t.Helper()
	o := Options{DB: d, Logger: Logger(t)}
	if change != nil {
		change(&o)
	}
	if o.CA == nil {
		o.CA = NewCA(t, 0)
	}
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Collector is a fleet behind real gRPC and TLS on loopback, with a Delivery service that only holds sessions.
type Collector struct {
	picketv1.UnimplementedDeliveryServer
	*Fleet
	Addr string
}

// NewCollector starts a collector, whose fleet runs, and stops it when t ends.
func NewCollector(t testing.TB, d *db.DB, change func(*Options)) *Collector {
	t.Helper()
	c := &Collector{Fleet: NewFleet(t, d, change)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.Addr = l.Addr().String()
	s := grpc.NewServer(grpc.Creds(credentials.NewTLS(c.ca.ServerTLS())))
	picketv1.RegisterEnrollmentServer(s, c.EnrollmentServer())
	picketv1.RegisterDeliveryServer(s, c)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Serve(l) })
	wg.Go(func() {
		if err := c.Run(ctx); err != nil {
			t.Errorf("run fleet: %v", err)
		}
	})
	t.Cleanup(func() {
		s.Stop()
		cancel()
		wg.Wait()
	})
	return c
}

// Stream does what collector/ingest does with a stream, as far as the fleet is concerned.
func (c *Collector) Stream(s grpc.BidiStreamingServer[picketv1.AgentMessage, picketv1.CollectorMessage]) error {
	a, err := c.Authenticate(s.Context())
	if err != nil {
		return err
	}
	m, err := s.Recv()
	if err != nil {
		return err
	}
	h, err := HostFromProto(m.GetHello().GetHost(), m.GetHello().GetBootId())
	if err != nil {
		return err
	}
	session, err := c.Connect(s.Context(), a, h)
	if err != nil {
		return err
	}
	defer session.Close()
	welcome := &picketv1.CollectorMessage{Body: &picketv1.CollectorMessage_Welcome{Welcome: &picketv1.Welcome{Version: 1, Instance: a.Instance}}}
	if err := s.Send(welcome); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		for {
			if _, err := s.Recv(); err != nil {
				done <- err
				return
			}
			session.Seen(time.Now())
		}
	}()
	select {
	case <-session.Context().Done():
		return status.Error(codes.Aborted, context.Cause(session.Context()).Error())
	case err := <-done:
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	}
}

// Token makes a token for this collector and returns its parts as a request has them.
func (c *Collector) Token(t testing.TB, o TokenOptions) string {
	t.Helper()
	o.Addresses = []string{c.Addr}
	text, _, err := c.CreateToken(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// rawToken is a token's id and secret without the printing.
type rawToken struct {
	id     TokenID
	secret []byte
}

// addToken makes a token and knows its secret.
func addToken(t testing.TB, f *Fleet, o TokenOptions) rawToken {
	t.Helper()
	o.Addresses = []string{"127.0.0.1:1"}
	text, tok, err := f.CreateToken(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return rawToken{tok.ID, decodePrinted(t, text)[16 : 16+secretBytes]}
}

// testKey is an agent's key with its CSR.
type testKey struct {
	*ecdsa.PrivateKey
	csr []byte
}

func newTestKey(t testing.TB) testKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return testKey{key, newCSR(t, key)}
}

func newCSR(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	return csr
}

// testHost is a host whose fingerprint is made from a word.
func testHost(name, machine string) *picketv1.Host {
	sum := sha256.Sum256([]byte(machine))
	return &picketv1.Host{Hostname: name, Fingerprint: sum[:], Os: "linux", Arch: "amd64", AgentVersion: "1.0.0"}
}

// enrollRequest asks for the certificate of a key on a host.
func enrollRequest(tok rawToken, key testKey, h *picketv1.Host) *picketv1.EnrollRequest {
	return &picketv1.EnrollRequest{TokenId: string(tok.id), TokenSecret: tok.secret, CsrDer: key.csr, Host: h}
}

// dial connects to the collector, with a certificate or without.
func (c *Collector) dial(t testing.TB, key crypto.PrivateKey, chain ...[]byte) *grpc.ClientConn {
	t.Helper()
	config := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: c.ca.pool, ServerName: ServerName}
	if len(chain) > 0 {
		// Not Certificates: the client would hold back one that no authority the server named has signed.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &tls.Certificate{Certificate: chain, PrivateKey: key}, nil
		}
	}
	conn, err := grpc.NewClient("passthrough:///"+c.Addr, grpc.WithTransportCredentials(credentials.NewTLS(config)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// enroll enrols a host with a token through the wire.
func (c *Collector) enroll(t testing.TB, tok rawToken, h *picketv1.Host) (testKey, *picketv1.EnrollResponse) {
	t.Helper()
	key := newTestKey(t)
	answer, err := picketv1.NewEnrollmentClient(c.dial(t, nil)).Enroll(t.Context(), enrollRequest(tok, key, h))
	if err != nil {
		t.Fatal(err)
	}
	return key, answer
}

// hello begins a stream and returns once it is welcome.
func hello(t testing.TB, conn *grpc.ClientConn, h *picketv1.Host) (grpc.BidiStreamingClient[picketv1.AgentMessage, picketv1.CollectorMessage], error) {
	t.Helper()
	s, err := picketv1.NewDeliveryClient(conn).Stream(t.Context())
	if err != nil {
		return nil, err
	}
	m := &picketv1.AgentMessage{Body: &picketv1.AgentMessage_Hello{Hello: &picketv1.Hello{Host: h}}}
	if err := s.Send(m); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if _, err := s.Recv(); err != nil {
		return nil, err
	}
	return s, nil
}

// eventually polls until ok says yes.
func eventually(t testing.TB, within time.Duration, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(within)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %s: %s", within, what)
		}
	}
}

// recorder is a SampleWriter that keeps the newest write.
type recorder struct {
	mu   sync.Mutex
	last []Sample
	fail error
}

func (r *recorder) WriteSamples(_ context.Context, s []Sample) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return r.fail
	}
	r.last = slices.Clone(s)
	return nil
}

// take returns the newest write as series to value, and forgets it.
func (r *recorder) take() map[string]float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	values := make(map[string]float64)
	for _, s := range r.last {
		values[seriesText(s.Labels)] = s.V
	}
	r.last = nil
	return values
}

func seriesText(labels []string) string {
	text := labels[1] + "{"
	for i := 2; i < len(labels); i += 2 {
		text += labels[i] + "=" + labels[i+1] + ","
	}
	return text[:len(text)-1] + "}"
}

func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
