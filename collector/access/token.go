package access

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/internal/errs"
)

// Secrets are a prefix that tells what they are, then 32 random bytes in base64url. Only their SHA-256 is kept.
const (
	tokenPrefix   = "pkt_"
	sessionPrefix = "pks_"
	linkPrefix    = "pkl_"
	secretBytes   = 32
	secretChars   = 43
)

const tokensPerUser = 100

// APIToken lets a program act for a user.
type APIToken struct {
	ID         string
	Name       string
	UserID     string
	Roles      Roles // it never has more than its user has at the time
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero: never
	LastUsedAt time.Time // zero: never; up to a minute late
	RevokedAt  time.Time // zero: it is not
}

// NewAPIToken is what CreateToken takes.
type NewAPIToken struct {
	Name      string // 1 to 64 characters, for people
	UserID    string
	Roles     Roles
	ExpiresAt time.Time // zero: never
}

type tokenRow struct {
	bun.BaseModel `bun:"table:api_tokens,alias:t"`
	ID            string `bun:",pk"`
	Name          string
	UserID        string
	TokenHash     string
	Roles         Roles
	CreatedAt     int64
	ExpiresAt     int64 `bun:",nullzero"`
	LastUsedAt    int64 `bun:",nullzero"`
	RevokedAt     int64 `bun:",nullzero"`
}

func (r tokenRow) token() APIToken {
	return APIToken{
		ID: r.ID, Name: r.Name, UserID: r.UserID, Roles: r.Roles, CreatedAt: db.Time(r.CreatedAt),
		ExpiresAt: db.Time(r.ExpiresAt), LastUsedAt: db.Time(r.LastUsedAt), RevokedAt: db.Time(r.RevokedAt),
	}
}

// CreateToken makes an API token and returns its secret, which cannot be had again. Only the user itself and admins may,
// and nobody can give more than they have. Errors: Invalid, NotFound, Denied, Conflict when the user has too many.
func (s *Store) CreateToken(ctx context.Context, n NewAPIToken) (secret string, _ APIToken, err error) {
	var p errs.Problems
	if n.Name == "" || len(n.Name) > maxNameBytes || n.Name != db.Text(n.Name) {
		p.Add("name", "must have 1 to %d characters", maxNameBytes)
	}
	if !n.ExpiresAt.IsZero() && n.ExpiresAt.Before(time.Now()) {
		p.Add("expires_at", "is in the past")
	}
	roles, err := n.Roles.normal()
	p.AddErr("roles", err)
	if err := p.Err(); err != nil {
		return "", APIToken{}, err
	}
	secret = newSecret(tokenPrefix)
	row := tokenRow{
		ID: db.NewID(), Name: n.Name, UserID: n.UserID, TokenHash: hashSecret(secret), Roles: roles, CreatedAt: db.Now(), ExpiresAt: db.Millis(n.ExpiresAt),
	}
	err = s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error { return s.insertToken(ctx, tx, row) })
	if err != nil {
		return "", APIToken{}, err
	}
	return secret, row.token(), nil
}

func (s *Store) insertToken(ctx context.Context, tx bun.Tx, row tokenRow) error {
	if err := ownerOrAdmin(ctx, row.UserID); err != nil {
		return err
	}
	user, err := s.userRow(ctx, tx, row.UserID)
	if err != nil {
		return err
	}
	actor := From(ctx)
	for _, r := range row.Roles {
		if !user.Roles.Allows(r) || !actor.Allows(r) {
			return errs.New(errs.Denied, "role %s is more than its owner or you have", r)
		}
	}
	n, err := tx.NewSelect().Model((*tokenRow)(nil)).Where("user_id = ?", row.UserID).Where("revoked_at IS NULL").Count(ctx)
	if err != nil {
		return fmt.Errorf("count API tokens: %w", err)
	}
	if n >= tokensPerUser {
		return errs.New(errs.Conflict, "the user has %d API tokens already: revoke some", n)
	}
	if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
		return fmt.Errorf("insert API token: %w", err)
	}
	return s.Audit(ctx, Entry{
		Action: "token.create", TargetType: "token", TargetID: row.ID,
		Detail: map[string]any{"name": row.Name, "user": user.Name, "roles": row.Roles, "expires_at": db.Time(row.ExpiresAt)},
	})
}

// Tokens returns the API tokens of the user, of all users when userID is empty, the newest first; revoked and expired ones
// stay for 30 days.
func (s *Store) Tokens(ctx context.Context, userID string) ([]APIToken, error) {
	var rows []tokenRow
	sel := s.db.NewSelect().Model(&rows).OrderExpr("t.id DESC")
	if userID != "" {
		sel.Where("t.user_id = ?", db.Text(userID))
	}
	if err := sel.Scan(ctx); err != nil {
		return nil, fmt.Errorf("list API tokens: %w", err)
	}
	out := make([]APIToken, 0, len(rows))
	for _, r := range rows {
		out = append(out, r.token())
	}
	return out, nil
}

// RevokeToken stops an API token at once; only its user and admins may. Revoking twice is no error. Errors: NotFound,
// Denied.
func (s *Store) RevokeToken(ctx context.Context, id string) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		var row tokenRow
		err := tx.NewSelect().Model(&row).Where("t.id = ?", db.Text(id)).Scan(ctx)
		if db.IsNoRows(err) {
			return errs.Wrap(errs.NotFound, err, "no such API token")
		}
		if err != nil {
			return fmt.Errorf("read API token: %w", err)
		}
		if err := ownerOrAdmin(ctx, row.UserID); err != nil || row.RevokedAt != 0 {
			return err
		}
		row.RevokedAt = db.Now()
		if _, err := tx.NewUpdate().Model(&row).Column("revoked_at").WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("revoke API token: %w", err)
		}
		return s.Audit(ctx, Entry{Action: "token.revoke", TargetType: "token", TargetID: id, Detail: map[string]any{"name": row.Name}})
	})
}

func newSecret(prefix string) string {
	return prefix + base64.RawURLEncoding.EncodeToString(randomBytes(secretBytes))
}

// secretKind returns the prefix of a well-formed secret, else "".
func secretKind(s string) string {
	for _, prefix := range []string{tokenPrefix, sessionPrefix, linkPrefix} {
		if body, ok := strings.CutPrefix(s, prefix); ok && len(body) == secretChars {
			if _, err := base64.RawURLEncoding.Strict().DecodeString(body); err == nil && !strings.ContainsAny(body, "\r\n") {
				return prefix
			}
		}
	}
	return ""
}

func hashSecret(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
