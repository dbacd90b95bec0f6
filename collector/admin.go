package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/config"
	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/fleet"
)

// Admin works on the stores of a collector from beside it: before, during and after its run.
type Admin struct {
	Fleet  *fleet.Fleet
	Access *access.Store
	// Address is where agents connect, URL where people do, as far as is known.
	Address, URL string

	db *db.DB
}

// OpenAdmin opens the stores that the configuration names.
func OpenAdmin(ctx context.Context, c config.Config, logger *slog.Logger) (a *Admin, err error) {
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	d, err := db.Open(ctx, db.Options{DataDir: c.DataDir, URL: c.DatabaseURL, Logger: logger})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	ca, err := openCA(c, logger)
	if err != nil {
		return nil, err
	}
	a = &Admin{db: d}
	if a.Access, err = access.NewStore(access.Options{DB: d, Logger: logger}); err != nil {
		return nil, err
	}
	if a.Fleet, err = fleet.New(fleet.Options{DB: d, CA: ca, Logger: logger, Audit: auditFleet(a.Access, logger)}); err != nil {
		return nil, err
	}
	if a.Address, err = remembered(ctx, d, addressKey); err != nil {
		return nil, err
	}
	if a.Address == "" || c.AdvertiseAddr != "" {
		a.Address = advertised(c)
	}
	if a.URL, err = remembered(ctx, d, urlKey); err != nil {
		return nil, err
	}
	if a.URL == "" {
		a.URL = siteURL(c, c.HTTPAddr)
	}
	return a, nil
}

// Close closes the stores.
func (a *Admin) Close() error { return a.db.Close() }
