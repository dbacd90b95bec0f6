package fleet

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
	"github.com/picketmon/picket/proto/gen/picketv1"
)

// wantRefusal checks that err came over the wire as a refusal for this reason, with words for people.
func wantRefusal(t testing.TB, err error, want Reason) {
	t.Helper()
	s := status.Convert(err)
	reason, detail, _ := strings.Cut(s.Message(), ": ")
	if err == nil || Reason(reason) != want || s.Code() != want.code() || detail == "" {
		t.Errorf("error %v, want %s as %s", err, want, want.code())
	}
}

// sign makes a certificate for an agent's key that change has altered, signed by ca.
func sign(t testing.TB, ca *CA, id AgentID, pub crypto.PublicKey, change func(*x509.Certificate)) []byte {
	t.Helper()
	c, err := ca.template(time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	c.Subject = pkix.Name{CommonName: string(id)}
	c.URIs = []*url.URL{agentURI(id)}
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	change(c)
	der, err := x509.CreateCertificate(rand.Reader, c, ca.cert, pub, ca.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestCertificatesThatAreRefused(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := NewCollector(t, d, nil)
		tok := addToken(t, c.Fleet, TokenOptions{Uses: 10})
		key, good := c.enroll(t, tok, testHost("web1", "m1"))
		_, other := c.enroll(t, tok, testHost("web2", "m2"))
		id, otherID := AgentID(good.GetAgentId()), AgentID(other.GetAgentId())
		otherCert, err := x509.ParseCertificate(other.GetCertificateDer())
		if err != nil {
			t.Fatal(err)
		}
		change := func(f func(*x509.Certificate)) []byte { return sign(t, c.ca, id, &key.PublicKey, f) }
		server, err := c.ca.newServerCert(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		for name, tc := range map[string]struct {
			key  crypto.PrivateKey
			cert []byte // nil: none
			want Reason
		}{
			"none":          {nil, nil, ReasonNoCertificate},
			"expired":       {key, change(func(x *x509.Certificate) { x.NotBefore, x.NotAfter = ago(48), ago(1) }), ReasonExpired},
			"not yet valid": {key, change(func(x *x509.Certificate) { x.NotBefore, x.NotAfter = ago(-1), ago(-2) }), ReasonNotYetValid},
			"wrong CA":      {key, sign(t, NewCA(t, 0), id, &key.PublicKey, func(*x509.Certificate) {}), ReasonWrongCA},
			"no id":         {key, change(func(x *x509.Certificate) { x.Subject.CommonName = "web1" }), ReasonWrongName},
			"two ids":       {key, change(func(x *x509.Certificate) { x.Subject.CommonName = string(otherID) }), ReasonWrongName},
			"no URI":        {key, change(func(x *x509.Certificate) { x.URIs = nil }), ReasonWrongName},
			"foreign URI":   {key, change(func(x *x509.Certificate) { x.URIs[0].Scheme = "spiffe" }), ReasonWrongName},
			"server name":   {key, change(func(x *x509.Certificate) { x.DNSNames = []string{ServerName} }), ReasonWrongName},
			"other's serial": {
				key, change(func(x *x509.Certificate) { x.SerialNumber = new(big.Int).Set(otherCert.SerialNumber) }),
				ReasonWrongName,
			},
			"server's":      {server.cert.PrivateKey, server.cert.Certificate[0], ReasonBadCertificate},
			"unknown agent": {key, sign(t, c.ca, AgentID(db.NewID()), &key.PublicKey, func(*x509.Certificate) {}), ReasonUnknownAgent},
		} {
			t.Run(name, func(t *testing.T) {
				var conn *grpc.ClientConn
				if tc.cert == nil {
					conn = c.dial(t, nil)
				} else {
					conn = c.dial(t, tc.key, tc.cert)
				}
				_, err := hello(t, conn, testHost("web1", "m1"))
				wantRefusal(t, err, tc.want)
				_, err = picketv1.NewEnrollmentClient(conn).Renew(t.Context(), &picketv1.RenewRequest{CsrDer: newTestKey(t).csr})
				wantRefusal(t, err, tc.want)
				req := enrollRequest(rawToken{}, newTestKey(t), testHost("web3", "m3"))
				req.Clone = true
				_, err = c.enrollOnce(t, conn, req)
				wantRefusal(t, err, tc.want)
			})
		}
		if _, err := hello(t, c.dial(t, key, good.GetCertificateDer()), testHost("web1", "m1")); err != nil {
			t.Errorf("the good certificate is refused: %v", err)
		}
	})
}

// enrollOnce enrols as if the address had no failures behind it.
func (c *Collector) enrollOnce(t testing.TB, conn *grpc.ClientConn, req *picketv1.EnrollRequest) (*picketv1.EnrollResponse, error) {
	t.Helper()
	c.attempts.mu.Lock()
	clear(c.attempts.seen)
	c.attempts.mu.Unlock()
	return picketv1.NewEnrollmentClient(conn).Enroll(t.Context(), req)
}

func ago(hours int) time.Time { return time.Now().Add(-time.Duration(hours) * time.Hour) }

func TestCertificateNeedsItsKey(t *testing.T) {
	c := NewCollector(t, dbtest.Open(t), nil)
	_, good := c.enroll(t, addToken(t, c.Fleet, TokenOptions{}), testHost("web1", "m1"))
	_, err := hello(t, c.dial(t, newTestKey(t).PrivateKey, good.GetCertificateDer()), testHost("web1", "m1"))
	if status.Code(err) != codes.Unavailable {
		t.Errorf("a stolen certificate without its key: %v, want a failed handshake", err)
	}
}

func TestRevokedAgentIsRefusedWithTheReason(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := NewCollector(t, d, nil)
		key, good := c.enroll(t, addToken(t, c.Fleet, TokenOptions{}), testHost("web1", "m1"))
		conn := c.dial(t, key, good.GetCertificateDer())
		a, err := c.Revoke(t.Context(), "web1", "stolen from the rack")
		if err != nil || a.State != StateRevoked {
			t.Fatalf("revoked %+v, error %v", a, err)
		}
		_, err = hello(t, conn, testHost("web1", "m1"))
		wantRefusal(t, err, ReasonAgentRevoked)
		if !strings.Contains(err.Error(), "stolen from the rack") {
			t.Errorf("error %v does not tell the reason", err)
		}
		_, err = picketv1.NewEnrollmentClient(conn).Renew(t.Context(), &picketv1.RenewRequest{CsrDer: newTestKey(t).csr})
		wantRefusal(t, err, ReasonAgentRevoked)
	})
}

