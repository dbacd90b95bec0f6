package main

import (
	"strings"
	"testing"
)

const (
	web1 = `{"id":"01a20676294f725ca9c4e0ddb2291031","instance":"web1","hostname":"web1.example.com","state":"up","os":"linux","arch":"amd64",` +
		`"version":"v1.2.0","fingerprint":"f00d","remote_addr":"192.0.2.7:40000","enrolled_with":"01a20675c9e27d81afcf7097495cd429",` +
		`"enrolled_at":"2026-11-01T10:00:00Z","last_seen_at":"2026-11-23T11:59:57Z","connected_at":"2026-11-22T10:00:00Z"}`
	// A host can be called anything, and not everything is for a terminal.
	evil = `{"id":"01a20676294f725ca9c4e0ddb2291032","instance":"\u001b[31mred\nalert","hostname":"x","state":"never","os":"windows","arch":"arm64",` +
		`"version":"v1.2.0","fingerprint":"f00d","enrolled_with":"clone:01a20676294f725ca9c4e0ddb2291031","enrolled_at":"2026-11-01T10:00:00Z"}`
	web1Detail = `"certificates":[{"serial":"27e7","not_before":"2026-11-01T10:00:00Z","not_after":"2027-01-30T10:00:00Z","issued_at":"2026-11-01T10:00:00Z"},` +
		`{"serial":"17aa","not_before":"2026-08-01T10:00:00Z","not_after":"2026-10-30T10:00:00Z","issued_at":"2026-08-01T10:00:00Z"},` +
		`{"serial":"0bad","not_before":"2026-08-01T10:00:00Z","not_after":"2026-10-30T10:00:00Z","issued_at":"2026-08-01T10:00:00Z",` +
		`"revoked_at":"2026-08-02T10:00:00Z","revoked_reason":"superseded by a reinstall"}],` +
		`"facts":[{"kind":"disk","count":2,"updated_at":"2026-11-01T10:00:00Z"},{"kind":"os","count":1,"updated_at":"2026-11-01T10:00:00Z"}],` +
		`"capabilities":[{"name":"cpu","available":true,"since":"2026-11-22T10:00:00Z"},` +
		`{"name":"filesystem:/srv","available":false,"reason":"does not answer (nfs4)","fix":"umount -f -l /srv","since":"2026-11-23T11:58:50Z"},` +
		`{"name":"hwmon","available":false,"reason":"a virtual machine has no sensors","since":"2026-11-22T10:00:00Z"}],` +
		`"results":[{"id":"1","check":"cpu","status":"ok","output":"runs","time":"2026-11-23T11:59:50Z"},` +
		`{"id":"2","check":"filesystem","resource":"/srv","status":"critical","output":"does not answer\nfor 20 s","time":"2026-11-23T11:58:50Z"},` +
		`{"id":"3","check":"filesystem","resource":"/","status":"ok","output":"answers","time":"2026-11-23T11:59:50Z"}],` +
		`"events":[{"id":"4","type":"agent_started","severity":"ok","message":"agent v1.2.0 started","time":"2026-11-22T10:00:00Z"}],` +
		`"drops":[{"class":"metrics","first":1,"last":9,"records":9,"bytes":123456,"reason":"spool full","time":"2026-11-23T03:00:00Z"}]}`
	gaps = `{"name":"pressure","reason":"it is off","fix":"boot with psi=1","agents":1000,"agent_ids":["1"],"instances":["web1","web2","web3","web4"]},` +
		`{"name":"filesystem:/srv","reason":"does not answer (nfs4)","fix":"umount -f -l /srv","agents":1,"agent_ids":["1"],"instances":["\u001b[31mred"]}`
	noSensors = `{"name":"hwmon","reason":"a virtual machine has no sensors","agents":2,"agent_ids":["1","2"],"instances":["web1","web2"]}`
	tokens    = `{"items":[{"id":"a1","uses_left":1,"uses_max":1,"addresses":["c:1"],"created_by":"ada","created_at":"2026-11-23T10:00:00Z","expires_at":"2026-11-24T10:00:00Z"},` +
		`{"id":"a2","uses_left":0,"uses_max":3,"addresses":["c:1"],"created_by":"ada","created_at":"2026-11-23T10:00:00Z","expires_at":"2026-11-24T10:00:00Z"},` +
		`{"id":"a3","uses_left":2,"uses_max":3,"addresses":["c:1"],"created_by":"bob (command line)","created_at":"2026-11-20T10:00:00Z","expires_at":"2026-11-21T10:00:00Z"},` +
		`{"id":"a4","uses_left":1,"uses_max":1,"addresses":["c:1"],"created_by":"bob","created_at":"2026-11-20T10:00:00Z","expires_at":"2026-12-21T10:00:00Z","revoked_at":"2026-11-20T11:00:00Z"}]}`
	load = `{"metric":{"__name__":"node_load1","instance":"web2","job":"picket"},"value":[1763899200,"12.25"]},` +
		`{"metric":{"__name__":"node_load1","instance":"web1","job":"picket"},"value":[1763899200,"0.5"]}`
	strange = `{"metric":{"__name__":"http.server.duration","host.name":"a","path":"C:\\x\n\"y\""},"value":[1763899200,"NaN"]},` +
		`{"metric":{},"value":[1763899200,"1"]},{"metric":{"__name__":"up"},"histogram":[1763899200,{"count":"12","sum":"3.5","buckets":[]}]}`
)

