// Command picket is the operator's view of a collector: agents, tokens, items, PromQL. It talks to the REST API and to the
// Prometheus API over HTTP and knows nothing else; each verb has its file.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

var version = "dev" // set by the linker

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := newRoot(newApp()).ExecuteContext(ctx)
	if err != nil && ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "picket:", err)
		os.Exit(1)
	}
}

// app is what all commands share: the outside world, and the flags that every verb has.
type app struct {
	in  io.Reader
	env func(string) string
	now func() time.Time // in the zone that people read
	// terminal reports whether in is a person; password reads from it without echo.
	terminal func() bool
	password func() ([]byte, error)
	progress func() bool                                 // whether somebody watches standard error; nil means nobody
	exec     func(name string, args, env []string) error // does not return when all is well

	url      string
	caFile   string
	insecure bool
	output   string
}

func newApp() *app {
	stdin := int(os.Stdin.Fd())
	return &app{
		in: os.Stdin, env: os.Getenv, now: time.Now,
		terminal: func() bool { return term.IsTerminal(stdin) },
		password: func() ([]byte, error) { return term.ReadPassword(stdin) },
		exec:     replace,
		progress: func() bool { return term.IsTerminal(int(os.Stderr.Fd())) },
	}
}

// The forms of output.
const (
	asTable = "table"
	asJSON  = "json"
)

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "picket",
		Short: "Ask a Picket collector",
		Long: `Ask a Picket collector, at --url or PICKET_URL (` + defaultURL + `).

Who asks: PICKET_TOKEN (an API token), else PICKET_USER and PICKET_PASSWORD, else the
session that "picket login" made.`,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if a.output != asTable && a.output != asJSON {
				return fmt.Errorf("--output: %q is neither table nor json", a.output)
			}
			return nil
		},
	}
	f := root.PersistentFlags()
	f.StringVar(&a.url, "url", "", "where the collector is [PICKET_URL] (default "+defaultURL+")")
	f.StringVar(&a.caFile, "ca-file", "", "certificates, PEM, to trust for HTTPS beside the system's")
	f.BoolVar(&a.insecure, "insecure", false, "send credentials over plain HTTP to other hosts than this one")
	f.StringVarP(&a.output, "output", "o", asTable, "table for people, json for programs")
	// Only a flag that does not exist can fail here.
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{asTable, asJSON}, cobra.ShellCompDirectiveNoFileComp))
	_ = root.RegisterFlagCompletionFunc("url", cobra.NoFileCompletions)
	root.AddCommand(loginCommand(a), logoutCommand(a), agentsCommand(a), gapsCommand(a), classesCommand(a), demoCommand(a), duplicatesCommand(a), importCommand(a), itemsCommand(a), relationsCommand(a), queryCommand(a), queryRangeCommand(a), seriesCommand(a), statusCommand(a), tokensCommand(a))
	return root
}

// group returns a command that only has commands below it.
func group(name, short string) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short,
		Args: cobra.NoArgs, // so that a misspelt command is an error
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
}
