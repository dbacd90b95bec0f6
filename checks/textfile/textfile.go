// Package textfile reports what other programs wrote into files: jobs that run now and then, scripts, services without a
// port. It reads the files of one folder whose names end in .prom, in the Prometheus text format, as node_exporter's collector
// of the same name does, and makes their series with names, labels and types as written, and about the files
// node_textfile_mtime_seconds and node_textfile_scrape_error. A file is taken or left out as a whole: timestamps, doubled
// series and a missing last newline are errors that name file and line, and do not spoil the other files.
package textfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/picketmon/picket/checks"
	"github.com/picketmon/picket/checks/hostfs"
)

// Bounds on what is read. A check may report no more series than maxSeries anyway.
const (
	maxFiles  = 1000
	maxBytes  = 4 << 20 // of one file
	maxSeries = 20_000  // of all files
)

// Options say where the files are. With an empty Dir there is nothing to measure.
type Options struct {
	Dir string
}

// Spec describes the check. It is off while no folder is set.
func Spec(o Options) checks.Spec {
	return checks.Spec{
		Name: "textfile",
		Help: "Metrics that other programs write into files.",
		Metrics: []checks.Metric{
			{Name: "node_textfile_mtime_seconds", Kind: checks.KindGauge, Unit: "seconds", Help: "Unixtime mtime of textfiles successfully read."},
			{Name: "node_textfile_scrape_error", Kind: checks.KindGauge, Help: "1 if there was an error opening or reading a file, 0 otherwise"},
		},
		Off: o.Dir == "",
		New: func() (checks.Check, error) { return &check{dir: o.Dir}, nil },
	}
}

type check struct {
	dir   string
	files []*file // of the last run, by name
	buf   []byte
	clash hostfs.Problems // between files

	mu       sync.Mutex
	families map[string]checks.Metric // by the name of their series
}

// Run implements checks.Check.
func (c *check) Run(ctx context.Context, r checks.Reporter) error {
	if c.dir == "" {
		return checks.ErrNoData
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	var problems hostfs.Problems
	changed, err := c.scan(ctx, &problems)
	if err != nil {
		r.Gauge("node_textfile_scrape_error", 1)
		return err
	}
	if changed {
		c.merge()
	}
	problems.Add(c.clash.Err())
	c.report(r, problems.Err() != nil)
	return problems.Err()
}

// scan reads the files that are new or different, and tells whether the set of series or what is said of them is another.
func (c *check) scan(ctx context.Context, problems *hostfs.Problems) (changed bool, err error) {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return false, fmt.Errorf("list text files: %w", err)
	}
	before := c.files
	c.files = make([]*file, 0, len(before))
	series := 0
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".prom") || e.IsDir() {
			continue
		}
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if len(c.files) == maxFiles {
			problems.Add(fmt.Errorf("there are more than %d text files in %s: the rest is left out", maxFiles, c.dir))
			break
		}
		f := &file{path: filepath.Join(c.dir, e.Name())}
		for ; len(before) > 0 && before[0].path <= f.path; before = before[1:] {
			if before[0].path == f.path {
				f = before[0]
			} else {
				changed = true
			}
		}
		differs, err := f.load(&c.buf, maxSeries-series)
		changed = changed || differs
		if errors.Is(err, fs.ErrNotExist) && e.Type()&os.ModeSymlink == 0 {
			continue // it is gone since the folder was read
		}
		series += len(f.samples)
		problems.Add(err)
		c.files = append(c.files, f)
	}
	return changed || len(before) > 0, nil
}

// merge finds what two files both say, where the first file counts, and what is known of each metric.
func (c *check) merge() {
	c.clash = hostfs.Problems{}
	families, origin := map[string]checks.Metric{}, map[string]*file{}
	owner := map[string]bool{}
	for _, f := range c.files {
		for i := range f.samples {
			s := &f.samples[i]
			if s.left = !c.agree(f, s, families, origin); s.left {
				continue
			}
			key := s.key()
			if s.left = owner[key]; s.left {
				c.clash.Add(fmt.Errorf("%s: series %s is in another file too", f.path, s.text))
			}
			owner[key] = true
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.families = families
}

// agree notes what the sample's file says of its metric, and reports whether that fits to what an earlier file says of it.
func (c *check) agree(f *file, s *sample, families map[string]checks.Metric, origin map[string]*file) bool {
	m, known := families[s.name]
	if known && origin[s.name] == f {
		return true
	}
	own := f.describe(s)
	if !known {
		if own.Help == "" {
			own.Help = "Metric read from " + f.path
		}
		families[s.name], origin[s.name] = own, f
		return true
	}
	if m.Kind != s.kind {
		c.clash.Add(fmt.Errorf("%s: %s has another type in %s", f.path, s.name, origin[s.name].path))
		return false
	}
	if own.Help != "" && own.Help != m.Help {
		c.clash.Add(fmt.Errorf("%s: the help text of %s is another in %s", f.path, s.name, origin[s.name].path))
	}
	return true
}

func (c *check) report(r checks.Reporter, bad bool) {
	for _, f := range c.files {
		for i := range f.samples {
			s := &f.samples[i]
			switch {
			case s.left:
			case s.kind == checks.KindCounter:
				r.Counter(s.name, s.value, s.labels...)
			case s.kind == checks.KindGauge:
				r.Gauge(s.name, s.value, s.labels...)
			default:
				r.Untyped(s.name, s.value, s.labels...)
			}
		}
	}
	for _, f := range c.files {
		if f.err == nil {
			r.Gauge("node_textfile_mtime_seconds", float64(f.info.ModTime().Unix()), "file", strings.ToValidUTF8(f.path, "�"))
		}
	}
	failed := 0.0
	if bad {
		failed = 1
	}
	r.Gauge("node_textfile_scrape_error", failed)
}

// Describe implements checks.Describer.
func (c *check) Describe(name string) (checks.Metric, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m, ok := c.families[name]
	return m, ok
}
