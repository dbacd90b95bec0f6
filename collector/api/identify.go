package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/cmdb"
	"github.com/picketmon/picket/internal/errs"
)

// identifyLimit bounds a report in bytes.
const identifyLimit = 16 << 20

type identifyInput struct {
	DryRun bool `query:"dry_run" doc:"Say what would become of it, and change nothing"`
	Body   report
}

// report is what a source says of items, in the form of ServiceNow's identifyreconcile.
type report struct {
	Source    string           `json:"source" minLength:"1" maxLength:"100" doc:"Whose report it is: one of the model's sources"`
	Items     []reportItem     `json:"items" nullable:"false" minItems:"1" maxItems:"5000" doc:"Best not more than 500 at a time"`
	Relations []reportRelation `json:"relations,omitempty" nullable:"false" maxItems:"20000"`
	Time      time.Time        `json:"time,omitzero" doc:"When it was collected; by default now"`
	Enhanced  bool             `json:"enhanced,omitempty" doc:"Take items that are identical for one, and keep items that lack something until another report brings it"`
}

type reportItem struct {
	Class      string         `json:"className" minLength:"1" maxLength:"80"`
	InternalID string         `json:"internal_id,omitempty" maxLength:"200" doc:"For the relations of this report"`
	Values     values         `json:"values"`
	Lookup     []reportLookup `json:"lookup,omitempty" nullable:"false" maxItems:"100"`
	SourceInfo *reportSource  `json:"sys_object_source_info,omitempty"`
	Settings   reportSettings `json:"settings,omitzero"`
}

type reportLookup struct {
	Class  string `json:"className" minLength:"1" maxLength:"80"`
	Values values `json:"values"`
}

type reportSource struct {
	Name      string `json:"source_name,omitempty" maxLength:"100"`
	NativeKey string `json:"source_native_key,omitempty" maxLength:"500"`
	Feed      string `json:"source_feed,omitempty" maxLength:"200"`
	Recency   string `json:"source_recency_timestamp,omitempty" maxLength:"40" doc:"RFC 3339, or YYYY-MM-DD hh:mm:ss in UTC"`
}

type reportSettings struct {
	WithoutUpgrade   bool `json:"updateWithoutUpgrade,omitempty"`
	WithoutDowngrade bool `json:"updateWithoutDowngrade,omitempty"`
	WithoutSwitch    bool `json:"updateWithoutSwitch,omitempty"`
}

type reportRelation struct {
	Parent   *int   `json:"parent,omitempty" minimum:"0" doc:"Index of an item"`
	Child    *int   `json:"child,omitempty" minimum:"0"`
	ParentID string `json:"parent_id,omitempty" maxLength:"200" doc:"Or the internal_id of an item"`
	ChildID  string `json:"child_id,omitempty" maxLength:"200"`
	Type     string `json:"type" minLength:"1" maxLength:"200"`
}

// Identified is what became of a report: one entry for each of its items and relations, in its order.
type Identified cmdb.Result

func (a *api) mountIdentify() {
	register(a, operation{
		id: "identify-items", method: post, path: itemsPath + "/identify", tag: "item", roles: []access.Role{access.Operator}, bodyLimit: identifyLimit,
		summary: "Identify and reconcile a report of items and relations",
		description: "Finds the item that each one means or makes it, writes what the source may say, and answers for each what became of it. Items with an error " +
			"are left out, all others are taken. The same report once more changes nothing. Body and answer have the form of ServiceNow's identifyreconcile.",
	}, a.identify)
}

// payload returns the report as the store takes it.
func (r report) payload(by string) (cmdb.Payload, error) {
	p := cmdb.Payload{Source: r.Source, Time: r.Time, By: by, Enhanced: r.Enhanced}
	var problems errs.Problems
	for i, in := range r.Items {
		it := cmdb.PayloadItem{
			Class: in.Class, InternalID: in.InternalID, Values: in.Values, Settings: cmdb.Settings(in.Settings),
			Lookup: items(in.Lookup, func(l reportLookup) cmdb.PayloadLookup { return cmdb.PayloadLookup{Class: l.Class, Values: l.Values} }),
		}
		if s := in.SourceInfo; s != nil {
			it.SourceInfo = &cmdb.SourceInfo{Name: s.Name, NativeKey: s.NativeKey, Feed: s.Feed}
			quoted, err := json.Marshal(s.Recency)
			if err := errors.Join(err, it.SourceInfo.Recency.UnmarshalJSON(quoted)); err != nil {
				problems.Add(fmt.Sprintf("items[%d].sys_object_source_info.source_recency_timestamp", i), "%s", err.Error())
			}
		}
		p.Items = append(p.Items, it)
	}
	p.Relations = items(r.Relations, func(x reportRelation) cmdb.PayloadRelation { return cmdb.PayloadRelation(x) })
	return p, problems.Err()
}

func (a *api) identify(ctx context.Context, in *identifyInput) (*answer[Identified], error) {
	p, err := in.Body.payload(who(ctx))
	if err != nil {
		return nil, err
	}
	var r cmdb.Result
	if in.DryRun {
		r, err = a.CMDB.Try(ctx, p)
		return &answer[Identified]{Identified(r)}, err
	}
	err = a.change(ctx, func(ctx context.Context) (e access.Entry, err error) {
		r, err = a.CMDB.Commit(ctx, p)
		return reportEntry("identify", p, r, nil), err
	})
	return &answer[Identified]{Identified(r)}, err
}

// ReportTotals sums up what became of a report.
type ReportTotals struct {
	Items      int `json:"items"`
	Inserted   int `json:"inserted"`
	Updated    int `json:"updated"`
	Unchanged  int `json:"unchanged"`
	Incomplete int `json:"incomplete" doc:"Kept until another report brings what they lack"`
	Failed     int `json:"failed"`
	Relations  int `json:"relations"`
}

func (c *ReportTotals) add(r cmdb.Result) {
	for i := range r.Items {
		c.Items++
		switch r.Items[i].Operation {
		case cmdb.Insert:
			c.Inserted++
		case cmdb.NoChange:
			c.Unchanged++
		case cmdb.InsertAsPartial:
			c.Incomplete++
		case cmdb.Update, cmdb.UpdateWithUpgrade, cmdb.UpdateWithDowngrade, cmdb.UpdateWithSwitch:
			c.Updated++
		default:
			c.Failed++
		}
	}
	for i := range r.Relations {
		if len(r.Relations[i].Errors) == 0 {
			c.Relations++
		}
	}
}

// reportEntry tells of a report that was taken; lines are the first and the last of a file.
func reportEntry(action string, p cmdb.Payload, r cmdb.Result, lines []int) access.Entry {
	d := struct {
		Source string `json:"source"`
		ReportTotals
		Lines []int `json:"lines,omitempty"`
	}{Source: p.Source, Lines: lines}
	d.add(r)
	return access.Entry{Action: "item." + action, TargetType: "item", Detail: d}
}
