package enroll

import (
	"context"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/picketmon/picket/proto/gen/picketv1"
)

func TestRenewTime(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c := &x509.Certificate{NotBefore: start, NotAfter: start.Add(90 * 24 * time.Hour)}
	const day = 24 * time.Hour
	for x, want := range map[float64]time.Duration{0: 60*day - 4.5*24*time.Hour, 0.5: 60 * day, 1: 60*day + 4.5*24*time.Hour} {
		if got := renewTime(c, x).Sub(start); got.Round(time.Second) != want {
			t.Errorf("with %v renewed after %s, want %s", x, got, want)
		}
	}
}

// lent is a connection that leads to a function.
type lent func(*picketv1.RenewRequest) (*picketv1.RenewResponse, error)

// Invoke implements grpc.ClientConnInterface.
func (l lent) Invoke(_ context.Context, method string, req, answer any, _ ...grpc.CallOption) error {
	if method != picketv1.Enrollment_Renew_FullMethodName {
		return status.Error(codes.Unimplemented, method)
	}
	got, err := l(req.(*picketv1.RenewRequest))
	if err == nil {
		answer.(*picketv1.RenewResponse).CertificateDer = got.GetCertificateDer()
	}
	return err
}

// NewStream implements grpc.ClientConnInterface.
func (lent) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unimplemented, "no streams")
}

// born is an identity made without a collector, on the bubble's clock.
func born(t *testing.T, c *collector) *Identity {
	t.Helper()
	key := newECKey(t)
	id := strings.Repeat("a", 32)
	cred, err := newCredential(id, c.cert, c.agent(t, id, &key.PublicKey, c.life), key)
	if err != nil {
		t.Fatal(err)
	}
	i := &Identity{path: t.TempDir() + "/" + identityFile}
	if err := i.replace(cred); err != nil {
		t.Fatal(err)
	}
	return i
}

func TestRenewerOnAVirtualClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const day = 24 * time.Hour
		c := &collector{authority: newAuthority(t), life: 90 * day, keys: map[string]bool{}}
		i := born(t, c)
		start := time.Now()
		var at []time.Duration // when asked
		outages := map[int]error{
			2: status.Error(codes.Unavailable, "away"), 3: status.Error(codes.PermissionDenied, "agent_revoked: by mistake"),
		}
		r, err := NewRenewer(RenewerOptions{Identity: i, Logger: logger(t), Conn: func(context.Context) (grpc.ClientConnInterface, func(), error) {
			return lent(func(req *picketv1.RenewRequest) (*picketv1.RenewResponse, error) {
				at = append(at, time.Since(start))
				if err := outages[len(at)]; err != nil {
					return nil, err
				}
				der, err := c.certify(i.AgentID(), req.GetCsrDer())
				return &picketv1.RenewResponse{CertificateDer: der}, err
			}), func() {}, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		time.Sleep(200 * day)
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		// Renewed at about day 60; failed twice at about day 120 and then worked; renewed at about day 180.
		if len(at) != 5 {
			t.Fatalf("asked at %v, want 5 times", at)
		}
		// Each renewal may be 4.5 days early or late, and the next counts from there.
		near := func(got, want, off time.Duration) bool { return got > want-off && got < want+off }
		if !near(at[0], 60*day, 5*day) || !near(at[1], 120*day, 10*day) || !near(at[4], 180*day, 15*day) {
			t.Errorf("asked at %v", at)
		}
		if wait := at[2] - at[1]; wait > time.Second {
			t.Errorf("after a fault it waited %s", wait)
		}
		if wait := at[3] - at[2]; wait != renewRetry {
			t.Errorf("after a refusal it waited %s, want %s", wait, renewRetry)
		}
		if len(c.keys) != 3 {
			t.Errorf("%d keys in 3 renewals", len(c.keys))
		}
	})
}

func TestRenewerShowsTheNewestCertificate(t *testing.T) {
	c := newCollector(t, nil)
	c.life = 3 * time.Second
	i, _ := c.enrolled(t)
	first := i.Certificate()
	renewed := make(chan struct{}, 100)
	r, err := NewRenewer(RenewerOptions{Identity: i, Logger: logger(t), Renewed: func() { renewed <- struct{}{} }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	for range 2 {
		select {
		case <-renewed:
		case <-time.After(20 * time.Second):
			t.Error("not renewed")
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if i.Certificate().Equal(first) || i.AgentID() != first.Subject.CommonName {
		t.Error("the identity has another agent or the first certificate")
	}
}

func TestRenewalsThatAreNotAccepted(t *testing.T) {
	for name, spoil := range map[string]func(*collector, *picketv1.RenewResponse){
		"another key": func(c *collector, r *picketv1.RenewResponse) {
			r.CertificateDer = c.agent(t, strings.Repeat("a", 32), &newECKey(t).PublicKey, time.Hour).Raw
		},
		"another agent": func(c *collector, r *picketv1.RenewResponse) {
			cert, err := x509.ParseCertificate(r.GetCertificateDer())
			if err != nil {
				t.Error(err)
				return
			}
			r.CertificateDer = c.agent(t, strings.Repeat("e", 32), cert.PublicKey, time.Hour).Raw
		},
		"nothing": func(_ *collector, r *picketv1.RenewResponse) { r.CertificateDer = nil },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCollector(t, nil)
			i, dir := c.enrolled(t)
			former := i.Certificate()
			c.onRenew = func(r *picketv1.RenewResponse) { spoil(c, r) }
			r, err := NewRenewer(RenewerOptions{Identity: i, Logger: logger(t)})
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Renew(t.Context()); err == nil {
				t.Error("accepted")
			}
			loaded, err := Load(dir)
			if err != nil || !loaded.Certificate().Equal(former) || !i.Certificate().Equal(former) {
				t.Errorf("the former certificate is gone, error %v", err)
			}
		})
	}
}

func TestRenewErrors(t *testing.T) {
	c := newCollector(t, nil)
	i, _ := c.enrolled(t)
	r, err := NewRenewer(RenewerOptions{Identity: i, Logger: logger(t), Addresses: []string{closedPort(t)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, away := errors.AsType[*Unreachable](r.Renew(t.Context())); !away {
		t.Error("a collector that is away is not unreachable")
	}
	c.fail = []error{status.Error(codes.PermissionDenied, "agent_revoked: stolen")}
	r, err = NewRenewer(RenewerOptions{Identity: i, Logger: logger(t), Addresses: []string{closedPort(t), c.addr}})
	if err != nil {
		t.Fatal(err)
	}
	if refused := Refusal(r.Renew(t.Context())); refused == nil || refused.Reason != ReasonAgentRevoked {
		t.Errorf("refusal %v, want %s", refused, ReasonAgentRevoked)
	}
	if _, err := NewRenewer(RenewerOptions{Identity: i}); err == nil {
		t.Error("no error without a logger")
	}
	if _, err := NewRenewer(RenewerOptions{Logger: logger(t)}); err == nil {
		t.Error("no error without an identity")
	}
}
