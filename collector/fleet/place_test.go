package fleet

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
	"github.com/picketmon/picket/proto/gen/picketv1"
)

// quick makes a collector decide at once whether a host's former agent is alive.
func quick(o *Options) { o.SettleWithin = time.Millisecond }

// connect opens the stream of an enrolled agent.
func (c *Collector) connect(t testing.TB, key testKey, answer *picketv1.EnrollResponse, h *picketv1.Host) (end func()) {
	t.Helper()
	conn := c.dial(t, key, answer.GetCertificateDer())
	if _, err := hello(t, conn, h); err != nil {
		t.Fatal(err)
	}
	id := AgentID(answer.GetAgentId())
	return func() {
		_ = conn.Close()
		eventually(t, 5*time.Second, "the session ends", func() bool { return c.sessions.of(id) == nil })
	}
}

// wantSame checks that a host is, or is not, who it was.
func wantSame(t testing.TB, want bool, a, b *picketv1.EnrollResponse) {
	t.Helper()
	if same := a.GetAgentId() == b.GetAgentId() && a.GetInstance() == b.GetInstance(); same != want {
		t.Errorf("first %s (%s), then %s (%s); same agent: want %t", a.GetInstance(), a.GetAgentId(), b.GetInstance(), b.GetAgentId(), want)
	}
}

func TestReinstallGivesIdAndInstanceBack(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := NewCollector(t, d, quick)
		tok := addToken(t, c.Fleet, TokenOptions{Uses: 10, AllowReinstall: true})
		h := testHost("web1", "m1")
		key, first := c.enroll(t, tok, h)
		c.connect(t, key, first, h)()

		renamed := testHost("renamed", "m1")
		newKey, second := c.enroll(t, tok, renamed)
		wantSame(t, true, first, second)
		_, err := hello(t, c.dial(t, key, first.GetCertificateDer()), h)
		wantRefusal(t, err, ReasonCertificateRevoked)
		if !strings.Contains(err.Error(), "superseded") {
			t.Errorf("error %v does not say why", err)
		}
		c.connect(t, newKey, second, renamed)()
		a, _, err := c.Agent(t.Context(), "web1")
		if err != nil || a.Hostname != "renamed" || a.Instance != "web1" {
			t.Errorf("agent %+v, error %v", a, err)
		}
	})
}

func TestReinstallNeedsTheTokensPermission(t *testing.T) {
	c := NewCollector(t, dbtest.Open(t), quick)
	tok := addToken(t, c.Fleet, TokenOptions{Uses: 10})
	_, first := c.enroll(t, tok, testHost("web1", "m1"))
	_, second := c.enroll(t, tok, testHost("web1", "m1"))
	wantSame(t, false, first, second)
	if second.GetInstance() != "web1-2" {
		t.Errorf("instance %s, want web1-2", second.GetInstance())
	}
}

func TestSecondAgentOnOneHost(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := NewCollector(t, d, quick)
		tok := addToken(t, c.Fleet, TokenOptions{Uses: 10, AllowReinstall: true})
		h := testHost("web1", "m1")
		key, first := c.enroll(t, tok, h)
		c.connect(t, key, first, h)
		_, second := c.enroll(t, tok, h)
		wantSame(t, false, first, second)
		if c.sessions.of(AgentID(first.GetAgentId())) == nil {
			t.Error("the first agent lost its stream")
		}
	})
}

func TestAgentsThatStartTogetherOnOneHost(t *testing.T) {
	c := NewCollector(t, dbtest.Open(t), nil)
	tok := addToken(t, c.Fleet, TokenOptions{Uses: 10, AllowReinstall: true})
	h := testHost("web1", "m1")
	var mu sync.Mutex
	ids := map[string]bool{}
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			key := newTestKey(t)
			answer, err := picketv1.NewEnrollmentClient(c.dial(t, nil)).Enroll(t.Context(), enrollRequest(tok, key, h))
			if err != nil {
				t.Errorf("refused: %v", err)
				return
			}
			if _, err := hello(t, c.dial(t, key, answer.GetCertificateDer()), h); err != nil {
				t.Errorf("the stream is refused: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			ids[answer.GetAgentId()] = true
		})
	}
	wg.Wait()
	if len(ids) != 5 {
		t.Errorf("%d agents of 5: they took each other's place", len(ids))
	}
}

func TestSilentStreamDoesNotHinderAReinstall(t *testing.T) {
	c := NewCollector(t, dbtest.Open(t), func(o *Options) { quick(o); o.WarnAfter = 50 * time.Millisecond })
	tok := addToken(t, c.Fleet, TokenOptions{Uses: 10, AllowReinstall: true})
	h := testHost("web1", "m1")
	key, first := c.enroll(t, tok, h)
	c.connect(t, key, first, h)
	id := AgentID(first.GetAgentId())
	eventually(t, 5*time.Second, "silence", func() bool { return !c.live(id, time.Now()) })
	_, second := c.enroll(t, tok, h)
	wantSame(t, true, first, second)
	eventually(t, 5*time.Second, "the former stream is cut", func() bool { return c.sessions.of(id) == nil })
}

