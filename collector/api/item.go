package api

import (
	"context"
	"strings"
	"time"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/cmdb"
	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/internal/errs"
)

const itemsPath = "/api/v1/items"

// Item is one thing that the CMDB knows.
type Item struct {
	ID              string            `json:"id" doc:"Also its sys_id"`
	Class           string            `json:"class"`
	ClassLabel      string            `json:"class_label"`
	Name            string            `json:"name"`
	Host            string            `json:"host,omitempty" doc:"The id of the item it hangs on"`
	HostName        string            `json:"host_name,omitempty"`
	Attributes      map[string]string `json:"attributes" nullable:"false" doc:"What has a value"`
	DiscoverySource string            `json:"discovery_source" doc:"That spoke of it last"`
	FirstDiscovered time.Time         `json:"first_discovered,omitzero"`
	LastDiscovered  time.Time         `json:"last_discovered,omitzero"`
	DuplicateOf     string            `json:"duplicate_of,omitempty" doc:"The id of the item it may be the same as"`
	MergedInto      string            `json:"merged_into,omitempty" doc:"The id of the item it is part of since a merge"`
	CreatedAt       time.Time         `json:"created_at,omitzero"`
	CreatedBy       string            `json:"created_by,omitempty"`
	UpdatedAt       time.Time         `json:"updated_at,omitzero"`
	UpdatedBy       string            `json:"updated_by,omitempty"`
	ModCount        int64             `json:"mod_count"`
}

// ItemWord is what one source says of one attribute.
type ItemWord struct {
	Value     string    `json:"value" doc:"Empty when the source says that there is none"`
	Source    string    `json:"source"`
	NativeKey string    `json:"native_key,omitempty" doc:"Under which the source knows the item"`
	Time      time.Time `json:"time" doc:"When it said so last"`
	Counts    bool      `json:"counts" doc:"It is the item's value"`
}

// ItemReport is how and when one source knows an item.
type ItemReport struct {
	Source    string    `json:"source"`
	NativeKey string    `json:"native_key,omitempty"`
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
}

// ItemAgent is the agent on the host that an item is.
type ItemAgent struct {
	ID       string `json:"id"`
	Instance string `json:"instance"`
}

// ItemDetail is all about one item.
type ItemDetail struct {
	Item
	Words    map[string][]ItemWord `json:"words,omitempty" nullable:"false" doc:"By attribute what sources say, what counts first; absent of the past"`
	Reports  []ItemReport          `json:"reports,omitempty" nullable:"false" doc:"Which sources know it, the one that spoke last first; absent of the past"`
	Agent    *ItemAgent            `json:"agent,omitempty" doc:"On the host that it is"`
	Hanging  []ClassCount          `json:"hanging" nullable:"false" doc:"What hangs on it now, by class"`
	MainName string                `json:"main_name,omitempty" doc:"Of duplicate_of or merged_into"`
}

// ClassCount is how many items of a class there are.
type ClassCount struct {
	Class string `json:"class"`
	Label string `json:"label"`
	Count int64  `json:"count"`
}

// itemList is one page of items.
type itemList struct {
	Items []Item `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"Give it as after to get the following page; absent at the end"`
	Total int64  `json:"total" doc:"How many there are in all"`
}

// ItemFilter says which items are meant.
type ItemFilter struct {
	Class      string   `query:"class" maxLength:"80" doc:"Items of this class and of those below"`
	Search     string   `query:"search" maxLength:"255" doc:"Words that name, address, serial number or the like have, in any case"`
	Host       string   `query:"host" maxLength:"32" doc:"What hangs on the item with this id"`
	Attribute  []string `query:"attr,explode" maxItems:"20" doc:"name=value: items whose attribute has this value, in any case; may be given several times"`
	Duplicates bool     `query:"duplicates" doc:"Items that may be the same as another"`
}

type itemsInput struct {
	Paging
	ItemFilter
}

type itemInput struct {
	IDInput
	At time.Time `query:"at" doc:"As it was known here at this time"`
}

func (a *api) mountItems() {
	viewer := []access.Role{access.Viewer}
	register(a, operation{
		id: "list-items", method: get, path: itemsPath, tag: "item", roles: viewer, summary: "Items by name",
		description: "Items that were merged into others are in no list.",
	}, a.items)
	register(a, operation{
		id: "show-item", method: get, path: itemsPath + "/{id}", tag: "item", roles: viewer,
		summary:     "One item with what each source says of it",
		description: "With at, as it was known here then. An item that was merged says into which: merged_into.",
	}, a.item)
	a.mountItemChanges()
	a.mountItemHistory()
	a.mountItemExport()
}

