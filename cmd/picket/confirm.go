package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// confirm asks a person before something that cannot be undone. Programs are not asked, and nobody is who said yes already.
func (a *app) confirm(cmd *cobra.Command, yes bool, question string) error {
	if yes || !a.terminal() {
		return nil
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s [y/N] ", question)
	line, _ := bufio.NewReader(io.LimitReader(a.in, maxLine)).ReadString('\n')
	if line = strings.ToLower(strings.TrimSpace(line)); line != "y" && line != "yes" {
		return errors.New("nothing was done")
	}
	return nil
}
