package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	idA = "0000000000000000000000000000000a"
	idB = "0000000000000000000000000000000b"
	two = `{"items":[{"id":"` + idA + `","name":"sda","class_label":"Disk","host_name":"web1"},{"id":"` + idB + `","name":"sda","class_label":"Disk","host_name":"web2"}],"total":2}`
)

// A name that several items have is no way to change one of them.
func TestItemsByName(t *testing.T) {
	f := newFake(t, map[string]string{
		"GET /api/v1/items?attr=name=sda&limit=10":  two,
		"GET /api/v1/items?attr=name=none&limit=10": `{"items":[],"total":0}`,
		"DELETE /api/v1/items/" + idB:               `204 `,
	})
	u := newUser(t, f.URL)
	u.fails("2 items have the name sda: give the id of one\n  "+idA+"  Disk on web1\n  "+idB, "items", "delete", "sda")
	u.fails("there is no item none", "items", "delete", "none")
	_, stderr := u.must("items", "delete", idB)
	same(t, "deleted", "deleted item "+idB+" ("+idB+")\n", stderr)
}

func TestItemsWrite(t *testing.T) {
	f := newFake(t, map[string]string{
		"POST /api/v1/items":         `201 {"id":"` + idA + `","name":"sdz","class_label":"Disk"}`,
		"PATCH /api/v1/items/" + idA: `{"id":"` + idA + `","name":"web1","attributes":{"os":"Debian"},"words":{"os":[{"value":"Debian","source":"Picket agent","counts":true}]}}`,
	})
	u := newUser(t, f.URL)
	stdout, _ := u.must("items", "create", "cmdb_ci_disk", "name=sdz", "--on", idB)
	same(t, "created", "created sdz (Disk, "+idA+")\n", stdout)
	same(t, "asked", `POST /api/v1/items {"attributes":{"name":"sdz"},"class":"cmdb_ci_disk","host":"`+idB+`"}`, f.requests[0])
	_, stderr := u.must("items", "set", idA, "os=BeOS", "comments=")
	same(t, "whose word wins", "os stays Debian: the word of Picket agent goes before what people say\n", stderr)
	same(t, "asked", `PATCH /api/v1/items/`+idA+` {"attributes":{"comments":null,"os":"BeOS"}}`, f.requests[1])
	u.fails("is not name=value", "items", "set", idA, "os")
}

func TestDuplicatesMerge(t *testing.T) {
	set := `{"id":"` + idA + `","state":"open","main":"` + idB + `","items":[{"id":"` + idA + `","name":"a"},{"id":"` + idB + `","name":"b"}]}`
	f := newFake(t, map[string]string{
		"GET /api/v1/duplicates?limit=1000&state=open":    `{"items":[` + set + `]}`,
		"POST /api/v1/duplicates/" + idA + "/merge":       set,
		"POST /api/v1/duplicates/" + idA + "/undo":        set,
		"POST /api/v1/duplicates/" + idA + "/dismiss":     set,
		"GET /api/v1/items/export?format=csv":             "sys_id,class\n",
		"GET /api/v1/items/export?format=jsonl&search=x+": "",
	})
	u := newUser(t, f.URL)
	stdout, _ := u.must("duplicates", "merge", idA)
	same(t, "merged", "merged: b ("+idB+"), a ("+idA+")\n", stdout)
	same(t, "asked", `POST /api/v1/duplicates/`+idA+`/merge {"main":"`+idB+`"}`, f.requests[1])
	u.fails("there is no open set", "duplicates", "merge", idB)
	u.must("duplicates", "undo", idA)
	u.must("duplicates", "dismiss", idA)
	u.terminal = true
	u.stdin = "n\n"
	u.fails("nothing was done", "duplicates", "dismiss", idA)
}

// An export that the collector could not finish is an error, whatever came of it.
func TestItemsExportBreaksOff(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-Incomplete")
		_, _ = w.Write([]byte("sys_id\n"))
		w.Header().Set("X-Incomplete", "true")
	}))
	defer s.Close()
	_, _, err := newUser(t, s.URL).run("items", "export")
	if err == nil || !strings.Contains(err.Error(), "could not write all of it") {
		t.Errorf("error %v", err)
	}
}

func TestImportItems(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.csv")
	check(t, os.WriteFile(file, []byte("name\nweb1\n"), 0o600))
	i := newImporter(t, 200, `{"items":3,"inserted":1,"updated":1,"failed":1,"problems":[{"line":4,"name":"x","severity":"error","message":"no"}],"more_problems":7}`)
	stdout, stderr, err := newUser(t, i.URL).run("import", "items", file, "--class", "c", "--dry-run")
	if err == nil || err.Error() != "1 item with an error" {
		t.Errorf("error %v", err)
	}
	same(t, "said", "LINE  ITEM         WHAT IS WRONG\n   4  x     error  no\nand 7 more\n\ntook 2 items: 1 new, 1 changed, 0 as they were\n", stdout)
	same(t, "on the way", "sent all, 10 B; the collector is storing it\n", stderr)
	same(t, "asked", "POST "+importItemsPath+"?class=c&dry_run=true", i.query)
	same(t, "sent", "text/csv  10", i.headers)
	newUser(t, i.URL).fails("--format csv", "import", "items", filepath.Join(t.TempDir(), "x.xlsx"))
}
