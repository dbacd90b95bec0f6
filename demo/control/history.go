package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
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

// importHistory writes the past day by day, and lets picket import each.
func (s *starter) importHistory(ctx context.Context) error {
	began := time.Now()
	past := sim.PastOf(s.plan.Started)
	fmt.Fprintf(s.Out, "Importing the week before %s: a deploy of the app at %s, the store down from %s to %s.\n", past.To.Format(time.DateTime),
		past.Deploy.Format("Mon 15:04"), past.OutageBegin.Format("Mon 15:04"), past.OutageEnd.Format("15:04"))
	samples, err := sim.WritePast(past, s.plan.Seed, 24*time.Hour, labelsOf(s.plan), func(from, _ time.Time) (io.WriteCloser, error) {
		f, err := os.CreateTemp(string(s.dir), "history-*.om")
		return &day{File: f, importIt: func(file string) error {
			fmt.Fprintf(s.Out, "  %s\n", from.Format("Mon 2006-01-02"))
			return s.importFile(ctx, file)
		}}, err
	})
	if err != nil {
		return fmt.Errorf("import history: %w", err)
	}
	s.plan.History = true
	fmt.Fprintf(s.Out, "Imported %d samples in %s.\n", samples, time.Since(began).Round(time.Second))
	return s.dir.WritePlan(s.plan)
}

// day is a file of one day, which is imported and deleted when it is written.
type day struct {
	*os.File
	importIt func(file string) error
}

// Close implements io.Closer.
func (d *day) Close() error {
	err := d.File.Close()
	if err == nil {
		err = d.importIt(d.Name())
	}
	return errors.Join(err, os.Remove(d.Name()))
}

// importFile runs picket import openmetrics, which finds the collector and who asks in the environment.
func (s *starter) importFile(ctx context.Context, file string) error {
	args := []string{"import", "openmetrics", file, "--url", s.client.base}
	if ca := s.Env(EnvCAFile); ca != "" {
		args = append(args, "--ca-file", ca)
	}
	if s.Env(EnvInsecure) != "" {
		args = append(args, "--insecure")
	}
	cmd := exec.CommandContext(ctx, s.programs.Picket, args...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(s.programs.Picket), err, lastLine(out))
	}
	return nil
}

func lastLine(out []byte) string {
	end := len(out)
	for end > 0 && out[end-1] == '\n' {
		end--
	}
	begin := end
	for begin > 0 && out[begin-1] != '\n' {
		begin--
	}
	return string(out[begin:end])
}
