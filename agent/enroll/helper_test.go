package enroll

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/picketmon/picket/proto/gen/picketv1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func logger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// authority is a collector's CA.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key := newECKey(t)
	a := &authority{key: key}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.cert = a.sign(t, template, template, &key.PublicKey)
	return a
}

func newECKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) sign(t testing.TB, template, parent *x509.Certificate, pub crypto.PublicKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, pub, a.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// agent signs the certificate of an agent.
func (a *authority) agent(t testing.TB, id string, pub crypto.PublicKey, life time.Duration) *x509.Certificate {
	t.Helper()
	return a.sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: id}, NotBefore: time.Now(),
		NotAfter: time.Now().Add(life), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, a.cert, pub)
}

// server signs the collector's certificate, which change may spoil.
func (a *authority) server(t testing.TB, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	key := newECKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{ServerName}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if change != nil {
		change(template)
	}
	return tls.Certificate{Certificate: [][]byte{a.sign(t, template, a.cert, &key.PublicKey).Raw, a.cert.Raw}, PrivateKey: key}
}

func (a *authority) pin() [sha256.Size]byte { return sha256.Sum256(a.cert.RawSubjectPublicKeyInfo) }

// collector is a fake Enrollment service behind real gRPC and TLS.
type collector struct {
	picketv1.UnimplementedEnrollmentServer
	*authority
	addr string
	life time.Duration // of agents' certificates

	mu       sync.Mutex
	requests []*picketv1.EnrollRequest
	shown    []string // the common name of each call's client certificate
	renewals int
	fail     []error                        // what the next calls return
	spoil    func(*picketv1.EnrollResponse) // changes answers
	keys     map[string]bool                // that were certified
	ids      []string                       // the next agents' ids
	onRenew  func(*picketv1.RenewResponse)  // changes answers
}

func newCollector(t testing.TB, change func(*x509.Certificate)) *collector {
	t.Helper()
	a := newAuthority(t)
	c := &collector{authority: a, life: time.Hour, keys: map[string]bool{}, ids: []string{strings.Repeat("a", 32), strings.Repeat("b", 32)}}
	c.addr = serve(t, a.server(t, change), c)
	return c
}

func serve(t testing.TB, cert tls.Certificate, s picketv1.EnrollmentServer) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequestClientCert,
	})))
	picketv1.RegisterEnrollmentServer(g, s)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = g.Serve(l)
	}()
	t.Cleanup(func() {
		g.Stop()
		<-done
	})
	return l.Addr().String()
}

// note counts a call, and returns the error it is to fail with.
func (c *collector) note(ctx context.Context) error {
	name := ""
	if p, ok := peer.FromContext(ctx); ok {
		if certs := p.AuthInfo.(credentials.TLSInfo).State.PeerCertificates; len(certs) > 0 {
			name = certs[0].Subject.CommonName
		}
	}
	c.shown = append(c.shown, name)
	if len(c.fail) == 0 {
		return nil
	}
	err := c.fail[0]
	c.fail = c.fail[1:]
	return err
}

func (c *collector) certify(id string, csrDER []byte) ([]byte, error) {
	csr, err := x509.ParseCertificateRequest(csrDER)
	if err != nil {
		return nil, err
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, err
	}
	c.keys[string(csr.RawSubjectPublicKeyInfo)] = true
	return x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: id}, NotBefore: time.Now(),
		NotAfter: time.Now().Add(c.life), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, c.cert, csr.PublicKey, c.key)
}

// Enroll implements picketv1.EnrollmentServer.
func (c *collector) Enroll(ctx context.Context, req *picketv1.EnrollRequest) (*picketv1.EnrollResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests = append(c.requests, req)
	if err := c.note(ctx); err != nil {
		return nil, err
	}
	id := c.ids[0]
	c.ids = c.ids[1:]
	der, err := c.certify(id, req.GetCsrDer())
	if err != nil {
		return nil, err
	}
	answer := &picketv1.EnrollResponse{AgentId: id, Instance: "web-" + id[:1], CertificateDer: der, CaDer: c.cert.Raw}
	if c.spoil != nil {
		c.spoil(answer)
	}
	return answer, nil
}

// Renew implements picketv1.EnrollmentServer.
func (c *collector) Renew(ctx context.Context, req *picketv1.RenewRequest) (*picketv1.RenewResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.renewals++
	if err := c.note(ctx); err != nil {
		return nil, err
	}
	der, err := c.certify(c.shown[len(c.shown)-1], req.GetCsrDer())
	if err != nil {
		return nil, err
	}
	answer := &picketv1.RenewResponse{CertificateDer: der}
	if c.onRenew != nil {
		c.onRenew(answer)
	}
	return answer, nil
}

func (c *collector) calls() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.shown)
}

func (c *collector) keyCount() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.keys)
}

// token is a token of the collector that leads to these addresses, its own when none are given.
func (c *collector) token(addresses ...string) string {
	if len(addresses) == 0 {
		addresses = []string{c.addr}
	}
	return printToken(c.pin(), addresses...)
}

func printToken(pin [sha256.Size]byte, addresses ...string) string {
	b := make([]byte, idBytes+secretBytes)
	for i := range b {
		b[i] = byte(i)
	}
	b = append(b, pin[:]...)
	b = append(b, byte(len(addresses)))
	for _, a := range addresses {
		b = append(append(b, byte(len(a))), a...)
	}
	sum := sha256.Sum256(append([]byte(tokenPrefix), b...))
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(append(b, sum[:sumBytes]...))
}

func testHost(machine string) Host {
	sum := sha256.Sum256([]byte(machine))
	return Host{Hostname: "web1", Version: "1.0.0", Evidence: Evidence{
		Source: sourceDMI, Fingerprint: hex.EncodeToString(sum[:]), Seen: map[string]string{sourceDMI: hex.EncodeToString(sum[:])},
	}}
}

// options enrol with the collector's token once.
func (c *collector) options(t testing.TB) Options {
	return Options{DataDir: t.TempDir(), Token: c.token(), Host: testHost("m1"), Logger: logger(t), Attempts: 1}
}

// enrolled returns an identity made by the collector.
func (c *collector) enrolled(t testing.TB) (*Identity, string) {
	t.Helper()
	o := c.options(t)
	i, err := Enroll(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return i, o.DataDir
}
