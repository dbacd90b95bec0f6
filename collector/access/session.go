package access

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/internal/errs"
)

// Lives of sessions.
const (
	SessionIdle = 12 * time.Hour     // without a request
	SessionMax  = 7 * 24 * time.Hour // in any case
)

const (
	sessionsPerUser   = 50 // the oldest end first
	maxUserAgentBytes = 256
)

// Session is one login.
type Session struct {
	ID         string
	UserID     string
	CreatedAt  time.Time
	ExpiresAt  time.Time
	LastSeenAt time.Time // up to a minute late
	RemoteAddr string
	UserAgent  string
}

type sessionRow struct {
	bun.BaseModel `bun:"table:sessions,alias:s"`
	ID            string `bun:",pk"`
	TokenHash     string
	UserID        string
	CreatedAt     int64
	ExpiresAt     int64
	LastSeenAt    int64
	RemoteAddr    string
	UserAgent     string
}

func (r sessionRow) session() Session {
	return Session{
		ID: r.ID, UserID: r.UserID, CreatedAt: db.Time(r.CreatedAt), ExpiresAt: db.Time(r.ExpiresAt), LastSeenAt: db.Time(r.LastSeenAt),
		RemoteAddr: r.RemoteAddr, UserAgent: r.UserAgent,
	}
}

// newSession is what a session is started with beside its user.
type newSession struct {
	remoteAddr, userAgent string
	link                  string // the id of the login link that was used, or empty
}

// createSession starts a session of the user whose password hash is still the one that was checked.
func (s *Store) createSession(ctx context.Context, user userRow, n newSession) (secret string, session Session, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		current, err := s.userRow(ctx, tx, user.ID)
		if err != nil {
			return err
		}
		if current.Disabled || current.PasswordHash != user.PasswordHash {
			return errs.New(errs.Unauthenticated, "the user changed during the login, try again")
		}
		secret, session, err = s.startSession(ctx, tx, user, n)
		return err
	})
	if err != nil {
		return "", Session{}, err
	}
	return secret, session, nil
}

// startSession starts a session of the user in the transaction tx.
func (s *Store) startSession(ctx context.Context, tx bun.Tx, user userRow, n newSession) (secret string, _ Session, err error) {
	secret = newSecret(sessionPrefix)
	now := db.Now()
	if len(n.userAgent) > maxUserAgentBytes {
		n.userAgent = n.userAgent[:maxUserAgentBytes]
	}
	row := sessionRow{
		ID: db.NewID(), TokenHash: hashSecret(secret), UserID: user.ID, CreatedAt: now, ExpiresAt: now + SessionIdle.Milliseconds(),
		LastSeenAt: now, RemoteAddr: n.remoteAddr, UserAgent: db.Text(n.userAgent),
	}
	if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
		return "", Session{}, fmt.Errorf("insert session: %w", err)
	}
	newest := tx.NewSelect().Model((*sessionRow)(nil)).Column("id").Where("user_id = ?", user.ID).OrderExpr("id DESC").Limit(sessionsPerUser)
	if _, err := tx.NewDelete().Model((*sessionRow)(nil)).Where("user_id = ?", user.ID).Where("id NOT IN (?)", newest).Exec(ctx); err != nil {
		return "", Session{}, fmt.Errorf("end oldest sessions: %w", err)
	}
	detail := map[string]any{"user": user.Name}
	if n.link != "" {
		detail["login_link"] = n.link
	}
	if err := s.Audit(ctx, Entry{Action: "session.create", TargetType: "session", TargetID: row.ID, Detail: detail}); err != nil {
		return "", Session{}, err
	}
	return secret, row.session(), nil
}

// Sessions returns the user's live sessions, the newest first.
func (s *Store) Sessions(ctx context.Context, userID string) ([]Session, error) {
	var rows []sessionRow
	err := s.db.NewSelect().Model(&rows).Where("s.user_id = ?", db.Text(userID)).Where("s.expires_at > ?", db.Now()).OrderExpr("s.id DESC").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	out := make([]Session, 0, len(rows))
	for _, r := range rows {
		out = append(out, r.session())
	}
	return out, nil
}

// EndSession ends a session; only its user and admins may. Errors: NotFound, Denied.
func (s *Store) EndSession(ctx context.Context, id string) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		var row sessionRow
		err := tx.NewSelect().Model(&row).Where("s.id = ?", db.Text(id)).Scan(ctx)
		if db.IsNoRows(err) {
			return errs.Wrap(errs.NotFound, err, "no such session")
		}
		if err != nil {
			return fmt.Errorf("read session: %w", err)
		}
		if err := ownerOrAdmin(ctx, row.UserID); err != nil {
			return err
		}
		if _, err := tx.NewDelete().Model(&row).WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("end session: %w", err)
		}
		return s.Audit(ctx, Entry{Action: "session.end", TargetType: "session", TargetID: id})
	})
}

// endSessions ends all sessions and login links of the user, in the transaction of ctx.
func (s *Store) endSessions(ctx context.Context, userID string) error {
	if _, err := s.db.NewDelete().Model((*sessionRow)(nil)).Where("user_id = ?", userID).Exec(ctx); err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	return s.endLinks(ctx, userID)
}

// ownerOrAdmin refuses principals that are neither the user nor an admin.
func ownerOrAdmin(ctx context.Context, userID string) error {
	p := From(ctx)
	if p.Allows(Admin) || (p.UserID == userID && (p.Kind == KindUser || p.Kind == KindToken)) {
		return nil
	}
	return errs.New(errs.Denied, "only its owner and admins may do that")
}
