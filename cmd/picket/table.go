package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// print writes the API's answer: as it came, indented, or as table draws it.
func (a *app) print(out io.Writer, raw []byte, table func(io.Writer) error) error {
	if a.output != asJSON {
		return table(out)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace(raw), "", "  "); err != nil {
		return fmt.Errorf("indent answer: %w", err)
	}
	b.WriteByte('\n')
	_, err := out.Write(b.Bytes())
	return err
}

// table is rows of cells under a header. Columns whose header begins with > are aligned to the right.
type table struct {
	header []string
	rows   [][]string
}

func newTable(header ...string) *table { return &table{header: header} }

// add appends a row. Cells are shown on one line and without what terminals would obey.
func (t *table) add(cells ...string) {
	for i := range cells {
		cells[i] = clean(cells[i])
	}
	t.rows = append(t.rows, cells)
}

// write draws the table, its columns two blanks apart.
func (t *table) write(out io.Writer) error {
	widths, right := make([]int, len(t.header)), make([]bool, len(t.header))
	head := make([]string, len(t.header))
	for i, h := range t.header {
		head[i], right[i] = strings.CutPrefix(h, ">")
	}
	rows := append([][]string{head}, t.rows...)
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if right[i] {
				cell, pad = pad+cell, ""
			}
			line.WriteString(cell + pad + "  ")
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// facts are lines of a name and what is known of it; what is empty is left out.
type facts [][2]string

func (f *facts) add(name, value string) {
	if value != "" {
		*f = append(*f, [2]string{name, clean(value)})
	}
}

func (f facts) write(out io.Writer) error {
	width := 0
	for _, one := range f {
		width = max(width, len(one[0]))
	}
	var b strings.Builder
	for _, one := range f {
		fmt.Fprintf(&b, "%-*s  %s\n", width, one[0], one[1])
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// clean makes one line of s and takes away what a terminal would obey: names and texts come from hosts.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsPrint(r):
			return r
		}
		return '\uFFFD'
	}, s)
}

// clock formats a time for a table, "" for none.
func (a *app) clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(a.now().Location()).Format("2006-01-02 15:04")
}

// ago formats how long ago something was, or in how long it will be; "never" for the zero time.
func (a *app) ago(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := a.now().Sub(t)
	if d < 0 {
		return "in " + span(-d)
	}
	return span(d) + " ago"
}

// span formats a duration in one or two units.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return pair(d, time.Minute, "m", time.Second, "s", 10)
	case d < day:
		return pair(d, time.Hour, "h", time.Minute, "m", 10)
	}
	return pair(d, day, "d", time.Hour, "h", 10)
}

// pair shows the smaller unit only beside few of the larger.
func pair(d, large time.Duration, l string, small time.Duration, s string, few time.Duration) string {
	n, rest := d/large, d%large/small
	if n >= few || rest == 0 {
		return fmt.Sprintf("%d%s", n, l)
	}
	return fmt.Sprintf("%d%s%d%s", n, l, rest, s)
}

// bytesText formats a number of bytes.
func bytesText(n int64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n), ""
	for _, unit = range []string{"KiB", "MiB", "GiB", "TiB"} {
		if v /= 1 << 10; v < 1<<10 {
			break
		}
	}
	return strconv.FormatFloat(v, 'f', 1, 64) + " " + unit
}

// count formats a number with its thing, which is plural unless there is one.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
