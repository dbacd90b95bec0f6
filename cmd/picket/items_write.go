package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"
)

// assignments reads name=value; without a value the attribute is taken back.
func assignments(args []string) (map[string]any, error) {
	values := map[string]any{}
	for _, text := range args {
		name, value, ok := strings.Cut(text, "=")
		if _, twice := values[name]; !ok || name == "" || twice {
			return nil, fmt.Errorf("%q is not name=value, or stands there twice", text)
		}
		values[name] = nil
		if value != "" {
			values[name] = value
		}
	}
	return values, nil
}

func itemsCreateCommand(a *app) *cobra.Command {
	var on string
	c := &cobra.Command{
		Use:   "create CLASS name=NAME [ATTRIBUTE=VALUE…]",
		Short: "Add an item by hand",
		Long: `Adds an item by hand. It is not looked whether there is such an item already: "picket import
items" does that.`,
		Example: "  picket items create cmdb_ci_lb name=lb1 serial_number=F5-77 location=\"Berlin 2\"\n  picket items create cmdb_ci_disk name=sdz --on web1",
		Args:    cobra.MinimumNArgs(1),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return a.completeClasses(cmd, args, typed)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			values, err := assignments(args[1:])
			if err != nil {
				return err
			}
			c, err := a.connect()
			if err != nil {
				return err
			}
			body := map[string]any{"class": args[0], "attributes": values}
			if on != "" {
				if body["host"], err = c.itemID(cmd.Context(), on); err != nil {
					return err
				}
			}
			var made item
			raw, err := c.do(cmd.Context(), http.MethodPost, itemsPath, body, &made)
			if err != nil {
				return err
			}
			return a.print(cmd.OutOrStdout(), raw, func(out io.Writer) error {
				_, err := fmt.Fprintf(out, "created %s (%s, %s)\n", clean(made.Name), clean(made.ClassLabel), made.ID)
				return err
			})
		},
	}
	c.Flags().StringVar(&on, "on", "", "what it hangs on: a name or an id")
	_ = c.RegisterFlagCompletionFunc("on", cobra.NoFileCompletions) // only a flag that does not exist can fail here
	return c
}

func itemsSetCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "set NAME|ID ATTRIBUTE=VALUE…",
		Short: "Write attributes of an item by hand",
		Long: `Writes attributes of an item by hand. It counts as the word of the source Manual Entry:
whether it wins over other sources the rules of reconciliation say. ATTRIBUTE= takes back what people said.`,
		Example:           "  picket items set web1 support_group=web environment=production",
		Args:              cobra.MinimumNArgs(2),
		ValidArgsFunction: a.completeItems,
		RunE: func(cmd *cobra.Command, args []string) error {
			values, err := assignments(args[1:])
			if err != nil {
				return err
			}
			c, err := a.connect()
			if err != nil {
				return err
			}
			path, err := c.itemPath(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			var now itemDetail
			raw, err := c.do(cmd.Context(), http.MethodPatch, path, map[string]any{"attributes": values}, &now)
			if err != nil {
				return err
			}
			for name, v := range values {
				text, _ := v.(string)
				if v != nil && now.Attributes[name] != text && len(now.Words[name]) > 0 && now.Words[name][0].Source != "Manual Entry" {
					fmt.Fprintf(cmd.ErrOrStderr(), "%s stays %s: the word of %s goes before what people say\n", name, clean(now.Attributes[name]), clean(now.Words[name][0].Source))
				}
			}
			return a.print(cmd.OutOrStdout(), raw, func(out io.Writer) error {
				_, err := fmt.Fprintf(out, "changed %s (%s)\n", clean(now.Name), now.ID)
				return err
			})
		},
	}
}

func itemsDeleteCommand(a *app) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "delete NAME|ID",
		Short: "Delete an item, its relations and what hangs on it",
		Long: `Deletes an item, its relations and what hangs on it. Its history stays, under its id. What
sources still see comes back with their next report. On a terminal it asks first.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeItems,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			path, err := c.itemPath(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if err := a.confirm(cmd, yes, fmt.Sprintf("Delete %s, its relations and what hangs on it?", args[0])); err != nil {
				return err
			}
			if _, err := c.do(cmd.Context(), http.MethodDelete, path, nil, nil); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "deleted item %s (%s)\n", clean(args[0]), strings.TrimPrefix(path, itemsPath+"/"))
			return nil
		},
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return c
}
