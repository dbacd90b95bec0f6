package fleet_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/picketmon/picket/agent/enroll"
	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
	"github.com/picketmon/picket/collector/fleet"
	"github.com/picketmon/picket/proto/gen/picketv1"
)

// These tests run the agent's side against the collector's, as the wire's two ends must agree.

// machine is a host whose fingerprint is made from a word.
func machine(word string) enroll.Host {
	sum := sha256.Sum256([]byte(word))
	text := hex.EncodeToString(sum[:])
	return enroll.Host{Hostname: "web1", Version: "1.0.0", Evidence: enroll.Evidence{
		Source: "dmi", Fingerprint: text, Seen: map[string]string{"dmi": text},
	}}
}

func options(t *testing.T, token, word string) enroll.Options {
	return enroll.Options{DataDir: t.TempDir(), Token: token, Host: machine(word), Logger: fleet.Logger(t), Attempts: 1}
}

// stream opens a stream with the identity's TLS on connections that dial makes, and returns once it is welcome.
func stream(t *testing.T, addr string, config *tls.Config, h enroll.Host) (grpc.BidiStreamingClient[picketv1.AgentMessage, picketv1.CollectorMessage], error) {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(credentials.NewTLS(config)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	host, err := h.Proto()
	if err != nil {
		t.Fatal(err)
	}
	s, err := picketv1.NewDeliveryClient(conn).Stream(t.Context())
	if err != nil {
		return nil, err
	}
	_ = s.Send(&picketv1.AgentMessage{Body: &picketv1.AgentMessage_Hello{Hello: &picketv1.Hello{Host: host}}})
	_, err = s.Recv()
	return s, err
}

func TestBothSidesReadTheSameToken(t *testing.T) {
	c := fleet.NewFleet(t, dbtest.Open(t), nil)
	for _, addresses := range [][]string{{"c:4601"}, {"[2001:db8::1]:4601", "collector.example.org:443"}} {
		text, kept, err := c.CreateToken(t.Context(), fleet.TokenOptions{Addresses: addresses})
		if err != nil {
			t.Fatal(err)
		}
		tok, err := enroll.ParseToken(text)
		if err != nil {
			t.Fatal(err)
		}
		if tok.ID != string(kept.ID) || !slices.Equal(tok.Addresses, addresses) || len(tok.Secret) != 32 || bytes.Equal(tok.Secret, make([]byte, 32)) {
			t.Errorf("made %+v, read %+v", kept, tok)
		}
	}
}

func TestFirstEnrolmentToStream(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := fleet.NewCollector(t, d, nil)
		o := options(t, c.Token(t, fleet.TokenOptions{}), "m1")
		i, err := enroll.Enroll(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream(t, c.Addr, i.TLS(), o.Host); err != nil {
			t.Fatal(err)
		}
		a, certs, err := c.Agent(t.Context(), i.Instance())
		if err != nil || string(a.ID) != i.AgentID() || a.State != fleet.StateUp || len(certs) != 1 || a.ConnectedAt.IsZero() {
			t.Errorf("agent %+v, error %v", a, err)
		}
		o.DataDir = t.TempDir()
		_, err = enroll.Enroll(t.Context(), o)
		if r := enroll.Refusal(err); r == nil || r.Reason != "token_used_up" {
			t.Errorf("the same token again: %v", err)
		}
	})
}

