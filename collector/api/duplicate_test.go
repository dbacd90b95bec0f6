package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/collector/db/dbtest"
)

const duplicates = "/api/v1/duplicates"

// twins makes items that nobody looked at, and a report that finds them all.
func (b *bench) twins(n int, serial string) (ids []string) {
	b.t.Helper()
	for i := range n {
		made := b.must(http.StatusCreated, "operator", "POST", items,
			fmt.Sprintf(`{"class":"cmdb_ci_linux_server","attributes":{"name":"%s-%d","serial_number":%q}}`, strings.ToLower(serial), i, serial))
		ids = append(ids, made.item("id").(string))
	}
	b.identify(fmt.Sprintf(`{"source":"Import","items":[{"className":"cmdb_ci_linux_server","values":{"serial_number":%q,"name":"other"}}]}`, serial))
	return ids
}

// Several items that one report finds are a set: it is merged, parted again, or dismissed.
func TestDuplicates(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		b := newBenchOn(t, d)
		for n := 2; n <= 3; n++ {
			ids := b.twins(n, fmt.Sprintf("TWIN%d", n))
			set := b.must(http.StatusOK, "viewer", "GET", duplicates+"?state=open&item="+ids[0], "")
			if len(set.names("id")) != 1 {
				t.Fatalf("sets of %s: %s", ids[0], set.text)
			}
			where := duplicates + "/" + set.names("id")[0]
			same(t, "marked", n-1, len(b.must(http.StatusOK, "viewer", "GET", items+"?duplicates=true", "").names("id")))
			b.must(http.StatusConflict, "operator", "POST", where+"/undo", "{}")
			b.must(http.StatusBadRequest, "operator", "POST", where+"/merge", `{"main":"nosuch"}`)

			merged := b.must(http.StatusOK, "operator", "POST", where+"/merge", fmt.Sprintf(`{"main":%q}`, ids[1]))
			same(t, "state", "merged", merged.item("state"))
			gone := b.must(http.StatusOK, "viewer", "GET", items+"/"+ids[0], "").body
			same(t, "merged into", ids[1], field(gone, "merged_into"))
			same(t, "none is marked", 0, len(b.must(http.StatusOK, "viewer", "GET", items+"?duplicates=true", "").names("id")))
			b.must(http.StatusConflict, "operator", "POST", where+"/merge", fmt.Sprintf(`{"main":%q}`, ids[1]))
			b.must(http.StatusConflict, "operator", "POST", where+"/dismiss", "{}")

			parted := b.must(http.StatusOK, "operator", "POST", where+"/undo", "{}")
			same(t, "state", "dismissed", parted.item("state"))
			back := b.must(http.StatusOK, "viewer", "GET", items+"?search=twin", "")
			same(t, "all are back", n*(n+1)/2-1, len(back.names("id")))
			b.must(http.StatusConflict, "operator", "POST", where+"/undo", "{}")
		}
		ids := b.twins(2, "PAIR")
		open := b.must(http.StatusOK, "viewer", "GET", duplicates+"?state=open&item="+ids[1], "").names("id")
		b.must(http.StatusConflict, "operator", "DELETE", items+"/"+ids[0], "")
		b.must(http.StatusOK, "operator", "POST", duplicates+"/"+open[0]+"/dismiss", "{}")
		b.must(http.StatusNoContent, "operator", "DELETE", items+"/"+ids[0], "")
		b.must(http.StatusNotFound, "operator", "POST", duplicates+"/nosuch/dismiss", "{}")
		page := b.must(http.StatusOK, "viewer", "GET", duplicates+"?limit=1", "")
		same(t, "newest first", []string{open[0]}, page.names("id"))
		if next := b.must(http.StatusOK, "viewer", "GET", duplicates+"?limit=1&after="+page.item("next").(string), ""); next.names("id")[0] == open[0] {
			t.Error("the second page is the first")
		}
		log := b.must(http.StatusOK, "admin", "GET", "/api/v1/audit-log?target_type=duplicate", "")
		same(t, "audit log", []string{"duplicate.dismiss", "duplicate.undo", "duplicate.merge", "duplicate.undo", "duplicate.merge"}, log.names("action"))
	})
}
