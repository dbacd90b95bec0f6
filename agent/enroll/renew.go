package enroll

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"

	"github.com/picketmon/picket/proto/gen/picketv1"
)

const (
	// maxNap bounds each wait for the time of renewal, because the wall clock can jump and timers do not notice.
	maxNap = time.Hour
	// renewRetry bounds the waits between attempts that failed.
	renewRetry = 10 * time.Minute
)

// RenewerOptions say how to renew.
type RenewerOptions struct {
	// Identity and Logger are required.
	Identity *Identity
	Logger   *slog.Logger
	// Conn lends a connection to the collector and what gives it back. It must show a certificate that is still valid: a
	// connection outlives the certificate it began with. Nil dials Addresses for each renewal, with the newest certificate.
	Conn func(ctx context.Context) (c grpc.ClientConnInterface, release func(), err error)
	// Addresses are tried in order without Conn; empty means those of the identity.
	Addresses []string
	// Dial opens connections without Conn; nil means TCP.
	Dial DialFunc
	// Renewed is called after each renewal; nil means nobody cares.
	Renewed func()
}

// Renewer replaces the identity's certificate at two thirds of its life, with a new key each time. Streams that are open stay
// open: the collector lets them go on because a newer certificate exists.
type Renewer struct{ o RenewerOptions }

// NewRenewer returns a Renewer that does nothing before Run.
func NewRenewer(o RenewerOptions) (*Renewer, error) {
	switch {
	case o.Identity == nil:
		return nil, errors.New("make renewer: RenewerOptions.Identity is missing")
	case o.Logger == nil:
		return nil, errors.New("make renewer: RenewerOptions.Logger is missing")
	}
	o.Logger = o.Logger.With("component", "renew")
	return &Renewer{o: o}, nil
}

// Run renews whenever it is time, until ctx ends; then it returns nil. While renewing fails it tries again and again, more
// and more slowly, and also after a refusal: an operator may set it right.
func (r *Renewer) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		r.await(ctx)
		r.renewNow(ctx)
	}
	return nil
}

// await sleeps until the present certificate should be renewed.
func (r *Renewer) await(ctx context.Context) {
	var cert *x509.Certificate
	var due time.Time
	for ctx.Err() == nil {
		if now := r.o.Identity.Certificate(); now != cert { // also after a clone enrolled anew
			cert, due = now, renewTime(now, rand.Float64())
		}
		left := time.Until(due)
		if left <= 0 {
			return
		}
		_ = sleep(ctx, min(left, maxNap))
	}
}

// renewTime is two thirds into the certificate's life, earlier or later by at most a tenth of half its life, as x in [0,1)
// says, so that agents that were enrolled together do not come back together.
func renewTime(c *x509.Certificate, x float64) time.Time {
	life := c.NotAfter.Sub(c.NotBefore)
	jitter := float64(life) / 20 * (2*x - 1)
	return c.NotBefore.Add(life*2/3 + time.Duration(jitter))
}

// renewNow tries until it is done or ctx ends.
func (r *Renewer) renewNow(ctx context.Context) {
	cert := r.o.Identity.Certificate()
	life := cert.NotAfter.Sub(cert.NotBefore)
	b := newBackoff(min(time.Second, life/50), min(renewRetry, life/20))
	for ctx.Err() == nil {
		err := r.Renew(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		wait := b.next()
		if Refusal(err) != nil {
			wait = b.limit
		}
		r.o.Logger.Error("renew certificate", "error", err, "not_after", r.o.Identity.NotAfter(), "wait", wait)
		_ = sleep(ctx, wait)
	}
}

// Renew replaces the certificate now. Errors are as for Enroll.
func (r *Renewer) Renew(ctx context.Context) error {
	i := r.o.Identity
	i.mu.Lock()
	defer i.mu.Unlock()
	former := i.cur.Load()
	key, csr, err := newKey()
	if err != nil {
		return err
	}
	answer, err := r.ask(ctx, &picketv1.RenewRequest{CsrDer: csr})
	if err != nil {
		return err
	}
	cert, err := x509.ParseCertificate(answer.GetCertificateDer())
	if err != nil {
		return fmt.Errorf("parse renewed certificate: %w", err)
	}
	c, err := newCredential(former.agentID, former.ca, cert, key)
	if err != nil {
		return fmt.Errorf("check renewed certificate: %w", err)
	}
	c.instance, c.addresses, c.host = former.instance, former.addresses, former.host
	if err := i.replace(c); err != nil {
		return err
	}
	r.o.Logger.Info("renewed certificate", "agent", c.agentID, "not_after", cert.NotAfter)
	if r.o.Renewed != nil {
		r.o.Renewed()
	}
	return nil
}

func (r *Renewer) ask(ctx context.Context, req *picketv1.RenewRequest) (*picketv1.RenewResponse, error) {
	if r.o.Conn != nil {
		return r.askLent(ctx, req)
	}
	addresses := r.o.Addresses
	if len(addresses) == 0 {
		addresses = r.o.Identity.Addresses()
	}
	err := errors.New("no address of a collector is known")
	for _, a := range addresses {
		var answer *picketv1.RenewResponse
		if answer, err = r.askOne(ctx, a, req); err == nil || Refusal(err) != nil {
			return answer, err
		}
	}
	return nil, err
}

func (r *Renewer) askLent(ctx context.Context, req *picketv1.RenewRequest) (*picketv1.RenewResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	c, release, err := r.o.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("borrow connection: %w", err)
	}
	defer release()
	answer, err := picketv1.NewEnrollmentClient(c).Renew(ctx, req)
	if refused := Refusal(err); refused != nil {
		return nil, refused
	}
	return answer, err
}

func (r *Renewer) askOne(ctx context.Context, address string, req *picketv1.RenewRequest) (*picketv1.RenewResponse, error) {
	c, err := newClient(address, r.o.Identity.TLS(), r.o.Dial)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer, err := picketv1.NewEnrollmentClient(c).Renew(ctx, req)
	return answer, c.explain(err)
}
