package metrics

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/prometheus/prometheus/model/labels"
)

// spool is a file of samples. Neighbours are alike, so it holds differences.
type spool struct {
	f    *os.File
	w    *bufio.Writer
	buf  []byte
	last importSample
	n    int
	size int64
}

func createSpool(file string) (*spool, error) {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make file for samples: %w", err)
	}
	return &spool{f: f, w: bufio.NewWriterSize(f, importBuffer)}, nil
}

func (s *spool) add(x importSample) error {
	b := binary.AppendVarint(s.buf[:0], int64(x.series)-int64(s.last.series))
	b = binary.AppendVarint(b, x.t-s.last.t)
	b = binary.AppendVarint(b, int64(x.line)-int64(s.last.line))
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x.v))
	s.buf, s.last = b, x
	s.n++
	s.size += int64(len(b))
	if _, err := s.w.Write(b); err != nil {
		return fmt.Errorf("write samples: %w", err)
	}
	return nil
}

// close ends the writing.
func (s *spool) close() error {
	if err := errors.Join(s.w.Flush(), s.f.Close()); err != nil {
		return fmt.Errorf("write samples: %w", err)
	}
	return nil
}

// spoolReader reads what a spool wrote.
type spoolReader struct {
	f    *os.File
	r    *bufio.Reader
	last importSample
}

func openSpool(file string) (*spoolReader, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read samples: %w", err)
	}
	return &spoolReader{f: f, r: bufio.NewReaderSize(f, importBuffer)}, nil
}

// next returns io.EOF at the end.
func (s *spoolReader) next() (importSample, error) {
	series, err := binary.ReadVarint(s.r)
	if errors.Is(err, io.EOF) {
		return importSample{}, io.EOF
	}
	t, err2 := binary.ReadVarint(s.r)
	line, err3 := binary.ReadVarint(s.r)
	var v [8]byte
	_, err4 := io.ReadFull(s.r, v[:])
	if err := errors.Join(err, err2, err3, err4); err != nil {
		return importSample{}, fmt.Errorf("read samples: %w", err)
	}
	s.last = importSample{
		series: uint32(int64(s.last.series) + series), line: uint32(int64(s.last.line) + line), t: s.last.t + t,
		v: math.Float64frombits(binary.LittleEndian.Uint64(v[:])),
	}
	return s.last, nil
}

// inOrder compares samples by block, series and time. The numbers of series are in the order of their labels by now.
func inOrder(a, b *importSample) int {
	switch x, y := uint64(a.block)<<32|uint64(a.series), uint64(b.block)<<32|uint64(b.series); {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return cmp.Or(cmp.Compare(a.t, b.t), cmp.Compare(a.line, b.line))
}

func sortSamples(run []importSample) {
	slices.SortFunc(run, func(a, b importSample) int { return inOrder(&a, &b) })
}

// sortedSamples yields samples by block, series and time, from sorted runs: files, and one in memory.
type sortedSamples struct {
	block func(t int64) uint32
	runs  []*sortedRun // a heap
	files []*spoolReader
}

type sortedRun struct {
	head importSample
	next func() (importSample, error)
}

func (s *sortedSamples) close() {
	for _, f := range s.files {
		_ = f.f.Close() // only read
	}
}

// sort numbers the series of t by their labels and sorts the spooled samples.
func (i *importer) sort(ctx context.Context, t *importText) (*sortedSamples, error) {
	out := &sortedSamples{block: t.block}
	last, err := i.sortRuns(ctx, t, out)
	if err == nil {
		err = out.begin(last)
	}
	if err != nil {
		out.close()
		return nil, err
	}
	return out, nil
}

// sortRuns writes sorted runs into files, but for the last one.
func (i *importer) sortRuns(ctx context.Context, t *importText, out *sortedSamples) ([]importSample, error) {
	file := filepath.Join(i.dir, "samples")
	in, err := openSpool(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.f.Close() }() // only read
	rank := t.series.sort()
	run := make([]importSample, 0, min(t.spool.n, i.opts.sortSamples))
	for n := 1; ; n++ {
		x, err := in.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		x.series, x.block = rank[x.series], t.block(x.t)
		if run = append(run, x); len(run) < i.opts.sortSamples || n == t.spool.n {
			continue
		}
		sortSamples(run)
		if err := i.writeRun(ctx, out, run); err != nil {
			return nil, err
		}
		run = run[:0]
	}
	sortSamples(run)
	if err := os.Remove(file); err != nil {
		return nil, fmt.Errorf("remove unsorted samples: %w", err)
	}
	return run, nil
}

// writeRun writes a sorted run into a file of its own.
func (i *importer) writeRun(ctx context.Context, out *sortedSamples, run []importSample) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	file := filepath.Join(i.dir, "run"+strconv.Itoa(len(out.files)))
	w, err := createSpool(file)
	if err != nil {
		return err
	}
	for _, x := range run {
		if err := w.add(x); err != nil {
			return errors.Join(err, w.close())
		}
	}
	if err := w.close(); err != nil {
		return err
	}
	r, err := openSpool(file)
	if err != nil {
		return err
	}
	out.files = append(out.files, r)
	return i.space(ctx, 0)
}

// begin makes the heap of all runs and the one in memory.
func (s *sortedSamples) begin(last []importSample) error {
	sources := []func() (importSample, error){func() (importSample, error) {
		if len(last) == 0 {
			return importSample{}, io.EOF
		}
		x := last[0]
		last = last[1:]
		return x, nil
	}}
	for _, f := range s.files {
		sources = append(sources, func() (importSample, error) {
			x, err := f.next()
			x.block = s.block(x.t)
			return x, err
		})
	}
	for _, next := range sources {
		head, err := next()
		if errors.Is(err, io.EOF) {
			continue
		}
		if err != nil {
			return err
		}
		s.runs = append(s.runs, &sortedRun{head, next})
	}
	for at := len(s.runs) / 2; at >= 0; at-- {
		s.sink(at)
	}
	return nil
}

// next returns io.EOF at the end.
func (s *sortedSamples) next() (importSample, error) {
	if len(s.runs) == 0 {
		return importSample{}, io.EOF
	}
	least := s.runs[0]
	x := least.head
	var err error
	if least.head, err = least.next(); errors.Is(err, io.EOF) {
		s.runs[0] = s.runs[len(s.runs)-1]
		s.runs = s.runs[:len(s.runs)-1]
	} else if err != nil {
		return importSample{}, err
	}
	s.sink(0)
	return x, nil
}

// sink mends the heap below a place.
func (s *sortedSamples) sink(at int) {
	for {
		least := at
		for child := 2*at + 1; child <= 2*at+2 && child < len(s.runs); child++ {
			if inOrder(&s.runs[child].head, &s.runs[least].head) < 0 {
				least = child
			}
		}
		if least == at {
			return
		}
		s.runs[at], s.runs[least] = s.runs[least], s.runs[at]
		at = least
	}
}

// sort orders the series by their labels, as blocks have them, and returns the new number of each.
func (s *importSeries) sort() (rank []uint32) {
	order := make([]uint32, len(s.labels))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int { return labels.Compare(s.labels[a], s.labels[b]) })
	rank = make([]uint32, len(order))
	sorted := make([]labels.Labels, len(order))
	for place, id := range order {
		rank[id], sorted[place] = uint32(place), s.labels[id]
	}
	s.labels, s.byText, s.byHash, s.chain = sorted, nil, nil, nil
	return rank
}
