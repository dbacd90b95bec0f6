package api

import (
	"context"
	"encoding/json"
	"time"

	"github.com/picketmon/picket/collector/access"
)

// AuditEntry is one change: who, what, when.
type AuditEntry struct {
	ID         string          `json:"id"`
	Time       time.Time       `json:"time"`
	ActorType  access.Kind     `json:"actor_type" enum:"user,token,agent,system,anonymous"`
	ActorID    string          `json:"actor_id,omitempty"`
	ActorName  string          `json:"actor_name"`
	RemoteAddr string          `json:"remote_addr,omitempty"`
	Action     string          `json:"action" doc:"noun.verb"`
	TargetType string          `json:"target_type"`
	TargetID   string          `json:"target_id,omitempty"`
	Detail     json.RawMessage `json:"detail,omitempty" doc:"Depends on the action"`
}

func auditEntryOf(e access.AuditEntry) AuditEntry {
	return AuditEntry{
		ID: e.ID, Time: e.Time, ActorType: e.ActorType, ActorID: e.ActorID, ActorName: e.ActorName, RemoteAddr: e.RemoteAddr,
		Action: e.Action, TargetType: e.TargetType, TargetID: e.TargetID, Detail: e.Detail,
	}
}

type auditInput struct {
	Paging
	ActorID    string    `query:"actor_id" maxLength:"1024"`
	Action     string    `query:"action" maxLength:"1024"`
	TargetType string    `query:"target_type" maxLength:"1024"`
	TargetID   string    `query:"target_id" maxLength:"1024"`
	Since      time.Time `query:"since" doc:"Inclusive"`
	Until      time.Time `query:"until" doc:"Exclusive"`
}

func (a *api) mountAuditLog() {
	register(a, operation{
		id: "audit-log", method: get, path: "/api/v1/audit-log", tag: "audit", roles: []access.Role{access.Admin},
		summary: "What was changed, the newest first",
	}, a.auditLog)
}

func (a *api) auditLog(ctx context.Context, in *auditInput) (*answer[list[AuditEntry]], error) {
	before, err := in.position()
	if err != nil {
		return nil, err
	}
	entries, more, err := a.Access.AuditLog(ctx, access.AuditQuery{
		ActorID: in.ActorID, Action: in.Action, TargetType: in.TargetType, TargetID: in.TargetID, Since: in.Since, Until: in.Until,
		Before: before, Limit: in.Limit,
	})
	if err != nil {
		return nil, err
	}
	out := list[AuditEntry]{Items: items(entries, auditEntryOf)}
	if more {
		out.Next = cursor(entries[len(entries)-1].ID)
	}
	return &answer[list[AuditEntry]]{out}, nil
}
