package access

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/internal/errs"
)

// Lives of login links.
const (
	DefaultLinkTTL = 10 * time.Minute
	MaxLinkTTL     = 24 * time.Hour
)

const linksPerUser = 20 // the oldest end first

// LoginLink lets whoever holds its secret sign in as a user, once.
type LoginLink struct {
	ID        string
	UserID    string
	CreatedAt time.Time
	ExpiresAt time.Time
}

type linkRow struct {
	bun.BaseModel `bun:"table:login_links,alias:l"`
	ID            string `bun:",pk"`
	SecretHash    string
	UserID        string
	CreatedAt     int64
	ExpiresAt     int64
}

// CreateLoginLink makes a link for the user and returns its secret, which cannot be had again. Only admins may: whoever has
// it is the user. The user's links end with a change of the password and when it is disabled. Errors: Invalid, NotFound, Denied.
func (s *Store) CreateLoginLink(ctx context.Context, userID string, ttl time.Duration) (secret string, _ LoginLink, err error) {
	if ttl < time.Second || ttl > MaxLinkTTL {
		return "", LoginLink{}, errs.New(errs.Invalid, "a login link is good for 1s to 24h, not for %s", ttl)
	}
	if !From(ctx).Allows(Admin) {
		return "", LoginLink{}, errs.New(errs.Denied, "only admins may make login links")
	}
	secret = newSecret(linkPrefix)
	now := db.Now()
	row := linkRow{ID: db.NewID(), SecretHash: hashSecret(secret), UserID: userID, CreatedAt: now, ExpiresAt: now + ttl.Milliseconds()}
	if err := s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error { return s.insertLink(ctx, tx, row) }); err != nil {
		return "", LoginLink{}, err
	}
	return secret, LoginLink{ID: row.ID, UserID: row.UserID, CreatedAt: db.Time(row.CreatedAt), ExpiresAt: db.Time(row.ExpiresAt)}, nil
}

func (s *Store) insertLink(ctx context.Context, tx bun.Tx, row linkRow) error {
	user, err := s.userRow(ctx, tx, row.UserID)
	if err != nil {
		return err
	}
	if user.Disabled {
		return errs.New(errs.Invalid, "user %s is disabled and cannot sign in", user.Name)
	}
	if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
		return fmt.Errorf("insert login link: %w", err)
	}
	newest := tx.NewSelect().Model((*linkRow)(nil)).Column("id").Where("user_id = ?", user.ID).OrderExpr("id DESC").Limit(linksPerUser)
	if _, err := tx.NewDelete().Model((*linkRow)(nil)).Where("user_id = ?", user.ID).Where("id NOT IN (?)", newest).Exec(ctx); err != nil {
		return fmt.Errorf("end oldest login links: %w", err)
	}
	return s.Audit(ctx, Entry{
		Action: "login_link.create", TargetType: "login_link", TargetID: row.ID,
		Detail: map[string]any{"user": user.Name, "expires_at": db.Time(row.ExpiresAt)},
	})
}

// LoginByLink uses up a login link and starts a session of its user, as Login does. Errors: Unauthenticated when the link was
// used, is too old or never was; TooMany (see RetryAfter), Unavailable.
func (g *Guard) LoginByLink(r *http.Request, secret string) (sessionSecret string, _ Session, err error) {
	addr := g.RemoteAddr(r)
	if err := g.limitedAddr(addr, (*limiter).take); err != nil {
		return "", Session{}, err
	}
	sessionSecret, session, err := g.store.useLink(r.Context(), secret, addr, r.UserAgent())
	if errs.Is(err, errs.Unauthenticated) {
		g.store.metrics.failures.WithLabelValues(failedLink).Inc()
		g.logger.Warn("login link refused", "remote_addr", addr)
		return "", Session{}, err
	}
	g.addrs.restore(addrKey(addr), time.Now())
	return sessionSecret, session, err
}

// useLink deletes the link and starts the session in one transaction, so that of two who come at once one gets in.
func (s *Store) useLink(ctx context.Context, secret, remoteAddr, userAgent string) (sessionSecret string, session Session, err error) {
	refusal := errs.New(errs.Unauthenticated, "this link was used or is too old; make a new one with picket-collector login-link")
	if secretKind(secret) != linkPrefix {
		return "", Session{}, refusal
	}
	err = s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		var used []linkRow
		_, err := tx.NewDelete().Model((*linkRow)(nil)).Where("secret_hash = ?", hashSecret(secret)).Where("expires_at > ?", db.Now()).
			Returning("id, user_id").Exec(ctx, &used)
		if err != nil {
			return fmt.Errorf("use login link: %w", err)
		}
		if len(used) != 1 {
			return refusal
		}
		user, err := s.userRow(ctx, tx, used[0].UserID)
		if err != nil {
			return err
		}
		if user.Disabled {
			return refusal
		}
		ctx = With(ctx, Principal{UserID: user.ID, Name: user.Name, Roles: user.Roles, Kind: KindUser, RemoteAddr: remoteAddr})
		sessionSecret, session, err = s.startSession(ctx, tx, user, newSession{remoteAddr: remoteAddr, userAgent: userAgent, link: used[0].ID})
		return err
	})
	if err != nil {
		return "", Session{}, err
	}
	return sessionSecret, session, nil
}

// endLinks makes the user's login links useless, in the transaction of ctx.
func (s *Store) endLinks(ctx context.Context, userID string) error {
	if _, err := s.db.NewDelete().Model((*linkRow)(nil)).Where("user_id = ?", userID).Exec(ctx); err != nil {
		return fmt.Errorf("end login links: %w", err)
	}
	return nil
}
