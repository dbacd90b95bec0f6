package api

import (
	"context"
	"time"

	"github.com/picketmon/picket/collector/access"
)

// Session is one login.
type Session struct {
	ID         string    `json:"id"`
	CreatedAt  time.Time `json:"created_at"`
	ExpiresAt  time.Time `json:"expires_at" doc:"Unless it is used before"`
	LastSeenAt time.Time `json:"last_seen_at"`
	RemoteAddr string    `json:"remote_addr"`
	UserAgent  string    `json:"user_agent"`
	Current    bool      `json:"current" doc:"It is the one that asks"`
}

// Me is who asks.
type Me struct {
	UserID       string       `json:"user_id"`
	Name         string       `json:"name" doc:"The user's name; user/token for API tokens"`
	Kind         access.Kind  `json:"kind" enum:"user,token"`
	Roles        access.Roles `json:"roles" nullable:"false"`
	CredentialID string       `json:"credential_id,omitempty" doc:"The id of the session or API token in use"`
}

type loginInput struct{ Body loginBody }

type loginBody struct {
	Name     string `json:"name" maxLength:"1024"`
	Password string `json:"password" maxLength:"4096" writeOnly:"true"`
	Bearer   bool   `json:"bearer,omitempty" doc:"Return the session's secret to send as Bearer token, instead of a cookie"`
}

type loginLinkInput struct{ Body loginLinkBody }

type loginLinkBody struct {
	Secret string `json:"secret" maxLength:"1024" writeOnly:"true" doc:"What follows #link= in the address that picket-collector login-link printed"`
	Bearer bool   `json:"bearer,omitempty" doc:"As with login"`
}

type loginResult struct {
	User    User    `json:"user"`
	Session Session `json:"session"`
	Token   string  `json:"token,omitempty" doc:"Only when bearer was asked for"`
}

type passwordInput struct{ Body passwordBody }

type passwordBody struct {
	Present string `json:"present" maxLength:"4096" writeOnly:"true" doc:"The present password"`
	Next    string `json:"next" minLength:"12" maxLength:"1024" writeOnly:"true" doc:"The new one, at least 12 characters"`
}

// IDInput names one thing by its id.
type IDInput struct {
	ID string `path:"id" maxLength:"1024"`
}

func (a *api) mountSessions() {
	register(a, operation{
		id: "login", method: post, path: "/api/v1/login", tag: "session", roles: []access.Role{access.Public},
		summary: "Sign in", description: "Starts a session, which ends after 12 h without use and after 7 days. Attempts are limited.",
	}, a.login)
	register(a, operation{
		id: "login-by-link", method: post, path: "/api/v1/login-link", tag: "session", roles: []access.Role{access.Public},
		summary:     "Sign in with a link",
		description: "Starts a session like login, of the user the link was made for. A link works once and not for long. Attempts are limited.",
	}, a.loginByLink)
	register(a, operation{
		id: "logout", method: post, path: "/api/v1/logout", tag: "session", roles: anyRole,
		summary: "End the session that asks", description: "With any other credential there is nothing to end.",
	}, a.logout)
	register(a, operation{
		id: "me", method: get, path: "/api/v1/me", tag: "session", roles: anyRole, summary: "Who asks",
	}, a.me)
	register(a, operation{
		id: "change-password", method: put, path: "/api/v1/me/password", tag: "session", roles: anyRole,
		summary: "Change one's own password", description: "Ends all sessions of the user, this one included. API tokens cannot do it.",
	}, a.changePassword)
	register(a, operation{
		id: "list-sessions", method: get, path: "/api/v1/sessions", tag: "session", roles: anyRole,
		summary: "One's own sessions, the newest first", description: "A user has at most 50: there is one page.",
	}, a.sessions)
	register(a, operation{
		id: "end-session", method: remove, path: "/api/v1/sessions/{id}", tag: "session", roles: anyRole,
		summary: "End a session", description: "One's own; admins can end any.",
	}, a.endSession)
}

func (a *api) login(ctx context.Context, in *loginInput) (*answer[loginResult], error) {
	secret, s, err := a.Guard.Login(exchangeOf(ctx).r, in.Body.Name, in.Body.Password)
	if err != nil {
		return nil, err
	}
	return a.signedIn(ctx, secret, s, in.Body.Bearer)
}

func (a *api) loginByLink(ctx context.Context, in *loginLinkInput) (*answer[loginResult], error) {
	secret, s, err := a.Guard.LoginByLink(exchangeOf(ctx).r, in.Body.Secret)
	if err != nil {
		return nil, err
	}
	return a.signedIn(ctx, secret, s, in.Body.Bearer)
}

// signedIn hands out a new session's secret: in the answer when bearer was asked for, else in the cookie.
func (a *api) signedIn(ctx context.Context, secret string, s access.Session, bearer bool) (*answer[loginResult], error) {
	u, err := a.Access.User(ctx, s.UserID)
	if err != nil {
		return nil, err
	}
	out := loginResult{User: userOf(u), Session: sessionOf(s, s.ID)}
	if bearer {
		out.Token = secret
	} else {
		x := exchangeOf(ctx)
		a.Guard.SetCookie(x.w, x.r, secret, s)
	}
	return &answer[loginResult]{out}, nil
}

func (a *api) logout(ctx context.Context, _ *nothing) (*nothing, error) {
	if err := a.Guard.Logout(ctx); err != nil {
		return nil, err
	}
	x := exchangeOf(ctx)
	a.Guard.ClearCookie(x.w, x.r)
	return nil, nil
}

func (a *api) me(ctx context.Context, _ *nothing) (*answer[Me], error) {
	p := access.From(ctx)
	return &answer[Me]{Me{UserID: p.UserID, Name: p.Name, Kind: p.Kind, Roles: p.Roles, CredentialID: p.CredentialID}}, nil
}

func (a *api) changePassword(ctx context.Context, in *passwordInput) (*nothing, error) {
	if err := a.Guard.ChangePassword(ctx, in.Body.Present, in.Body.Next); err != nil {
		return nil, err
	}
	x := exchangeOf(ctx)
	a.Guard.ClearCookie(x.w, x.r)
	return nil, nil
}

func (a *api) sessions(ctx context.Context, _ *nothing) (*answer[list[Session]], error) {
	p := access.From(ctx)
	all, err := a.Access.Sessions(ctx, p.UserID)
	if err != nil {
		return nil, err
	}
	out := items(all, func(s access.Session) Session { return sessionOf(s, p.CredentialID) })
	return &answer[list[Session]]{list[Session]{Items: out}}, nil
}

func (a *api) endSession(ctx context.Context, in *IDInput) (*nothing, error) {
	return nil, a.Access.EndSession(ctx, in.ID)
}

func sessionOf(s access.Session, current string) Session {
	return Session{
		ID: s.ID, CreatedAt: s.CreatedAt, ExpiresAt: s.ExpiresAt, LastSeenAt: s.LastSeenAt, RemoteAddr: s.RemoteAddr,
		UserAgent: s.UserAgent, Current: s.ID == current,
	}
}
