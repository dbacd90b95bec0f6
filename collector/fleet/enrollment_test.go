package fleet

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
	"github.com/picketmon/picket/internal/errs"
	"github.com/picketmon/picket/proto/gen/picketv1"
)

func TestSingleUseTokenIsGoodForOneOfAHundred(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := NewCollector(t, d, nil)
		tok := addToken(t, c.Fleet, TokenOptions{Uses: 1})
		client := picketv1.NewEnrollmentClient(c.dial(t, nil))
		requests := make([]*picketv1.EnrollRequest, 100)
		for i := range requests {
			name := fmt.Sprintf("web%d", i)
			requests[i] = enrollRequest(tok, newTestKey(t), testHost(name, name))
		}
		var enrolled, used, early atomic.Int32
		var wg sync.WaitGroup
		for _, req := range requests {
			wg.Go(func() {
				_, err := client.Enroll(t.Context(), req)
				reason, _, _ := strings.Cut(status.Convert(err).Message(), ": ")
				switch {
				case err == nil:
					enrolled.Add(1)
				case Reason(reason) == reasonTokenUsed:
					used.Add(1)
				case Reason(reason) == reasonAttempts:
					early.Add(1)
				default:
					t.Errorf("refused with %v", err)
				}
			})
		}
		wg.Wait()
		if enrolled.Load() != 1 || used.Load() == 0 {
			t.Errorf("%d enrolled, %d used up, %d too many attempts; want exactly one enrolled", enrolled.Load(), used.Load(), early.Load())
		}
		if counts, err := c.Counts(t.Context()); err != nil || counts[StateNever] != 1 {
			t.Errorf("agents %v, error %v, want one", counts, err)
		}
	})
}

func TestTokenIsCountedByTheDatabase(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		// Several fleets, so that no lock of one process helps.
		ca := NewCA(t, 0)
		var fleets [4]*Fleet
		for i := range fleets {
			fleets[i] = NewFleet(t, d, func(o *Options) { o.CA = ca })
		}
		tok := addToken(t, fleets[0], TokenOptions{Uses: 3})
		var enrolled atomic.Int32
		var wg sync.WaitGroup
		for i := range 40 {
			name := fmt.Sprintf("web%d", i)
			req := enrollRequest(tok, newTestKey(t), testHost(name, name))
			wg.Go(func() {
				who, err := newApplicant(req)
				if err != nil {
					t.Error(err)
					return
				}
				switch _, _, err := fleets[i%len(fleets)].enrollToken(t.Context(), req, who, time.Now()); {
				case err == nil:
					enrolled.Add(1)
				case reasonOf(err) != reasonTokenUsed:
					t.Errorf("refused with %v", err)
				}
			})
		}
		wg.Wait()
		if enrolled.Load() != 3 {
			t.Errorf("%d enrolled with a token for 3", enrolled.Load())
		}
	})
}

