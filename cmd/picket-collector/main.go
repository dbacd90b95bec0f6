// Command picket-collector is the collector: agents deliver to it, users ask it.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/picketmon/picket/collector"
	"github.com/picketmon/picket/collector/config"
	"github.com/picketmon/picket/internal/conf"
)

var version = "dev" // set by the linker

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newRoot().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "picket-collector:", err)
		os.Exit(1)
	}
}

// app is what all commands share.
type app struct {
	config   config.Config
	settings *conf.Set
	file     string
}

func newRoot() *cobra.Command {
	a := &app{}
	a.settings = config.Settings(&a.config)
	root := &cobra.Command{
		Use:           "picket-collector",
		Short:         "Take what agents deliver, store it, answer for it",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().StringVar(&a.file, "config", "", "configuration file, YAML [PICKET_COLLECTOR_CONFIG]")
	a.settings.AddFlags(root.PersistentFlags())
	root.AddCommand(runCommand(a), tokenCommand(a), userCommand(a), loginLinkCommand(a))
	return root
}

// load reads the configuration and makes the logger. The first admin's password comes from the environment only and leaves it.
func (a *app) load() (*slog.Logger, error) {
	if a.file == "" {
		a.file = os.Getenv("PICKET_COLLECTOR_CONFIG")
	}
	if err := a.settings.Load(a.file, os.LookupEnv); err != nil {
		return nil, fmt.Errorf("configuration:\n%w", err)
	}
	a.config.AdminPassword = os.Getenv("PICKET_ADMIN_PASSWORD")
	if err := os.Unsetenv("PICKET_ADMIN_PASSWORD"); err != nil {
		return nil, fmt.Errorf("clear password from the environment: %w", err)
	}
	if err := a.config.Validate(); err != nil {
		return nil, fmt.Errorf("configuration:\n%w", err)
	}
	return conf.Logger(os.Stderr, a.config.LogLevel, a.config.LogFormat)
}

// admin opens the stores beside a collector that may be running. Only what goes wrong is logged.
func (a *app) admin(ctx context.Context) (*collector.Admin, error) {
	a.config.LogLevel = "warn"
	logger, err := a.load()
	if err != nil {
		return nil, err
	}
	return collector.OpenAdmin(ctx, a.config, logger)
}

func runCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Serve agents and users until stopped",
		Long:  "Serves until stopped. PICKET_ADMIN_PASSWORD sets the password of the user admin while there is no admin; otherwise one is generated.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger, err := a.load()
			if err != nil {
				return err
			}
			c, err := collector.New(cmd.Context(), collector.Options{
				Config: a.config, Version: version, Logger: logger,
				Notice:   func(format string, args ...any) { fmt.Fprintf(cmd.ErrOrStderr(), format+"\n", args...) },
				Terminal: term.IsTerminal(int(os.Stderr.Fd())),
			})
			if err != nil {
				return err
			}
			return c.Run(cmd.Context())
		},
	}
}
