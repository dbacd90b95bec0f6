package fleet

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
	"github.com/picketmon/picket/internal/errs"
	"github.com/picketmon/picket/proto/gen/picketv1"
)

// instances lists all pages.
func instances(t testing.TB, f *Fleet, q Query) []string {
	t.Helper()
	var names []string
	for {
		page, next, err := f.Agents(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range page {
			names = append(names, a.Instance)
		}
		if next == "" {
			return names
		}
		q.After = next
	}
}

func TestAgentsAreFound(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := NewFleet(t, d, nil)
		for _, name := range []string{"web1", "web2", "web_3", "db1", "Mail"} {
			a, h := enrolled(t, f, name, name)
			if name == "web1" || name == "Mail" {
				session(t, f, a, h)
			}
		}
		if _, err := f.Revoke(t.Context(), "db1", "gone"); err != nil {
			t.Fatal(err)
		}
		mail, _, err := f.Agent(t.Context(), "Mail")
		if err != nil {
			t.Fatal(err)
		}
		for name, tc := range map[string]struct {
			q    Query
			want []string
		}{
			"part":         {Query{Text: "WEB"}, []string{"web1", "web2", "web_3"}},
			"no wildcard":  {Query{Text: "b_3"}, []string{"web_3"}},
			"percent":      {Query{Text: "%"}, nil},
			"id":           {Query{Text: string(mail.ID)}, []string{"Mail"}},
			"up":           {Query{States: []State{StateUp}, Text: "web"}, []string{"web1"}},
			"never":        {Query{States: []State{StateNever}}, []string{"web2", "web_3"}},
			"revoked":      {Query{States: []State{StateRevoked}}, []string{"db1"}},
			"down":         {Query{States: []State{StateDown}}, nil},
			"page by page": {Query{Text: "web", Limit: 1}, []string{"web1", "web2", "web_3"}},
			"two a page":   {Query{Text: "web", Limit: 2}, []string{"web1", "web2", "web_3"}},
			"last page":    {Query{Text: "web", Limit: 3}, []string{"web1", "web2", "web_3"}},
		} {
			if diff := cmp.Diff(tc.want, instances(t, f, tc.q)); diff != "" {
				t.Errorf("%s:\n%s", name, diff)
			}
		}
		if got := instances(t, f, Query{Limit: 2}); len(got) != 5 {
			t.Errorf("all agents are %v", got)
		}
		counts, err := f.Counts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[State]int{StateUp: 2, StateNever: 2, StateRevoked: 1}, counts); diff != "" {
			t.Error(diff)
		}
		for _, q := range []Query{{States: []State{"asleep"}}, {Limit: -1}, {Limit: maxPage + 1}} {
			if _, _, err := f.Agents(t.Context(), q); !errs.Is(err, errs.Invalid) {
				t.Errorf("query %+v: error %v, want kind invalid", q, err)
			}
		}
	})
}

func TestOneAgentIsShown(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		c := NewCollector(t, d, nil)
		key, answer := c.enroll(t, addToken(t, c.Fleet, TokenOptions{}), testHost("web1", "m1"))
		client := picketv1.NewEnrollmentClient(c.dial(t, key, answer.GetCertificateDer()))
		if _, err := client.Renew(t.Context(), &picketv1.RenewRequest{CsrDer: newTestKey(t).csr}); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"web1", answer.GetAgentId()} {
			a, certs, err := c.Agent(t.Context(), name)
			if err != nil || a.Instance != "web1" || a.State != StateNever || len(certs) != 2 || a.RemoteAddr == "" {
				t.Errorf("%s: %+v with %d certificates, error %v", name, a, len(certs), err)
			}
		}
		if _, _, err := c.Agent(t.Context(), "web"); !errs.Is(err, errs.NotFound) {
			t.Errorf("error %v, want not found", err)
		}
	})
}

func TestRevocation(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var audit []string
		f := NewFleet(t, d, func(o *Options) {
			o.Audit = func(_ context.Context, action, target string, detail map[string]any) {
				audit = append(audit, fmt.Sprint(action, " ", target, " ", detail["reason"]))
			}
		})
		a, _ := enrolled(t, f, "web1", "m1")
		audit = nil
		if _, err := f.Revoke(t.Context(), "web1", "sold\x00"); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"agent.revoke " + string(a.ID) + " sold\uFFFD"}, audit); diff != "" {
			t.Error(diff)
		}
		if _, err := f.Revoke(t.Context(), "web1", ""); !errs.Is(err, errs.Conflict) {
			t.Errorf("again: %v, want a conflict", err)
		}
		if _, err := f.Revoke(t.Context(), "web2", ""); !errs.Is(err, errs.NotFound) {
			t.Errorf("nobody: %v, want not found", err)
		}
		if _, err := f.Revoke(t.Context(), "web1", string(make([]byte, maxReason+1))); !errs.Is(err, errs.Invalid) {
			t.Errorf("long reason: %v, want invalid", err)
		}
		_, certs, err := f.Agent(t.Context(), "web1")
		if err != nil || len(certs) != 1 || certs[0].RevokedAt.IsZero() {
			t.Errorf("certificates %+v, error %v", certs, err)
		}
	})
}

func TestCleanUp(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := NewFleet(t, d, nil)
		ctx, now := t.Context(), time.Now()
		addToken(t, f, TokenOptions{TTL: time.Hour})
		addToken(t, f, TokenOptions{TTL: 48 * time.Hour})
		a, _ := enrolled(t, f, "web1", "m1") // its token lives 24 h, its certificate 90 d
		for epoch := range uint64(6) {
			for _, agent := range []AgentID{a.ID, "other"} {
				row := &deliveryRow{AgentID: agent, Epoch: epochText(epoch), Class: 1, Watermark: 1, Above: []byte("[]"), UpdatedAt: int64(100 - epoch)}
				if agent == "other" && epoch > 1 {
					continue
				}
				if _, err := d.NewInsert().Model(row).Exec(ctx); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := f.SaveDrops(ctx, d, a.ID, 1, []Drop{{Class: 1, First: 1, Last: 1, Time: now}}); err != nil {
			t.Fatal(err)
		}
		count := func() map[string]int64 {
			got := map[string]int64{}
			for _, table := range []string{"enroll_tokens", "agent_certificates", "delivery_state", "delivery_drops", "agents"} {
				n, err := d.NewSelect().TableExpr(table).Count(ctx)
				if err != nil {
					t.Fatal(err)
				}
				got[table] = n
			}
			return got
		}
		for _, step := range []struct {
			after time.Duration
			want  map[string]int64
		}{
			{0, map[string]int64{"enroll_tokens": 3, "agent_certificates": 1, "delivery_state": 4 + 2, "delivery_drops": 1, "agents": 1}},
			{keepFor + 25*time.Hour, map[string]int64{"enroll_tokens": 1, "agent_certificates": 1, "delivery_state": 6, "delivery_drops": 0, "agents": 1}},
			{2*keepFor + time.Hour, map[string]int64{"enroll_tokens": 0, "agent_certificates": 0, "delivery_state": 6, "delivery_drops": 0, "agents": 1}},
		} {
			if err := f.cleanUp(ctx, now.Add(step.after)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(step.want, count()); diff != "" {
				t.Errorf("after %s:\n%s", step.after, diff)
			}
		}
		p, err := f.LoadDelivery(ctx, a.ID, 0)
		if err != nil || len(p) != 1 {
			t.Errorf("the newest epoch is gone: %v, error %v", p, err)
		}
	})
}
