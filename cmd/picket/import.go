package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const importPath = "/api/v1/imports/openmetrics"

// imported is what became of a text.
type imported struct {
	Samples    int       `json:"samples"`
	Series     int       `json:"series"`
	Blocks     int       `json:"blocks"`
	MinTime    time.Time `json:"min_time"`
	MaxTime    time.Time `json:"max_time"`
	TooOld     int       `json:"too_old"`
	Duplicates int       `json:"duplicates"`
	Exemplars  int       `json:"exemplars"`
}

func importCommand(a *app) *cobra.Command {
	c := group("import", "Take samples and items that were written elsewhere")
	c.AddCommand(importOpenMetricsCommand(a), importItemsCommand(a))
	return c
}

func importOpenMetricsCommand(a *app) *cobra.Command {
	var labels []string
	c := &cobra.Command{
		Use:   "openmetrics FILE",
		Short: "Store the samples of an OpenMetrics text, whatever their age",
		Long: `Stores the samples of an OpenMetrics text, plain or packed with gzip; - is standard input.
Each sample needs a timestamp, and the last line is # EOF: it is what
"promtool tsdb create-blocks-from openmetrics" takes. All of it is stored, or nothing: if
something is wrong, the problems are told by their lines. What is stored already may come
again. Samples that are older than the collector's retention are left out.`,
		Example: "  picket import openmetrics history.txt\n" +
			"  picket import openmetrics history.txt.gz --label demo=true --label instance=web1\n" +
			"  promtool tsdb dump-openmetrics data | picket import openmetrics -",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("which file? Give one, or - for standard input, as in: picket import openmetrics history.txt")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			query := url.Values{}
			for _, l := range labels {
				if name, value, ok := strings.Cut(l, "="); !ok || name == "" || value == "" {
					return fmt.Errorf("--label: %q is not name=value", l)
				}
				query.Add("label", l)
			}
			c, err := a.connect()
			if err != nil {
				return err
			}
			text, err := a.openText(args[0])
			if err != nil {
				return err
			}
			defer text.file.Close()
			return a.importText(cmd, c, query, text)
		},
	}
	c.Flags().StringArrayVar(&labels, "label", nil, "name=value to set on every series, in place of a label of that name; may be given several times")
	// Only a flag that does not exist can fail here.
	_ = c.RegisterFlagCompletionFunc("label", cobra.NoFileCompletions)
	return c
}

// text is what is to be imported.
type text struct {
	file   io.ReadCloser
	r      *bufio.Reader
	size   int64 // -1 when unknown
	packed bool
}

func (a *app) openText(name string) (*text, error) {
	t := &text{size: -1}
	if name == "-" {
		t.file = io.NopCloser(a.in)
	} else {
		f, err := os.Open(name)
		if err != nil {
			return nil, fileError(err)
		}
		info, err := f.Stat()
		if err == nil && info.IsDir() {
			err = fmt.Errorf("%s is a folder", name)
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if t.file = f; info.Mode().IsRegular() {
			t.size = info.Size()
		}
	}
	t.r = bufio.NewReaderSize(t.file, 256<<10)
	begin, _ := t.r.Peek(2) // what is shorter is no gzip
	t.packed = string(begin) == "\x1f\x8b"
	return t, nil
}

// fileError says what is wrong with a file without the name of a system call.
func fileError(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s: %w", e.Path, e.Err)
	}
	return err
}

func (a *app) importText(cmd *cobra.Command, c *client, query url.Values, t *text) error {
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	p := newSending(cmd.ErrOrStderr(), t.size, !t.packed, a.progress != nil && a.progress())
	var done imported
	raw, err := c.upload(ctx, importPath, "application/openmetrics-text; version=1.0.0; charset=utf-8", query, &sent{t.r, p}, t, &done)
	begun := p.end()
	if no, ok := errors.AsType[*refusal](err); ok && len(no.problems) > 0 {
		return refusedText(no)
	} else if err != nil && !ok && begun {
		return fmt.Errorf("%w\nAll of the text is stored, or nothing; it does no harm to import it again", err)
	} else if err != nil {
		return err
	}
	return a.print(cmd.OutOrStdout(), raw, func(out io.Writer) error {
		_, err := io.WriteString(out, a.importedText(done))
		return err
	})
}

// importedText says what became of a text.
func (a *app) importedText(i imported) string {
	var b strings.Builder
	if i.Samples == 0 {
		b.WriteString("nothing was stored: the text has no samples that are young enough\n")
	} else {
		fmt.Fprintf(&b, "stored %s of %s, %s to %s\n", count(i.Samples, "sample", "samples"), count(i.Series, "series", "series"),
			a.clock(i.MinTime), a.clock(i.MaxTime))
	}
	for _, left := range []struct {
		n   int
		why string
	}{
		{i.TooOld, "older than the collector keeps samples"},
		{i.Duplicates, "twice in the text"},
	} {
		if left.n > 0 {
			fmt.Fprintf(&b, "left out %s: %s\n", count(left.n, "sample", "samples"), left.why)
		}
	}
	if i.Exemplars > 0 {
		fmt.Fprintf(&b, "left out %s: they are not stored\n", count(i.Exemplars, "exemplar", "exemplars"))
	}
	return b.String()
}

// upload sends a text, however long it takes, and decodes the answer into v.
func (c *client) upload(ctx context.Context, path, kind string, query url.Values, body io.Reader, t *text, v any) ([]byte, error) {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base.String()+path, body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	r.ContentLength = t.size
	r.Header.Set("Content-Type", kind)
	if t.packed {
		r.Header.Set("Content-Encoding", "gzip")
	}
	// So that a refusal comes before the text is sent.
	r.Header.Set("Expect", "100-continue")
	patient := *c.http
	patient.Timeout = 0
	c = &client{base: c.base, credential: c.credential, http: &patient}
	return c.send(r, v)
}

// refusedText tells each problem on a line of its own.
func refusedText(no *refusal) error {
	lines := make([]string, len(no.problems))
	for i, p := range no.problems {
		lines[i] = "\n  " + clean(p.Field) + ": " + clean(p.Message)
	}
	return errors.New("nothing was stored, the collector refuses the text:" + strings.Join(lines, ""))
}
