package network

import (
	"bytes"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/picketmon/picket/agent/inventory"
	"github.com/picketmon/picket/checks"
)

// upstream is where systemd-resolved says whom it asks itself.
const upstream = "run/systemd/resolve/resolv.conf"

// Resolver is whom the host asks for names.
type Resolver struct {
	NameServers []string `json:"name_servers"`
	Search      []string `json:"search,omitempty"`
	Options     []string `json:"options,omitempty"`
	Upstream    []string `json:"upstream,omitempty"` // whom the local systemd-resolved asks
}

func resolver(t inventory.Trees) ([]inventory.Item, []checks.Gap, error) {
	path := t.InRoot("etc/resolv.conf")
	raw, err := inventory.ReadFile(path, 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, &checks.Gap{Reason: "the host has no " + path, Cause: checks.ErrNoData}
	}
	if err != nil {
		return nil, nil, err
	}
	r := parseResolver(raw)
	if slices.Contains(r.NameServers, "127.0.0.53") {
		if raw, err := inventory.ReadFile(t.InRoot(upstream), 1<<20); err == nil {
			r.Upstream = parseResolver(raw).NameServers
		}
	}
	item, err := inventory.NewItem("dns", "resolv.conf", r)
	return []inventory.Item{item}, nil, err
}

// parseResolver reads resolv.conf(5).
func parseResolver(raw []byte) Resolver {
	r := Resolver{NameServers: []string{}}
	for line := range bytes.Lines(raw) {
		text, _, _ := strings.Cut(strings.ToValidUTF8(string(line), "�"), "#")
		text, _, _ = strings.Cut(text, ";")
		f := strings.Fields(text)
		if len(f) < 2 {
			continue
		}
		switch f[0] {
		case "nameserver":
			r.NameServers = append(r.NameServers, f[1])
		case "search", "domain": // the last one counts
			r.Search = f[1:]
		case "options":
			r.Options = append(r.Options, f[1:]...)
		}
	}
	return r
}