func TestCertificateTheDatabaseLostIsTakenIn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := NewCollector(t, d, nil)
		key, good := c.enroll(t, addToken(t, c.Fleet, TokenOptions{}), testHost("web1", "m1"))
		if _, err := d.NewDelete().Model((*certRow)(nil)).Where("1 = 1").Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := hello(t, c.dial(t, key, good.GetCertificateDer()), testHost("web1", "m1")); err != nil {
			t.Fatal(err)
		}
		_, certs, err := c.Agent(t.Context(), "web1")
		if err != nil || len(certs) != 1 {
			t.Errorf("certificates %v, error %v, want the one taken in", certs, err)
		}
	})
}

func TestStreamFromAnotherHostIsAClone(t *testing.T) {
	c := NewCollector(t, dbtest.Open(t), nil)
	key, good := c.enroll(t, addToken(t, c.Fleet, TokenOptions{}), testHost("web1", "m1"))
	_, err := hello(t, c.dial(t, key, good.GetCertificateDer()), testHost("web1", "m2"))
	wantRefusal(t, err, ReasonClone)

	err = c.CheckHost(Agent{Fingerprint: "a"}, Host{Fingerprint: "b"})
	if !errors.Is(err, ErrClone) {
		t.Errorf("error %v is not ErrClone", err)
	}
}

func TestRefusalsHaveDistinctReasons(t *testing.T) {
	if errors.Is(refusef(ReasonExpired, "x"), ErrClone) {
		t.Error("an expired certificate passes for a clone")
	}
	for r, want := range map[Reason]codes.Code{
		ReasonExpired: codes.Unauthenticated, ReasonAgentRevoked: codes.PermissionDenied, reasonCSR: codes.InvalidArgument,
		reasonAttempts: codes.ResourceExhausted, reasonUndecided: codes.Unavailable, ReasonClone: codes.FailedPrecondition,
		reasonKeyKnown: codes.AlreadyExists,
	} {
		if r.code() != want {
			t.Errorf("%s is sent as %s, want %s", r, r.code(), want)
		}
	}
}
