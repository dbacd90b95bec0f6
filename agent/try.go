package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/picketmon/picket/agent/inventory"
	"github.com/picketmon/picket/agent/schedule"
	"github.com/picketmon/picket/checks"
)

// Listed is a check as users see it in a list.
type Listed struct {
	Name, Help string
	On         bool
}

// List returns all checks and whether they run with this configuration.
func List(c Config) []Listed {
	on := map[string]bool{}
	for _, s := range c.Checks() {
		on[s.Name] = true
	}
	var out []Listed
	for _, s := range c.builtin() {
		out = append(out, Listed{s.Name, s.Help, on[s.Name]})
	}
	return out
}

// Try runs one check once, as the agent would, and prints what would be sent: series in the Prometheus text format, results, errors
// and what could not be collected as comments.
func Try(ctx context.Context, c Config, name string, logger *slog.Logger, out io.Writer) error {
	for _, spec := range c.builtin() {
		if spec.Name != name {
			continue
		}
		found, err := probe(ctx, spec, logger, out)
		for _, one := range inventory.Capabilities(inventory.ThisHost(c.ProcFS, c.SysFS), []inventory.Found{found}) {
			if !one.Available {
				fmt.Fprintf(out, "# CANNOT COLLECT %s: %s; %s\n", one.Name, one.Reason, remedy(one))
			}
		}
		return err
	}
	return fmt.Errorf("there is no check %q; picket-agent check list shows all", name)
}

// probe runs a check once, and returns what it found out and why it failed, if it did.
func probe(ctx context.Context, spec checks.Spec, logger *slog.Logger, out io.Writer) (inventory.Found, error) {
	check, err := spec.New()
	if err != nil {
		return inventory.Found{Check: spec.Name, Err: err}, fmt.Errorf("check %s does not run on this host: %w", spec.Name, err)
	}
	if c, ok := check.(io.Closer); ok {
		defer func() { _ = c.Close() }() // it has said what it had to say
	}
	p := &printer{out: out, describe: describe([]checks.Spec{spec}, []schedule.Job{{Check: check}})}
	s, err := schedule.New(schedule.Options{
		Jobs: []schedule.Job{{Name: spec.Name, Check: check, Timeout: 30 * time.Second}}, Sink: p, Logger: logger, Grace: 31 * time.Second,
	})
	if err != nil {
		return inventory.Found{Check: spec.Name, Err: err}, err
	}
	s.Once(ctx)
	st := s.Stats()[0]
	return inventory.Found{Check: spec.Name, Err: st.Err, Gaps: st.Gaps}, p.err
}

// printer is a Sink that prints.
type printer struct {
	out      io.Writer
	describe func(name string) (help, unit string)
	err      error
}

// Deliver implements schedule.Sink.
func (p *printer) Deliver(c schedule.Cycle) error {
	var b strings.Builder
	family := ""
	for _, r := range c.Readings {
		for i, s := range r.Layout.Series {
			if s.Name != family {
				family = s.Name
				if help, _ := p.describe(s.Name); help != "" {
					fmt.Fprintf(&b, "# HELP %s %s\n", s.Name, help)
				}
				fmt.Fprintf(&b, "# TYPE %s %s\n", s.Name, kindWord(s.Kind))
			}
			writeSeries(&b, s, r.Values[i], c.Time)
		}
	}
	for _, res := range c.Results {
		fmt.Fprintf(&b, "# RESULT %s %q %s: %s\n", res.Check, res.Resource, res.Status, res.Output)
		if res.Resource == "check" && res.Status != checks.OK {
			p.err = errors.New(res.Output)
		}
	}
	_, err := io.WriteString(p.out, b.String())
	return err
}

func writeSeries(b *strings.Builder, s schedule.Series, v float64, at time.Time) {
	b.WriteString(s.Name)
	for i := 0; i < len(s.Labels); i += 2 {
		sep := ","
		if i == 0 {
			sep = "{"
		}
		fmt.Fprintf(b, "%s%s=%q", sep, s.Labels[i], s.Labels[i+1])
	}
	if len(s.Labels) > 0 {
		b.WriteByte('}')
	}
	fmt.Fprintf(b, " %s %d\n", strconv.FormatFloat(v, 'g', -1, 64), at.UnixMilli())
}

func kindWord(k checks.Kind) string {
	switch k {
	case checks.KindGauge:
		return "gauge"
	case checks.KindCounter:
		return "counter"
	}
	return "untyped"
}