func TestLiteralReplayIsRefused(t *testing.T) {
	c := NewCollector(t, dbtest.Open(t), nil)
	client := picketv1.NewEnrollmentClient(c.dial(t, nil))
	req := enrollRequest(addToken(t, c.Fleet, TokenOptions{Uses: 2}), newTestKey(t), testHost("web1", "m1"))
	if _, err := client.Enroll(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	_, err := client.Enroll(t.Context(), req)
	wantRefusal(t, err, reasonKeyKnown)
	tokens, err := c.Tokens(t.Context())
	if err != nil || tokens[0].UsesLeft != 1 {
		t.Errorf("tokens %+v, error %v: a refused enrolment must not spend a use", tokens, err)
	}
}

func TestTokensThatAreRefused(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := NewCollector(t, d, nil)
		ctx := t.Context()
		good := addToken(t, c.Fleet, TokenOptions{})
		revoked := addToken(t, c.Fleet, TokenOptions{})
		if err := c.RevokeToken(ctx, revoked.id); err != nil {
			t.Fatal(err)
		}
		used := addToken(t, c.Fleet, TokenOptions{})
		c.enroll(t, used, testHost("first", "first"))
		expired := addToken(t, c.Fleet, TokenOptions{})
		if _, err := d.NewUpdate().Model((*tokenRow)(nil)).Set("expires_at = ?", db.Now()).Where("id = ?", expired.id).Exec(ctx); err != nil {
			t.Fatal(err)
		}
		wrong := rawToken{good.id, make([]byte, secretBytes)}
		for name, tc := range map[string]struct {
			tok  rawToken
			want Reason
		}{
			"unknown":       {rawToken{TokenID(db.NewID()), good.secret}, reasonTokenWrong},
			"no id":         {rawToken{"x", good.secret}, reasonTokenWrong},
			"wrong secret":  {wrong, reasonTokenWrong},
			"short secret":  {rawToken{good.id, good.secret[:31]}, reasonTokenWrong},
			"no secret":     {rawToken{id: good.id}, reasonTokenWrong},
			"expired":       {expired, reasonTokenExpired},
			"not yet valid": {addToken(t, c.Fleet, TokenOptions{NotBefore: time.Now().Add(time.Hour)}), reasonTokenEarly},
			"used up":       {used, reasonTokenUsed},
			"revoked":       {revoked, reasonTokenRevoked},
		} {
			t.Run(name, func(t *testing.T) {
				_, err := c.enrollOnce(t, c.dial(t, nil), enrollRequest(tc.tok, newTestKey(t), testHost("web1", "m1")))
				wantRefusal(t, err, tc.want)
			})
		}
		if _, err := c.enrollOnce(t, c.dial(t, nil), enrollRequest(good, newTestKey(t), testHost("web1", "m1"))); err != nil {
			t.Errorf("the good token is refused: %v", err)
		}
	})
}

func TestUnknownTokenAndWrongSecretLookAlike(t *testing.T) {
	c := NewCollector(t, dbtest.Open(t), nil)
	good := addToken(t, c.Fleet, TokenOptions{})
	_, unknown := c.enrollOnce(t, c.dial(t, nil), enrollRequest(rawToken{TokenID(db.NewID()), good.secret}, newTestKey(t), testHost("a", "a")))
	_, wrong := c.enrollOnce(t, c.dial(t, nil), enrollRequest(rawToken{good.id, make([]byte, secretBytes)}, newTestKey(t), testHost("a", "a")))
	if diff := cmp.Diff(unknown.Error(), wrong.Error()); diff != "" {
		t.Errorf("answers differ:\n%s", diff)
	}
}

func TestSecretIsNotAtRest(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := NewFleet(t, d, nil)
		tok := addToken(t, f, TokenOptions{})
		row, err := tokenByID(t.Context(), d, tok.id)
		if err != nil || row.SecretHash != secretHash(tok.secret) || len(row.SecretHash) != 64 {
			t.Errorf("row %+v, error %v, want the SHA-256 of the secret", row, err)
		}
	})
}

func TestFailedAttemptsAreLimitedByAddress(t *testing.T) {
	c := NewCollector(t, dbtest.Open(t), nil)
	client := picketv1.NewEnrollmentClient(c.dial(t, nil))
	wrong := rawToken{TokenID(db.NewID()), make([]byte, secretBytes)}
	var err error
	for range attemptBurst + 1 {
		_, err = client.Enroll(t.Context(), enrollRequest(wrong, newTestKey(t), testHost("web1", "m1")))
	}
	wantRefusal(t, err, reasonAttempts)
	if _, err := c.enrollOnce(t, c.dial(t, nil), enrollRequest(addToken(t, c.Fleet, TokenOptions{}), newTestKey(t), testHost("a", "a"))); err != nil {
		t.Errorf("after the wait a good token is refused: %v", err)
	}
}

