package enroll

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
)

const (
	defaultPort = "4601"
	callTimeout = 20 * time.Second
	maxAnswer   = 1 << 20 // bytes
)

// DialFunc opens a connection to an address, host:port.
type DialFunc func(ctx context.Context, address string) (net.Conn, error)

// client is a connection for one call at a time. It remembers why connecting went wrong, which gRPC turns into mere text.
type client struct {
	*grpc.ClientConn
	address string

	mu   sync.Mutex
	last error
}

// newClient prepares a connection; the first call dials. A nil dial means TCP.
func newClient(address string, config *tls.Config, dial DialFunc) (*client, error) {
	if dial == nil {
		d := &net.Dialer{Timeout: callTimeout}
		dial = func(ctx context.Context, a string) (net.Conn, error) { return d.DialContext(ctx, "tcp", a) }
	}
	c := &client{address: withPort(address)}
	conn, err := grpc.NewClient("passthrough:///"+c.address,
		grpc.WithTransportCredentials(&recordingCredentials{TransportCredentials: credentials.NewTLS(config), note: c.note}),
		grpc.WithContextDialer(func(ctx context.Context, a string) (net.Conn, error) {
			conn, err := dial(ctx, a)
			c.note(err)
			return conn, err
		}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer)),
		grpc.WithDisableServiceConfig(),
	)
	if err != nil {
		return nil, fmt.Errorf("prepare connection to %s: %w", address, err)
	}
	c.ClientConn = conn
	return c, nil
}

func (c *client) note(err error) {
	if err == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = err
}

// explain turns the error of a call into Refused, ErrPin, a server certificate error, or Unreachable.
func (c *client) explain(err error) error {
	if err == nil {
		return nil
	}
	if r := Refusal(err); r != nil {
		return r
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch s := status.Convert(err); {
	case c.last == nil:
		err = errors.New(s.Message())
	case s.Code() == codes.Unavailable && isIdentityError(c.last):
		return fmt.Errorf("verify collector %s: %w", c.address, c.last)
	default:
		err = c.last
	}
	return &Unreachable{Address: c.address, Err: err}
}

// isIdentityError reports whether the server is not who it should be, as against not there.
func isIdentityError(err error) bool {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.Is(err, ErrPin) || errors.As(err, &unknown) || errors.As(err, &name) || errors.As(err, &invalid)
}

// recordingCredentials tells note why a handshake went wrong.
type recordingCredentials struct {
	credentials.TransportCredentials
	note func(error)
}

// ClientHandshake implements credentials.TransportCredentials.
func (r *recordingCredentials) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	c, info, err := r.TransportCredentials.ClientHandshake(ctx, authority, conn)
	r.note(err)
	return c, info, err
}

// Clone implements credentials.TransportCredentials.
func (r *recordingCredentials) Clone() credentials.TransportCredentials {
	return &recordingCredentials{TransportCredentials: r.TransportCredentials.Clone(), note: r.note}
}

// pinnedTLS verifies a server whose CA is known by its hash only: the CA comes with the server's chain, must have the hash,
// and must have signed a certificate for ServerName.
func pinnedTLS(pin [sha256.Size]byte) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		ServerName: ServerName,
		// The usual verification needs the CA beforehand; VerifyConnection does the same with the pinned one.
		InsecureSkipVerify: true,
		VerifyConnection:   func(s tls.ConnectionState) error { return verifyPinned(s.PeerCertificates, pin) },
	}
}

func verifyPinned(chain []*x509.Certificate, pin [sha256.Size]byte) error {
	if len(chain) < 2 {
		return ErrPin
	}
	roots := x509.NewCertPool()
	found := false
	for _, c := range chain[1:] {
		if sha256.Sum256(c.RawSubjectPublicKeyInfo) == pin && c.IsCA {
			roots.AddCert(c)
			found = true
		}
	}
	if !found {
		return ErrPin
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: roots, DNSName: ServerName, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	return err
}

// withPort adds the collector's usual port to an address without one.
func withPort(address string) string {
	if _, _, err := net.SplitHostPort(address); err == nil {
		return address
	}
	host := address
	if len(host) > 1 && host[0] == '[' && host[len(host)-1] == ']' {
		host = host[1 : len(host)-1]
	}
	return net.JoinHostPort(host, defaultPort)
}
