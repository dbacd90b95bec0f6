package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
	"github.com/picketmon/picket/internal/errs"
	"github.com/picketmon/picket/proto/gen/picketv1"
)

// remember stores something of an agent in every table of the fleet.
func remember(t testing.TB, f *Fleet, id AgentID) {
	t.Helper()
	err := f.db.InTx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
		_, err := f.SaveFacts(ctx, tx, id, Facts{Kind: "os", Full: true, Items: []Fact{{Key: "os", Attributes: json.RawMessage(`{}`)}}})
		return errors.Join(err,
			f.SaveDelivery(ctx, tx, id, 1, map[picketv1.Class]Position{picketv1.Class_CLASS_METRICS: {Watermark: 7}}),
			f.SaveDrops(ctx, tx, id, 1, []Drop{{Class: picketv1.Class_CLASS_METRICS, First: 1, Last: 2, Time: time.Now()}}),
		)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// fleetTables hold rows of agents.
var fleetTables = []string{"agent_certificates", "agent_facts", "agent_fact_state", "delivery_state", "delivery_drops"}

func rowsOf(t testing.TB, f *Fleet, id AgentID) (tables []string) {
	t.Helper()
	for _, table := range fleetTables {
		n, err := f.db.NewSelect().Table(table).Where("agent_id = ?", id).Count(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			tables = append(tables, table)
		}
	}
	return tables
}

func TestDeleteForgetsARevokedAgent(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var audited []string
		changed := map[AgentID]int{}
		f := NewFleet(t, d, func(o *Options) {
			o.Changed = func(id AgentID) { changed[id]++ }
			o.Audit = func(_ context.Context, action, id string, _ map[string]any) { audited = append(audited, action+" "+id) }
		})
		a, _ := enrolled(t, f, "web1", "m1")
		other, _ := enrolled(t, f, "web2", "m2")
		remember(t, f, a.ID)
		remember(t, f, other.ID)

		if err := f.Delete(t.Context(), "web1"); !errs.Is(err, errs.Conflict) || !strings.Contains(err.Error(), "revoke it first") {
			t.Errorf("an agent that is not revoked: %v", err)
		}
		if err := f.Delete(t.Context(), "nosuch"); !errs.Is(err, errs.NotFound) {
			t.Errorf("no agent: %v", err)
		}
		if _, err := f.Revoke(t.Context(), "web1", "sold"); err != nil {
			t.Fatal(err)
		}
		broken := errors.New("broken")
		if err := f.Delete(t.Context(), "web1", func(context.Context, AgentID) error { return broken }); !errors.Is(err, broken) {
			t.Errorf("error %v, want %v", err, broken)
		}
		if left := rowsOf(t, f, a.ID); len(left) != len(fleetTables) {
			t.Errorf("after a failure only %v have rows", left)
		}
		var told AgentID
		before := changed[a.ID]
		if err := f.Delete(t.Context(), string(a.ID), func(_ context.Context, id AgentID) error { told = id; return nil }); err != nil {
			t.Fatal(err)
		}
		if changed[a.ID] == before {
			t.Error("who watches was not told")
		}
		if told != a.ID {
			t.Errorf("the others were told of %q", told)
		}
		if left := rowsOf(t, f, a.ID); len(left) != 0 {
			t.Errorf("rows are left in %v", left)
		}
		if left := rowsOf(t, f, other.ID); len(left) != len(fleetTables) {
			t.Errorf("the other agent has rows in %v only", left)
		}
		if err := f.Delete(t.Context(), "web1"); !errs.Is(err, errs.NotFound) {
			t.Errorf("once more: %v", err)
		}
		if last := audited[len(audited)-1]; last != "agent.delete "+string(a.ID) {
			t.Errorf("audited %q", audited)
		}
		if again, _ := enrolled(t, f, "web1", "m1"); again.Instance != "web1" || again.ID == a.ID {
			t.Errorf("the host came back as %s, %s", again.Instance, again.ID)
		}
	})
}

