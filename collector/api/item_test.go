package api_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
)

const (
	items     = "/api/v1/items"
	relations = "/api/v1/relations"
)

// identify sends a report and returns the ids of its items.
func (b *bench) identify(body string) (ids []string) {
	b.t.Helper()
	r := b.must(http.StatusOK, "operator", "POST", items+"/identify", body)
	if r.item("hasError") == true {
		b.t.Fatalf("identify %s: %s", body, r.text)
	}
	return r.names("sysId")
}

// server is a report of one server.
func server(source, name, serial, more string) string {
	return fmt.Sprintf(`{"source":%q,"items":[{"className":"cmdb_ci_linux_server","values":{"name":%q,"serial_number":%q%s}}]}`, source, name, serial, more)
}

// A server is reported, found, changed by hand, looked at as it was, and deleted; every change is in the audit log.
func TestItemsLife(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		b := newBenchOn(t, d)
		id := b.identify(server("Import", "web1", "S1", `,"os":"Debian","ip_address":"10.0.0.7"`))[0]
		b.identify(server("Discovery", "web1", "S1", `,"os":"Ubuntu","cpu_count":12345678901234567`))
		b.must(http.StatusOK, "operator", "PATCH", items+"/"+id, `{"attributes":{"short_description":"The first","location":null}}`)

		one := b.must(http.StatusOK, "viewer", "GET", items+"/"+id, "").body
		same(t, "class", "Linux server", one["class_label"].(string))
		same(t, "attributes", "12345678901234567 The first 10.0.0.7", field(one, "attributes", "cpu_count")+" "+field(one, "attributes", "short_description")+" "+field(one, "attributes", "ip_address"))
		said := one["words"].(map[string]any)["os"].([]any)
		first := said[0].(map[string]any)
		same(t, "whose word counts first", true, first["counts"].(bool))
		same(t, "how many speak of os", 2, len(said))
		same(t, "and it is the value", field(one, "attributes", "os"), first["value"].(string))
		same(t, "who knows it", 3, len(one["reports"].([]any)))

		for query, want := range map[string]int{
			"": 1, "?class=cmdb_ci_hardware": 1, "?class=cmdb_ci_disk": 0, "?search=10.0.0": 1, "?search=web+s1": 1, "?search=mail": 0,
			"?attr=os%3D" + url.QueryEscape(field(one, "attributes", "os")): 1, "?attr=os%3Dplan9": 0, "?duplicates=true": 0, "?host=" + id: 0,
		} {
			r := b.must(http.StatusOK, "viewer", "GET", items+query, "")
			same(t, "items "+query, want, len(r.names("id")))
			same(t, "total "+query, float64(want), r.item("total"))
		}
		b.must(http.StatusBadRequest, "viewer", "GET", items+"?class=nosuch", "")
		b.must(http.StatusBadRequest, "viewer", "GET", items+"?attr=os", "")
		b.must(http.StatusBadRequest, "viewer", "GET", items+"?after=nosuch", "")

		history := b.must(http.StatusOK, "viewer", "GET", items+"/"+id+"/history?limit=2", "")
		same(t, "newest two", []string{"update", "update"}, history.names("operation"))
		rest := b.must(http.StatusOK, "viewer", "GET", items+"/"+id+"/history?after="+history.item("next").(string), "")
		same(t, "the rest", []string{"insert"}, rest.names("operation"))
		same(t, "by", []string{"operator"}, rest.names("by"))
		same(t, "the end", nil, rest.item("next"))

		b.must(http.StatusNoContent, "operator", "DELETE", items+"/"+id, "")
		b.must(http.StatusNotFound, "operator", "DELETE", items+"/"+id, "")
		b.must(http.StatusNotFound, "viewer", "GET", items+"/"+id, "")
		same(t, "history stays", 4, len(b.must(http.StatusOK, "viewer", "GET", items+"/"+id+"/history", "").names("id")))
		b.must(http.StatusNotFound, "viewer", "GET", items+"/nosuch/history", "")
		log := b.must(http.StatusOK, "admin", "GET", "/api/v1/audit-log?actor_id="+b.users["operator"].ID, "")
		same(t, "audit log", []string{"item.delete", "item.update", "item.identify", "item.identify"}, log.names("action"))
	})
}

