// Command picket-agent is the host agent: it measures this host and delivers to a collector.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/picketmon/picket/agent"
	"github.com/picketmon/picket/internal/conf"
)

var version = "dev" // set by the linker

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newRoot().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "picket-agent:", err)
		os.Exit(1)
	}
}

// app is what all commands share.
type app struct {
	config   agent.Config
	settings *conf.Set
	file     string
}

func newRoot() *cobra.Command {
	a := &app{}
	a.settings = agent.Settings(&a.config)
	root := &cobra.Command{
		Use:           "picket-agent",
		Short:         "Measure this host and deliver to a Picket collector",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().StringVar(&a.file, "config", "", "configuration file, YAML [PICKET_AGENT_CONFIG]")
	a.settings.AddFlags(root.PersistentFlags())
	root.AddCommand(runCommand(a), enrollCommand(a), statusCommand(a), doctorCommand(a), checkCommand(a), inventoryCommand(a))
	return root
}

// load reads the configuration and makes the logger. The token leaves the environment, so that nothing started later inherits it.
func (a *app) load() (*slog.Logger, error) {
	if a.file == "" {
		a.file = os.Getenv("PICKET_AGENT_CONFIG")
	}
	if err := a.settings.Load(a.file, os.LookupEnv); err != nil {
		return nil, fmt.Errorf("configuration:\n%w", err)
	}
	if err := os.Unsetenv(a.settings.EnvName("token")); err != nil {
		return nil, fmt.Errorf("clear token from the environment: %w", err)
	}
	if err := a.config.Validate(); err != nil {
		return nil, fmt.Errorf("configuration:\n%w", err)
	}
	return conf.Logger(os.Stderr, a.config.LogLevel, a.config.LogFormat)
}

func (a *app) agent() (*agent.Agent, error) {
	logger, err := a.load()
	if err != nil {
		return nil, err
	}
	return agent.New(agent.Options{Config: a.config, Version: version, Logger: logger})
}
