package api

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/internal/errs"
)

const apiTokensPath = "/api/v1/api-tokens"

// Token lets a program act for a user.
type Token struct {
	ID         string       `json:"id"`
	Name       string       `json:"name"`
	UserID     string       `json:"user_id"`
	Roles      access.Roles `json:"roles" nullable:"false" doc:"It never has more than its user has at the time"`
	CreatedAt  time.Time    `json:"created_at"`
	ExpiresAt  time.Time    `json:"expires_at,omitzero" doc:"Absent: never"`
	LastUsedAt time.Time    `json:"last_used_at,omitzero" doc:"Absent: never; up to a minute late"`
	RevokedAt  time.Time    `json:"revoked_at,omitzero"`
}

func apiTokenOf(t access.APIToken) Token {
	return Token{
		ID: t.ID, Name: t.Name, UserID: t.UserID, Roles: t.Roles, CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt,
		LastUsedAt: t.LastUsedAt, RevokedAt: t.RevokedAt,
	}
}

// newTokenResult is the only answer that holds the secret.
type newTokenResult struct {
	Token
	Secret string `json:"token" doc:"The secret, to be sent as Bearer; it cannot be had again"`
}

type newAPITokenInput struct{ Body newToken }

type newToken struct {
	Name      string       `json:"name" minLength:"1" maxLength:"64" doc:"For people"`
	Roles     access.Roles `json:"roles" nullable:"false" minItems:"1" enum:"admin,check_author,operator,service_desk,viewer" doc:"No more than its user and its maker have"`
	ExpiresAt time.Time    `json:"expires_at,omitzero" doc:"Absent: never"`
	UserID    string       `json:"user_id,omitempty" doc:"Whose it is; for admins. Absent: one's own"`
}

type apiTokensInput struct {
	Paging
	All bool `query:"all" doc:"Those of all users; for admins"`
}

func (a *api) mountAPITokens() {
	register(a, operation{
		id: "list-api-tokens", method: get, path: apiTokensPath, tag: "api_token", roles: anyRole,
		summary: "One's own API tokens, the newest first", description: "Revoked and expired ones stay for 30 days. Admins can list all.",
	}, a.apiTokens)
	register(a, operation{
		id: "create-api-token", method: post, path: apiTokensPath, tag: "api_token", roles: anyRole, status: http.StatusCreated,
		summary: "Make an API token", description: "Nobody can give more than they have. Admins can make them for other users.",
	}, a.createAPIToken)
	register(a, operation{
		id: "revoke-api-token", method: remove, path: apiTokensPath + "/{id}", tag: "api_token", roles: anyRole,
		summary: "Stop an API token at once", description: "One's own; admins can stop any. Doing it twice is no error.",
	}, a.revokeAPIToken)
}

func (a *api) apiTokens(ctx context.Context, in *apiTokensInput) (*answer[list[Token]], error) {
	p := access.From(ctx)
	whose := p.UserID
	if in.All {
		if !p.Allows(access.Admin) {
			return nil, errs.New(errs.Denied, "only admins can list the API tokens of all users")
		}
		whose = ""
	}
	all, err := a.Access.Tokens(ctx, whose)
	if err != nil {
		return nil, err
	}
	return pageOf(all, in.Paging, func(t access.APIToken) string { return t.ID }, apiTokenOf)
}

func (a *api) createAPIToken(ctx context.Context, in *newAPITokenInput) (*created[newTokenResult], error) {
	secret, t, err := a.Access.CreateToken(ctx, access.NewAPIToken{
		Name: in.Body.Name, UserID: cmp.Or(in.Body.UserID, access.From(ctx).UserID), Roles: in.Body.Roles, ExpiresAt: in.Body.ExpiresAt,
	})
	if err != nil {
		return nil, err
	}
	return &created[newTokenResult]{Location: at(apiTokensPath, t.ID), Body: newTokenResult{apiTokenOf(t), secret}}, nil
}

func (a *api) revokeAPIToken(ctx context.Context, in *IDInput) (*nothing, error) {
	return nil, a.Access.RevokeToken(ctx, in.ID)
}
