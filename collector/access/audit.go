package access

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/internal/errs"
)

// Entry is one change to write down; who made it comes from the context.
type Entry struct {
	Action     string // noun.verb: user.create, agent.revoke
	TargetType string // noun
	TargetID   string
	Detail     any // marshals to JSON; no secrets; nil for none
}

// AuditEntry is one change as read.
type AuditEntry struct {
	ID         string
	Time       time.Time
	ActorType  Kind
	ActorID    string
	ActorName  string
	RemoteAddr string
	Action     string
	TargetType string
	TargetID   string
	Detail     json.RawMessage // nil for none
}

// AuditQuery selects entries; empty fields select all.
type AuditQuery struct {
	ActorID    string
	Action     string
	TargetType string
	TargetID   string
	Since      time.Time // inclusive
	Until      time.Time // exclusive
	Before     string    // the id of the last page's last entry
	Limit      int       // 0 means 100, at most 1000
}

type auditRow struct {
	bun.BaseModel `bun:"table:audit_log,alias:a"`
	ID            string `bun:",pk"`
	Time          int64
	ActorType     Kind
	ActorID       string
	ActorName     string
	RemoteAddr    string
	Action        string
	TargetType    string
	TargetID      string
	Detail        json.RawMessage
}

// Audit writes e with the principal of ctx as actor. Call it inside db.InTx with the transaction's context, next to the
// change it tells of, so that both happen or neither.
func (s *Store) Audit(ctx context.Context, e Entry) error {
	if e.Action == "" || e.TargetType == "" {
		return fmt.Errorf("write audit entry: action %q or target type %q is empty", e.Action, e.TargetType)
	}
	p := From(ctx)
	row := auditRow{
		ID: db.NewID(), Time: db.Now(), ActorType: p.Kind, ActorID: p.UserID, ActorName: db.Text(p.Name), RemoteAddr: p.RemoteAddr,
		Action: e.Action, TargetType: e.TargetType, TargetID: db.Text(e.TargetID),
	}
	if e.Detail != nil {
		detail, err := json.Marshal(e.Detail)
		if err != nil {
			return fmt.Errorf("write audit entry %s: %w", e.Action, err)
		}
		row.Detail = detail
	}
	if _, err := s.db.NewInsert().Model(&row).Exec(ctx); err != nil {
		return fmt.Errorf("write audit entry %s: %w", e.Action, err)
	}
	return nil
}

// AuditLog returns the selected entries, the newest first, and whether older ones follow.
func (s *Store) AuditLog(ctx context.Context, q AuditQuery) (entries []AuditEntry, more bool, err error) {
	if q.Before != "" && !db.IsID(q.Before) {
		return nil, false, errs.New(errs.Invalid, "before is no id of an entry")
	}
	limit := pageSize(q.Limit)
	var rows []auditRow
	sel := s.db.NewSelect().Model(&rows).OrderExpr("a.id DESC").Limit(int64(limit) + 1)
	for column, value := range map[string]string{"actor_id": q.ActorID, "action": q.Action, "target_type": q.TargetType, "target_id": q.TargetID} {
		if value != "" {
			sel.Where("? = ?", bun.Ident("a."+column), db.Text(value))
		}
	}
	if !q.Since.IsZero() {
		sel.Where("a.time >= ?", db.Millis(q.Since))
	}
	if !q.Until.IsZero() {
		sel.Where("a.time < ?", db.Millis(q.Until))
	}
	if q.Before != "" {
		sel.Where("a.id < ?", q.Before)
	}
	if err := sel.Scan(ctx); err != nil {
		return nil, false, fmt.Errorf("read audit log: %w", err)
	}
	n := min(len(rows), limit)
	entries = make([]AuditEntry, 0, n)
	for _, r := range rows[:n] {
		entries = append(entries, AuditEntry{
			ID: r.ID, Time: db.Time(r.Time), ActorType: r.ActorType, ActorID: r.ActorID, ActorName: r.ActorName, RemoteAddr: r.RemoteAddr,
			Action: r.Action, TargetType: r.TargetType, TargetID: r.TargetID, Detail: r.Detail,
		})
	}
	return entries, len(rows) > n, nil
}