func TestManyGoodEnrolmentsFromOneAddress(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := NewCollector(t, d, nil)
		tok := addToken(t, c.Fleet, TokenOptions{Uses: 40})
		client := picketv1.NewEnrollmentClient(c.dial(t, nil))
		var wg sync.WaitGroup
		var mu sync.Mutex
		instances := map[string]bool{}
		for i := range 40 {
			req := enrollRequest(tok, newTestKey(t), testHost("image", fmt.Sprint(i)))
			wg.Go(func() {
				answer, err := client.Enroll(t.Context(), req)
				if err != nil {
					t.Errorf("refused: %v", err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				instances[answer.GetInstance()] = true
			})
		}
		wg.Wait()
		if len(instances) != 40 || !instances["image"] || !instances["image-2"] || !instances["image-40"] {
			t.Errorf("instances %v, want image, image-2 … image-40", keys(instances))
		}
	})
}

func TestRequestsThatAreInvalid(t *testing.T) {
	c := NewCollector(t, dbtest.Open(t), nil)
	tok := addToken(t, c.Fleet, TokenOptions{})
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	weak, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	forged := newTestKey(t).csr
	forged[len(forged)-1] ^= 1
	host := func(change func(*picketv1.Host)) func(*picketv1.EnrollRequest) {
		return func(r *picketv1.EnrollRequest) { change(r.Host) }
	}
	for name, tc := range map[string]struct {
		change func(*picketv1.EnrollRequest)
		want   Reason
	}{
		"no CSR":            {func(r *picketv1.EnrollRequest) { r.CsrDer = nil }, reasonCSR},
		"garbage":           {func(r *picketv1.EnrollRequest) { r.CsrDer = []byte("garbage") }, reasonCSR},
		"huge":              {func(r *picketv1.EnrollRequest) { r.CsrDer = make([]byte, maxCSR+1) }, reasonCSR},
		"forged":            {func(r *picketv1.EnrollRequest) { r.CsrDer = forged }, reasonCSR},
		"P-521":             {func(r *picketv1.EnrollRequest) { r.CsrDer = newCSR(t, p521) }, reasonCSR},
		"RSA":               {func(r *picketv1.EnrollRequest) { r.CsrDer = newCSR(t, weak) }, reasonCSR},
		"no host":           {func(r *picketv1.EnrollRequest) { r.Host = nil }, reasonHost},
		"no hostname":       {host(func(h *picketv1.Host) { h.Hostname = "" }), reasonHost},
		"long hostname":     {host(func(h *picketv1.Host) { h.Hostname = strings.Repeat("a", 254) }), reasonHost},
		"newline":           {host(func(h *picketv1.Host) { h.Hostname = "a\nb" }), reasonHost},
		"NUL":               {host(func(h *picketv1.Host) { h.Os = "linux\x00" }), reasonHost},
		"long version":      {host(func(h *picketv1.Host) { h.AgentVersion = strings.Repeat("1", 65) }), reasonHost},
		"no fingerprint":    {host(func(h *picketv1.Host) { h.Fingerprint = nil }), reasonHost},
		"short fingerprint": {host(func(h *picketv1.Host) { h.Fingerprint = h.Fingerprint[:31] }), reasonHost},
	} {
		t.Run(name, func(t *testing.T) {
			req := enrollRequest(tok, newTestKey(t), testHost("web1", "m1"))
			tc.change(req)
			_, err := c.enrollOnce(t, c.dial(t, nil), req)
			wantRefusal(t, err, tc.want)
		})
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	req := enrollRequest(tok, newTestKey(t), testHost("web1", "m1"))
	req.CsrDer = newCSR(t, edwards)
	if _, err := c.enrollOnce(t, c.dial(t, nil), req); err != nil {
		t.Errorf("an Ed25519 key is refused: %v", err)
	}
}

func TestCertificateSaysWhoseItIs(t *testing.T) {
	c := NewCollector(t, dbtest.Open(t), nil)
	_, answer := c.enroll(t, addToken(t, c.Fleet, TokenOptions{}), testHost("web1", "m1"))
	cert, err := x509.ParseCertificate(answer.GetCertificateDer())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{
		"cn": cert.Subject.CommonName, "uri": cert.URIs[0].String(), "days": fmt.Sprint(int(time.Until(cert.NotAfter).Hours()/24 + 0.5)),
		"instance": answer.GetInstance(), "is id": fmt.Sprint(db.IsID(answer.GetAgentId())),
	}
	want := map[string]string{
		"cn": answer.GetAgentId(), "uri": "picket://agent/" + answer.GetAgentId(), "days": "90", "instance": "web1", "is id": "true",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRenewal(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := NewCollector(t, d, nil)
		key, first := c.enroll(t, addToken(t, c.Fleet, TokenOptions{}), testHost("web1", "m1"))
		conn := c.dial(t, key, first.GetCertificateDer())
		client := picketv1.NewEnrollmentClient(conn)
		fresh := newTestKey(t)
		second, err := client.Renew(t.Context(), &picketv1.RenewRequest{CsrDer: fresh.csr})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := hello(t, c.dial(t, fresh, second.GetCertificateDer()), testHost("web1", "m1")); err != nil {
			t.Errorf("the renewed certificate is refused: %v", err)
		}
		if _, err := hello(t, conn, testHost("web1", "m1")); err != nil {
			t.Errorf("the former certificate is refused before its end: %v", err)
		}
		for name, csr := range map[string][]byte{"former key": key.csr, "present key": fresh.csr} {
			_, err := client.Renew(t.Context(), &picketv1.RenewRequest{CsrDer: csr})
			if status.Code(err) != codes.AlreadyExists {
				t.Errorf("%s: error %v, want %s", name, err, reasonKeyKnown)
			}
		}
		for range maxCertificates {
			_, err = client.Renew(t.Context(), &picketv1.RenewRequest{CsrDer: newTestKey(t).csr})
		}
		wantRefusal(t, err, reasonRenewLimit)
	})
}

func TestTokenListAndRevocation(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var audit []string
		f := NewFleet(t, d, func(o *Options) {
			o.Audit = func(_ context.Context, action, target string, _ map[string]any) {
				audit = append(audit, action+" "+target)
			}
		})
		ctx := t.Context()
		_, tok, err := f.CreateToken(ctx, TokenOptions{
			Uses: 3, TTL: time.Hour, AllowReinstall: true, Addresses: []string{"a:1", "b:2"}, CreatedBy: "admin",
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := f.RevokeToken(ctx, tok.ID); err != nil {
			t.Fatal(err)
		}
		if err := f.RevokeToken(ctx, tok.ID); !errs.Is(err, errs.Conflict) {
			t.Errorf("second revocation: %v, want a conflict", err)
		}
		if err := f.RevokeToken(ctx, "nope"); !errs.Is(err, errs.NotFound) {
			t.Errorf("revocation of nothing: %v, want not found", err)
		}
		list, err := f.Tokens(ctx)
		if err != nil || len(list) != 1 || list[0].RevokedAt.IsZero() {
			t.Fatalf("tokens %+v, error %v", list, err)
		}
		list[0].RevokedAt = time.Time{}
		if diff := cmp.Diff(tok, list[0]); diff != "" {
			t.Errorf("what is kept differs from what was made:\n%s", diff)
		}
		if diff := cmp.Diff([]string{"token.create " + string(tok.ID), "token.revoke " + string(tok.ID)}, audit); diff != "" {
			t.Error(diff)
		}
	})
}

func FuzzParseCSR(f *testing.F) {
	f.Add(newTestKey(f).csr)
	f.Add([]byte{0x30, 0x03, 0x02, 0x01, 0x00})
	f.Fuzz(func(t *testing.T, der []byte) {
		pub, err := parseCSR(der)
		if (err == nil) != (pub != nil) || (err != nil && reasonOf(err) != reasonCSR) {
			t.Errorf("key %v, error %v", pub, err)
		}
	})
}
