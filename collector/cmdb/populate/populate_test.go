package populate

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picketmon/picket/collector/cmdb"
	"github.com/picketmon/picket/collector/cmdb/class"
	"github.com/picketmon/picket/collector/db/dbtest"
)

// fleet is what agents found, as the fleet keeps it.
type fleet struct {
	now   time.Time
	facts map[string]map[string]Fact // by kind and key
	fed   map[string]time.Time
	when  map[string]time.Time
	gone  bool
}

func (f *fleet) set(kind, key, attributes string) {
	f.now = f.now.Add(time.Second)
	if f.facts[kind] == nil {
		f.facts[kind] = map[string]Fact{}
	}
	f.when[kind] = f.now
	if attributes == "" {
		delete(f.facts[kind], key)
		return
	}
	f.facts[kind][key] = Fact{Key: key, Attributes: json.RawMessage(attributes), Time: cmdb.Instant{Time: f.now}}
}

func (f *fleet) Unfed(_ context.Context, kinds []string, _ int64) (list []Feed, err error) {
	for _, k := range kinds {
		if f.gone && !f.fed[k].IsZero() {
			list = append(list, Feed{Agent: "a1", Kind: k, Gone: true})
		} else if !f.gone && f.when[k].After(f.fed[k]) {
			list = append(list, Feed{Agent: "a1", Instance: "web1", Kind: k, Changed: f.when[k], Fed: f.fed[k]})
		}
	}
	return list, nil
}

func (f *fleet) FactsSince(_ context.Context, _, kind string, since time.Time) (changed []Fact, keys []string, err error) {
	for k, fact := range f.facts[kind] {
		keys = append(keys, k)
		if !fact.Time.Before(since) {
			changed = append(changed, fact)
		}
	}
	return changed, keys, nil
}

func (f *fleet) SetFed(_ context.Context, x Feed) error {
	if x.Gone {
		delete(f.fed, x.Kind)
		return nil
	}
	f.fed[x.Kind] = x.Changed
	return nil
}

// What an agent finds stands in the CMDB with what it hangs on; what it finds no more is absent.
func TestPopulate(t *testing.T) {
	model, err := class.Load(class.Builtin()...)
	if err != nil {
		t.Fatal(err)
	}
	f := &fleet{now: time.Now().Add(-time.Hour).Truncate(time.Second), facts: map[string]map[string]Fact{}, fed: map[string]time.Time{}, when: map[string]time.Time{}}
	items, err := cmdb.New(cmdb.Options{DB: dbtest.Open(t), Model: model, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	p := New(Options{Facts: f, Items: items, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	see := func(step string, want ...string) {
		t.Helper()
		if _, err := p.feed(t.Context()); err != nil {
			t.Fatal(err)
		}
		list, _, _, err := items.Items(t.Context(), cmdb.Query{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, it := range list {
			got = append(got, strings.TrimSpace(fmt.Sprint(it.Class, " ", it.Name, " ", it.Attributes["install_status"], " ", it.Attributes["tcp_port"], it.Attributes["version"])))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n%s\nwant:\n%s", step, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	f.set("disk", "sda", `{"name":"sda","size_bytes":100}`)
	see("without its host nothing hangs anywhere")
	f.set("host", "host", `{"hostname":"web1","os":"linux","platform":"Debian","ram":2048,"serial_number_system":"S1"}`)
	f.set("application", "nginx.service", `{"name":"nginx","type":"nginx","category":"web_server","version":"1.22","listens":["tcp/0.0.0.0:443","tcp/0.0.0.0:80"],"start_time":"x"}`)
	f.set("ip_address", "127.0.0.1%lo", `{"ip_address":"127.0.0.1","nic":"lo","scope":"host"}`)
	f.set("ip_address", "10.0.0.1%eth0", `{"ip_address":"10.0.0.1","nic":"eth0","scope":"global"}`)
	f.set("package", "nginx", `{"name":"nginx"}`)
	base := []string{"cmdb_ci_linux_server web1 1", "cmdb_ci_disk sda 1", "cmdb_ci_ip_address 10.0.0.1 1"}
	see("all", append(slices.Clone(base), "cmdb_ci_nginx_web_server nginx 1 80,4431.22")...)
	f.set("application", "nginx.service", `{"name":"nginx","type":"nginx","version":"1.24","listens":["tcp/0.0.0.0:80"]}`)
	f.set("listener", "tcp/0.0.0.0:80", `{"protocol":"tcp","ip_address":"0.0.0.0","port":80}`)
	see("changed", append(slices.Clone(base), "cmdb_ci_nginx_web_server nginx 1 801.24", "cmdb_ci_endpoint tcp/0.0.0.0:80 1")...)
	f.set("listener", "tcp/0.0.0.0:80", "")
	see("gone", append(slices.Clone(base), "cmdb_ci_nginx_web_server nginx 1 801.24", "cmdb_ci_endpoint tcp/0.0.0.0:80 100")...)
	f.gone = true
	see("the agent was deleted", "cmdb_ci_linux_server web1 100", "cmdb_ci_disk sda 100", "cmdb_ci_ip_address 10.0.0.1 100",
		"cmdb_ci_nginx_web_server nginx 100 801.24", "cmdb_ci_endpoint tcp/0.0.0.0:80 100")
	if left, err := f.Unfed(t.Context(), Kinds(), 100); len(left) != 0 || err != nil {
		t.Errorf("left: %v, %v", left, err)
	}
}