func field(m map[string]any, path ...string) string {
	for _, name := range path[:len(path)-1] {
		m, _ = m[name].(map[string]any)
	}
	s, _ := m[path[len(path)-1]].(string)
	return s
}

// What was then can be seen and compared: the item, and what is different since.
func TestItemsPast(t *testing.T) {
	b := newBench(t)
	made := b.must(http.StatusCreated, "operator", "POST", items, `{"class":"cmdb_ci_linux_server","attributes":{"name":"web1","ram":2048}}`)
	where := made.header.Get("Location")
	then := time.Now()
	for !time.Now().After(then.Add(2 * time.Millisecond)) { // history counts milliseconds
		then = then.Add(0)
	}
	b.must(http.StatusOK, "operator", "PATCH", where, `{"attributes":{"ram":4096,"os":"Debian"}}`)
	at := url.QueryEscape(then.UTC().Format(time.RFC3339Nano))
	was := b.must(http.StatusOK, "viewer", "GET", where+"?at="+at, "").body
	same(t, "ram then", "2048", field(was, "attributes", "ram"))
	same(t, "words of the past", nil, was["words"])
	diff := b.must(http.StatusOK, "viewer", "GET", where+"/difference?from="+at, "")
	same(t, "what differs", []string{"os", "ram"}, diff.names("name"))
	same(t, "from", []string{"", "2048"}, diff.names("from"))
	same(t, "to", []string{"Debian", "4096"}, diff.names("to"))
	same(t, "label", []string{"Operating system", "Memory in MB"}, diff.names("label"))
	b.must(http.StatusNotFound, "viewer", "GET", where+"?at=2020-01-01T00:00:00Z", "")
	b.must(http.StatusBadRequest, "viewer", "GET", where+"/difference", "")
}

// What is wrong with a change is told by field, and nothing of it happens.
func TestItemsThatAreWrong(t *testing.T) {
	b := newBench(t)
	for name, c := range map[string]struct {
		body   string
		fields []string
	}{
		"no class":          {`{"attributes":{"name":"x"}}`, []string{"class"}},
		"unknown class":     {`{"class":"nosuch","attributes":{"name":"x"}}`, nil},
		"unknown attribute": {`{"class":"cmdb_ci_linux_server","attributes":{"name":"x","nosuch":1}}`, []string{"nosuch"}},
		"no number":         {`{"class":"cmdb_ci_linux_server","attributes":{"name":"x","ram":"much","cpu_count":"many"}}`, []string{"cpu_count", "ram"}},
		"no name":           {`{"class":"cmdb_ci_linux_server","attributes":{"ram":1}}`, nil},
		"no host":           {`{"class":"cmdb_ci_disk","attributes":{"name":"sda"}}`, nil},
		"unknown host":      {`{"class":"cmdb_ci_disk","attributes":{"name":"sda"},"host":"nosuch"}`, []string{"host"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, fields := b.must(http.StatusBadRequest, "operator", "POST", items, c.body).kind()
			same(t, "fields", c.fields, fields)
		})
	}
	same(t, "nothing was made", float64(0), b.must(http.StatusOK, "viewer", "GET", items, "").item("total"))
	same(t, "nor written down", []string{}, b.must(http.StatusOK, "admin", "GET", "/api/v1/audit-log?actor_id="+b.users["operator"].ID, "").names("id"))
}

