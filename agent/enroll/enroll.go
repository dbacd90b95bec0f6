// Package enroll makes this host an agent of a collector and keeps it one. A token is turned into an identity: a key made
// here that never leaves, a certificate for it, and the pinned CA of the collector. The identity is renewed in time, and made
// anew when the data folder turns out to be a copy from another host.
//
//	token ─> Enroll ─> Identity (data folder) ─> TLS for the transport
//	                      ^      ^
//	              Renewer ┘      └ ReenrollAsClone
//
// In come a token, the host's description and files under the data folder; out goes an Identity. It opens no stream and knows
// nothing of what agents send; it speaks the Enrollment service of proto only.
package enroll

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/picketmon/picket/proto/gen/picketv1"
)

// Options say how to enrol.
type Options struct {
	// DataDir is the agent's data folder. Required.
	DataDir string
	// Token is the printed enrolment token. Required by Enroll.
	Token string
	// Addresses replace those in the token (Enroll) or in the identity (ReenrollAsClone) when given: host:port, port 4601 when
	// it is missing.
	Addresses []string
	// Host is this machine, from ThisHost. Required.
	Host Host
	// Logger is required.
	Logger *slog.Logger
	// Attempts is how often to try all addresses while none answers; 0 means for ever.
	Attempts int
	// Dial opens connections; nil means TCP.
	Dial DialFunc
}

func (o *Options) complete() error {
	switch {
	case o.DataDir == "":
		return errors.New("enrol: Options.DataDir is missing")
	case o.Logger == nil:
		return errors.New("enrol: Options.Logger is missing")
	case o.Host.Hostname == "" || o.Host.Evidence.Fingerprint == "":
		return errors.New("enrol: Options.Host is missing")
	}
	o.Logger = o.Logger.With("component", "enroll")
	return nil
}

// Enroll turns a token into an identity in the data folder, where it replaces one that is there. While no collector answers
// it tries again, with full-jitter backoff from 1 s to 60 s, until ctx ends or Attempts are made. Errors that users must be
// told apart: ErrToken (mistyped), *Unreachable, ErrPin (not the token's collector), *Refused (with the collector's reason).
func Enroll(ctx context.Context, o Options) (*Identity, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	token, err := ParseToken(o.Token)
	if err != nil {
		return nil, err
	}
	if len(o.Addresses) == 0 {
		o.Addresses = token.Addresses
	}
	i := &Identity{path: filepath.Join(o.DataDir, identityFolder, identityFile)}
	a := application{options: o, config: pinnedTLS(token.Pin), pin: token.Pin, request: &picketv1.EnrollRequest{
		TokenId: token.ID, TokenSecret: token.Secret,
	}}
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := a.make(ctx, i); err != nil {
		return nil, err
	}
	o.Logger.Info("enrolled", "agent", i.AgentID(), "instance", i.Instance(), "not_after", i.NotAfter())
	return i, nil
}

// ReenrollAsClone makes this host an agent of its own when its data folder is a copy of another host's: the collector said so
// (ReasonClone). The present certificate takes the place of a token. The identity changes in place: agent id, instance, key.
// The caller must throw away the spool, whose records belong to the other host, and connect anew. Options.Token is unused;
// errors are as for Enroll.
func (i *Identity) ReenrollAsClone(ctx context.Context, o Options) error {
	if err := o.complete(); err != nil {
		return err
	}
	if len(o.Addresses) == 0 {
		o.Addresses = i.Addresses()
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	former := i.cur.Load()
	a := application{
		options: o, config: i.TLS(), pin: sha256.Sum256(former.ca.RawSubjectPublicKeyInfo),
		request: &picketv1.EnrollRequest{Clone: true},
	}
	if err := a.make(ctx, i); err != nil {
		return err
	}
	o.Logger.Info("enrolled as a clone", "agent", i.AgentID(), "instance", i.Instance(), "cloned_from", former.agentID)
	return nil
}

// application is a request for a new agent, whatever gives the right to it.
type application struct {
	options Options
	config  *tls.Config
	pin     [sha256.Size]byte
	request *picketv1.EnrollRequest
}

// make gets a certificate for a new key and makes both the identity i.
func (a *application) make(ctx context.Context, i *Identity) error {
	key, csr, err := newKey()
	if err != nil {
		return err
	}
	if a.request.Host, err = a.options.Host.Proto(); err != nil {
		return err
	}
	a.request.CsrDer = csr
	answer, err := a.submit(ctx)
	if err != nil {
		return err
	}
	c, err := a.accept(answer, key)
	if err != nil {
		return fmt.Errorf("check the collector's answer: %w", err)
	}
	return i.replace(c)
}

// submit asks until the collector answers, one way or the other.
func (a *application) submit(ctx context.Context) (*picketv1.EnrollResponse, error) {
	b := newBackoff(time.Second, time.Minute)
	for attempt := 1; ; attempt++ {
		answer, err := a.ask(ctx)
		var away *Unreachable
		if err == nil || !errors.As(err, &away) {
			return answer, err
		}
		if attempt == a.options.Attempts {
			return nil, err
		}
		wait := b.next()
		if ctx.Err() == nil {
			a.options.Logger.Warn("collector is not available, will try again", "error", err, "wait", wait)
		}
		if cause := sleep(ctx, wait); cause != nil {
			return nil, fmt.Errorf("%w: %w", cause, err)
		}
	}
}

// ask tries each address once, until the collector answers. A server that is not the collector outweighs one that is away.
func (a *application) ask(ctx context.Context) (*picketv1.EnrollResponse, error) {
	var worst error
	for _, address := range a.options.Addresses {
		answer, err := a.askOne(ctx, address)
		if err == nil {
			return answer, nil
		}
		if _, refused := errors.AsType[*Refused](err); refused {
			return nil, err
		}
		if _, away := errors.AsType[*Unreachable](err); !away || worst == nil {
			worst = err
		}
	}
	if worst == nil {
		return nil, errors.New("enrol: no address of a collector is given")
	}
	return nil, worst
}

func (a *application) askOne(ctx context.Context, address string) (*picketv1.EnrollResponse, error) {
	c, err := newClient(address, a.config, a.options.Dial)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer, err := picketv1.NewEnrollmentClient(c).Enroll(ctx, a.request)
	return answer, c.explain(err)
}

// accept checks an answer in every part, since what it holds will be trusted from now on.
func (a *application) accept(answer *picketv1.EnrollResponse, key *ecdsa.PrivateKey) (*credential, error) {
	ca, err := x509.ParseCertificate(answer.GetCaDer())
	if err != nil {
		return nil, fmt.Errorf("parse CA: %w", err)
	}
	if sha256.Sum256(ca.RawSubjectPublicKeyInfo) != a.pin {
		return nil, ErrPin
	}
	cert, err := x509.ParseCertificate(answer.GetCertificateDer())
	if err != nil {
		return nil, fmt.Errorf("parse certificate: %w", err)
	}
	c, err := newCredential(answer.GetAgentId(), ca, cert, key)
	if err != nil {
		return nil, err
	}
	c.instance, c.host = answer.GetInstance(), a.options.Host.Evidence
	for _, address := range a.options.Addresses {
		c.addresses = append(c.addresses, withPort(address))
	}
	return c, nil
}

// newKey makes a key and a request for a certificate. All names in it are the collector's to choose, so it has none.
func newKey() (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make key: %w", err)
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		return nil, nil, fmt.Errorf("make certificate request: %w", err)
	}
	return key, csr, nil
}
