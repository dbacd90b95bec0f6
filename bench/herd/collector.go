//go:build linux

package herd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/picketmon/picket/collector"
	"github.com/picketmon/picket/collector/config"
	"github.com/picketmon/picket/collector/fleet"
)

// maxAgents is how many agents the token of a collector is good for.
const maxAgents = 10_000

// AdminPassword is the password of the user admin.
const AdminPassword = "bench-admin-password"

// URL is the line that a Collector answers with its HTTP address.
const URL = "url"

// Collector is the role of a whole collector with its stores in dir. It is ready with the token for the herd, and
// answers URL with its address and the name of one of its own metrics with the sum of its values.
func Collector(dir string, serve Serve) error {
	var c config.Config
	given := map[string]string{"DATA_DIR": dir, "HTTP_ADDR": "127.0.0.1:0", "GRPC_ADDR": "127.0.0.1:0"}
	if err := config.Settings(&c).Load("", func(name string) (string, bool) {
		v, ok := given[strings.TrimPrefix(name, "PICKET_COLLECTOR_")]
		return v, ok
	}); err != nil {
		return err
	}
	c.AdminPassword = AdminPassword
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	col, err := collector.New(ctx, collector.Options{Config: c, Version: "bench", Logger: logger, Notice: func(string, ...any) {}})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- col.Run(ctx) }()
	token, err := newToken(ctx, c, logger)
	if err == nil {
		url := "http://" + col.HTTPAddr()
		err = serve(token, func(line string) (string, error) {
			if line == URL {
				return url, nil
			}
			return metric(ctx, url+"/metrics", line)
		})
	}
	cancel()
	return errors.Join(err, <-ended)
}

func newToken(ctx context.Context, c config.Config, logger *slog.Logger) (string, error) {
	admin, err := collector.OpenAdmin(ctx, c, logger)
	if err != nil {
		return "", err
	}
	token, _, err := admin.Fleet.CreateToken(ctx, fleet.TokenOptions{Uses: maxAgents, Addresses: []string{admin.Address}})
	if err != nil {
		return "", errors.Join(fmt.Errorf("make token: %w", err), admin.Close())
	}
	return token, admin.Close()
}

// metric adds up the values of one of the collector's own metrics.
func metric(ctx context.Context, url, name string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	req.SetBasicAuth("admin", AdminPassword)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	sum := 0.0
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		rest, ok := strings.CutPrefix(lines.Text(), name)
		if fields := strings.Fields(rest); ok && len(fields) > 0 && strings.IndexAny(rest, " {") == 0 {
			v, err := strconv.ParseFloat(fields[len(fields)-1], 64)
			if err != nil {
				return "", err
			}
			sum += v
		}
	}
	return strconv.FormatFloat(sum, 'f', -1, 64), nil
}
