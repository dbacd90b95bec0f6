package access

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/internal/errs"
)

const (
	maxNameBytes = 64
	defaultPage  = 100
	maxPage      = 1000
)

// User is someone who can log in.
type User struct {
	ID                string
	Name              string // unique without regard to case
	Roles             Roles
	Disabled          bool
	CreatedAt         time.Time
	UpdatedAt         time.Time
	PasswordChangedAt time.Time
}

// NewUser is what CreateUser takes.
type NewUser struct {
	Name     string // letters, digits and . _ @ + -, at most 64
	Password string // at least MinPasswordChars characters, at most MaxPasswordBytes bytes
	Roles    Roles  // at least one
}

type userRow struct {
	bun.BaseModel     `bun:"table:users,alias:u"`
	ID                string `bun:",pk"`
	Name              string
	PasswordHash      string
	Roles             Roles
	Disabled          bool
	CreatedAt         int64
	UpdatedAt         int64
	PasswordChangedAt int64
}

func (r userRow) user() User {
	return User{
		ID: r.ID, Name: r.Name, Roles: r.Roles, Disabled: r.Disabled,
		CreatedAt: db.Time(r.CreatedAt), UpdatedAt: db.Time(r.UpdatedAt), PasswordChangedAt: db.Time(r.PasswordChangedAt),
	}
}

// CreateUser adds a user. Errors: Invalid with a field for each problem, Conflict when the name is taken.
func (s *Store) CreateUser(ctx context.Context, n NewUser) (User, error) {
	row, err := s.newUserRow(ctx, n)
	if err != nil {
		return User{}, err
	}
	err = s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error { return s.insertUser(ctx, tx, row) })
	if err != nil {
		return User{}, err
	}
	return row.user(), nil
}

// newUserRow checks n and hashes its password, outside of any transaction because that takes long.
func (s *Store) newUserRow(ctx context.Context, n NewUser) (*userRow, error) {
	var p errs.Problems
	p.AddErr("name", checkUserName(n.Name))
	p.AddErr("password", checkPassword(n.Password))
	roles, err := n.Roles.normal()
	p.AddErr("roles", err)
	if err := p.Err(); err != nil {
		return nil, err
	}
	hash, err := s.hasher.hash(ctx, n.Password)
	if err != nil {
		return nil, err
	}
	now := db.Now()
	return &userRow{ID: db.NewID(), Name: n.Name, PasswordHash: hash, Roles: roles, CreatedAt: now, UpdatedAt: now, PasswordChangedAt: now}, nil
}

func (s *Store) insertUser(ctx context.Context, tx bun.Tx, row *userRow) error {
	if _, err := tx.NewInsert().Model(row).Exec(ctx); err != nil {
		if db.IsUnique(err) {
			return errs.Wrap(errs.Conflict, err, "a user named %q exists", row.Name)
		}
		return fmt.Errorf("insert user: %w", err)
	}
	return s.Audit(ctx, Entry{Action: "user.create", TargetType: "user", TargetID: row.ID, Detail: map[string]any{"name": row.Name, "roles": row.Roles}})
}

// User returns the user with the id. Errors: NotFound.
func (s *Store) User(ctx context.Context, id string) (User, error) {
	row, err := s.userRow(ctx, s.db, id)
	return row.user(), err
}

// UserByName returns the user with the name, without regard to case. Errors: NotFound.
func (s *Store) UserByName(ctx context.Context, name string) (User, error) {
	row, err := s.userRowByName(ctx, name)
	return row.user(), err
}

// Users returns up to limit users by name, beginning after the name of the last page's last user, and whether more follow.
// A limit of 0 means 100.
func (s *Store) Users(ctx context.Context, after string, limit int) (users []User, more bool, err error) {
	limit = pageSize(limit)
	var rows []userRow
	err = s.db.NewSelect().Model(&rows).Where("lower(u.name) > ?", strings.ToLower(db.Text(after))).OrderExpr("lower(u.name)").Limit(int64(limit) + 1).Scan(ctx)
	if err != nil {
		return nil, false, fmt.Errorf("list users: %w", err)
	}
	users = make([]User, 0, min(len(rows), limit))
	for _, r := range rows[:min(len(rows), limit)] {
		users = append(users, r.user())
	}
	return users, len(rows) > limit, nil
}

