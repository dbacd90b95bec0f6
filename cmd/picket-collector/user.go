package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/picketmon/picket/collector/access"
)

// maxPassword bounds what is read as a password.
const maxPassword = 4096

func userCommand(a *app) *cobra.Command {
	c := &cobra.Command{Use: "user", Short: "Mend access from the collector's own machine"}
	c.AddCommand(&cobra.Command{
		Use: "passwd NAME", Short: "Set a user's password, read from the terminal or standard input", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			admin, err := a.admin(cmd.Context())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, admin.Close()) }()
			ctx := access.With(cmd.Context(), access.System("command line"))
			u, err := admin.Access.UserByName(ctx, args[0])
			if err != nil {
				return err
			}
			password, err := readPassword(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return admin.Access.SetPassword(ctx, u.ID, password)
		},
	})
	return c
}

func readPassword(prompt io.Writer) (string, error) {
	if term.IsTerminal(int(os.Stdin.Fd())) {
		fmt.Fprint(prompt, "new password: ")
		raw, err := term.ReadPassword(int(os.Stdin.Fd()))
		fmt.Fprintln(prompt)
		if err != nil {
			return "", fmt.Errorf("read password: %w", err)
		}
		return string(raw), nil
	}
	raw, err := io.ReadAll(io.LimitReader(os.Stdin, maxPassword))
	if err != nil {
		return "", fmt.Errorf("read password: %w", err)
	}
	return strings.TrimRight(string(raw), "\r\n"), nil
}
