package fleet

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// ServerName is the one name the collector's certificate carries; agents verify it whatever address they dial.
const ServerName = "picket-collector"

const (
	caLife         = 10 * 365 * 24 * time.Hour
	maxSkew        = time.Hour // certificates start this long before they are made, for hosts whose clocks are behind
	defaultLife    = 90 * 24 * time.Hour
	caFile         = "ca.crt"
	caKeyFile      = "ca.key"
	caLockFile     = ".lock"
	pemCertificate = "CERTIFICATE"
	pemKey         = "PRIVATE KEY"
)

// CAOptions say where the certificate authority lives and how long what it issues is valid.
type CAOptions struct {
	// Logger is required.
	Logger *slog.Logger
	// ServerLife is the life of the collector's own certificate; 0 means 90 days.
	ServerLife time.Duration
	// AgentLife is the life of agents' certificates; 0 means 90 days.
	AgentLife time.Duration
}

// CA is the collector's own certificate authority: it signs the collector's certificate and those of agents. It is safe for
// concurrent use.
type CA struct {
	opts CAOptions
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool

	mu     sync.Mutex
	server *serverCert
}

// OpenCA loads the authority from ca.crt and ca.key in dir, and makes both on first use. The folder is 0700, the files 0600.
// Several processes may call it at the same time for the same dir: all get the same authority. A certificate without its key,
// or a pair that does not match, is an error, never a reason to make a new authority: agents would no longer trust it.
func OpenCA(dir string, o CAOptions) (*CA, error) {
	if o.Logger == nil {
		return nil, errors.New("open CA: CAOptions.Logger is missing")
	}
	if o.ServerLife <= 0 {
		o.ServerLife = defaultLife
	}
	if o.AgentLife <= 0 {
		o.AgentLife = defaultLife
	}
	o.Logger = o.Logger.With("component", "ca")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make CA folder: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, fmt.Errorf("close CA folder to others: %w", err)
	}
	unlock, err := lockFile(filepath.Join(dir, caLockFile))
	if err != nil {
		return nil, fmt.Errorf("lock CA folder %s: %w", dir, err)
	}
	defer unlock()
	ca := &CA{opts: o}
	certPEM, err := os.ReadFile(filepath.Join(dir, caFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = ca.create(dir)
	case err != nil:
		return nil, fmt.Errorf("read CA certificate: %w", err)
	default:
		err = ca.load(dir, certPEM)
	}
	if err != nil {
		return nil, err
	}
	ca.pool = x509.NewCertPool()
	ca.pool.AddCert(ca.cert)
	return ca, nil
}

func (c *CA) load(dir string, certPEM []byte) error {
	path := filepath.Join(dir, caFile)
	der, err := onePEM(path, certPEM, pemCertificate)
	if err != nil {
		return err
	}
	if c.cert, err = x509.ParseCertificate(der); err != nil {
		return fmt.Errorf("parse %s: %w", path, err)
	}
	if c.key, err = loadKey(filepath.Join(dir, caKeyFile)); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is there but its key is not, restore %s from a backup: %w", path, caKeyFile, err)
		}
		return err
	}
	if !c.key.PublicKey.Equal(c.cert.PublicKey) {
		return fmt.Errorf("%s and %s in %s do not belong together", caFile, caKeyFile, dir)
	}
	if !c.cert.IsCA {
		return fmt.Errorf("%s is not the certificate of an authority", path)
	}
	if now := time.Now(); now.After(c.cert.NotAfter) || now.Before(c.cert.NotBefore) {
		return fmt.Errorf("%s is valid from %s to %s only", path, c.cert.NotBefore.Format(time.RFC3339), c.cert.NotAfter.Format(time.RFC3339))
	}
	return nil
}

// create makes key and certificate, the key first: a key without certificate is what a crash here leaves, and it is used.
func (c *CA) create(dir string) error {
	keyPath := filepath.Join(dir, caKeyFile)
	key, err := loadKey(keyPath)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = newKeyFile(keyPath)
	}
	if err != nil {
		return err
	}
	serial, err := newSerial()
	if err != nil {
		return err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "Picket collector CA"},
		NotBefore:             now.Add(-24 * time.Hour),
		NotAfter:              now.Add(caLife),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return fmt.Errorf("make CA certificate: %w", err)
	}
	if err := writeFile(filepath.Join(dir, caFile), pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: der})); err != nil {
		return err
	}
	if c.cert, err = x509.ParseCertificate(der); err != nil {
		return fmt.Errorf("parse new CA certificate: %w", err)
	}
	c.key = key
	c.opts.Logger.Info("made certificate authority", "dir", dir, "not_after", c.cert.NotAfter.UTC())
	return nil
}

// Certificate returns the authority's own certificate. It must not be changed.
func (c *CA) Certificate() *x509.Certificate { return c.cert }

// Pin returns the SHA-256 of the authority's public key (its SubjectPublicKeyInfo in DER), which enrolment tokens carry.
func (c *CA) Pin() [sha256.Size]byte { return sha256.Sum256(c.cert.RawSubjectPublicKeyInfo) }

func newKeyFile(path string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	return key, writeFile(path, pem.EncodeToMemory(&pem.Block{Type: pemKey, Bytes: der}))
}

func loadKey(path string) (*ecdsa.PrivateKey, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	der, err := onePEM(path, raw, pemKey)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", path, err)
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("parse %s: key of type %T, want ECDSA", path, key)
	}
	return ec, nil
}

func onePEM(path string, raw []byte, kind string) ([]byte, error) {
	block, rest := pem.Decode(raw)
	if block == nil || block.Type != kind || len(rest) > 0 {
		return nil, fmt.Errorf("parse %s: want exactly one PEM block %q", path, kind)
	}
	return block.Bytes, nil
}

// writeFile replaces the file at path at once and for good, readable by its owner only.
func writeFile(path string, data []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
			err = fmt.Errorf("write %s: %w", path, err)
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
	return syncDir(filepath.Dir(path))
}

// newSerial returns a positive serial number of 127 random bits, as X.509 allows.
func newSerial() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("make serial number: %w", err)
	}
	return n.Add(n, big.NewInt(1)), nil
}