func vector(series string) string {
	return `{"status":"success","data":{"resultType":"vector","result":[` + series + `]}}`
}

func matrix(series string) string {
	return `{"status":"success","data":{"resultType":"matrix","result":[` + series + `]}}`
}

var ranged = matrix(`{"metric":{"__name__":"node_load1","instance":"web2"},"values":[[1795431600,"1"],[1795432500,"2"],[1795433400,"3.5"],[1795435200,"1234567.25"]]},` +
	`{"metric":{"__name__":"node_load1","instance":"web1"},"values":[[1795431600,"7"],[1795432500,"7"],[1795433400.5,"NaN"],[1795434300,"+Inf"],[1795435200,"7"]]},` +
	`{"metric":{"__name__":"h"},"histograms":[[1795431600,{"count":"1","sum":"2"}]]}`)

// TestOutputs runs commands against a collector with canned answers; what they print is in testdata.
func TestOutputs(t *testing.T) {
	const rangeQuery = "GET /prometheus/api/v1/query_range?end=1795435200&query=node_load1&start=1795431600&step=900"
	for name, c := range map[string]struct {
		args    []string
		answers map[string]string
	}{
		"agents list": {[]string{"agents", "list"}, map[string]string{
			"GET /api/v1/agents?limit=1000":              `{"items":[` + web1 + `],"next":"bmV4dA"}`,
			"GET /api/v1/agents?after=bmV4dA&limit=1000": `{"items":[` + evil + `]}`,
		}},
		"agents list json": {[]string{"agents", "list", "-o", "json"}, map[string]string{
			"GET /api/v1/agents?limit=1000":              `{"items":[` + web1 + `],"next":"bmV4dA"}`,
			"GET /api/v1/agents?after=bmV4dA&limit=1000": `{"items":[` + evil + `]}`,
		}},
		"agents list nothing":  {[]string{"agents", "list"}, map[string]string{"GET /api/v1/agents?limit=1000": `{"items":[]}`}},
		"agents list no match": {[]string{"agents", "list", "--state", "down", "web"}, map[string]string{"GET /api/v1/agents?limit=1000&state=down&text=web": `{"items":[]}`}},
		"agents show":          {[]string{"agents", "show", "web1"}, map[string]string{"GET /api/v1/agents/web1": web1[:len(web1)-1] + "," + web1Detail}},
		"agents show evil": {[]string{"agents", "show", "a/b c"}, map[string]string{
			"GET /api/v1/agents/a%2Fb%20c": evil[:len(evil)-1] + `,"revoked_at":"2026-11-23T11:00:00Z","revoked_reason":"stolen"}`,
		}},
		"agents list worst first": {
			[]string{"agents", "list", "--state", "warn,down", "--gap", "pressure", "--sort", "-worst_result"},
			map[string]string{"GET /api/v1/agents?gap=pressure&limit=1000&sort=-worst_result&state=warn,down": `{"items":[` +
				web1[:len(web1)-1] + `,"gaps":2,"worst_result":{"status":"critical","not_ok":3}}]}`},
		},
		"gaps":              {[]string{"gaps"}, map[string]string{"GET /api/v1/gaps?fixable=true&limit=1000": `{"items":[` + gaps + `]}`}},
		"gaps all":          {[]string{"gaps", "--all", "hwmon"}, map[string]string{"GET /api/v1/gaps?limit=1000&name=hwmon": `{"items":[` + noSensors + `]}`}},
		"gaps json":         {[]string{"gaps", "-o", "json"}, map[string]string{"GET /api/v1/gaps?fixable=true&limit=1000": `{"items":[` + noSensors + `]}`}},
		"gaps none":         {[]string{"gaps"}, map[string]string{"GET /api/v1/gaps?fixable=true&limit=1000": `{"items":[]}`}},
		"agents revoke":     {[]string{"agents", "revoke", "web1", "--reason", "stolen"}, map[string]string{"POST /api/v1/agents/web1/revoke": web1}},
		"tokens list":       {[]string{"tokens", "list"}, map[string]string{"GET /api/v1/enroll-tokens?limit=1000": tokens}},
		"tokens list empty": {[]string{"tokens", "list"}, map[string]string{"GET /api/v1/enroll-tokens?limit=1000": `{"items":[]}`}},
		"tokens create": {[]string{"tokens", "create"}, map[string]string{
			"POST /api/v1/enroll-tokens": `201 {"id":"a1","uses_left":1,"uses_max":1,"addresses":["collector.example.com:4601"],"expires_at":"2026-11-24T10:00:00Z","token":"pkt1_secret"}`,
		}},
		"tokens create loopback": {[]string{"tokens", "create", "--uses", "3"}, map[string]string{
			"POST /api/v1/enroll-tokens": `201 {"id":"a1","uses_left":3,"uses_max":3,"addresses":["127.0.0.1:4601"],"expires_at":"2026-11-24T10:00:00Z","token":"pkt1_secret"}`,
		}},
		"tokens revoke": {[]string{"tokens", "revoke", "a1"}, map[string]string{"DELETE /api/v1/enroll-tokens/a1": "204 "}},
		"status": {[]string{"status"}, map[string]string{
			"GET /api/v1/status": `{"version":"v1.2.0","started_at":"2026-11-20T10:00:00Z","uptime_seconds":266400,"agents":{"up":3,"warn":0,"down":1,"never":0,"revoked":2},` +
				`"storage":{"series":1234,"metrics_bytes":5368709120,"database_bytes":345600}}`,
		}},
		"status new": {[]string{"status"}, map[string]string{
			"GET /api/v1/status": `{"version":"v1.2.0","started_at":"2026-11-23T11:59:30Z","uptime_seconds":30,"agents":{"up":0}}`,
		}},
		"query":       {[]string{"query", "node_load1"}, map[string]string{"GET /prometheus/api/v1/query?query=node_load1": vector(load)}},
		"query json":  {[]string{"query", "-o", "json", "node_load1"}, map[string]string{"GET /prometheus/api/v1/query?query=node_load1": vector(load)}},
		"query order": {[]string{"query", "sort_desc(node_load1)"}, map[string]string{"GET /prometheus/api/v1/query?query=sort_desc(node_load1)": vector(load)}},
		"query names": {[]string{"query", "x"}, map[string]string{"GET /prometheus/api/v1/query?query=x": vector(strange)}},
		"query none":  {[]string{"query", "x"}, map[string]string{"GET /prometheus/api/v1/query?query=x": vector("")}},
		"query warnings": {[]string{"query", "1"}, map[string]string{
			"GET /prometheus/api/v1/query?query=1": `{"status":"success","data":{"resultType":"scalar","result":[1763899200,"1"]},"warnings":["look\nout"],"infos":["PromQL info: rate of a gauge"]}`,
		}},
		"query at a time": {[]string{"query", "--time", "-1h", `"x"`}, map[string]string{
			`GET /prometheus/api/v1/query?query="x"&time=1795431600`: `{"status":"success","data":{"resultType":"string","result":[1763899200,"x"]}}`,
		}},
		"query matrix":       {[]string{"query", "x[1h]"}, map[string]string{"GET /prometheus/api/v1/query?query=x[1h]": ranged}},
		"query-range":        {[]string{"query-range", "node_load1", "--step", "15m"}, map[string]string{rangeQuery: ranged}},
		"query-range points": {[]string{"query-range", "node_load1", "--start", "12:00", "--end", "13:00", "--step", "900", "--points"}, map[string]string{rangeQuery: ranged}},
		"query-range none":   {[]string{"query-range", "node_load1", "--step", "15m"}, map[string]string{rangeQuery: matrix("")}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, c.answers)
			stdout, stderr := newUser(t, f.URL).must(c.args...)
			text := "$ picket " + strings.Join(c.args, " ") + "\n" + stdout
			if stderr != "" {
				text += "-- on standard error\n" + stderr
			}
			golden(t, name, strings.ReplaceAll(text, f.URL, "http://collector"))
			for _, auth := range f.auth {
				same(t, "Authorization", "Bearer pkt_secret", auth)
			}
		})
	}
}