// SetPassword gives the user a new password and ends all of its sessions. Errors: Invalid, NotFound.
func (s *Store) SetPassword(ctx context.Context, id, password string) error {
	var p errs.Problems
	p.AddErr("password", checkPassword(password))
	if err := p.Err(); err != nil {
		return err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	return s.changeUser(ctx, id, "user.set_password", func(ctx context.Context, row *userRow) (any, error) {
		row.PasswordHash = hash
		row.PasswordChangedAt = max(db.Now(), row.PasswordChangedAt+1)
		return nil, s.endSessions(ctx, id)
	})
}

// SetRoles replaces the user's roles. Its API tokens lose what it loses. Errors: Invalid, NotFound, Conflict when the last
// admin would be lost.
func (s *Store) SetRoles(ctx context.Context, id string, roles Roles) error {
	roles, err := roles.normal()
	if err != nil {
		var p errs.Problems
		p.AddErr("roles", err)
		return p.Err()
	}
	return s.changeUser(ctx, id, "user.set_roles", func(_ context.Context, row *userRow) (any, error) {
		detail := map[string]any{"from": row.Roles, "to": roles}
		row.Roles = roles
		return detail, nil
	})
}

// SetDisabled locks the user out, which ends its sessions and stops its API tokens at once, or lets it in again. Errors:
// NotFound, Conflict when the last admin would be lost.
func (s *Store) SetDisabled(ctx context.Context, id string, disabled bool) error {
	action := "user.enable"
	if disabled {
		action = "user.disable"
	}
	return s.changeUser(ctx, id, action, func(ctx context.Context, row *userRow) (any, error) {
		row.Disabled = disabled
		if !disabled {
			return nil, nil
		}
		return nil, s.endSessions(ctx, id)
	})
}

// changeUser changes one user and writes the audit entry with the detail that change returns.
func (s *Store) changeUser(ctx context.Context, id, action string, change func(context.Context, *userRow) (detail any, err error)) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		row, err := s.userRow(ctx, tx, id)
		if err != nil {
			return err
		}
		detail, err := change(ctx, &row)
		if err != nil {
			return err
		}
		row.UpdatedAt = db.Now()
		if _, err := tx.NewUpdate().Model(&row).WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("update user: %w", err)
		}
		if err := s.requireAdmin(ctx, tx); err != nil {
			return err
		}
		return s.Audit(ctx, Entry{Action: action, TargetType: "user", TargetID: id, Detail: detail})
	})
}

// DeleteUser removes the user with its sessions and API tokens. Errors: NotFound, Conflict when it is the last admin.
func (s *Store) DeleteUser(ctx context.Context, id string) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		row, err := s.userRow(ctx, tx, id)
		if err != nil {
			return err
		}
		if _, err := tx.NewDelete().Model(&row).WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("delete user: %w", err)
		}
		if err := s.requireAdmin(ctx, tx); err != nil {
			return err
		}
		return s.Audit(ctx, Entry{Action: "user.delete", TargetType: "user", TargetID: id, Detail: map[string]any{"name": row.Name}})
	})
}

// requireAdmin refuses a state without an admin who can log in.
func (s *Store) requireAdmin(ctx context.Context, tx bun.Tx) error {
	ok, err := hasAdmin(ctx, tx)
	if err == nil && !ok {
		return errs.New(errs.Conflict, "this is the last admin: give another user the role first")
	}
	return err
}

func hasAdmin(ctx context.Context, idb bun.IDB) (bool, error) {
	ok, err := idb.NewSelect().Model((*userRow)(nil)).Where("NOT u.disabled").Where("CAST(u.roles AS TEXT) LIKE ?", `%"`+string(Admin)+`"%`).Exists(ctx)
	if err != nil {
		return false, fmt.Errorf("look for an admin: %w", err)
	}
	return ok, nil
}

func (s *Store) userRow(ctx context.Context, idb bun.IDB, id string) (userRow, error) {
	var row userRow
	if !db.IsID(id) {
		return row, errs.New(errs.NotFound, "no such user")
	}
	err := idb.NewSelect().Model(&row).Where("u.id = ?", id).Scan(ctx)
	return row, userError(err)
}

func (s *Store) userRowByName(ctx context.Context, name string) (userRow, error) {
	var row userRow
	if checkUserName(name) != nil {
		return row, errs.New(errs.NotFound, "no such user")
	}
	err := s.db.NewSelect().Model(&row).Where("lower(u.name) = ?", strings.ToLower(name)).Scan(ctx)
	return row, userError(err)
}

func userError(err error) error {
	switch {
	case err == nil:
		return nil
	case db.IsNoRows(err):
		return errs.Wrap(errs.NotFound, err, "no such user")
	}
	return fmt.Errorf("read user: %w", err)
}

// checkUserName allows ASCII only, because the databases fold other letters differently, and no colon, which ends the name
// in Basic authentication.
func checkUserName(name string) error {
	if name == "" || len(name) > maxNameBytes {
		return errs.New(errs.Invalid, "must have 1 to %d characters", maxNameBytes)
	}
	for _, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && !strings.ContainsRune("._@+-", r) {
			return errs.New(errs.Invalid, "may hold letters, digits and . _ @ + -, not %q", r)
		}
	}
	return nil
}

func pageSize(limit int) int {
	if limit <= 0 {
		return defaultPage
	}
	return min(limit, maxPage)
}
