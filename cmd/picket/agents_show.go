package main

import (
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// agentDetail is all that the API tells of an agent.
type agentDetail struct {
	agent
	Certificates []struct {
		Serial        string    `json:"serial"`
		IssuedAt      time.Time `json:"issued_at"`
		NotAfter      time.Time `json:"not_after"`
		RevokedAt     time.Time `json:"revoked_at"`
		RevokedReason string    `json:"revoked_reason"`
	} `json:"certificates"`
	Facts []struct {
		Kind  string `json:"kind"`
		Count int    `json:"count"`
	} `json:"facts"`
	Capabilities []capability  `json:"capabilities"`
	Results      []agentResult `json:"results"`
	Events       []struct {
		Type     string    `json:"type"`
		Severity string    `json:"severity"`
		Message  string    `json:"message"`
		Time     time.Time `json:"time"`
	} `json:"events"`
	Drops []struct {
		Class   string    `json:"class"`
		Records int64     `json:"records"`
		Bytes   int64     `json:"bytes"`
		Reason  string    `json:"reason"`
		Time    time.Time `json:"time"`
	} `json:"drops"`
}

// agentResult is the part of a check's result that tables show.
type agentResult struct {
	Check    string    `json:"check"`
	Resource string    `json:"resource"`
	Status   string    `json:"status"`
	Output   string    `json:"output"`
	Time     time.Time `json:"time"`
}

func agentsShowCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "show INSTANCE|ID",
		Short:             "Show one agent with its certificates, gaps, results, events and losses",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeAgents,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect()
			if err != nil {
				return err
			}
			var d agentDetail
			raw, err := c.get(cmd.Context(), agentsPath+"/"+url.PathEscape(args[0]), nil, &d)
			if err != nil {
				return err
			}
			return a.print(cmd.OutOrStdout(), raw, func(out io.Writer) error { return a.writeAgent(out, d) })
		},
	}
}

func (a *app) writeAgent(out io.Writer, d agentDetail) error {
	if err := a.agentFacts(d).write(out); err != nil {
		return err
	}
	for _, part := range []*table{a.certificates(d), a.missing(d), a.results(d), a.events(d), a.drops(d)} {
		if len(part.rows) == 0 {
			continue
		}
		if _, err := fmt.Fprintln(out); err != nil {
			return err
		}
		if err := part.write(out); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) agentFacts(d agentDetail) (f facts) {
	f.add("instance", d.Instance)
	f.add("agent", d.ID)
	state := d.State
	if !d.LastSeenAt.IsZero() {
		state += ", seen " + a.ago(d.LastSeenAt)
	}
	f.add("state", state)
	f.add("host", fmt.Sprintf("%s, %s/%s", d.Hostname, d.OS, d.Arch))
	f.add("version", d.Version)
	f.add("address", d.RemoteAddr)
	switch {
	case d.DisconnectedAt.After(d.ConnectedAt):
		f.add("connected", "no, since "+a.clock(d.DisconnectedAt))
	case !d.ConnectedAt.IsZero():
		f.add("connected", "since "+a.clock(d.ConnectedAt))
	}
	with := "with token " + d.EnrolledWith
	if former, ok := strings.CutPrefix(d.EnrolledWith, "clone:"); ok {
		with = "as a clone of agent " + former
	}
	f.add("enrolled", a.clock(d.EnrolledAt)+" "+with)
	if !d.RevokedAt.IsZero() {
		f.add("revoked", strings.TrimSuffix(a.clock(d.RevokedAt)+": "+d.RevokedReason, ": "))
	}
	var inventory []string
	for _, k := range d.Facts {
		inventory = append(inventory, strconv.Itoa(k.Count)+" "+k.Kind)
	}
	f.add("inventory", strings.Join(inventory, ", "))
	f.add("collects", collects(d))
	return f
}

func (a *app) certificates(d agentDetail) *table {
	t := newTable("CERTIFICATE", "ISSUED", "UNTIL", "STATE")
	for _, c := range d.Certificates {
		state := "valid"
		switch {
		case !c.RevokedAt.IsZero():
			state = strings.TrimSuffix("revoked: "+c.RevokedReason, ": ")
		case a.now().After(c.NotAfter):
			state = "expired"
		}
		t.add(c.Serial, a.clock(c.IssuedAt), a.clock(c.NotAfter), state)
	}
	return t
}

// severities are the states of results, the worst first.
var severities = []string{"critical", "major", "unknown", "warning", "minor", "ok"}

// results lists the latest results, what is wrong before what is well.
func (a *app) results(d agentDetail) *table {
	t := newTable("CHECK", "RESOURCE", "STATUS", "AT", "OUTPUT")
	slices.SortStableFunc(d.Results, func(x, y agentResult) int {
		return slices.Index(severities, x.Status) - slices.Index(severities, y.Status)
	})
	for _, r := range d.Results {
		t.add(r.Check, r.Resource, r.Status, a.ago(r.Time), r.Output)
	}
	return t
}

func (a *app) events(d agentDetail) *table {
	t := newTable("EVENT", "SEVERITY", "AT", "MESSAGE")
	for _, e := range d.Events {
		t.add(e.Type, e.Severity, a.ago(e.Time), e.Message)
	}
	return t
}

func (a *app) drops(d agentDetail) *table {
	t := newTable("LOST", ">RECORDS", ">SIZE", "AT", "REASON")
	for _, one := range d.Drops {
		t.add(one.Class, strconv.FormatInt(one.Records, 10), bytesText(one.Bytes), a.ago(one.Time), one.Reason)
	}
	return t
}
