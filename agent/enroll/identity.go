package enroll

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// ServerName is the name in every collector's certificate; it is verified whatever address is dialled.
const ServerName = "picket-collector"

const (
	identityFolder  = "identity"
	identityFile    = "identity.json"
	identityVersion = 1
	pemCertificate  = "CERTIFICATE"
	pemKey          = "PRIVATE KEY"
)

// Identity is who this agent is: its key and certificate, the collector's CA, its id and instance. It is kept in one file,
// identity/identity.json in the data folder, so that key and certificate change together or not at all. It is safe for
// concurrent use, and changes in place on renewal: what was made from it uses the newest certificate.
type Identity struct {
	path string
	cur  atomic.Pointer[credential]

	mu sync.Mutex // one change at a time
}

// credential is one state of an identity. It never changes.
type credential struct {
	agentID   string
	instance  string
	addresses []string
	host      Evidence
	ca        *x509.Certificate
	cert      *x509.Certificate
	key       crypto.Signer
	pair      tls.Certificate
}

// identityJSON is the file. key is PKCS #8, all three are PEM.
type identityJSON struct {
	Version     int      `json:"version"`
	AgentID     string   `json:"agent_id"`
	Instance    string   `json:"instance"`
	Collector   []string `json:"collector"`
	Host        Evidence `json:"host"`
	CA          string   `json:"ca"`
	Certificate string   `json:"certificate"`
	Key         string   `json:"key"`
}

// Load returns the identity in the data folder. The error wraps fs.ErrNotExist when the agent is not enrolled; a damaged file
// is another error, never a reason to enrol anew unasked. An expired certificate is no error here: the collector will say so.
func Load(dataDir string) (*Identity, error) {
	path := filepath.Join(dataDir, identityFolder, identityFile)
	raw, err := readPrivate(path)
	if err != nil {
		return nil, fmt.Errorf("read identity: %w", err)
	}
	c, err := decodeIdentity(raw)
	if err != nil {
		return nil, fmt.Errorf("read identity %s: %w", path, err)
	}
	i := &Identity{path: path}
	i.cur.Store(c)
	return i, nil
}

// AgentID is the id the collector gave, 32 lower-case hex digits.
func (i *Identity) AgentID() string { return i.cur.Load().agentID }

// Instance is the value of the instance label as of enrolment; the collector's Welcome has the last word.
func (i *Identity) Instance() string { return i.cur.Load().instance }

// Addresses are the collector's as of enrolment, host:port, in the order in which to try them.
func (i *Identity) Addresses() []string { return i.cur.Load().addresses }

// NotAfter is when the present certificate expires.
func (i *Identity) NotAfter() time.Time { return i.cur.Load().cert.NotAfter }

// Certificate returns the present certificate. It must not be changed.
func (i *Identity) Certificate() *x509.Certificate { return i.cur.Load().cert }

func (i *Identity) evidence() Evidence { return i.cur.Load().host }

// TLS returns the agent's side of connections to its collector: TLS 1.3, the pinned CA, the fixed name, and at each handshake
// the newest certificate. There is no session cache: a resumed session would carry the former certificate past a renewal.
func (i *Identity) TLS() *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(i.cur.Load().ca)
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		RootCAs:    pool,
		ServerName: ServerName,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &i.cur.Load().pair, nil
		},
	}
}

// replace makes c the identity, on disk first.
func (i *Identity) replace(c *credential) error {
	raw, err := c.encode()
	if err != nil {
		return err
	}
	if err := writePrivate(i.path, raw); err != nil {
		return fmt.Errorf("write identity: %w", err)
	}
	i.cur.Store(c)
	return nil
}

func (c *credential) encode() ([]byte, error) {
	key, err := x509.MarshalPKCS8PrivateKey(c.key)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	text := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	raw, err := json.MarshalIndent(identityJSON{
		Version: identityVersion, AgentID: c.agentID, Instance: c.instance, Collector: c.addresses, Host: c.host,
		CA: text(pemCertificate, c.ca.Raw), Certificate: text(pemCertificate, c.cert.Raw), Key: text(pemKey, key),
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode identity: %w", err)
	}
	return append(raw, '\n'), nil
}

func decodeIdentity(raw []byte) (*credential, error) {
	var j identityJSON
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&j); err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("parse: more than one JSON object")
	}
	if j.Version != identityVersion {
		return nil, fmt.Errorf("version %d; this agent knows %d", j.Version, identityVersion)
	}
	ca, err := pemCert("ca", j.CA)
	if err != nil {
		return nil, err
	}
	cert, err := pemCert("certificate", j.Certificate)
	if err != nil {
		return nil, err
	}
	der, err := pemBlock("key", j.Key, pemKey)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("parse key: %w", err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("parse key: type %T cannot sign", key)
	}
	c, err := newCredential(j.AgentID, ca, cert, signer)
	if err != nil {
		return nil, err
	}
	c.instance, c.addresses, c.host = j.Instance, j.Collector, j.Host
	return c, nil
}

// newCredential returns a credential whose parts were checked to belong together.
func newCredential(agentID string, ca, cert *x509.Certificate, key crypto.Signer) (*credential, error) {
	if agentID == "" || cert.Subject.CommonName != agentID {
		return nil, fmt.Errorf("the certificate is for agent %q, not for %q", cert.Subject.CommonName, agentID)
	}
	if err := cert.CheckSignatureFrom(ca); err != nil {
		return nil, fmt.Errorf("the certificate is not signed by the CA: %w", err)
	}
	pub, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !pub.Equal(cert.PublicKey) {
		return nil, errors.New("the certificate is not for the key")
	}
	return &credential{
		agentID: agentID, ca: ca, cert: cert, key: key,
		pair: tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert},
	}, nil
}

func pemCert(name, text string) (*x509.Certificate, error) {
	der, err := pemBlock(name, text, pemCertificate)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", name, err)
	}
	return cert, nil
}

func pemBlock(name, text, kind string) ([]byte, error) {
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != kind || len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("parse %s: want exactly one PEM block %q", name, kind)
	}
	return block.Bytes, nil
}

// readPrivate reads a file that holds a secret, and closes it to others first if they could read it.
func readPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if hasModes && info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(path, 0o600); err != nil {
			return nil, fmt.Errorf("close it to other users: %w", err)
		}
	}
	return os.ReadFile(path)
}

// writePrivate replaces the file at path at once and for good, readable by its owner only. Its folder is made when absent.
func writePrivate(path string, data []byte) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-*") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}