func TestIdentify(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		b := newBenchOn(t, d)
		body := `{"source":"ServiceNow","enhanced":true,"items":[
			{"className":"cmdb_ci_linux_server","internal_id":"h","values":{"name":"db1","serial_number":"S9"},
			 "sys_object_source_info":{"source_name":"ServiceNow","source_native_key":"k1","source_recency_timestamp":"2026-01-02 03:04:05"}},
			{"className":"cmdb_ci_disk","internal_id":"d","values":{"name":"sda","size_bytes":1}},
			{"className":"nosuch","values":{}}],
			"relations":[{"parent_id":"h","child_id":"d","type":"Owns::Owned by"}]}`
		dry := b.must(http.StatusOK, "operator", "POST", items+"/identify?dry_run=true", body)
		same(t, "what would be", []string{"INSERT", "INSERT", "INSERT_AS_INCOMPLETE"}, dry.names("operation"))
		same(t, "nothing was", float64(0), b.must(http.StatusOK, "viewer", "GET", items, "").item("total"))
		same(t, "nor written down", []string{}, b.must(http.StatusOK, "admin", "GET", "/api/v1/audit-log?action=item.identify", "").names("id"))

		r := b.must(http.StatusOK, "operator", "POST", items+"/identify", body)
		same(t, "what became", []string{"INSERT", "INSERT", "INSERT_AS_INCOMPLETE"}, r.names("operation"))
		same(t, "one has an error", true, r.item("hasError"))
		again := b.must(http.StatusOK, "operator", "POST", items+"/identify", body)
		same(t, "the same once more", []string{"NO_CHANGE", "NO_CHANGE", "INSERT_AS_INCOMPLETE"}, again.names("operation"))
		host := again.names("sysId")[0]
		one := b.must(http.StatusOK, "viewer", "GET", items+"/"+host, "").body
		same(t, "discovered", "2026-01-02T03:04:05Z", one["first_discovered"])
		same(t, "what hangs on it", []any{map[string]any{"class": "cmdb_ci_disk", "label": "Disk", "count": 1.0}}, one["hanging"])
		same(t, "its disk", []string{"db1"}, b.must(http.StatusOK, "viewer", "GET", items+"?host="+host, "").names("host_name"))
		same(t, "its relations", []string{"Owns::Owned by"}, b.must(http.StatusOK, "viewer", "GET", relations+"?item="+host, "").names("type"))

		for name, wrong := range map[string]string{
			"source":        `{"source":"Nobody","items":[{"className":"cmdb_ci_linux_server","values":{}}]}`,
			"no items":      `{"source":"Import","items":[]}`,
			"unknown field": `{"source":"Import","items":[{"className":"cmdb_ci_linux_server","values":{},"nosuch":1}]}`,
			"time":          `{"source":"Import","items":[{"className":"cmdb_ci_linux_server","values":{},"sys_object_source_info":{"source_recency_timestamp":"soon"}}]}`,
			"relation":      `{"source":"Import","items":[{"className":"cmdb_ci_linux_server","values":{}}],"relations":[{"parent":0,"child":7,"type":"Owns::Owned by"}]}`,
		} {
			if r := b.do("operator", "POST", items+"/identify", wrong); r.status != http.StatusBadRequest {
				t.Errorf("%s: %d %s", name, r.status, r.text)
			}
		}
		large := server("Import", "web1", "S1", `,"comments":"`+strings.Repeat("x", 100<<10)+`"`)
		b.must(http.StatusOK, "operator", "POST", items+"/identify", large)
	})
}

