package fleet

import (
	"context"
	"crypto/subtle"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/internal/errs"
)

// Token is what is kept of an enrolment token: all but its secret.
type Token struct {
	ID             TokenID
	UsesLeft       int
	UsesMax        int
	NotBefore      time.Time
	CreatedAt      time.Time
	ExpiresAt      time.Time
	RevokedAt      time.Time // zero: not revoked
	CreatedBy      string
	AllowReinstall bool
	Addresses      []string
}

// tokenRow is a token as the table enroll_tokens has it.
type tokenRow struct {
	bun.BaseModel  `bun:"table:enroll_tokens"`
	ID             TokenID `bun:"id,pk"`
	SecretHash     string  `bun:"secret_hash"`
	UsesLeft       int     `bun:"uses_left"`
	UsesMax        int     `bun:"uses_max"`
	NotBefore      int64   `bun:"not_before"`
	CreatedAt      int64   `bun:"created_at"`
	ExpiresAt      int64   `bun:"expires_at"`
	CreatedBy      string  `bun:"created_by"`
	RevokedAt      *int64  `bun:"revoked_at"`
	AllowReinstall bool    `bun:"allow_reinstall"`
	Address        string  `bun:"address"` // joined by commas
}

func (r *tokenRow) token() Token {
	return Token{
		ID: r.ID, UsesLeft: r.UsesLeft, UsesMax: r.UsesMax, NotBefore: db.Time(r.NotBefore), CreatedAt: db.Time(r.CreatedAt),
		ExpiresAt: db.Time(r.ExpiresAt), RevokedAt: timeOf(r.RevokedAt), CreatedBy: r.CreatedBy,
		AllowReinstall: r.AllowReinstall, Addresses: strings.Split(r.Address, ","),
	}
}

// CreateToken makes an enrolment token and returns its printable form, which holds the secret and is kept nowhere, and what
// is kept of it. It works while another process runs the collector. Wrong options are an error of kind Invalid.
func (f *Fleet) CreateToken(ctx context.Context, o TokenOptions) (printable string, t Token, err error) {
	now := time.Now()
	if err := o.complete(now); err != nil {
		return "", Token{}, err
	}
	id, secret := TokenID(db.NewID()), newSecret()
	if printable, err = encodeToken(id, secret, f.ca.Pin(), o.Addresses); err != nil {
		return "", Token{}, err
	}
	row := &tokenRow{
		ID: id, SecretHash: secretHash(secret[:]), UsesLeft: o.Uses, UsesMax: o.Uses, NotBefore: o.NotBefore.UnixMilli(),
		CreatedAt: now.UnixMilli(), ExpiresAt: o.NotBefore.Add(o.TTL).UnixMilli(), CreatedBy: db.Text(o.CreatedBy),
		AllowReinstall: o.AllowReinstall, Address: strings.Join(o.Addresses, ","),
	}
	err = f.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.NewInsert().Model(row).Exec(ctx); err != nil {
			return fmt.Errorf("write token: %w", err)
		}
		f.opts.Audit(ctx, "token.create", string(id), map[string]any{
			"uses": o.Uses, "expires_at": db.Time(row.ExpiresAt).Format(time.RFC3339), "created_by": o.CreatedBy,
			"allow_reinstall": o.AllowReinstall,
		})
		return nil
	})
	if err != nil {
		return "", Token{}, err
	}
	return printable, row.token(), nil
}

// Tokens returns all tokens, the newest first. Those that expired 90 days ago are no longer kept.
func (f *Fleet) Tokens(ctx context.Context) ([]Token, error) {
	var rows []tokenRow
	if err := f.db.NewSelect().Model(&rows).OrderExpr("created_at DESC, id DESC").Scan(ctx); err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	list := make([]Token, len(rows))
	for i := range rows {
		list[i] = rows[i].token()
	}
	return list, nil
}

// RevokeToken makes a token useless; agents that were enrolled with it stay. Kinds: NotFound, Conflict when it was revoked
// before.
func (f *Fleet) RevokeToken(ctx context.Context, id TokenID) error {
	return f.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		row, err := tokenByID(ctx, tx, id)
		switch {
		case err != nil:
			return err
		case row == nil:
			return errs.New(errs.NotFound, "no token has the id %q", id)
		case row.RevokedAt != nil:
			return errs.New(errs.Conflict, "the token was revoked at %s", timeOf(row.RevokedAt).Format(time.RFC3339))
		}
		if _, err := tx.NewUpdate().Model((*tokenRow)(nil)).Set("revoked_at = ?", db.Now()).Where("id = ?", id).Exec(ctx); err != nil {
			return fmt.Errorf("revoke token %s: %w", id, err)
		}
		f.opts.Audit(ctx, "token.revoke", string(id), nil)
		return nil
	})
}

func tokenByID(ctx context.Context, q bun.IDB, id TokenID) (*tokenRow, error) {
	row := new(tokenRow)
	err := q.NewSelect().Model(row).Where("id = ?", id).Scan(ctx)
	if db.IsNoRows(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read token: %w", err)
	}
	return row, nil
}

// useToken spends one use of a token. That it is unknown and that its secret is wrong are the same to the caller.
func useToken(ctx context.Context, tx bun.Tx, id TokenID, secret []byte, now time.Time) (*tokenRow, error) {
	if !db.IsID(string(id)) || len(secret) != secretBytes {
		return nil, refusef(reasonTokenWrong, "the token is not one of this collector's")
	}
	row, err := tokenByID(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	var kept string
	if row != nil {
		kept = row.SecretHash
	}
	if subtle.ConstantTimeCompare([]byte(kept), []byte(secretHash(secret))) != 1 {
		return nil, refusef(reasonTokenWrong, "the token is not one of this collector's")
	}
	if err := row.refusal(now); err != nil {
		return nil, err
	}
	// The condition is what counts when several spend the last use: the row is locked from here on.
	res, err := tx.NewUpdate().Model((*tokenRow)(nil)).Set("uses_left = uses_left - 1").
		Where("id = ?", id).Where("uses_left > 0").Where("revoked_at IS NULL").Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("use token %s: %w", id, err)
	}
	switch n, err := res.RowsAffected(); {
	case err != nil:
		return nil, fmt.Errorf("use token %s: %w", id, err)
	case n == 0:
		return nil, usedUp(row)
	}
	return row, nil
}

// refusal says why the token is no good at now, nil when it is.
func (r *tokenRow) refusal(now time.Time) error {
	switch ms := now.UnixMilli(); {
	case r.RevokedAt != nil:
		return refusef(reasonTokenRevoked, "the token was revoked at %s", timeOf(r.RevokedAt).Format(time.RFC3339))
	case ms < r.NotBefore:
		return refusef(reasonTokenEarly, "the token is valid from %s on", db.Time(r.NotBefore).Format(time.RFC3339))
	case ms >= r.ExpiresAt:
		return refusef(reasonTokenExpired, "the token expired at %s; ask for a new one", db.Time(r.ExpiresAt).Format(time.RFC3339))
	case r.UsesLeft <= 0:
		return usedUp(r)
	}
	return nil
}

func usedUp(r *tokenRow) error {
	if r.UsesMax == 1 {
		return refusef(reasonTokenUsed, "the token was used already; ask for a new one")
	}
	return refusef(reasonTokenUsed, "all %d uses of the token are spent; ask for a new one", r.UsesMax)
}
