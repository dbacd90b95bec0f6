package api

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/cmdb"
	"github.com/picketmon/picket/collector/cmdb/class"
	"github.com/picketmon/picket/internal/errs"
)

// csvRows are the items of a CSV.
type csvRows struct {
	r      *csv.Reader
	head   []string
	class  string // of rows that do not say
	broken bool
}

// longestHead bounds the line of names in bytes.
const longestHead = 64 << 10

// newCSVRows reads the line of names. Commas, semicolons and tabs are taken for separators, whichever stands there most.
func newCSVRows(text io.Reader, m *class.Model, defaultClass string) (*csvRows, error) {
	in := bufio.NewReaderSize(text, longestHead)
	if bom, _ := in.Peek(3); string(bom) == "\ufeff" {
		_, _ = in.Discard(3) // they were peeked
	}
	begin, err := in.Peek(longestHead)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return nil, err
	}
	line, _, _ := strings.Cut(string(begin), "\n")
	c := &csvRows{r: csv.NewReader(in), class: defaultClass}
	for _, r := range ";\t" {
		if strings.Count(line, string(r)) > strings.Count(line, string(c.r.Comma)) {
			c.r.Comma = r
		}
	}
	head, err := c.r.Read()
	switch {
	case errors.Is(err, io.EOF):
		return nil, errs.New(errs.Invalid, "the file is empty: its first line must name the columns")
	case err != nil:
		return nil, csvError(err)
	}
	c.head = make([]string, len(head))
	for i, name := range head {
		c.head[i] = strings.TrimSpace(name)
	}
	return c, c.check(m)
}

// hostColumn has what an item hangs on; host is an attribute.
const hostColumn = "hangs_on"

// Columns that an import knows beside attributes, and those of an export that it passes over.
var (
	importColumns = []string{"class", "sys_id", "native_key", hostColumn}
	passedColumns = []string{"", "hangs_on_name", "discovery_source", "first_discovered", "last_discovered"}
)

// check tells every column that is none.
func (c *csvRows) check(m *class.Model) error {
	var p errs.Problems
	hasClass := c.class != ""
	for i, name := range c.head {
		hasClass = hasClass || name == "class"
		known := slices.Contains(importColumns, name) || slices.Contains(passedColumns, name) ||
			slices.ContainsFunc(m.Classes(), func(x *class.Class) bool { return x.Attribute(name) != nil })
		switch {
		case !known:
			p.Add("line 1", "column %d, %.80q, is no attribute of any class", i+1, name)
		case name != "" && slices.Index(c.head, name) < i:
			p.Add("line 1", "column %q stands there twice", name)
		}
	}
	if !hasClass {
		p.Add("line 1", "there is no column class: give one, or a class for all lines")
	}
	return p.Err()
}

// csvError gives an error of the reader a kind when it has none.
func csvError(err error) error {
	if bad, ok := errors.AsType[*csv.ParseError](err); ok {
		return errs.New(errs.Invalid, "line %d, column %d: %s", bad.Line, bad.Column, bad.Err)
	}
	return err
}

func (c *csvRows) next() (importRow, error) {
	if c.broken {
		return importRow{}, io.EOF
	}
	cells, err := c.r.Read()
	if bad, ok := errors.AsType[*csv.ParseError](err); ok {
		if errors.Is(err, csv.ErrFieldCount) {
			return importRow{line: bad.StartLine, err: fmt.Errorf("has %d columns, the first line has %d", len(cells), len(c.head))}, nil
		}
		c.broken = true
		return importRow{line: bad.Line, err: fmt.Errorf("column %d: %w; from here on nothing was read", bad.Column, bad.Err)}, nil
	}
	if err != nil {
		return importRow{}, err
	}
	line, _ := c.r.FieldPos(0)
	row := importRow{line: line, item: cmdb.PayloadItem{Class: c.class, Values: map[string]any{}}}
	for i, name := range c.head {
		cell := strings.TrimFunc(unescaped(cells[i]), unicode.IsSpace)
		if cell == "" || slices.Contains(passedColumns, name) {
			continue
		}
		switch name {
		case "class":
			row.item.Class = cell
		case "native_key":
			row.item.SourceInfo = &cmdb.SourceInfo{NativeKey: cell}
		case hostColumn:
			row.host = cell
		default:
			row.item.Values[name] = cell
		}
	}
	return row, nil
}

// unescaped takes away what an export put in front of a cell that a spreadsheet would take for a formula.
func unescaped(cell string) string {
	if rest, ok := strings.CutPrefix(cell, "'"); ok && harmless(rest) == cell {
		return rest
	}
	return cell
}

// json takes an array of items in batches, or a report with relations as a whole.
func (m *itemImport) json(ctx context.Context, text io.Reader) error {
	in := bufio.NewReader(text)
	for {
		b, err := in.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return errs.New(errs.Invalid, "the file is empty")
		case err != nil:
			return err
		case b == ' ' || b == '\t' || b == '\r' || b == '\n':
			continue
		}
		if err := in.UnreadByte(); err != nil {
			return err
		}
		d := json.NewDecoder(in)
		d.DisallowUnknownFields()
		if b == '{' {
			return m.report(ctx, d)
		}
		if _, err := d.Token(); err != nil || b != '[' {
			return errs.New(errs.Invalid, "the file is neither an array of items nor a report")
		}
		return m.all(ctx, &jsonRows{d: d, class: m.input.Class})
	}
}

// jsonRows are the items of an array.
type jsonRows struct {
	d     *json.Decoder
	class string
	n     int
}

func (j *jsonRows) next() (importRow, error) {
	if !j.d.More() {
		if _, err := j.d.Token(); err != nil {
			return importRow{}, jsonError(err, fmt.Sprintf("after item %d", j.n))
		}
		return importRow{}, io.EOF
	}
	j.n++
	var in reportItem
	if err := j.d.Decode(&in); err != nil {
		return importRow{}, jsonError(err, fmt.Sprintf("item %d", j.n))
	}
	if in.Class == "" {
		in.Class = j.class
	}
	p, err := report{Items: []reportItem{in}}.payload("")
	return importRow{line: j.n, item: p.Items[0], err: err}, nil
}

func jsonError(err error, where string) error {
	if access.Status(err) != 500 {
		return err // the body's own
	}
	return errs.New(errs.Invalid, "%s: %s", where, strings.TrimPrefix(err.Error(), "json: "))
}

// report takes a report as a whole, since its relations may join any of its items.
func (m *itemImport) report(ctx context.Context, d *json.Decoder) error {
	in := report{Source: m.input.Source, Enhanced: true}
	if err := d.Decode(&in); err != nil {
		return jsonError(err, "report")
	}
	if d.More() {
		return errs.New(errs.Invalid, "something follows the report")
	}
	p, err := in.payload(who(ctx))
	if err != nil {
		return err
	}
	rows := make([]importRow, len(p.Items))
	for i, it := range p.Items {
		rows[i] = importRow{line: i + 1, item: it}
	}
	r, err := m.send(ctx, p, rows)
	if err != nil {
		return err
	}
	m.count(rows, r)
	return nil
}
