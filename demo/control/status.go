package control

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/picketmon/picket/demo"
)

// Status says how the demo is.
func Status(ctx context.Context, folder string, out io.Writer) error {
	dir, plan, err := existing(folder)
	if err != nil {
		return err
	}
	now, err := readRunning(dir)
	if err != nil {
		return err
	}
	breaks, err := dir.ReadBreaks()
	if err != nil {
		return err
	}
	if !now.Supervisor.alive() {
		fmt.Fprintf(out, "The demo in %s does not run. \"picket demo start\" starts it.\n", dir)
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "The demo runs for %s.\n\n", since(now.Supervisor.Started))
	fmt.Fprintf(w, "  hosts\t%s/hosts\n  the shop\thttp://%s/\n  folder\t%s\n  log\t%s\n\n", plan.URL, plan.Address("shop-web-1"), dir, dir.Log())
	programs, err := FindPrograms()
	if err != nil {
		return err
	}
	fmt.Fprintln(w, "HOST\tPROCESS\tPID\tUP\tSTARTS\tSTATE")
	for _, c := range now.Children {
		state := "runs"
		switch {
		case !c.alive():
			state = "ended"
		case c.Name == "picket-agent":
			state = connected(ctx, dir, programs.Agent, c.Host)
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%d\t%s\n", c.Host, c.Name, c.PID, since(c.Started), c.Starts, state)
	}
	fmt.Fprintln(w, "\nBREAK\tHOST\tSTATE\tWHAT IT DOES")
	for _, k := range demo.BreakKinds() {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", k.Break, k.Host, stateOf(breaks, k.Break), k.Help)
	}
	return w.Flush()
}

func connected(ctx context.Context, dir demo.Dir, program, host string) string {
	a, err := askAgent(ctx, dir, program, host)
	switch {
	case err != nil:
		return "does not answer"
	case a.Collector.Connected:
		return "delivers as " + a.Instance
	}
	return "not connected: " + a.Collector.LastError
}

func stateOf(all demo.Breaks, b demo.Break) string {
	s, ok := all[b]
	switch {
	case all.On(b):
		return "BROKEN for " + since(s.Since)
	case ok:
		return "healed " + since(s.Until) + " ago"
	}
	return "well"
}

func since(t time.Time) string { return time.Since(t).Round(time.Second).String() }