func TestRevokedHostComesBackAsNewAgent(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := NewCollector(t, d, quick)
		tok := addToken(t, c.Fleet, TokenOptions{Uses: 10, AllowReinstall: true})
		_, first := c.enroll(t, tok, testHost("web1", "m1"))
		if _, err := c.Revoke(t.Context(), "web1", "test"); err != nil {
			t.Fatal(err)
		}
		_, second := c.enroll(t, tok, testHost("web1", "m1"))
		wantSame(t, false, first, second)
		if a, _, err := c.Agent(t.Context(), first.GetAgentId()); err != nil || a.State != StateRevoked {
			t.Errorf("the former agent is %s, error %v, want revoked", a.State, err)
		}
	})
}

func TestReinstallRightAfterACollectorsStartWaits(t *testing.T) {
	d := dbtest.Open(t)
	former := NewCollector(t, d, quick)
	tok := addToken(t, former.Fleet, TokenOptions{Uses: 10, AllowReinstall: true})
	h := testHost("web1", "m1")
	key, first := former.enroll(t, tok, h)
	former.connect(t, key, first, h)()

	// The new process does not know whether the agent is about to come back.
	c := NewCollector(t, d, func(o *Options) { quick(o); o.CA = former.ca })
	eventually(t, 5*time.Second, "the fleet runs", func() bool {
		c.roster.mu.Lock()
		defer c.roster.mu.Unlock()
		return !c.roster.started.IsZero()
	})
	_, err := c.enrollOnce(t, c.dial(t, nil), enrollRequest(tok, newTestKey(t), h))
	wantRefusal(t, err, reasonUndecided)
	// It came back, so a second agent is one; it came and went, so it is gone.
	end := c.connect(t, key, first, h)
	_, second := c.enroll(t, tok, h)
	wantSame(t, false, first, second)
	end()
	if _, err := c.Revoke(t.Context(), second.GetAgentId(), "test"); err != nil {
		t.Fatal(err)
	}
	_, third := c.enroll(t, tok, h)
	wantSame(t, true, first, third)
}

func TestClone(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var mu sync.Mutex
		var audit []string
		c := NewCollector(t, d, func(o *Options) {
			quick(o)
			o.ClonesPerDay = 2
			o.Audit = func(_ context.Context, action, target string, detail map[string]any) {
				mu.Lock()
				defer mu.Unlock()
				audit = append(audit, fmt.Sprint(action, " ", target, " from ", detail["cloned_from"]))
			}
		})
		key, first := c.enroll(t, addToken(t, c.Fleet, TokenOptions{}), testHost("golden", "m1"))
		conn := c.dial(t, key, first.GetCertificateDer())
		clone := func(machine string) (*picketv1.EnrollResponse, error) {
			req := enrollRequest(rawToken{}, newTestKey(t), testHost("golden", machine))
			req.Clone = true
			return c.enrollOnce(t, conn, req)
		}
		if _, err := clone("m1"); err == nil {
			t.Error("the very host passes for its own clone")
		} else {
			wantRefusal(t, err, reasonNotClone)
		}
		a, err := clone("m2")
		if err != nil {
			t.Fatal(err)
		}
		if a.GetInstance() != "golden-2" || a.GetAgentId() == first.GetAgentId() {
			t.Errorf("clone %s (%s) of %s", a.GetInstance(), a.GetAgentId(), first.GetAgentId())
		}
		again, err := clone("m2") // an image without a lasting disk boots again
		if err != nil {
			t.Fatal(err)
		}
		wantSame(t, true, a, again)
		if _, err := clone("m3"); err != nil {
			t.Fatal(err)
		}
		_, err = clone("m4")
		wantRefusal(t, err, reasonCloneLimit)
		if _, err := hello(t, conn, testHost("golden", "m1")); err != nil {
			t.Errorf("the original is refused: %v", err)
		}
		want := []string{"agent.clone " + a.GetAgentId() + " from " + first.GetAgentId(), "agent.reinstall " + a.GetAgentId() + " from " + first.GetAgentId()}
		if diff := cmp.Diff(want, audit[len(audit)-3:len(audit)-1]); diff != "" {
			t.Errorf("audit:\n%s", diff)
		}
	})
}

func TestInstancesOfOddNames(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := NewCollector(t, d, nil)
		tok := addToken(t, c.Fleet, TokenOptions{Uses: 100})
		var got []string
		for i, name := range []string{"a_b", "axb", "a_b", "100%", "1000", "100%", "web-2", "web", "web", "Web", "~", "~", "wéb", "wéb"} {
			_, answer := c.enroll(t, tok, testHost(name, fmt.Sprint(i)))
			got = append(got, answer.GetInstance())
		}
		want := []string{"a_b", "axb", "a_b-2", "100%", "1000", "100%-2", "web-2", "web", "web-3", "Web", "~", "~-2", "wéb", "wéb-2"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}
