package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestSeriesDelete(t *testing.T) {
	const (
		ask    = `GET /prometheus/api/v1/series?limit=100000&match[]={instance="web1"}`
		remove = `POST /prometheus/api/v1/admin/tsdb/delete_series?match[]={instance="web1"}`
		two    = `{"status":"success","data":[{"__name__":"up","instance":"web1"},{"__name__":"http.x","instance":"web1\u001b"}]}`
	)
	selector := `{instance="web1"}`
	for name, tc := range map[string]struct {
		terminal bool
		stdin    string
		args     []string
		series   string
		requests []string
		says     string
	}{
		"a program":       {false, "", nil, two, []string{ask, remove}, "2 series match, such as:\n  up{instance=\"web1\"}\n  {\"http.x\",instance=\"web1\\x1b\"}\ndeleted\n"},
		"a person agrees": {true, "y\n", nil, two, []string{ask, remove}, "Delete all their samples for good? [y/N] deleted\n"},
		"a person doubts": {true, "n\n", nil, two, []string{ask}, "Delete all their samples for good? [y/N] "},
		"--yes":           {true, "", []string{"-y"}, two, []string{ask, remove}, "deleted\n"},
		"nothing matches": {true, "", nil, `{"status":"success","data":[]}`, []string{ask}, "no series match, so there is nothing to delete\n"},
		"a single series": {false, "", nil, `{"data":[{"__name__":"up"}]}`, []string{ask, remove}, "1 series matches:\n  up\ndeleted\n"},
		"more than shown": {false, "", nil, `{"data":[` + strings.Repeat(`{"a":"b"},`, 9) + `{"a":"b"}]}`, []string{ask, remove}, "10 series match, such as:" + strings.Repeat("\n  {a=\"b\"}", 5) + "\ndeleted\n"},
		"more than counted": {
			false, "", nil, `{"data":[` + strings.Repeat(`{"a":"b"},`, countedSeries-1) + `{"a":"b"}]}`, []string{ask, remove}, "100000 series or more match",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, map[string]string{ask: tc.series, remove: "204 "})
			u := newUser(t, f.URL)
			u.terminal, u.stdin = tc.terminal, tc.stdin
			stdout, stderr, err := u.run(append([]string{"series", "delete", selector}, tc.args...)...)
			if doubts := name == "a person doubts"; (err != nil) != doubts || stdout != "" || !strings.Contains(stderr, tc.says) {
				t.Errorf("error %v, stdout %q, stderr %.500q, want %q", err, stdout, stderr, tc.says)
			}
			same(t, "requests", tc.requests, f.requests)
		})
	}
}

func TestSeriesDeleteRange(t *testing.T) {
	times := "&start=1795426200"
	f := newFake(t, map[string]string{
		"GET /prometheus/api/v1/series?end=1795435200&limit=100000&match[]=up&match[]=down" + times:       `{"data":[{"__name__":"up"}]}`,
		"POST /prometheus/api/v1/admin/tsdb/delete_series?end=1795435200&match[]=up&match[]=down" + times: "204 ",
	})
	u := newUser(t, f.URL)
	u.terminal, u.stdin = true, "yes\n"
	stdout, stderr := u.must("series", "delete", "up", "down", "--start", "10:30", "--end", "now", "-o", "json")
	same(t, "stdout", "{\n  \"more\": false,\n  \"series\": 1\n}\n", stdout)
	if want := "Delete their samples from 2026-11-23 10:30:00 up to 2026-11-23 13:00:00 for good?"; !strings.Contains(stderr, want) {
		t.Errorf("asked %q, want %q", stderr, want)
	}
	u.fails("--start", "series", "delete", "up", "--start", "soon")
	u.fails("which series?", "series", "delete")
	f.answers["GET /prometheus/api/v1/series?limit=100000&match[]={"] = `400 {"status":"error","errorType":"bad_data","error":"1:2: parse error"}`
	u.fails("parse error", "series", "delete", "{")
}

func TestSeriesClean(t *testing.T) {
	f := newFake(t, map[string]string{"POST /prometheus/api/v1/admin/tsdb/clean_tombstones": "204 "})
	_, stderr := newUser(t, f.URL).must("series", "clean")
	same(t, "says", "cleaned\n", stderr)
	same(t, "requests", 1, len(f.requests))
	f.answers = map[string]string{"POST /prometheus/api/v1/admin/tsdb/clean_tombstones": fmt.Sprintf("403 %s", `{"status":"error","errorType":"forbidden","error":"this needs the role admin"}`)}
	newUser(t, f.URL).fails("not allowed: this needs the role admin", "series", "clean")
}
