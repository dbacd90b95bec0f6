package cmdb_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/picketmon/picket/collector/cmdb"
	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
)

// fleetOf makes the reports of hosts: agents that know all, a discovery that knows each host as a mere computer by its serial number, an
// import by name, and parts whose report names their host by the serial number only. Every fifth host shares its serial number with
// its neighbour, as clones do; the discovery has native keys of its own for these.
func fleetOf(n int) []cmdb.Payload {
	var list []cmdb.Payload
	for i := range n {
		name, number := fmt.Sprintf("host-%04d", i), fmt.Sprintf("SN%04d", i-i%5/4) // the fifth has the fourth's
		cloned := i%5 >= 3                                                          // whoever knows a clone by its serial number only does not know which
		full := native(server(values{"name": name, "serial_number": number, "os": "Linux", "ram": 1024 + i}), "agent-"+strconv.Itoa(i))
		full.Lookup = []cmdb.PayloadLookup{serial(number, "system"), serial("U-"+name, "uuid")}
		owns := []cmdb.PayloadRelation{related(0, 1, "Owns::Owned by"), related(0, 2, "Owns::Owned by"), related(3, 0, "Runs on::Runs")}
		parts := []cmdb.PayloadItem{
			full, disk("sda", values{"size_bytes": 10 + i}),
			{Class: "cmdb_ci_file_system", Values: values{"name": "/", "mount_point": "/"}},
			{Class: "cmdb_ci_appl", Values: values{"name": "nginx", "running_process_key_parameters": "nginx.service"}},
		}
		list = append(list, cmdb.Payload{Source: "Picket agent", Time: at(i % 7), Items: parts, Relations: owns})
		later := slices.Clone(parts)
		later[3].Class = "cmdb_ci_nginx_web_server"
		later[1] = disk("sda", values{"size_bytes": 20 + i})
		list = append(list, cmdb.Payload{Source: "Picket agent", Time: at(60 + i%5), Items: later, Relations: owns})
		computer := cmdb.PayloadItem{Class: "cmdb_ci_computer", Values: values{"serial_number": number, "asset_tag": "A" + number}}
		if cloned {
			computer = native(cmdb.PayloadItem{Class: "cmdb_ci_computer", Values: values{"name": name, "serial_number": number, "asset_tag": "A" + name}}, "d-"+strconv.Itoa(i))
		}
		list = append(list,
			cmdb.Payload{
				Source: "Discovery", Time: at(30), Items: []cmdb.PayloadItem{computer, disk("sda", values{"device_id": "8:" + strconv.Itoa(i)}), disk("sdb", nil)},
				Relations: []cmdb.PayloadRelation{related(0, 1, "Owns::Owned by"), related(0, 2, "Owns::Owned by")},
			},
			cmdb.Payload{Source: "Import", Time: at(90), Items: []cmdb.PayloadItem{{Class: "cmdb_ci_computer", Values: values{"name": name, "support_group": "group-" + strconv.Itoa(i%3), "ram": 1}}}})
	}
	for i := range list {
		list[i].Enhanced, list[i].By = true, "test"
	}
	return list
}

const fleetRules = "reconciliation:\n  - {class: cmdb_ci_computer, source: Picket agent, priority: 10, attributes: [ram, os]}\n  - {class: cmdb_ci_computer, source: Import, priority: 20, attributes: [ram]}\n"

// natural returns all items and relations with ids and times of creation replaced by natural keys, in order.
func (f *fixture) natural(d *db.DB) []string {
	f.t.Helper()
	ctx := context.Background()
	var lines []string
	names := map[cmdb.ItemID]string{"": ""}
	var all []cmdb.Item
	for after := ""; ; {
		page, next, _, err := f.Items(ctx, cmdb.Query{After: after, Limit: 1000})
		if err != nil {
			f.t.Fatal(err)
		}
		if all = append(all, page...); next == "" {
			break
		}
		after = next
	}
	for _, it := range all {
		if it.Host == "" {
			names[it.ID] = it.Class + " " + it.Name
		}
	}
	for _, it := range all {
		if it.Host != "" {
			names[it.ID] = names[it.Host] + " / " + it.Class + " " + it.Name
		}
		raw, err := json.Marshal(it.Attributes)
		if err != nil {
			f.t.Fatal(err)
		}
		lines = append(lines, fmt.Sprint(names[it.ID], " ", string(raw), " ", it.DiscoverySource, " ", it.FirstDiscovered.Format(time.TimeOnly), " ", it.LastDiscovered.Format(time.TimeOnly), " ", names[it.DuplicateOf]))
	}
	for after := ""; ; {
		page, next, err := f.Relations(ctx, cmdb.RelationQuery{After: after, Limit: 1000})
		if err != nil {
			f.t.Fatal(err)
		}
		for _, r := range page {
			lines = append(lines, fmt.Sprint(names[r.Parent], " --", r.Type, "--> ", names[r.Child], " ", r.Sources, " ", r.FirstDiscovered.Format(time.TimeOnly)))
		}
		if next == "" {
			break
		}
		after = next
	}
	slices.Sort(lines)
	return lines
}

// Whatever the order in which reports come, twice, by eight at a time: the outcome is the same, and nothing is there twice.
func TestOrderDoesNotMatter(t *testing.T) {
	hosts, orders := 20, 4
	if os.Getenv("PICKET_SOAK") == "1" {
		hosts, orders = 1000, 20
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		orders := orders
		if d.Postgres() {
			orders = min(orders, 5)
		}
		var want []string
		for order := range orders {
			f := open(t, dbOf(t, d), fleetRules)
			reports := fleetOf(hosts)
			reports = append(reports, fleetOf(hosts)...)
			rng := rand.New(rand.NewPCG(uint64(order), 1)) //nolint:gosec // the same each time
			if order > 0 {
				rng.Shuffle(len(reports), func(i, j int) { reports[i], reports[j] = reports[j], reports[i] })
			}
			f.concurrently(reports, 8)
			got := f.natural(d)
			if order == 0 {
				want = got
				t.Log(len(got), "lines,", strings.Join(got[:6], "\n"))
				if n := len(f.allServers(hosts)); n != hosts {
					t.Errorf("%d servers of %d hosts", n, hosts)
				}
				continue
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("order %d gives another outcome (-first +this):\n%s", order, clip(diff, 3000))
			}
		}
	})
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n] + "…"
	}
	return s
}

func (f *fixture) allServers(max int) []string {
	f.t.Helper()
	var names []string
	for after := ""; len(names) <= max; {
		page, next, _, err := f.Items(context.Background(), cmdb.Query{Class: "cmdb_ci_hardware", After: after, Limit: 1000})
		if err != nil {
			f.t.Fatal(err)
		}
		for _, it := range page {
			names = append(names, it.Name)
		}
		if after = next; next == "" {
			break
		}
	}
	slices.Sort(names)
	if len(slices.Compact(slices.Clone(names))) != len(names) {
		f.t.Errorf("the same host twice: %s", strings.Join(names, " "))
	}
	return names
}

func (f *fixture) concurrently(reports []cmdb.Payload, workers int) {
	f.t.Helper()
	queue := make(chan cmdb.Payload)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for p := range queue {
				if _, err := f.Commit(context.Background(), p); err != nil {
					f.t.Error(err)
				}
			}
		})
	}
	for _, p := range reports {
		queue <- p
	}
	close(queue)
	wg.Wait()
}
