package api

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/cmdb"
)

type itemExportInput struct {
	ItemFilter
	Format string `query:"format" enum:"csv,jsonl" default:"csv"`
}

func (a *api) mountItemExport() {
	register(a, operation{
		id: "export-items", method: get, path: itemsPath + "/export", tag: "item", roles: []access.Role{access.Viewer},
		file:    map[string]string{"text/csv": "A line of names, then one line for each item", "application/jsonl": "One item as JSON on each line"},
		summary: "All items that match, as CSV or as JSON lines",
		description: "CSV has the columns sys_id, class, name, hangs_on, hangs_on_name, discovery_source, first_discovered, last_discovered, then every attribute " +
			"of the class asked for; without a class, every attribute of all classes. It can be imported again. A cell that a spreadsheet would take for a formula " +
			"begins with an apostrophe. An answer that breaks off has the trailer X-Incomplete.",
	}, a.exportItems)
}

// exportPage is how many items are read at a time.
const exportPage = 500

func (a *api) exportItems(ctx context.Context, in *itemExportInput) (*huma.StreamResponse, error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	q.Limit, q.WithoutTotal = exportPage, true
	page, next, _, err := a.CMDB.Items(ctx, q) // what is wrong with the question is told before anything is sent
	if err != nil {
		return nil, err
	}
	x := exchangeOf(ctx)
	return &huma.StreamResponse{Body: func(huma.Context) {
		e := &itemExport{api: a, out: x.w, control: http.NewResponseController(x.w)}
		h := x.w.Header()
		h.Set("Trailer", "X-Incomplete")
		if in.Format == "csv" {
			e.csv, e.columns = csv.NewWriter(x.w), a.exportColumns(q.Class)
		}
		h.Set("Content-Type", map[string]string{"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}[in.Format])
		h.Set("Content-Disposition", `attachment; filename="items.`+in.Format+`"`)
		err := e.begin()
		for err == nil {
			if err = e.page(ctx, page); err != nil || next == "" {
				break
			}
			q.After = next
			page, next, _, err = a.CMDB.Items(ctx, q)
		}
		if err != nil {
			h.Set("X-Incomplete", "true") // whoever asked may have gone away
		}
		_ = e.control.SetWriteDeadline(time.Time{})
	}}, nil
}

// itemExport writes items, each page in bounded time.
type itemExport struct {
	api     *api
	out     io.Writer
	control *http.ResponseController
	csv     *csv.Writer // nil for JSON lines
	columns []string    // attributes
}

var exportHead = []string{"sys_id", "class", "name", "hangs_on", "hangs_on_name", "discovery_source", "first_discovered", "last_discovered"}

func (e *itemExport) begin() error {
	if e.csv == nil {
		return nil
	}
	return e.csv.Write(append(slices.Clone(exportHead), e.columns...))
}

func (e *itemExport) page(ctx context.Context, page []cmdb.Item) error {
	_ = e.control.SetWriteDeadline(time.Now().Add(writeLimit)) // a writer of tests has none
	list, err := e.api.itemsOf(ctx, page)
	if err != nil {
		return err
	}
	lines := json.NewEncoder(e.out)
	for i := range list {
		if e.csv == nil {
			err = lines.Encode(list[i])
		} else {
			err = e.csv.Write(e.row(&list[i]))
		}
		if err != nil {
			return err
		}
	}
	if e.csv != nil {
		if e.csv.Flush(); e.csv.Error() != nil {
			return e.csv.Error()
		}
	}
	return e.control.Flush()
}

func (e *itemExport) row(it *Item) []string {
	row := []string{it.ID, it.Class, harmless(it.Name), it.Host, harmless(it.HostName), it.DiscoverySource, stamp(it.FirstDiscovered), stamp(it.LastDiscovered)}
	for _, name := range e.columns {
		row = append(row, harmless(it.Attributes[name]))
	}
	return row
}

// harmless keeps spreadsheets from taking a value for a formula.
func harmless(v string) string {
	if v != "" && strings.ContainsRune("=+-@\t\r'", rune(v[0])) {
		return "'" + v
	}
	return v
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// exportColumns returns the attributes of a class and of those below, or of all; name stands in front already.
func (a *api) exportColumns(name string) []string {
	all := map[string]bool{}
	top := a.CMDB.Model().Class(name)
	for _, c := range a.CMDB.Model().Classes() {
		if top == nil || c.Is(top) {
			for _, attribute := range c.Attributes() {
				all[attribute.Name] = true
			}
		}
	}
	delete(all, "name")
	return slices.Sorted(maps.Keys(all))
}
