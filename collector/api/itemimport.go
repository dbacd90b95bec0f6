package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/cmdb"
	"github.com/picketmon/picket/collector/cmdb/class"
	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/internal/errs"
)

// Bounds on an import of items.
const (
	itemImportLimit = 256 << 20 // bytes
	importBatch     = 500       // items that are taken together
	maxProblems     = 1000      // that are told one by one
	maxKnown        = 50_000    // items of the file that later ones may hang on by name; beyond, they are looked for among what is known
)

// ItemImport is what became of a file of items.
type ItemImport struct {
	DryRun bool `json:"dry_run" doc:"Nothing was changed"`
	ReportTotals
	Problems []ImportProblem `json:"problems" nullable:"false" doc:"The first 1000"`
	More     int             `json:"more_problems" doc:"How many problems there are beside these"`
}

// ImportProblem is one thing that is wrong with one item of a file.
type ImportProblem struct {
	Line     int    `json:"line" doc:"Of the CSV, or the how-manieth item of the JSON"`
	Name     string `json:"name,omitempty" doc:"Of the item"`
	Severity string `json:"severity" enum:"error,warning" doc:"An item with an error was not taken; with a warning it was, but for what the message says"`
	Code     string `json:"code"`
	Message  string `json:"message"`
}

type itemImportInput struct {
	Source string `query:"source" maxLength:"100" default:"Import" doc:"Whose report it is: one of the model's sources"`
	Class  string `query:"class" maxLength:"80" doc:"Of items whose line does not say"`
	DryRun bool   `query:"dry_run" doc:"Say what would become of it, and change nothing"`
}

func (a *api) mountItemImport() {
	register(a, operation{
		id: "import-items", method: post, path: "/api/v1/imports/items", tag: "item", roles: []access.Role{access.Operator},
		upload: &upload{
			limit: itemImportLimit, types: []string{"text/csv", "application/json"},
			doc: "CSV with a line of names: class, sys_id, native_key, hangs_on and attributes; or JSON: an array of items as identify takes them, or what identify " +
				"takes. Plain or with Content-Encoding gzip.",
		},
		summary: "Identify and reconcile the items of a file",
		description: "Items are taken in batches of 500, as they come: identified, reconciled and written. Those with errors are left out and told by their " +
			"lines. Empty cells say nothing. hangs_on is the sys_id or the name of what an item hangs on, in the file or known. Columns that an export has beside these are " +
			"passed over. The same file once more changes nothing. A dry run looks at each batch by itself: items that stand twice in a file are new twice.",
	}, a.importItems)
}

// importRow is one item of a file.
type importRow struct {
	line int
	item cmdb.PayloadItem
	host string // sys_id or name
	err  error  // why it is none
}

// importRows yields the items of a file; io.EOF is the end.
type importRows interface {
	next() (importRow, error)
}

func (a *api) importItems(ctx context.Context, in *itemImportInput) (*answer[ItemImport], error) {
	if a.CMDB.Model().Source(in.Source) == nil {
		return nil, errs.New(errs.Invalid, "source: %.100q is not among the sources", in.Source)
	}
	if in.Class != "" && a.CMDB.Model().Class(in.Class) == nil {
		return nil, errs.New(errs.Invalid, "class: there is no class %.80q", in.Class)
	}
	x := exchangeOf(ctx)
	body := &uploaded{body: x.r.Body, control: http.NewResponseController(x.w)}
	defer body.release()
	text, err := textOf(x.r.Header, body)
	if err != nil {
		return nil, err
	}
	run := &itemImport{api: a, input: *in, out: ItemImport{DryRun: in.DryRun, Problems: []ImportProblem{}}, known: map[string]knownHost{}}
	media, _, _ := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	switch media {
	case "text/csv":
		err = run.csv(ctx, text)
	case "application/json":
		err = run.json(ctx, text)
	default:
		err = errs.New(errs.Invalid, "the request body must be text/csv or application/json")
	}
	return &answer[ItemImport]{run.out}, err
}

// itemImport is one import on its way.
type itemImport struct {
	api   *api
	input itemImportInput
	out   ItemImport
	// known are the file's items so far that others may hang on, by name in lower case.
	known map[string]knownHost
}

// knownHost is an item of the file that others may hang on, unless different ones have its name.
type knownHost struct {
	item  cmdb.PayloadItem
	twice bool
}

func (m *itemImport) csv(ctx context.Context, text io.Reader) error {
	rows, err := newCSVRows(text, m.api.CMDB.Model(), m.input.Class)
	if err != nil {
		return err
	}
	return m.all(ctx, rows)
}