func TestAgentRefusesAnotherCollector(t *testing.T) {
	c, other := fleet.NewCollector(t, dbtest.Open(t), nil), fleet.NewCollector(t, dbtest.Open(t), nil)
	o := options(t, c.Token(t, fleet.TokenOptions{}), "m1")
	o.Addresses = []string{other.Addr}
	if _, err := enroll.Enroll(t.Context(), o); !errors.Is(err, enroll.ErrPin) {
		t.Errorf("error %v, want %v", err, enroll.ErrPin)
	}
	o.Addresses = nil
	i, err := enroll.Enroll(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream(t, other.Addr, i.TLS(), o.Host); err == nil {
		t.Error("an enrolled agent talks to another collector")
	}
}

func TestCopiedDataFolderBecomesAnAgentOfItsOwn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := fleet.NewCollector(t, d, nil)
		o := options(t, c.Token(t, fleet.TokenOptions{}), "m1")
		original, err := enroll.Enroll(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		live, err := stream(t, c.Addr, original.TLS(), o.Host)
		if err != nil {
			t.Fatal(err)
		}
		// The same files on another machine.
		clone, err := enroll.Load(o.DataDir)
		if err != nil {
			t.Fatal(err)
		}
		o.Host = machine("m2")
		_, err = stream(t, c.Addr, clone.TLS(), o.Host)
		if r := enroll.Refusal(err); r == nil || r.Reason != enroll.ReasonClone {
			t.Fatalf("the copy's stream: %v, want a refusal as clone", err)
		}
		if err := clone.ReenrollAsClone(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		if clone.AgentID() == original.AgentID() || clone.Instance() != "web1-2" {
			t.Errorf("the clone is %s (%s)", clone.Instance(), clone.AgentID())
		}
		if _, err := stream(t, c.Addr, clone.TLS(), o.Host); err != nil {
			t.Errorf("the clone's own stream: %v", err)
		}
		// The original noticed nothing.
		if err := live.Send(&picketv1.AgentMessage{Body: &picketv1.AgentMessage_Heartbeat{Heartbeat: &picketv1.Heartbeat{}}}); err != nil {
			t.Errorf("the original's stream: %v", err)
		}
		if a, _, err := c.Agent(t.Context(), original.AgentID()); err != nil || a.State != fleet.StateUp {
			t.Errorf("the original is %s, error %v", a.State, err)
		}
	})
}

func TestRenewalAtTwoThirdsLosesNoStream(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ca := fleet.NewCA(t, 4*time.Second)
		c := fleet.NewCollector(t, d, func(o *fleet.Options) { o.CA, o.WatchEvery = ca, 100*time.Millisecond })
		o := options(t, c.Token(t, fleet.TokenOptions{}), "m1")
		i, err := enroll.Enroll(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		first := i.NotAfter()
		live, err := stream(t, c.Addr, i.TLS(), o.Host)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() {
			_, err := live.Recv()
			ended <- err
		}()
		renewed := make(chan struct{}, 100)
		r, err := enroll.NewRenewer(enroll.RenewerOptions{Identity: i, Logger: fleet.Logger(t), Renewed: func() { renewed <- struct{}{} }})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() { _ = r.Run(ctx) })
		for range 3 { // the third happens after the first certificate's end
			select {
			case <-renewed:
			case err := <-ended:
				t.Fatalf("the stream ended: %v", err)
			case <-time.After(20 * time.Second):
				t.Fatal("not renewed")
			}
		}
		if time.Now().Before(first) {
			t.Errorf("three renewals before the first certificate ended at %s", first)
		}
		if _, err := stream(t, c.Addr, i.TLS(), o.Host); err != nil {
			t.Errorf("a new stream with the newest certificate: %v", err)
		}
		cancel()
		wg.Wait()
	})
}

func TestAgentThatWasOfflineForTooLong(t *testing.T) {
	ca := fleet.NewCA(t, time.Second)
	c := fleet.NewCollector(t, dbtest.Open(t), func(o *fleet.Options) { o.CA = ca })
	o := options(t, c.Token(t, fleet.TokenOptions{}), "m1")
	i, err := enroll.Enroll(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	<-time.After(time.Until(i.NotAfter()) + 10*time.Millisecond)
	_, err = stream(t, c.Addr, i.TLS(), o.Host)
	if r := enroll.Refusal(err); r == nil || r.Reason != enroll.ReasonCertificateExpired {
		t.Errorf("stream: %v", err)
	}
	r, err := enroll.NewRenewer(enroll.RenewerOptions{Identity: i, Logger: fleet.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	if refused := enroll.Refusal(r.Renew(t.Context())); refused == nil || refused.Reason != enroll.ReasonCertificateExpired {
		t.Errorf("renewal: %v", refused)
	}
}
