package control

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/picketmon/picket/demo"
	"github.com/picketmon/picket/demo/sim"
)

// HistoryOptions say which history is written.
type HistoryOptions struct {
	File  string // - is standard output
	Until time.Time
	Seed  uint64
	Out   io.Writer // messages
}

// WriteHistory writes a week of the shop's past into a file in the OpenMetrics format, as if the collector had got it from agents that
// are called like their hosts.
func WriteHistory(o HistoryOptions) error {
	plan, p := demo.Plan{}, sim.PastOf(o.Until)
	began := time.Now()
	samples, err := sim.WritePast(p, o.Seed, p.To.Sub(p.From), labelsOf(plan), func(_, _ time.Time) (io.WriteCloser, error) {
		if o.File == "-" {
			return keepOpen{os.Stdout}, nil
		}
		return os.OpenFile(o.File, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	})
	if err != nil {
		return fmt.Errorf("write history: %w", err)
	}
	fmt.Fprintf(o.Out, "%d samples from %s to %s in %s\n", samples, p.From.Format(time.DateTime), p.To.Format(time.DateTime), time.Since(began).Round(time.Millisecond))
	return nil
}

// keepOpen is a file that others close.
type keepOpen struct{ *os.File }

// Close implements io.Closer.
func (keepOpen) Close() error { return nil }

// labelsOf returns the labels with which the collector marks a host's series.
func labelsOf(plan demo.Plan) func(host string) []string {
	return func(host string) []string { return []string{"instance", plan.Instance(host), "job", "node"} }
}

// importHistory lets picket import the past day by day.
func (s *starter) importHistory(ctx context.Context) error {
	began := time.Now()
	past := sim.PastOf(s.plan.Started)
	fmt.Fprintf(s.Out, "Importing the week before %s: a deploy of the app at %s, the store down from %s to %s.\n", past.To.Format(time.DateTime),
		past.Deploy.Format("Mon 15:04"), past.OutageBegin.Format("Mon 15:04"), past.OutageEnd.Format("15:04"))
	samples, err := sim.WritePast(past, s.plan.Seed, 24*time.Hour, labelsOf(s.plan), func(from, _ time.Time) (io.WriteCloser, error) {
		fmt.Fprintf(s.Out, "  %s\n", from.Format("Mon 2006-01-02"))
		return s.importer(ctx)
	})
	if err != nil {
		return fmt.Errorf("import history: %w", err)
	}
	s.plan.History = true
	fmt.Fprintf(s.Out, "Imported %d samples in %s.\n", samples, time.Since(began).Round(time.Second))
	return s.dir.WritePlan(s.plan)
}

// importer is a running picket import openmetrics: what is written to it is imported when it is closed.
type importer struct {
	io.WriteCloser
	cmd *exec.Cmd
	out bytes.Buffer
}

// importer starts picket import openmetrics, which finds the collector and who asks in the environment.
func (s *starter) importer(ctx context.Context) (io.WriteCloser, error) {
	args := []string{"import", "openmetrics", "-", "--url", s.client.base}
	if ca := s.Env(EnvCAFile); ca != "" {
		args = append(args, "--ca-file", ca)
	}
	if s.Env(EnvInsecure) != "" {
		args = append(args, "--insecure")
	}
	i := &importer{cmd: exec.CommandContext(ctx, s.programs.Picket, args...)}
	i.cmd.Stdout, i.cmd.Stderr = &i.out, &i.out
	var err error
	if i.WriteCloser, err = i.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start picket import: %w", err)
	}
	if err := i.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start picket import: %w", err)
	}
	return i, nil
}

// Close implements io.Closer.
func (i *importer) Close() error {
	err := i.WriteCloser.Close()
	if ended := i.cmd.Wait(); ended != nil {
		return fmt.Errorf("%w: %s", ended, lastLine(i.out.Bytes()))
	}
	return err
}

func lastLine(out []byte) string {
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	return string(lines[len(lines)-1])
}
