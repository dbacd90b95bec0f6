package access

import (
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/uptrace/bun"
)

// The first admin's name, and the file in the data folder that keeps a generated password.
const (
	AdminName         = "admin"
	AdminPasswordFile = "admin-password"
)

// EnsureAdmin makes the user "admin" while no admin who can log in exists; otherwise it does nothing. An empty password
// means that one is generated: it is kept in dataDir/admin-password, readable by its owner, and returned to be printed once.
// Errors: Invalid for a bad password, Conflict when "admin" exists without being an admin who can log in.
func (s *Store) EnsureAdmin(ctx context.Context, password, dataDir string) (generated bool, _ string, err error) {
	ctx = With(ctx, System("first start"))
	ok, err := hasAdmin(ctx, s.db)
	if err != nil || ok {
		return false, "", err
	}
	generated = password == ""
	if generated {
		password = strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(randomBytes(15)))
	}
	row, err := s.newUserRow(ctx, NewUser{Name: AdminName, Password: password, Roles: Roles{Admin}})
	if err != nil {
		return false, "", fmt.Errorf("make first admin: %w", err)
	}
	made := false
	err = s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		made = false
		if ok, err := hasAdmin(ctx, tx); err != nil || ok {
			return err
		}
		if err := s.insertUser(ctx, tx, row); err != nil {
			return err
		}
		made = true
		if !generated {
			return nil
		}
		// Before the commit: an admin whose password nobody knows would lock everyone out.
		return keepPassword(dataDir, password)
	})
	if err != nil || !made {
		return false, "", err
	}
	return generated, password, nil
}

func keepPassword(dir, password string) (err error) {
	f, err := os.CreateTemp(dir, AdminPasswordFile+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("keep the generated admin password: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("keep the generated admin password: %w", errors.Join(err, os.Remove(f.Name())))
		}
	}()
	if _, err := f.WriteString(password + "\n"); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(dir, AdminPasswordFile))
}
