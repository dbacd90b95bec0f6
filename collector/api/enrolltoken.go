package api

import (
	"context"
	"net/http"
	"time"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/fleet"
)

const enrollTokensPath = "/api/v1/enroll-tokens"

// EnrollToken is what is kept of a token that hosts enrol with: all but its secret.
type EnrollToken struct {
	ID             string    `json:"id"`
	UsesLeft       int       `json:"uses_left"`
	UsesMax        int       `json:"uses_max"`
	AllowReinstall bool      `json:"allow_reinstall"`
	Addresses      []string  `json:"addresses" nullable:"false" doc:"Where its agents connect, host:port"`
	CreatedBy      string    `json:"created_by"`
	CreatedAt      time.Time `json:"created_at"`
	NotBefore      time.Time `json:"not_before"`
	ExpiresAt      time.Time `json:"expires_at"`
	RevokedAt      time.Time `json:"revoked_at,omitzero"`
}

func enrollTokenOf(t fleet.Token) EnrollToken {
	return EnrollToken{
		ID: string(t.ID), UsesLeft: t.UsesLeft, UsesMax: t.UsesMax, AllowReinstall: t.AllowReinstall, Addresses: t.Addresses,
		CreatedBy: t.CreatedBy, CreatedAt: t.CreatedAt, NotBefore: t.NotBefore, ExpiresAt: t.ExpiresAt, RevokedAt: t.RevokedAt,
	}
}

// newEnrollTokenResult is the only answer that holds the secret.
type newEnrollTokenResult struct {
	EnrollToken
	Secret string `json:"token" doc:"What hosts are given; it cannot be had again"`
}

type newEnrollTokenInput struct{ Body newEnrollToken }

type newEnrollToken struct {
	Uses           int       `json:"uses,omitempty" minimum:"1" maximum:"1000000" doc:"How many hosts it enrols; absent: 1"`
	TTLSeconds     int64     `json:"ttl_seconds,omitempty" minimum:"1" maximum:"7776000" doc:"How long it is valid; absent: 24 h"`
	NotBefore      time.Time `json:"not_before,omitzero" doc:"When it begins to be valid; absent: now"`
	AllowReinstall *bool     `json:"allow_reinstall,omitempty" doc:"Whether a host that was enrolled before gets its former id and instance back; absent: yes"`
	Addresses      []string  `json:"addresses,omitempty" nullable:"false" minItems:"1" maxItems:"8" doc:"Where its agents connect, host:port, in the order of their attempts; absent: what the collector is set to tell"`
}

func (a *api) mountEnrollTokens() {
	operator := []access.Role{access.Operator}
	register(a, operation{
		id: "list-enroll-tokens", method: get, path: enrollTokensPath, tag: "enroll_token", roles: operator,
		summary: "Enrolment tokens, the newest first", description: "Those that expired 90 days ago are no longer kept.",
	}, a.enrollTokens)
	register(a, operation{
		id: "create-enroll-token", method: post, path: enrollTokensPath, tag: "enroll_token", roles: operator, status: http.StatusCreated,
		summary: "Make a token that hosts enrol with",
	}, a.createEnrollToken)
	register(a, operation{
		id: "revoke-enroll-token", method: remove, path: enrollTokensPath + "/{id}", tag: "enroll_token", roles: operator,
		summary: "Make a token useless", description: "Agents that were enrolled with it stay.",
	}, a.revokeEnrollToken)
}

func (a *api) enrollTokens(ctx context.Context, in *Paging) (*answer[list[EnrollToken]], error) {
	all, err := a.Fleet.Tokens(ctx)
	if err != nil {
		return nil, err
	}
	return pageOf(all, *in, func(t fleet.Token) string { return string(t.ID) }, enrollTokenOf)
}

func (a *api) createEnrollToken(ctx context.Context, in *newEnrollTokenInput) (*created[newEnrollTokenResult], error) {
	o := fleet.TokenOptions{
		Uses: in.Body.Uses, TTL: time.Duration(in.Body.TTLSeconds) * time.Second, NotBefore: in.Body.NotBefore,
		AllowReinstall: in.Body.AllowReinstall == nil || *in.Body.AllowReinstall, Addresses: in.Body.Addresses,
		CreatedBy: access.From(ctx).Name,
	}
	if len(o.Addresses) == 0 {
		o.Addresses = a.AgentAddresses
	}
	printable, t, err := a.Fleet.CreateToken(ctx, o)
	if err != nil {
		return nil, err
	}
	return &created[newEnrollTokenResult]{
		Location: at(enrollTokensPath, string(t.ID)), Body: newEnrollTokenResult{enrollTokenOf(t), printable},
	}, nil
}

func (a *api) revokeEnrollToken(ctx context.Context, in *IDInput) (*nothing, error) {
	return nil, a.Fleet.RevokeToken(ctx, fleet.TokenID(in.ID))
}