// What is sent beside paths and queries.
func TestBodies(t *testing.T) {
	answers := map[string]string{
		"POST /api/v1/enroll-tokens": `201 {"token":"x"}`, "POST /api/v1/agents/a%2Fb/revoke": web1,
	}
	for want, args := range map[string][]string{
		`POST /api/v1/enroll-tokens {"allow_reinstall":true,"ttl_seconds":86400,"uses":1}`: {"tokens", "create"},
		`POST /api/v1/enroll-tokens {"addresses":["a:1","b:2"],"allow_reinstall":false,"ttl_seconds":604800,"uses":9}`: {
			"tokens", "create", "--uses", "9", "--ttl", "7d", "--reinstall=false", "--address", "a:1", "--address", "b:2",
		},
		`POST /api/v1/agents/a%2Fb/revoke {"reason":"stolen"}`: {"agents", "revoke", "a/b", "--reason", "stolen"},
	} {
		f := newFake(t, answers)
		newUser(t, f.URL).must(args...)
		same(t, strings.Join(args, " "), []string{want}, f.requests)
	}
}

func TestRevokeAsksPeople(t *testing.T) {
	for answer, asked := range map[string]int{"y\n": 1, "YES\n": 1, "n\n": 0, "\n": 0, "": 0} {
		f := newFake(t, map[string]string{"POST /api/v1/agents/web1/revoke": web1})
		u := newUser(t, f.URL)
		u.terminal, u.stdin = true, answer
		_, stderr, err := u.run("agents", "revoke", "web1")
		if len(f.requests) != asked || (err == nil) != (asked == 1) || !strings.Contains(stderr, "Shut out web1 for good?") {
			t.Errorf("%q: %d requests, %v, %q", answer, len(f.requests), err, stderr)
		}
	}
	f := newFake(t, map[string]string{"POST /api/v1/agents/web1/revoke": web1})
	u := newUser(t, f.URL)
	u.terminal = true
	u.must("agents", "revoke", "web1", "--yes")
}

