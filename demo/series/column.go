package series

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// Column keeps the values of tables over time, one row per time, and writes them in the OpenMetrics format, in which all
// samples of a family stand together.
type Column struct {
	tables []*Table
	width  int
	times  []int64 // seconds
	values []float64
}

// NewColumn returns an empty column of the tables; rows says how many rows there will be.
func NewColumn(rows int, tables ...*Table) *Column {
	c := &Column{tables: tables, times: make([]int64, 0, rows)}
	for _, t := range tables {
		for _, f := range t.families {
			for _, m := range f.metrics {
				c.width += len(m.series)
			}
		}
	}
	c.values = make([]float64, 0, rows*c.width)
	return c
}

// Series says how many series there are.
func (c *Column) Series() int { return c.width }

// Note adds the values of this moment as the row of that time.
func (c *Column) Note(at time.Time) {
	c.times = append(c.times, at.Unix())
	for _, t := range c.tables {
		for _, f := range t.families {
			for _, m := range f.metrics {
				for _, get := range m.get {
					c.values = append(c.values, get())
				}
			}
		}
	}
}

// Reset forgets the rows and keeps their memory.
func (c *Column) Reset() { c.times, c.values = c.times[:0], c.values[:0] }

// placed is a family's metric with the place of its first value in a row.
type placed struct {
	metric
	at int
}

// WriteOpenMetrics writes all rows, and counts the samples. NaN is no sample.
func (c *Column) WriteOpenMetrics(out io.Writer) (samples int, err error) {
	w := bufio.NewWriterSize(out, 1<<18)
	var order []*Family
	metrics := map[string][]placed{}
	at := 0
	for _, t := range c.tables {
		for _, f := range t.families {
			if metrics[f.Name] == nil {
				order = append(order, f)
			}
			for _, m := range f.metrics {
				metrics[f.Name] = append(metrics[f.Name], placed{m, at})
				at += len(m.series)
			}
		}
	}
	var line []byte
	for _, f := range order {
		if err := header(w, f); err != nil {
			return samples, err
		}
		for _, m := range metrics[f.Name] {
			for row, at := range c.times {
				for i, s := range m.series {
					v := c.values[row*c.width+m.at+i]
					if math.IsNaN(v) {
						continue
					}
					line = append(appendNumber(append(append(line[:0], s...), ' '), v), ' ')
					line = append(strconv.AppendInt(line, at, 10), '\n')
					if _, err := w.Write(line); err != nil {
						return samples, fmt.Errorf("write samples: %w", err)
					}
					samples++
				}
			}
		}
	}
	if _, err := w.WriteString("# EOF\n"); err != nil {
		return samples, fmt.Errorf("write samples: %w", err)
	}
	if err := w.Flush(); err != nil {
		return samples, fmt.Errorf("write samples: %w", err)
	}
	return samples, nil
}

// header writes what OpenMetrics says of a family. A counter's family has no _total at its end, its series have.
func header(w *bufio.Writer, f *Family) error {
	name, kind := f.Name, string(f.Kind)
	switch f.Kind {
	case Counter:
		name = strings.TrimSuffix(name, "_total")
	case Untyped:
		kind = "unknown"
	}
	if _, err := fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", name, escaper.Replace(f.Help), name, kind); err != nil {
		return fmt.Errorf("write samples: %w", err)
	}
	return nil
}