func TestRelations(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		b := newBenchOn(t, d)
		web := b.identify(server("Import", "web1", "S1", ""))[0]
		data := b.identify(server("Import", "db1", "S2", ""))[0]
		body := fmt.Sprintf(`{"parent":%q,"child":%q,"type":"Depends on::Used by"}`, web, data)
		made := b.must(http.StatusCreated, "operator", "POST", relations, body)
		again := b.must(http.StatusCreated, "operator", "POST", relations, body)
		same(t, "once", made.item("id"), again.item("id"))
		same(t, "ends", "web1 db1", field(made.body, "parent", "name")+" "+field(made.body, "child", "name"))
		for query, want := range map[string]int{
			"": 1, "?item=" + web: 1, "?item=" + data: 1, "?parent=" + web: 1, "?child=" + web: 0, "?type=Depends+on%3A%3AUsed+by": 1, "?type=x": 0,
		} {
			same(t, "relations "+query, want, len(b.must(http.StatusOK, "viewer", "GET", relations+query, "").names("id")))
		}
		b.must(http.StatusBadRequest, "operator", "POST", relations, fmt.Sprintf(`{"parent":%q,"child":%q,"type":"Likes::Liked by"}`, web, data))
		b.must(http.StatusBadRequest, "operator", "POST", relations, fmt.Sprintf(`{"parent":%q,"child":%q,"type":"Depends on::Used by"}`, web, web))
		b.must(http.StatusNotFound, "operator", "POST", relations, fmt.Sprintf(`{"parent":%q,"child":"nosuch","type":"Depends on::Used by"}`, web))
		b.must(http.StatusNoContent, "operator", "DELETE", made.header.Get("Location"), "")
		b.must(http.StatusNotFound, "operator", "DELETE", made.header.Get("Location"), "")
		log := b.must(http.StatusOK, "admin", "GET", "/api/v1/audit-log?target_type=relation", "")
		same(t, "audit log", []string{"relation.delete", "relation.create", "relation.create"}, log.names("action"))
	})
}

func TestClasses(t *testing.T) {
	b := newBench(t)
	b.identify(server("Import", "web1", "S1", ""))
	all := b.must(http.StatusOK, "viewer", "GET", "/api/v1/classes", "")
	counts := map[string]string{}
	for _, c := range all.item("items").([]any) {
		m := c.(map[string]any)
		counts[m["name"].(string)] = fmt.Sprint(m["items"], m["total"])
	}
	same(t, "counts", "0 1, 0 1, 1 1, 0 0", strings.Join([]string{counts["cmdb_ci"], counts["cmdb_ci_server"], counts["cmdb_ci_linux_server"], counts["cmdb_ci_disk"]}, ", "))
	one := b.must(http.StatusOK, "viewer", "GET", "/api/v1/classes/cmdb_ci_server", "").body
	same(t, "above", []any{"cmdb_ci_computer", "cmdb_ci_hardware", "cmdb_ci"}, one["above"])
	inherited := map[string]any{}
	for _, a := range one["attributes"].([]any) {
		m := a.(map[string]any)
		inherited[m["name"].(string)] = m["inherited"]
	}
	same(t, "whose attributes", []any{nil, "cmdb_ci_hardware", "cmdb_ci"}, []any{inherited["used_for"], inherited["ram"], inherited["name"]})
	same(t, "rule", "cmdb_ci_hardware independent", field(one, "identification", "class")+" "+field(one, "identification", "kind"))
	b.must(http.StatusNotFound, "viewer", "GET", "/api/v1/classes/nosuch", "")
	types := b.must(http.StatusOK, "viewer", "GET", "/api/v1/relation-types", "")
	same(t, "a type", true, strings.Contains(strings.Join(types.names("child"), ","), "Contained by"))
}

// An export has all that matches and no formulas.
func TestExport(t *testing.T) {
	b := newBench(t)
	var report []string
	for i := range 1203 {
		report = append(report, fmt.Sprintf(`{"className":"cmdb_ci_linux_server","values":{"name":"web%04d","serial_number":"S%d"}}`, i, i))
	}
	b.identify(`{"source":"Import","items":[` + strings.Join(report, ",") + `]}`)
	b.identify(server("Import", "=1+1", "S=", `,"short_description":"a, \"b\""`))
	raw := b.must(http.StatusOK, "viewer", "GET", items+"/export?class=cmdb_ci_server", "")
	rows, err := csv.NewReader(strings.NewReader(raw.text)).ReadAll()
	check(t, err)
	same(t, "lines", 1205, len(rows))
	same(t, "head", "sys_id class name hangs_on", strings.Join(rows[0][:4], " "))
	same(t, "no formula", "'=1+1", rows[1][2])
	lines := b.must(http.StatusOK, "viewer", "GET", items+"/export?format=jsonl&search=web0001", "")
	same(t, "one line", 1, strings.Count(lines.text, "\n"))
	b.must(http.StatusBadRequest, "viewer", "GET", items+"/export?class=nosuch", "")
}
