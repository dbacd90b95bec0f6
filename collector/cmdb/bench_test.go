package cmdb_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/cmdb"
	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
)

// size is how much is there when the measuring begins; PICKET_BENCH_ITEMS makes it smaller.
func size(b *testing.B) (hosts int) {
	b.Helper()
	items := 100_000
	if n, err := strconv.Atoi(os.Getenv("PICKET_BENCH_ITEMS")); err == nil {
		items = n
	}
	return items / 10
}

// herd makes the report of a host and its nine parts; revision changes two attributes of each.
func herdReport(host, revision int) (items []cmdb.PayloadItem, relations []cmdb.PayloadRelation) {
	name := fmt.Sprintf("host-%06d", host)
	add := func(class, key string, v values) {
		v["short_description"], v["comments"] = fmt.Sprint("revision ", revision), fmt.Sprint("revision ", revision)
		items = append(items, native(cmdb.PayloadItem{Class: class, Values: v}, name+key))
	}
	add("cmdb_ci_linux_server", "", values{"name": name, "serial_number": "SN" + name, "os": "Debian GNU/Linux 12", "ram": 4096, "cpu_count": 4, "ip_address": fmt.Sprintf("10.%d.%d.%d", host>>16, host>>8&255, host&255)})
	items[0].Lookup = []cmdb.PayloadLookup{serial("SN"+name, "system"), serial("U-"+name, "uuid")}
	for i := range 3 {
		add("cmdb_ci_disk", fmt.Sprint("/disk/", i), values{"name": fmt.Sprintf("sd%c", 'a'+i), "size_bytes": 1 << 30, "serial_number": fmt.Sprint(name, i)})
		add("cmdb_ci_file_system", fmt.Sprint("/fs/", i), values{"name": fmt.Sprint("/data", i), "mount_point": fmt.Sprint("/data", i), "file_system": "ext4"})
		add("cmdb_ci_appl", fmt.Sprint("/app/", i), values{"name": fmt.Sprint("app", i), "running_process_key_parameters": fmt.Sprint("app", i, ".service"), "version": "1.2.3"})
	}
	for i := 1; i < len(items); i++ {
		if items[i].Class == "cmdb_ci_appl" {
			relations = append(relations, related(i, 0, "Runs on::Runs"))
		} else {
			relations = append(relations, related(0, i, "Owns::Owned by"))
		}
	}
	return items, relations
}

// batch joins the reports of hosts into one payload.
func batch(at time.Time, hosts []int, revision func(host int) int) cmdb.Payload {
	p := cmdb.Payload{Source: "Picket agent", Time: at, By: "bench", Enhanced: true}
	for _, h := range hosts {
		items, relations := herdReport(h, revision(h))
		base := len(p.Items)
		for _, r := range relations {
			p.Relations = append(p.Relations, related(*r.Parent+base, *r.Child+base, r.Type))
		}
		p.Items = append(p.Items, items...)
	}
	return p
}

type relationRow struct {
	bun.BaseModel   `bun:"table:relations"`
	ParentID        cmdb.ItemID `bun:"parent_id"`
	ChildID         cmdb.ItemID `bun:"child_id"`
	Type            string      `bun:"type"`
	ID              string      `bun:"id"`
	Sources         string      `bun:"sources"`
	FirstDiscovered int64       `bun:"first_discovered"`
	LastDiscovered  int64       `bun:"last_discovered"`
	CreatedBy       string      `bun:"created_by"`
}

// preload writes hosts with their parts, and relations between them until there are ten for each item.
func preload(b *testing.B, f *fixture, d *db.DB, hosts int) []cmdb.ItemID {
	b.Helper()
	var ids []cmdb.ItemID
	all := make([]int, hosts)
	for i := range all {
		all[i] = i
	}
	for part := range slices.Chunk(all, 50) {
		for _, r := range f.send(batch(t0, part, func(int) int { return 1 })).Items {
			ids = append(ids, r.ID)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time
	const portion = 2000
	for range (len(ids)*10 - hosts*9) / portion {
		rows := make([]relationRow, portion)
		for i := range rows {
			rows[i] = relationRow{
				ParentID: ids[rng.IntN(len(ids))], ChildID: ids[rng.IntN(len(ids))], Type: "Depends on::Used by", ID: db.NewID(),
				Sources: `{"Discovery":1}`, FirstDiscovered: 1, LastDiscovered: 1, CreatedBy: "bench",
			}
		}
		if _, err := d.NewInsert().Model(&rows).On("CONFLICT DO NOTHING").Exec(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	return ids
}

// BenchmarkFullPath measures items per second from payload to history: batches of 500 items, half of them unchanged, a quarter changed in
// two attributes, a quarter new, in a CMDB of 100,000 items and a million relations.
func BenchmarkFullPath(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *db.DB{"sqlite": dbtest.Open, "postgres": dbtest.OpenPostgres} {
		b.Run(name, func(b *testing.B) { fullPath(b, open(b)) })
	}
}

func fullPath(b *testing.B, d *db.DB) {
	f := open(b, d)
	hosts := size(b)
	preload(b, f, d, hosts)
	next, changed, minute := hosts, 0, 1
	b.ResetTimer()
	items := 0
	for b.Loop() {
		var list []int
		for i := range 25 {
			list = append(list, (minute*25+i)%hosts)
		}
		quarter := map[int]bool{}
		for range 12 {
			changed = (changed + 7) % hosts
			quarter[changed] = true
			list = append(list, changed)
		}
		for range 13 {
			list = append(list, next)
			next++
		}
		slices.Sort(list)
		list = slices.Compact(list)
		p := batch(t0.Add(time.Duration(minute)*time.Minute), list, func(h int) int {
			if quarter[h] {
				return minute + 1
			}
			return 1
		})
		minute++
		items += len(p.Items)
		if r := f.send(p); r.HasError {
			b.Fatalf("%+v", r.Items[0])
		}
	}
	b.ReportMetric(float64(items)/b.Elapsed().Seconds(), "items/s")
}
