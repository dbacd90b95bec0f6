package fleet

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
	"github.com/picketmon/picket/proto/gen/picketv1"
)

// enrolled makes an agent without the wire, and returns it as Authenticate would.
func enrolled(t testing.TB, f *Fleet, name, machine string) (Agent, Host) {
	t.Helper()
	req := enrollRequest(addToken(t, f, TokenOptions{}), newTestKey(t), testHost(name, machine))
	who, err := newApplicant(req)
	if err != nil {
		t.Fatal(err)
	}
	p, cert, err := f.enrollToken(t.Context(), req, who, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	p.agent.serial, p.agent.notAfter = cert.serial, cert.notAfter
	return p.agent, who.host
}

// session connects an agent without the wire.
func session(t testing.TB, f *Fleet, a Agent, h Host) *Session {
	t.Helper()
	s, err := f.Connect(t.Context(), a, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// ended reports whether the session ended for this cause.
func ended(s *Session, cause error) bool { return errors.Is(context.Cause(s.Context()), cause) }

func TestRevocationCutsALiveStream(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for name, other := range map[string]bool{"this process": false, "another process": true} {
			t.Run(name, func(t *testing.T) {
				c := NewCollector(t, d, nil)
				h := testHost("web1", name)
				key, answer := c.enroll(t, addToken(t, c.Fleet, TokenOptions{}), h)
				s, err := hello(t, c.dial(t, key, answer.GetCertificateDer()), h)
				if err != nil {
					t.Fatal(err)
				}
				by := c.Fleet
				if other {
					by = NewFleet(t, d, func(o *Options) { o.CA = c.ca })
				}
				start := time.Now()
				if _, err := by.Revoke(t.Context(), answer.GetAgentId(), "stolen"); err != nil {
					t.Fatal(err)
				}
				_, err = s.Recv() // returns when the stream is cut
				if took := time.Since(start); err == nil || took > 5*time.Second {
					t.Errorf("cut after %s with %v, want at most 5 s", took, err)
				}
				if !strings.Contains(err.Error(), "revoked") {
					t.Errorf("the stream ended with %v", err)
				}
			})
		}
	})
}

func TestRevokedCertificateCutsItsStreamOnly(t *testing.T) {
	f := NewFleet(t, dbtest.Open(t), nil)
	a, ha := enrolled(t, f, "a", "a")
	b, hb := enrolled(t, f, "b", "b")
	sa, sb := session(t, f, a, ha), session(t, f, b, hb)
	if _, err := f.db.NewUpdate().Model((*certRow)(nil)).Set("revoked_at = ?", db.Now()).Where("serial = ?", a.serial).Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := f.watch(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if !ended(sa, ErrRevoked) || sb.Context().Err() != nil {
		t.Errorf("causes %v and %v, want only the first revoked", context.Cause(sa.Context()), context.Cause(sb.Context()))
	}
}

func TestExpiryCutsUnlessRenewed(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := NewFleet(t, d, nil)
		a, ha := enrolled(t, f, "a", "a")
		b, hb := enrolled(t, f, "b", "b")
		sa, sb := session(t, f, a, ha), session(t, f, b, hb)
		// b renews through another process, which this one learns from the database.
		cert, err := f.ca.issue(b.ID, &newTestKey(t).PublicKey, time.Now().Add(24*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if err := addCertificate(t.Context(), d, b.ID, cert, time.Now()); err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			at     time.Time
			aEnded bool
			bEnded bool
		}{
			{a.notAfter.Add(-time.Second), false, false},
			{b.notAfter.Add(2 * time.Second), true, false},
			{cert.notAfter.Add(2 * time.Second), true, true},
		} {
			if err := f.watch(t.Context(), step.at); err != nil {
				t.Fatal(err)
			}
			if ended(sa, ErrCertificateExpired) != step.aEnded || ended(sb, ErrCertificateExpired) != step.bEnded {
				t.Errorf("at %s: causes %v and %v, want ended %t and %t", step.at, context.Cause(sa.Context()), context.Cause(sb.Context()),
					step.aEnded, step.bEnded)
			}
		}
	})
}

func TestNewStreamReplacesTheFormerAfterItLetGo(t *testing.T) {
	f := NewFleet(t, dbtest.Open(t), nil)
	a, h := enrolled(t, f, "a", "a")
	first := session(t, f, a, h)
	got := make(chan *Session)
	go func() {
		s, err := f.Connect(t.Context(), a, h)
		if err != nil {
			t.Error(err)
		}
		got <- s
	}()
	<-first.Context().Done()
	if !ended(first, ErrDuplicate) {
		t.Errorf("the former stream ended with %v", context.Cause(first.Context()))
	}
	select {
	case <-got:
		t.Fatal("the new stream began before the former let go")
	case <-time.After(50 * time.Millisecond):
	}
	first.Close()
	second := <-got
	defer second.Close()
	if f.sessions.of(a.ID) != second || second.Context().Err() != nil {
		t.Error("the new stream is not the agent's")
	}
}

func TestOnlyTheNewestOfManyStreamsStays(t *testing.T) {
	f := NewFleet(t, dbtest.Open(t), nil)
	a, h := enrolled(t, f, "a", "a")
	const n = 20
	got := make(chan *Session)
	for range n {
		go func() {
			s, err := f.Connect(t.Context(), a, h)
			if err == nil {
				<-s.Context().Done()
				s.Close()
			} else if !errors.Is(err, ErrDuplicate) {
				t.Errorf("refused with %v", err)
			}
			got <- s
		}()
	}
	for range n - 1 {
		<-got
	}
	eventually(t, 5*time.Second, "one stream stays", func() bool { return f.sessions.of(a.ID) != nil })
	s := f.sessions.of(a.ID)
	if s.Context().Err() != nil {
		t.Error("the last one ended too")
	}
	f.cut(s, ErrRevoked)
	<-got
	f.sessions.mu.Lock()
	defer f.sessions.mu.Unlock()
	if len(f.sessions.places) != 0 {
		t.Error("a place is left behind")
	}
}

func TestStreamThatDoesNotLetGo(t *testing.T) {
	f := NewFleet(t, dbtest.Open(t), func(o *Options) { o.ReleaseWithin = 10 * time.Millisecond })
	a, h := enrolled(t, f, "a", "a")
	stuck := session(t, f, a, h)
	for range 2 {
		_, err := f.Connect(t.Context(), a, h)
		wantRefusal(t, err, ReasonOccupied)
	}
	stuck.Close()
	session(t, f, a, h)
}

func TestAgentRevokedBetweenAuthenticationAndHello(t *testing.T) {
	f := NewFleet(t, dbtest.Open(t), nil)
	a, h := enrolled(t, f, "a", "a")
	if _, err := f.Revoke(t.Context(), string(a.ID), "now"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Connect(t.Context(), a, h); !errors.Is(err, ErrRevoked) {
		t.Errorf("error %v, want %v", err, ErrRevoked)
	}
	if f.sessions.of(a.ID) != nil {
		t.Error("a session is left behind")
	}
}

func TestRenewalKeepsTheStream(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ca := NewCA(t, 3*time.Second)
		c := NewCollector(t, d, func(o *Options) { o.CA, o.WatchEvery = ca, 50*time.Millisecond })
		h := testHost("web1", "m1")
		key, answer := c.enroll(t, addToken(t, c.Fleet, TokenOptions{}), h)
		s, err := hello(t, c.dial(t, key, answer.GetCertificateDer()), h)
		if err != nil {
			t.Fatal(err)
		}
		ends := make(chan error, 1)
		go func() {
			_, err := s.Recv()
			ends <- err
		}()
		conn := c.dial(t, key, answer.GetCertificateDer())
		last := time.Now()
		for range 3 {
			fresh := newTestKey(t)
			renewed, err := picketv1.NewEnrollmentClient(conn).Renew(t.Context(), &picketv1.RenewRequest{CsrDer: fresh.csr})
			if err != nil {
				t.Fatal(err)
			}
			last = time.Now()
			conn = c.dial(t, fresh, renewed.GetCertificateDer())
			select {
			case err := <-ends:
				t.Fatalf("the stream ended with %v although its agent renewed", err)
			case <-time.After(1200 * time.Millisecond):
			}
		}
		err = <-ends
		if took := time.Since(last); took > 5*time.Second || !strings.Contains(err.Error(), "expired") {
			t.Errorf("without renewal the stream ended after %s with %v", took, err)
		}
	})
}
