// Command picket-demo is the demo shop: it starts, breaks, heals and ends it, and is its supervisor and all of its services. Under
// the name of a service it is that service. People call it as "picket demo", which tells it the collector and who asks.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/picketmon/picket/demo"
	"github.com/picketmon/picket/demo/control"
	"github.com/picketmon/picket/demo/shop"
)

var version = "dev" // set by the linker

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	name := filepath.Base(os.Args[0])
	err := run(ctx, name, newRoot())
	stop()
	if err != nil {
		if name == "picket-demo" {
			name = "picket demo"
		}
		fmt.Fprintln(os.Stderr, name+":", err)
		os.Exit(1)
	}
}

// run is a service when this program is called like one, else a command.
func run(ctx context.Context, name string, command *cobra.Command) error {
	if !slices.ContainsFunc(demo.Hosts(), func(h demo.Host) bool { return h.Service == name }) {
		return command.ExecuteContext(ctx)
	}
	if len(os.Args) != 3 {
		return errors.New("a service is started by the demo: \"picket demo start\"")
	}
	return shop.Run(ctx, shop.Options{Dir: demo.Dir(os.Args[1]), Host: os.Args[2]})
}

func newRoot() *cobra.Command {
	var dir string
	root := &cobra.Command{
		Use:   "picket-demo",
		Short: "A shop to watch, to break and to heal",
		Long: `The demo shop: a load generator, a web, two apps and a store, on loopback, each on a simulated
host of its own that a real agent watches. All its series are marked demo="true".

The collector and who asks come from the environment as "picket demo" sets it: ` + control.EnvURL + `,
` + control.EnvToken + `, or ` + control.EnvUser + ` and ` + control.EnvPassword + `.`,
		Version: version, SilenceUsage: true, SilenceErrors: true,
		Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: "picket demo"},
	}
	root.PersistentFlags().StringVar(&dir, "dir", "var/demo", "the demo's folder")
	root.AddCommand(startCommand(&dir), statusCommand(&dir), breakCommand(&dir), healCommand(&dir), stopCommand(&dir), clearCommand(&dir),
		historyCommand(), superviseCommand(&dir))
	return root
}

func startCommand(dir *string) *cobra.Command {
	var o control.StartOptions
	c := &cobra.Command{
		Use: "start", Short: "Start the demo, and wait until the collector knows its hosts", Args: cobra.NoArgs,
		Long: `Starts the demo in the background and returns when the collector has its hosts' metrics. It needs
an operator or admin, to enrol agents. A demo that runs is left alone.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Dir, o.Env, o.Out = *dir, os.Getenv, cmd.OutOrStdout()
			return control.Start(cmd.Context(), o)
		},
	}
	c.Flags().BoolVar(&o.History, "history", false, "import a week of invented past, with a deploy and an outage")
	c.Flags().DurationVar(&o.Interval, "interval", 5*time.Second, "how often services, hosts and agents measure")
	c.Flags().Uint64Var(&o.Seed, "seed", 1, "another seed, another noise")
	c.Flags().StringVar(&o.AgentAddress, "agent-address", "", "where the demo's agents connect, host:port, instead of what the collector tells")
	return c
}

func statusCommand(dir *string) *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show processes, agents and breaks", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return control.Status(cmd.Context(), *dir, cmd.OutOrStdout())
		},
	}
}

// breaks lists the breaks for help and completion.
func breaks() (names []string, help string) {
	var b strings.Builder
	for _, k := range demo.BreakKinds() {
		names = append(names, cobra.CompletionWithDesc(string(k.Break), k.Help))
		fmt.Fprintf(&b, "  %-8s %s: %s\n", k.Break, k.Host, k.Help)
	}
	return names, b.String()
}

func breakCommand(dir *string) *cobra.Command {
	names, help := breaks()
	return &cobra.Command{
		Use: "break NAME", Short: "Break the shop in one of several ways", Long: "Breaks the shop:\n\n" + help,
		Args: cobra.ExactArgs(1), ValidArgs: names,
		RunE: func(cmd *cobra.Command, args []string) error {
			return control.BreakIt(*dir, args[0], cmd.OutOrStdout())
		},
	}
}

func healCommand(dir *string) *cobra.Command {
	names, _ := breaks()
	return &cobra.Command{
		Use: "heal [NAME…]", Short: "End a break, or all", ValidArgs: names,
		RunE: func(cmd *cobra.Command, args []string) error {
			return control.Heal(*dir, args, cmd.OutOrStdout())
		},
	}
}

func stopCommand(dir *string) *cobra.Command {
	return &cobra.Command{
		Use: "stop", Short: "End the demo's processes; what was collected stays", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return control.Stop(cmd.Context(), *dir, cmd.OutOrStdout())
		},
	}
}

func clearCommand(dir *string) *cobra.Command {
	var local bool
	c := &cobra.Command{
		Use: "clear", Short: "End the demo and delete all that is of it: agents, series, folder", Args: cobra.NoArgs,
		Long: `Ends the demo, deletes its agents and their series at the collector, every other series that is
marked demo="true", and the demo's folder. It needs an admin.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return control.Clear(cmd.Context(), control.ClearOptions{Dir: *dir, Local: local, Env: os.Getenv, Out: cmd.OutOrStdout()})
		},
	}
	c.Flags().BoolVar(&local, "local", false, "delete only what is here, as the collector is gone")
	return c
}

func historyCommand() *cobra.Command {
	var (
		o     control.HistoryOptions
		until string
	)
	c := &cobra.Command{
		Use: "history", Short: "Write a week of the shop's invented past into a file", Args: cobra.NoArgs,
		Long: `Writes a week of the shop's invented past in the OpenMetrics format, about 1 GB, for
"picket import openmetrics". It needs no collector.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Out, o.Until = cmd.ErrOrStderr(), time.Now()
			if until != "" {
				at, err := time.Parse(time.RFC3339, until)
				if err != nil {
					return fmt.Errorf("--until: %q is not a time like 2026-11-22T12:00:00Z", until)
				}
				o.Until = at
			}
			return control.WriteHistory(o)
		},
	}
	c.Flags().StringVar(&o.File, "out", "", "the file; - is standard output")
	c.Flags().StringVar(&until, "until", "", "when the week ends; now without it")
	c.Flags().Uint64Var(&o.Seed, "seed", 1, "another seed, another noise")
	// Only a flag that does not exist can fail here.
	_ = c.MarkFlagRequired("out")
	return c
}

func superviseCommand(dir *string) *cobra.Command {
	return &cobra.Command{
		Use: "supervise", Short: "Keep the demo running, in the foreground", Args: cobra.NoArgs, Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			folder, err := control.FolderOf(*dir)
			if err != nil {
				return err
			}
			programs, err := control.FindPrograms()
			if err != nil {
				return err
			}
			out, err := demo.OpenLogFile(folder.Log())
			if err != nil {
				return err
			}
			err = control.Supervise(cmd.Context(), folder, programs, slog.New(slog.NewTextHandler(out, nil)))
			return errors.Join(err, out.Close())
		},
	}
}
