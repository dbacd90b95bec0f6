package textfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/picketmon/picket/checks"
)

// settled is how long a file must have been left alone for its time of change to tell that it is the same: file systems count
// in milliseconds or worse.
const settled = 2 * time.Second

// file is a text file and what was found in it. While it stays the same it is not read again; while its series stay the same,
// reading it again makes no new strings.
type file struct {
	path     string
	info     fs.FileInfo
	read     time.Time
	err      error // why it is left out
	samples  []sample
	families map[string]*family // by name
}

// sample is one line. Its strings are parts of text, so that they cost memory once.
type sample struct {
	text   string // metric and labels as written
	name   string
	kind   checks.Kind
	labels []string // pairs, names ascending, without empty values
	value  float64
	left   bool // left out, as another file has it
}

// family is what a file says of a metric.
type family struct {
	name, help, unit, kind string
	helped, sampled        bool
}

func (s *sample) key() string { return s.name + "\xff" + strings.Join(s.labels, "\xff") }

// load reads the file unless it is the same as before, and reports whether its series or what it says of them are others now.
// buf is lent for reading, limit bounds its series.
func (f *file) load(buf *[]byte, limit int) (differs bool, err error) {
	now := time.Now()
	info, err := os.Stat(f.path)
	if err == nil && f.info != nil && f.same(info) && len(f.samples) <= limit {
		return false, f.err
	}
	if err == nil {
		info, err = f.slurp(buf)
	}
	p := parser{old: f, path: f.path, limit: limit}
	if err == nil {
		err = p.parse(*buf)
	}
	if err != nil {
		p = parser{differs: len(f.samples) > 0}
	}
	f.info, f.read, f.err = info, now, err
	f.samples, f.families = p.samples, p.families
	return p.differs, err
}

// same reports whether the file is the one that was read.
func (f *file) same(now fs.FileInfo) bool {
	return os.SameFile(f.info, now) && f.info.Size() == now.Size() && f.info.ModTime().Equal(now.ModTime()) &&
		f.read.Sub(now.ModTime()) > settled
}

// slurp reads the whole file. Opening does not wait for the other end of a pipe, which is refused then.
func (f *file) slurp(buf *[]byte) (fs.FileInfo, error) {
	in, err := os.OpenFile(f.path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open text file: %w", err)
	}
	defer func() { _ = in.Close() }()
	info, err := in.Stat()
	if err != nil {
		return nil, fmt.Errorf("open text file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return info, fmt.Errorf("%s is not a regular file", f.path)
	}
	if info.Size() > maxBytes {
		return info, fmt.Errorf("%s is larger than %d MiB", f.path, maxBytes>>20)
	}
	b := (*buf)[:0]
	for {
		if len(b) > maxBytes {
			return nil, fmt.Errorf("%s is larger than %d MiB", f.path, maxBytes>>20)
		}
		if len(b) == cap(b) {
			b = append(b, make([]byte, max(4096, min(len(b), maxBytes)))...)[:len(b)]
		}
		n, err := in.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			*buf = b
			return info, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read text file: %w", err)
		}
	}
}

// describe returns what the file says of the metric of one of its samples.
func (f *file) describe(s *sample) checks.Metric {
	m := checks.Metric{Name: s.name, Kind: s.kind}
	if fam := owning(f.families, s.name); fam != nil {
		m.Help, m.Unit = fam.help, fam.unit
	}
	if m.Unit == "" {
		m.Unit = unitOf(s.name)
	}
	return m
}

// owning finds the family of a series: the one of its name, else the histogram or summary that it is a part of.
func owning(families map[string]*family, name string) *family {
	if fam := families[name]; fam != nil {
		return fam
	}
	for _, suffix := range [...]string{"_bucket", "_sum", "_count"} {
		base, ok := strings.CutSuffix(name, suffix)
		if !ok {
			continue
		}
		if fam := families[base]; fam != nil && (fam.kind == histogram || fam.kind == summary && suffix != "_bucket") {
			return fam
		}
	}
	return nil
}

// unitOf reads the unit from a name that is made as Prometheus recommends.
func unitOf(name string) string {
	name = strings.TrimSuffix(name, "_total")
	for _, u := range [...]string{"seconds", "bytes", "ratio"} {
		for _, part := range [...]string{"", "_bucket", "_sum"} {
			if strings.HasSuffix(name, "_"+u+part) {
				return u
			}
		}
	}
	return ""
}
