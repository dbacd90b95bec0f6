package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// demoProgram is what does the work, beside this program.
const demoProgram = "picket-demo"

// demoOnline are the verbs of the demo that ask the collector; the others need nobody to be signed in.
var demoOnline = []string{"start", "clear"}

func demoCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "demo start|status|break|heal|stop|clear",
		Short: "Start a shop to watch, break it, heal it, delete it",
		Long: `Hands over to ` + demoProgram + `, which stands beside this program; "picket demo --help" shows its help.
The collector's address and the credential go through the environment.`,
		ValidArgs:          []string{"start", "status", "break", "heal", "stop", "clear", "history"},
		DisableFlagParsing: true, // the flags are the demo's
		RunE: func(cmd *cobra.Command, args []string) error {
			args, err := ownFlags(cmd.InheritedFlags(), args)
			if err != nil {
				return err
			}
			env, err := a.demoEnvironment(len(args) > 0 && slices.Contains(demoOnline, args[0]) && !slices.Contains(args, "--local"))
			if err != nil {
				return err
			}
			return a.exec(demoProgram, args, env)
		},
	}
}

// ownFlags sets the flags that are ours and returns the rest of the arguments.
func ownFlags(ours *pflag.FlagSet, args []string) (rest []string, err error) {
	for i := 0; i < len(args); i++ {
		name, value, given := strings.Cut(strings.TrimPrefix(args[i], "--"), "=")
		f := ours.Lookup(name)
		if f == nil || !strings.HasPrefix(args[i], "--") {
			rest = append(rest, args[i])
			continue
		}
		if !given && f.NoOptDefVal != "" {
			value, given = f.NoOptDefVal, true
		}
		if !given {
			if i++; i == len(args) {
				return nil, fmt.Errorf("flag needs an argument: --%s", name)
			}
			value = args[i]
		}
		if err := ours.Set(name, value); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// demoEnvironment is ours with the collector's address, and with the credential when the demo needs one.
func (a *app) demoEnvironment(online bool) ([]string, error) {
	base, err := a.baseURL()
	if err != nil {
		return nil, err
	}
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return slices.ContainsFunc([]string{"PICKET_URL=", "PICKET_TOKEN=", "PICKET_USER=", "PICKET_PASSWORD="}, func(p string) bool {
			return strings.HasPrefix(v, p)
		})
	})
	env = append(env, "PICKET_URL="+base.String())
	if !online {
		return env, nil
	}
	c, err := a.connect()
	if err != nil {
		return nil, err
	}
	if c.credential.token != "" {
		env = append(env, "PICKET_TOKEN="+c.credential.token)
	} else {
		env = append(env, "PICKET_USER="+c.credential.user, "PICKET_PASSWORD="+c.credential.password)
	}
	if a.caFile != "" {
		env = append(env, "PICKET_DEMO_CA_FILE="+a.caFile)
	}
	if a.insecure {
		env = append(env, "PICKET_DEMO_INSECURE=1")
	}
	return env, nil
}

// replace lets a program from the folder of this one take this one's place.
func replace(name string, args, env []string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	if real, err := filepath.EvalSymlinks(self); err == nil {
		self = real
	}
	file := filepath.Join(filepath.Dir(self), name)
	if _, err := os.Stat(file); err != nil {
		return fmt.Errorf("%s is missing beside %s: \"make build\" builds it", name, self)
	}
	err = syscall.Exec(file, append([]string{name}, args...), env)
	if errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("%s is for Linux and other Unix systems", name)
	}
	return fmt.Errorf("%s: %w", name, err)
}