func TestCompletion(t *testing.T) {
	f := newFake(t, map[string]string{
		"GET /api/v1/agents?limit=1000&text=we": `{"items":[` + web1 + `,` + strings.ReplaceAll(web1, `"web1"`, `"old-web"`) + `]}`,
		"GET /api/v1/agents?limit=1000&text=":   `{"items":[` + web1 + `,` + evil + `]}`,
		"GET /api/v1/enroll-tokens?limit=1000":  tokens,
	})
	u := newUser(t, f.URL)
	for line, want := range map[string]string{
		"agents show we":       "web1\tup\n:4\n",
		"agents revoke ":       "web1\tup\n:4\n",
		"agents show web1 ":    ":4\n",
		"tokens revoke ":       "a1\tby ada, 2026-11-23 11:00\n:4\n",
		"agents list --state ": "up\nwarn\ndown\nnever\nrevoked\n:4\n",
		"status -o ":           "table\njson\n:4\n",
	} {
		stdout, _ := u.must(append([]string{"__complete"}, strings.Split(line, " ")...)...)
		same(t, line, want, stdout)
	}
	u.env["PICKET_TOKEN"] = ""
	stdout, _ := u.must("__complete", "agents", "show", "")
	same(t, "when nobody is signed in", ":4\n", stdout)
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if stdout, _ := u.must("completion", shell); !strings.Contains(stdout, "picket") {
			t.Errorf("completion %s: %q", shell, stdout)
		}
	}
}
