package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// maxLine bounds what is read as a name or password.
const maxLine = 4096

func loginCommand(a *app) *cobra.Command {
	var user, link string
	c := &cobra.Command{
		Use:   "login",
		Short: "Sign in and keep the session for the next calls",
		Long: `Signs in with a password, read without echo from the terminal or as a line of standard
input. The session is kept for this URL in a file that only you can read; it ends after
12 hours without use, after 7 days, or with "picket logout".

With --link the sign-in link that "picket-collector login-link" printed takes the place
of the password, and says where the collector is. "--link -" reads it from standard input.`,
		Example: "  picket login --url https://picket.example.com --user ada\n  picket login --user admin < password-file\n" +
			"  picket-collector login-link --data-dir var/collector | picket login --link -",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if link != "" {
				return a.loginByLink(cmd, link)
			}
			c, err := a.anonymous()
			if err != nil {
				return err
			}
			user, password, err := a.askWho(cmd.ErrOrStderr(), c.base.String(), cmp.Or(user, a.env("PICKET_USER")))
			if err != nil {
				return err
			}
			return a.login(cmd, c, "/api/v1/login", map[string]any{"name": user, "password": password, "bearer": true})
		},
	}
	c.Flags().StringVar(&user, "user", "", "your name; asked for on a terminal [PICKET_USER]")
	c.Flags().StringVar(&link, "link", "", "a sign-in link instead of a name and password; - reads it from standard input")
	c.MarkFlagsMutuallyExclusive("link", "user")
	return c
}

// loginByLink signs in with a link, at the collector that it names.
func (a *app) loginByLink(cmd *cobra.Command, link string) error {
	if cmd.Flags().Changed("url") {
		return errors.New("the link says where the collector is: leave out --url")
	}
	if link == "-" {
		line, err := bufio.NewReader(io.LimitReader(a.in, maxLine)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read link: %w", err)
		}
		link = line
	}
	site, secret, _ := strings.Cut(strings.TrimSpace(link), "/sign-in#link=")
	if site == "" || secret == "" {
		return errors.New(`that is no sign-in link: it looks like ` + defaultURL + `/sign-in#link=…, and "picket-collector login-link" prints one`)
	}
	a.url = site
	c, err := a.anonymous()
	if err != nil {
		return err
	}
	return a.login(cmd, c, "/api/v1/login-link", map[string]any{"secret": secret, "bearer": true})
}

// askWho completes name and password from the terminal, or the password from standard input.
func (a *app) askWho(out io.Writer, url, user string) (name, password string, err error) {
	in := bufio.NewReader(io.LimitReader(a.in, 2*maxLine))
	if user == "" {
		if !a.terminal() {
			return "", "", errors.New("whose password is it? Give --user or PICKET_USER")
		}
		fmt.Fprintf(out, "user at %s: ", url)
		line, err := in.ReadString('\n')
		if user = strings.TrimSpace(line); err != nil && user == "" {
			return "", "", errors.New("no user name was given")
		}
	}
	if a.terminal() {
		fmt.Fprintf(out, "password of %s: ", user)
		raw, err := a.password()
		fmt.Fprintln(out)
		if err != nil {
			return "", "", fmt.Errorf("read password: %w", err)
		}
		return user, string(raw), nil
	}
	line, err := in.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", "", fmt.Errorf("read password: %w", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", "", errors.New("standard input holds no password")
	}
	return user, line, nil
}

// login asks for a session and keeps it.
func (a *app) login(cmd *cobra.Command, c *client, path string, body map[string]any) error {
	var made struct {
		Token string
		User  struct {
			Name  string
			Roles []string
		}
	}
	if _, err := c.do(cmd.Context(), http.MethodPost, path, body, &made); err != nil {
		return err
	}
	former, err := a.logins()
	if err != nil {
		return err
	}
	url := c.base.String()
	if err := a.keep(url, login{User: made.User.Name, Token: made.Token}); err != nil {
		return err
	}
	if old, ok := former[url]; ok {
		c.forget(cmd.Context(), old)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "signed in to %s as %s (%s)\n", url, made.User.Name, strings.Join(made.User.Roles, ", "))
	return nil
}

// forget ends a session that nobody has use for any more, if that goes quickly: it ends by itself anyway.
func (c *client) forget(ctx context.Context, l login) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	c.credential = credential{source: fromLogin, token: l.Token}
	_, _ = c.do(ctx, http.MethodPost, "/api/v1/logout", nil, nil)
}