// query returns what the store is asked.
func (f ItemFilter) query() (cmdb.Query, error) {
	q := cmdb.Query{Class: f.Class, Text: f.Search, Host: cmdb.ItemID(f.Host), Duplicates: f.Duplicates}
	var p errs.Problems
	for _, text := range f.Attribute {
		name, value, ok := strings.Cut(text, "=")
		switch _, twice := q.Attributes[name]; {
		case !ok || name == "" || value == "":
			p.Add("attr", "%q is not name=value", text)
		case twice:
			p.Add("attr", "%q is given twice", name)
		case q.Attributes == nil:
			q.Attributes = map[string]string{}
			fallthrough
		default:
			q.Attributes[name] = value
		}
	}
	return q, p.Err()
}

func (a *api) items(ctx context.Context, in *itemsInput) (*answer[itemList], error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	if q.After, err = in.position(); err != nil {
		return nil, err
	}
	q.Limit = in.Limit
	page, next, total, err := a.CMDB.Items(ctx, q)
	if err != nil {
		return nil, err
	}
	out, err := a.itemsOf(ctx, page)
	return &answer[itemList]{itemList{Items: out, Next: cursor(next), Total: total}}, err
}

// itemsOf adds to items what they are called that they hang on.
func (a *api) itemsOf(ctx context.Context, page []cmdb.Item) ([]Item, error) {
	var hosts []cmdb.ItemID
	for i := range page {
		if page[i].Host != "" {
			hosts = append(hosts, page[i].Host)
		}
	}
	names, err := a.CMDB.Briefs(ctx, hosts)
	if err != nil {
		return nil, err
	}
	out := items(page, a.itemOf)
	for i := range out {
		out[i].HostName = names[cmdb.ItemID(out[i].Host)].Name
	}
	return out, nil
}

func (a *api) itemOf(it cmdb.Item) Item {
	return Item{
		ID: string(it.ID), Class: it.Class, ClassLabel: a.classLabel(it.Class), Name: it.Name, Host: string(it.Host), Attributes: it.Attributes,
		DiscoverySource: it.DiscoverySource, FirstDiscovered: it.FirstDiscovered, LastDiscovered: it.LastDiscovered,
		DuplicateOf: string(it.DuplicateOf), MergedInto: string(it.MergedInto), CreatedAt: it.CreatedAt, CreatedBy: it.CreatedBy,
		UpdatedAt: it.UpdatedAt, UpdatedBy: it.UpdatedBy, ModCount: it.ModCount,
	}
}

func (a *api) item(ctx context.Context, in *itemInput) (*answer[ItemDetail], error) {
	detail, err := a.itemDetail(ctx, cmdb.ItemID(in.ID), in.At)
	return &answer[ItemDetail]{detail}, err
}

func (a *api) itemDetail(ctx context.Context, id cmdb.ItemID, at time.Time) (d ItemDetail, err error) {
	var it cmdb.Item
	if at.IsZero() {
		it, err = a.CMDB.Item(ctx, id)
	} else {
		it, err = a.CMDB.AsOf(ctx, id, at)
	}
	if err != nil {
		return d, err
	}
	d.Item = a.itemOf(it)
	names, err := a.CMDB.Briefs(ctx, []cmdb.ItemID{it.Host, it.DuplicateOf, it.MergedInto})
	if err != nil {
		return d, err
	}
	d.HostName = names[it.Host].Name
	d.MainName = names[it.DuplicateOf].Name + names[it.MergedInto].Name // it is never both
	counts, err := a.CMDB.Counts(ctx, id)
	if err != nil {
		return d, err
	}
	d.Hanging = a.classCounts(counts)
	reports, err := a.CMDB.Reports(ctx, id)
	if err != nil {
		return d, err
	}
	if d.Agent, err = a.agentOfItem(ctx, reports); err != nil || !at.IsZero() {
		return d, err
	}
	d.Reports = items(reports, func(r cmdb.Report) ItemReport { return ItemReport(r) })
	words, err := a.CMDB.Words(ctx, id)
	if err != nil {
		return d, err
	}
	d.Words = make(map[string][]ItemWord, len(words))
	for name, said := range words {
		d.Words[name] = items(said, func(w cmdb.Word) ItemWord { return ItemWord(w) })
	}
	return d, nil
}

// agentOfItem returns the agent on the host that an item is; nil for all else, and when the agent was deleted.
func (a *api) agentOfItem(ctx context.Context, reports []cmdb.Report) (*ItemAgent, error) {
	for _, r := range reports {
		if r.Source != agentSource || !db.IsID(r.NativeKey) {
			continue
		}
		found, _, err := a.Fleet.Agent(ctx, r.NativeKey)
		switch {
		case err == nil:
			return &ItemAgent{ID: string(found.ID), Instance: found.Instance}, nil
		case !errs.Is(err, errs.NotFound):
			return nil, err
		}
	}
	return nil, nil
}

// agentSource is whose reports the agents' are. The native key of a host is its agent's id.
const agentSource = "Picket agent"
