package fleet

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"time"
)

const (
	maxCSR       = 8 << 10 // bytes
	uriScheme    = "picket"
	uriHostAgent = "agent"
)

// issued is a certificate just signed for an agent.
type issued struct {
	der       []byte
	serial    string // hex
	key       string // hex SHA-256 of the public key
	notBefore time.Time
	notAfter  time.Time
}

// serverCert is the collector's certificate and when to replace it.
type serverCert struct {
	cert  *tls.Certificate
	renew time.Time
}

// ServerTLS returns the collector's side of every agent connection: TLS 1.3, a certificate for ServerName that is made in
// memory and replaced at two thirds of its life, and a request for the agent's certificate.
//
// The handshake proves that the agent holds the key of the certificate it shows; whether that certificate is any good is
// decided per call by Fleet.Authenticate, so that a refusal can say why, and so that enrolment works without one. Session
// tickets are off: a resumed session would carry the agent's former certificate past a renewal.
func (c *CA) ServerTLS() *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		ClientAuth:             tls.RequestClientCert,
		GetCertificate:         c.serverCertificate,
		SessionTicketsDisabled: true,
	}
}

func (c *CA) serverCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server != nil && time.Now().Before(c.server.renew) {
		return c.server.cert, nil
	}
	s, err := c.newServerCert(time.Now())
	if err != nil {
		return nil, err
	}
	c.server = s
	return s.cert, nil
}

func (c *CA) newServerCert(now time.Time) (*serverCert, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make server key: %w", err)
	}
	t, err := c.template(now, c.opts.ServerLife)
	if err != nil {
		return nil, err
	}
	t.Subject = pkix.Name{CommonName: ServerName}
	t.DNSNames = []string{ServerName}
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	der, err := x509.CreateCertificate(rand.Reader, t, c.cert, &key.PublicKey, c.key)
	if err != nil {
		return nil, fmt.Errorf("sign server certificate: %w", err)
	}
	// The authority goes with it: an agent that enrols knows only its hash.
	cert := &tls.Certificate{Certificate: [][]byte{der, c.cert.Raw}, PrivateKey: key}
	return &serverCert{cert: cert, renew: now.Add(t.NotAfter.Sub(now) * 2 / 3)}, nil
}

// template returns what all certificates signed here have in common. They start a little early, for clocks that are behind.
func (c *CA) template(now time.Time, life time.Duration) (*x509.Certificate, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	notAfter := now.Add(life)
	if notAfter.After(c.cert.NotAfter) {
		notAfter = c.cert.NotAfter
	}
	return &x509.Certificate{
		SerialNumber:          serial,
		NotBefore:             now.Add(-min(maxSkew, life/10)),
		NotAfter:              notAfter,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
	}, nil
}

// issue signs a certificate that says that pub belongs to the agent id.
func (c *CA) issue(id AgentID, pub crypto.PublicKey, now time.Time) (issued, error) {
	t, err := c.template(now, c.opts.AgentLife)
	if err != nil {
		return issued{}, err
	}
	t.Subject = pkix.Name{CommonName: string(id)}
	t.URIs = []*url.URL{agentURI(id)}
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	der, err := x509.CreateCertificate(rand.Reader, t, c.cert, pub, c.key)
	if err != nil {
		return issued{}, fmt.Errorf("sign certificate of agent %s: %w", id, err)
	}
	key, err := keyHash(pub)
	if err != nil {
		return issued{}, err
	}
	// Certificates count whole seconds, and so does what is kept about them.
	return issued{
		der: der, serial: serialText(t.SerialNumber), key: key,
		notBefore: t.NotBefore.Truncate(time.Second), notAfter: t.NotAfter.Truncate(time.Second),
	}, nil
}

func agentURI(id AgentID) *url.URL {
	return &url.URL{Scheme: uriScheme, Host: uriHostAgent, Path: "/" + string(id)}
}

func serialText(n *big.Int) string { return strings.ToLower(n.Text(16)) }

// keyHash returns the hex SHA-256 of a public key in its DER form.
func keyHash(pub crypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return "", fmt.Errorf("encode public key: %w", err)
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:]), nil
}

// parseCSR returns the public key a certificate is asked for, after proof that the sender holds its private half. Nothing
// else of the request is used. Errors are refusals.
func parseCSR(der []byte) (crypto.PublicKey, error) {
	if len(der) > maxCSR {
		return nil, refusef(reasonCSR, "the certificate request has %d bytes, at most %d are allowed", len(der), maxCSR)
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, refusef(reasonCSR, "the certificate request cannot be read: %v", err)
	}
	if err := checkKey(csr.PublicKey); err != nil {
		return nil, refusef(reasonCSR, "the certificate request has %v", err)
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, refusef(reasonCSR, "the certificate request is not signed by its own key: %v", err)
	}
	return csr.PublicKey, nil
}

func checkKey(pub crypto.PublicKey) error {
	switch k := pub.(type) {
	case ed25519.PublicKey:
		return nil
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() || k.Curve == elliptic.P384() {
			return nil
		}
		return fmt.Errorf("a key on curve %s; P-256, P-384 and Ed25519 are accepted", k.Curve.Params().Name)
	case nil:
		return errors.New("no key of a known type; ECDSA P-256, P-384 and Ed25519 are accepted")
	}
	return fmt.Errorf("a key of type %T; ECDSA P-256, P-384 and Ed25519 are accepted", pub)
}
