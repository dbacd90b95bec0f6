package access

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/internal/errs"
)

// checkSecret returns the principal behind the secret of an API token or session, and notes its use.
func (g *Guard) checkSecret(ctx context.Context, c credential, use bool) (Principal, error) {
	kind := secretKind(c.secret)
	var p Principal
	var err error
	switch {
	case kind == sessionPrefix:
		p, err = g.checkSession(ctx, c.secret, use)
	case kind == tokenPrefix && c.scheme == schemeBearer:
		p, err = g.checkToken(ctx, c.secret, use)
	default:
		err = errs.New(errs.Unauthenticated, "the token is malformed")
	}
	if errs.Is(err, errs.Unauthenticated) {
		g.store.metrics.failures.WithLabelValues(failedSecret).Inc()
	}
	return p, err
}

func (g *Guard) checkToken(ctx context.Context, secret string, use bool) (Principal, error) {
	row, user, err := g.store.lookups.tokenByHash(ctx, hashSecret(secret))
	now := db.Now()
	switch {
	case db.IsNoRows(err):
		return Principal{}, errs.New(errs.Unauthenticated, "the token is unknown")
	case err != nil:
		return Principal{}, fmt.Errorf("look up API token: %w", err)
	case row.RevokedAt != 0:
		return Principal{}, errs.New(errs.Unauthenticated, "the token is revoked")
	case row.ExpiresAt != 0 && now >= row.ExpiresAt:
		return Principal{}, errs.New(errs.Unauthenticated, "the token is expired")
	case user.Disabled:
		return Principal{}, errs.New(errs.Unauthenticated, "the token's user is disabled")
	}
	if use && now-row.LastUsedAt >= touchEvery.Milliseconds() {
		g.touches.token(row.ID, now)
	}
	return Principal{
		UserID: user.ID, Name: user.Name + "/" + row.Name, Roles: row.Roles.Within(user.Roles), Kind: KindToken, CredentialID: row.ID,
	}, nil
}

func (g *Guard) checkSession(ctx context.Context, secret string, use bool) (Principal, error) {
	row, user, err := g.store.lookups.sessionByHash(ctx, hashSecret(secret))
	now := db.Now()
	switch {
	case err != nil && !db.IsNoRows(err):
		return Principal{}, fmt.Errorf("look up session: %w", err)
	case err != nil, user.Disabled, now >= min(row.ExpiresAt, row.CreatedAt+SessionMax.Milliseconds()):
		return Principal{}, errs.New(errs.Unauthenticated, "the session has ended, log in again")
	}
	if use && now-row.LastSeenAt >= touchEvery.Milliseconds() {
		g.touches.session(row.ID, now)
	}
	return Principal{UserID: user.ID, Name: user.Name, Roles: user.Roles, Kind: KindUser, CredentialID: row.ID}, nil
}

// lookups are the questions asked with each request, prepared.
type lookups struct {
	user, token, session *db.Stmt
}

func newLookups(d *db.DB) lookups {
	const user = "u.id, u.name, u.password_hash, u.roles, u.disabled"
	return lookups{
		user: d.Prepare("SELECT " + user + " FROM users AS u WHERE u.id = ?"),
		token: d.Prepare("SELECT " + user + `, t.id, t.name, t.roles, coalesce(t.expires_at, 0), coalesce(t.last_used_at, 0), coalesce(t.revoked_at, 0)
			FROM api_tokens AS t JOIN users AS u ON u.id = t.user_id WHERE t.token_hash = ?`),
		session: d.Prepare("SELECT " + user + `, s.id, s.created_at, s.expires_at, s.last_seen_at
			FROM sessions AS s JOIN users AS u ON u.id = s.user_id WHERE s.token_hash = ?`),
	}
}

func (l lookups) userByID(ctx context.Context, id string) (u userRow, err error) {
	err = scanUser(l.user.QueryRow(ctx, id), &u)
	return u, err
}

func (l lookups) tokenByHash(ctx context.Context, hash string) (t tokenRow, u userRow, err error) {
	var roles []byte
	err = scanUser(l.token.QueryRow(ctx, hash), &u, &t.ID, &t.Name, &roles, &t.ExpiresAt, &t.LastUsedAt, &t.RevokedAt)
	if err == nil {
		err = json.Unmarshal(roles, &t.Roles)
	}
	return t, u, err
}

func (l lookups) sessionByHash(ctx context.Context, hash string) (s sessionRow, u userRow, err error) {
	err = scanUser(l.session.QueryRow(ctx, hash), &u, &s.ID, &s.CreatedAt, &s.ExpiresAt, &s.LastSeenAt)
	return s, u, err
}

// scanUser scans the user that all lookups begin with, and more.
func scanUser(row *sql.Row, u *userRow, more ...any) error {
	var roles []byte
	if err := row.Scan(append([]any{&u.ID, &u.Name, &u.PasswordHash, &roles, &u.Disabled}, more...)...); err != nil {
		return err
	}
	return json.Unmarshal(roles, &u.Roles)
}