// all takes the items in batches.
func (m *itemImport) all(ctx context.Context, rows importRows) error {
	var batch []importRow
	for {
		row, err := rows.next()
		end := errors.Is(err, io.EOF)
		if err != nil && !end {
			if len(batch) > 0 {
				err = errors.Join(m.take(ctx, batch), err)
			}
			return err
		}
		if !end {
			batch = append(batch, row)
		}
		if len(batch) == importBatch || end && len(batch) > 0 {
			if err := m.take(ctx, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
		if end {
			return nil
		}
	}
}

// take takes one batch.
func (m *itemImport) take(ctx context.Context, batch []importRow) error {
	p := cmdb.Payload{Source: m.input.Source, By: who(ctx), Enhanced: true}
	var taken []importRow
	for _, row := range batch {
		if row.err == nil && row.item.Class == "" {
			row.err = errs.New(errs.Invalid, "the line does not say of which class it is")
		}
		if row.err != nil {
			m.out.Items++
			m.out.Failed++
			m.tell(row, "error", cmdb.InvalidInput, row.err.Error())
			continue
		}
		taken = append(taken, row)
		p.Items = append(p.Items, row.item)
		m.remember(row.item)
	}
	if len(taken) == 0 {
		return nil
	}
	if err := m.hosts(ctx, &p, taken); err != nil {
		return err
	}
	r, err := m.send(ctx, p, taken)
	if err != nil {
		return err
	}
	m.count(taken, r)
	return nil
}

// hostName is the name, in lower case, by which others may hang on an item; empty when none may.
func (m *itemImport) hostName(it cmdb.PayloadItem) string {
	name, _ := it.Values["name"].(string)
	if c := m.api.CMDB.Model().Class(it.Class); c != nil && c.Rule() != nil && c.Rule().Kind == class.Independent {
		return strings.ToLower(name)
	}
	return ""
}

// remember notes an item that others of the file may hang on.
func (m *itemImport) remember(it cmdb.PayloadItem) {
	name := m.hostName(it)
	if name == "" {
		return
	}
	known, ok := m.known[name]
	switch {
	case ok:
		known.twice = known.twice || known.item.Class != it.Class || !reflect.DeepEqual(known.item.Values, it.Values)
		m.known[name] = known
	case len(m.known) < maxKnown:
		m.known[name] = knownHost{item: it}
	}
}

// hosts adds to a payload what its items hang on, once each.
func (m *itemImport) hosts(ctx context.Context, p *cmdb.Payload, rows []importRow) error {
	at := map[string]int{}
	for i, it := range p.Items {
		if name := m.hostName(it); name != "" && !m.known[name].twice {
			at[name] = i
		}
	}
	for i, row := range rows {
		c := m.api.CMDB.Model().Class(row.item.Class)
		if row.host == "" || c == nil || c.Rule() == nil || c.Rule().Kind != class.Dependent {
			continue
		}
		key := strings.ToLower(row.host)
		h, ok := at[key]
		if !ok {
			item, err := m.host(ctx, row.host)
			if err != nil {
				return err
			}
			if item.Class == "" {
				continue // the item's error says so
			}
			h = len(p.Items)
			p.Items = append(p.Items, item)
			at[key] = h
		}
		rel := cmdb.PayloadRelation{Parent: &h, Child: &i, Type: c.Rule().Relation}
		if c.Rule().Host == class.ChildEnd {
			rel.Parent, rel.Child = &i, &h
		}
		p.Relations = append(p.Relations, rel)
	}
	return nil
}

// host finds what an item hangs on, by sys_id or by name: in the file, then among what is known, where the name must be that of one item.
func (m *itemImport) host(ctx context.Context, text string) (cmdb.PayloadItem, error) {
	if db.IsID(text) {
		found, err := m.api.CMDB.Briefs(ctx, []cmdb.ItemID{cmdb.ItemID(text)})
		return cmdb.PayloadItem{Class: found[cmdb.ItemID(text)].Class, Values: map[string]any{"sys_id": text}}, err
	}
	if known, ok := m.known[strings.ToLower(text)]; ok && known.twice {
		return cmdb.PayloadItem{}, nil
	} else if ok {
		return known.item, nil
	}
	page, _, _, err := m.api.CMDB.Items(ctx, cmdb.Query{Attributes: map[string]string{"name": text}, Limit: 100, WithoutTotal: true})
	if err != nil {
		return cmdb.PayloadItem{}, err
	}
	var hosts []cmdb.Item
	for _, it := range page {
		c := m.api.CMDB.Model().Class(it.Class)
		if c != nil && c.Rule() != nil && c.Rule().Kind == class.Independent && it.DuplicateOf == "" {
			hosts = append(hosts, it)
		}
	}
	if len(hosts) != 1 {
		return cmdb.PayloadItem{}, nil
	}
	return cmdb.PayloadItem{Class: hosts[0].Class, Values: map[string]any{"sys_id": string(hosts[0].ID)}}, nil
}

// send commits a payload and writes that down, or tries it.
func (m *itemImport) send(ctx context.Context, p cmdb.Payload, rows []importRow) (r cmdb.Result, err error) {
	if m.input.DryRun {
		return m.api.CMDB.Try(ctx, p)
	}
	err = m.api.change(ctx, func(ctx context.Context) (e access.Entry, err error) {
		r, err = m.api.CMDB.Commit(ctx, p)
		var lines []int
		if len(rows) > 0 {
			lines = []int{rows[0].line, rows[len(rows)-1].line}
		}
		return reportEntry("import", p, r, lines), err
	})
	return r, err
}

// count adds what became of the items of a batch; what was added to it for others to hang on does not count.
func (m *itemImport) count(rows []importRow, r cmdb.Result) {
	m.out.add(cmdb.Result{Items: r.Items[:len(rows)], Relations: r.Relations})
	for i, row := range rows {
		for _, e := range r.Items[i].Errors {
			message := e.Message
			if e.Code == cmdb.DependencyMissing && row.host != "" {
				message = fmt.Sprintf("what it hangs on, %q, is neither in the file nor known under this sys_id or, once, this name", row.host)
			}
			m.tell(row, "error", e.Code, message)
		}
		for _, w := range r.Items[i].Warnings {
			m.tell(row, "warning", w.Code, w.Message)
		}
	}
}

func (m *itemImport) tell(row importRow, severity, code, message string) {
	if len(m.out.Problems) == maxProblems {
		m.out.More++
		return
	}
	name, _ := row.item.Values["name"].(string)
	id, _ := row.item.Values["sys_id"].(string)
	m.out.Problems = append(m.out.Problems, ImportProblem{Line: row.line, Name: cmp.Or(name, id), Severity: severity, Code: code, Message: message})
}
