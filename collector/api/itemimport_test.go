package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
)

const itemImport = "/api/v1/imports/items"

func asCSV(r *http.Request) { r.Header.Set("Content-Type", "text/csv") }

// totals are the numbers of an import.
func (r reply) totals() (out []int) {
	for _, name := range []string{"items", "inserted", "updated", "unchanged", "incomplete", "failed", "relations"} {
		n, _ := r.body[name].(float64)
		out = append(out, int(n))
	}
	return out
}

// problems are what an import tells, as line and code.
func (r reply) problems() (out []string) {
	list, _ := r.body["problems"].([]any)
	for _, p := range list {
		m := p.(map[string]any)
		out = append(out, strings.Join([]string{r.line(m), m["severity"].(string), m["code"].(string)}, " "))
	}
	return out
}

func (reply) line(m map[string]any) string {
	return string(rune('0' + int(m["line"].(float64))))
}

// A spreadsheet of servers and what hangs on them: tried, taken, taken again, exported and taken back.
func TestImportItems(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		b := newBenchOn(t, d)
		b.identify(server("Discovery", "db1", "S2", ""))
		file := "\ufeffclass;native_key;name;serial_number;ram;hangs_on\n" +
			"cmdb_ci_linux_server;a1;web1;S1;1024;\n" +
			"cmdb_ci_disk;;sda;;;web1\n" +
			"cmdb_ci_disk;;sda;;;DB1\n" +
			"cmdb_ci_disk;;sdb;;;nosuch\n" +
			"cmdb_ci_linux_server;;web2;S3;much;\n" +
			"nosuch;;x;;;\n" +
			"cmdb_ci_linux_server;;few\n"
		want := []int{7, 4, 0, 0, 0, 3, 2}
		wrong := []string{"8 error INVALID_INPUT_DATA", "5 error MISSING_DEPENDENCY", "6 warning BAD_VALUE", "7 error INVALID_INPUT_DATA"}
		dry := b.must(http.StatusOK, "operator", "POST", itemImport+"?dry_run=true", file, asCSV)
		same(t, "tried", want, dry.totals())
		same(t, "problems", wrong, dry.problems())
		same(t, "nothing was done", float64(1), b.must(http.StatusOK, "viewer", "GET", items, "").item("total"))

		done := b.must(http.StatusOK, "operator", "POST", itemImport, file, asCSV)
		same(t, "taken", want, done.totals())
		same(t, "problems", wrong, done.problems())
		again := b.must(http.StatusOK, "operator", "POST", itemImport, file, asCSV)
		same(t, "again", []int{7, 0, 0, 4, 0, 3, 2}, again.totals())
		disks := b.must(http.StatusOK, "viewer", "GET", items+"?class=cmdb_ci_disk", "")
		same(t, "on which hosts", "db1 web1", sorted(disks.names("host_name")))

		out := b.must(http.StatusOK, "viewer", "GET", items+"/export", "")
		back := b.must(http.StatusOK, "operator", "POST", itemImport+"?source=ServiceNow", out.text, asCSV)
		same(t, "the export is taken back", []int{5, 0, 0, 5, 0, 0, 2}, back.totals())
		same(t, "as it is", []string(nil), back.problems())
		log := b.must(http.StatusOK, "admin", "GET", "/api/v1/audit-log?action=item.import", "")
		same(t, "audit log", 3, len(log.names("id")))
	})
}

func sorted(names []string) string {
	if len(names) == 2 && names[0] > names[1] {
		names[0], names[1] = names[1], names[0]
	}
	return strings.Join(names, " ")
}

// JSON comes as an array of items, or as a report with relations.
func TestImportItemsAsJSON(t *testing.T) {
	b := newBench(t)
	array := b.must(http.StatusOK, "operator", "POST", itemImport+"?class=cmdb_ci_linux_server", ` [{"className":"","values":{"name":"web1","serial_number":12345678901234567890}},{"className":"nosuch","values":{}}]`)
	same(t, "array", []int{2, 1, 0, 0, 0, 1, 0}, array.totals())
	same(t, "its digits", 1, len(b.must(http.StatusOK, "viewer", "GET", items+"?search=12345678901234567890", "").names("id")))
	report := b.must(http.StatusOK, "operator", "POST", itemImport, `{"items":[{"className":"cmdb_ci_linux_server","values":{"name":"web1"}},`+
		`{"className":"cmdb_ci_disk","values":{"name":"sda"}}],"relations":[{"parent":0,"child":1,"type":"Owns::Owned by"}]}`)
	same(t, "report", []int{2, 1, 0, 1, 0, 0, 1}, report.totals())
}

// What is no file of items is refused with what is wrong, and nothing is taken.
func TestImportItemsThatAreNone(t *testing.T) {
	b := newBench(t)
	for name, c := range map[string]struct{ query, kind, body, want string }{
		"empty":          {"", "text/csv", "\ufeff", "first line"},
		"columns":        {"", "text/csv", "name,nosuch,name\n", "nosuch"},
		"no class":       {"", "text/csv", "name\nweb1\n", "class"},
		"unknown class":  {"?class=nosuch", "text/csv", "name\nweb1\n", "nosuch"},
		"unknown source": {"?source=me", "text/csv", "class\n", "sources"},
		"no items":       {"", "application/json", `"x"`, "array"},
		"half":           {"", "application/json", `[{"className":"cmdb_ci_disk"`, "item 1"},
		"unknown field":  {"", "application/json", `[{"className":"cmdb_ci_disk","nosuch":1}]`, "nosuch"},
		"another form":   {"", "text/plain", "x", "text/csv"},
	} {
		t.Run(name, func(t *testing.T) {
			r := b.must(http.StatusBadRequest, "operator", "POST", itemImport+c.query, c.body, func(r *http.Request) { r.Header.Set("Content-Type", c.kind) })
			if !strings.Contains(r.text, c.want) {
				t.Errorf("%s does not say %q", r.text, c.want)
			}
		})
	}
	twice := b.must(http.StatusOK, "operator", "POST", itemImport, "class,name,serial_number,hangs_on\ncmdb_ci_linux_server,a,A1,\ncmdb_ci_linux_server,a,A2,\n"+
		"cmdb_ci_disk,sda,,a\n", asCSV)
	same(t, "two hosts of one name are none to hang on", []string{"4 error MISSING_DEPENDENCY"}, twice.problems())
	half := b.must(http.StatusOK, "operator", "POST", itemImport, "class,name,serial_number\ncmdb_ci_linux_server,web1,S1\ncmdb_ci_linux_server,\"a\"b,S2\ncmdb_ci_linux_server,web3,S3\n", asCSV)
	same(t, "what came before the line that cannot be read", []int{2, 1, 0, 0, 0, 1, 0}, half.totals())
	same(t, "which line", []string{"3 error INVALID_INPUT_DATA"}, half.problems())
}