// A certificate of a deleted agent is good for nothing: neither for a stream, nor to renew, nor to enrol as a clone.
func TestCertificateOfADeletedAgentStaysRefused(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := NewCollector(t, d, nil)
		h := testHost("web1", "m1")
		key, answer := c.enroll(t, addToken(t, c.Fleet, TokenOptions{}), h)
		live, err := hello(t, c.dial(t, key, answer.GetCertificateDer()), h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Revoke(t.Context(), answer.GetAgentId(), "sold"); err != nil {
			t.Fatal(err)
		}
		if err := c.Delete(t.Context(), answer.GetAgentId()); err != nil { // at once: the stream may not be gone yet
			t.Fatal(err)
		}
		if _, err := live.Recv(); err == nil {
			t.Error("the stream goes on")
		}
		// Another host of the name must not revive it.
		c.enroll(t, addToken(t, c.Fleet, TokenOptions{}), testHost("web1", "m2"))

		conn := c.dial(t, key, answer.GetCertificateDer())
		_, err = hello(t, conn, h)
		wantRefusal(t, err, ReasonUnknownAgent)
		_, err = picketv1.NewEnrollmentClient(conn).Renew(t.Context(), &picketv1.RenewRequest{CsrDer: newTestKey(t).csr})
		wantRefusal(t, err, ReasonUnknownAgent)
		_, err = picketv1.NewEnrollmentClient(conn).Enroll(t.Context(), &picketv1.EnrollRequest{
			Clone: true, CsrDer: newTestKey(t).csr, Host: testHost("web1", "m3"),
		})
		wantRefusal(t, err, ReasonUnknownAgent)
		if left := rowsOf(t, c.Fleet, AgentID(answer.GetAgentId())); len(left) != 0 {
			t.Errorf("rows came back in %v", left)
		}
	})
}

func TestDeleteEndsTheSeries(t *testing.T) {
	r := new(recorder)
	f := NewFleet(t, dbtest.Open(t), func(o *Options) { o.Samples = r })
	a, h := enrolled(t, f, "web1", "m1")
	s := session(t, f, a, h)
	if err := f.writeSamples(t.Context(), time.Now()); err != nil || len(r.take()) != 2 {
		t.Fatalf("no up and info before: %v", err)
	}
	// Revoked by another process a moment ago: this one has not seen it yet, and the stream is alive.
	if _, err := NewFleet(t, f.db, func(o *Options) { o.CA = f.ca }).Revoke(t.Context(), "web1", ""); err != nil {
		t.Fatal(err)
	}
	go func() {
		<-s.Context().Done()
		s.Close()
	}()
	if err := f.Delete(t.Context(), "web1"); err != nil {
		t.Fatal(err)
	}
	if !ended(s, ErrRevoked) {
		t.Errorf("the stream ended with %v", context.Cause(s.Context()))
	}
	if err := f.writeSamples(t.Context(), time.Now()); err != nil {
		t.Fatal(err)
	}
	values := r.take()
	for name, v := range values {
		if math.Float64bits(v) != staleNaN {
			t.Errorf("%s is %v, want it to end", name, v)
		}
	}
	if len(values) != 2 {
		t.Errorf("%d series ended, want 2: %v", len(values), keys(values))
	}
	if err := f.writeSamples(t.Context(), time.Now()); err != nil || len(r.take()) != 0 {
		t.Errorf("series go on: %v", err)
	}
}

func TestDeleteWaitsForTheLastStream(t *testing.T) {
	f := NewFleet(t, dbtest.Open(t), func(o *Options) { o.ReleaseWithin = 20 * time.Millisecond })
	a, h := enrolled(t, f, "web1", "m1")
	stuck := session(t, f, a, h)
	if _, err := f.Revoke(t.Context(), "web1", ""); err != nil {
		t.Fatal(err)
	}
	if err := f.Delete(t.Context(), "web1"); !errs.Is(err, errs.Unavailable) {
		t.Errorf("with a stream that does not end: %v", err)
	}
	stuck.Close()
	if err := f.Delete(t.Context(), "web1"); err != nil {
		t.Error(err)
	}
}
