package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/picketmon/picket/demo"
)

// endAll ends the supervisor, which ends its children, and then what is left of them.
func endAll(ctx context.Context, dir demo.Dir) error {
	now, err := readRunning(dir)
	if err != nil {
		return err
	}
	var problems []error
	if err := now.Supervisor.end(ctx, 2*patience); err != nil {
		problems = append(problems, err)
	}
	for _, c := range now.Children {
		if c.alive() {
			problems = append(problems, c.end(ctx, patience/2))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	if err := os.Remove(dir.Processes()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("forget the processes: %w", err)
	}
	return nil
}

// Stop ends the demo's processes. What was collected, the agents and their folders stay: Start goes on with them.
func Stop(ctx context.Context, folder string, out io.Writer) error {
	dir, _, err := existing(folder)
	if err != nil {
		return err
	}
	now, err := readRunning(dir)
	if err != nil {
		return err
	}
	if err := endAll(ctx, dir); err != nil {
		return err
	}
	if now.Supervisor.PID == 0 {
		fmt.Fprintln(out, "The demo does not run.")
		return nil
	}
	fmt.Fprintln(out, "The demo is stopped. \"picket demo start\" goes on, \"picket demo clear\" deletes all that is of it.")
	return nil
}

// ClearOptions say how the demo is deleted.
type ClearOptions struct {
	Dir   string
	Local bool // only what is here: the collector is gone
	Env   func(string) string
	Out   io.Writer
}

// Clear ends the demo, deletes its agents and series at the collector, and its folder.
func Clear(ctx context.Context, o ClearOptions) error {
	dir, plan, err := existing(o.Dir)
	if err != nil {
		return err
	}
	var c *client
	if !o.Local {
		if c, err = newClient(o.Env); err != nil {
			return err
		}
		if c.base != plan.URL {
			return fmt.Errorf("the demo reports to %s, not to %s: give that address, or --local to delete only what is here", plan.URL, c.base)
		}
		if err := c.may(ctx, "delete series", "admin"); err != nil {
			return err
		}
	}
	if err := endAll(ctx, dir); err != nil {
		return err
	}
	if c != nil {
		if err := c.forget(ctx, plan); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(string(dir)); err != nil {
		return fmt.Errorf("delete the demo's folder: %w", err)
	}
	fmt.Fprintln(o.Out, "Nothing is left of the demo.")
	return nil
}

// forget deletes the demo's agents, then all series that are marked or come from its agents.
func (c *client) forget(ctx context.Context, plan demo.Plan) error {
	match := url.Values{"match[]": {fmt.Sprintf("{%s=%q}", demo.Label, demo.LabelValue)}}
	var instances []string
	for _, h := range demo.Hosts() {
		m, ok := plan.Agents[h.Name]
		if !ok {
			continue
		}
		instances = append(instances, m.Instance)
		path := "/api/v1/agents/" + url.PathEscape(m.ID)
		err := c.do(ctx, http.MethodPost, path+"/revoke", nil, map[string]string{"reason": "the demo was cleared"}, nil)
		if status := statusOf(err); err != nil && status != http.StatusNotFound && status != http.StatusConflict {
			return err
		}
		if err := c.do(ctx, http.MethodDelete, path, nil, nil, nil); err != nil && statusOf(err) != http.StatusNotFound {
			return err
		}
	}
	if len(instances) > 0 {
		match.Add("match[]", fmt.Sprintf("{instance=~%q}", anyOf(instances)))
	}
	return c.do(ctx, http.MethodPost, "/prometheus/api/v1/admin/tsdb/delete_series", match, nil, nil)
}

// BreakIt begins a break.
func BreakIt(folder, name string, out io.Writer) error {
	b, err := demo.ParseBreak(name)
	if err != nil {
		return err
	}
	return change(folder, func(all demo.Breaks) {
		if !all.Begin(b, time.Now()) {
			fmt.Fprintf(out, "%s is broken already, since %s.\n", b, all[b].Since.Format(time.TimeOnly))
			return
		}
		for _, k := range demo.BreakKinds() {
			if k.Break == b {
				fmt.Fprintf(out, "%s, on %s: %s.\n\"picket demo heal %[1]s\" ends it.\n", b, k.Host, k.Help)
			}
		}
	})
}

// Heal ends the named breaks, all without a name.
func Heal(folder string, names []string, out io.Writer) error {
	var kinds []demo.Break
	for _, n := range names {
		b, err := demo.ParseBreak(n)
		if err != nil {
			return err
		}
		kinds = append(kinds, b)
	}
	return change(folder, func(all demo.Breaks) {
		if len(kinds) == 0 {
			if kinds = all.Lasting(); len(kinds) == 0 {
				fmt.Fprintln(out, "Nothing is broken.")
			}
		}
		for _, k := range kinds {
			if all.Heal(k, time.Now()) {
				fmt.Fprintf(out, "%s is healed.\n", k)
			} else {
				fmt.Fprintf(out, "%s is not broken.\n", k)
			}
		}
	})
}

func change(folder string, f func(demo.Breaks)) error {
	dir, _, err := existing(folder)
	if err != nil {
		return err
	}
	all, err := dir.ReadBreaks()
	if err != nil {
		return err
	}
	f(all)
	return dir.WriteBreaks(all)
}
