package main

import (
	"crypto/tls"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const aStatus = `{"version":"v1","started_at":"2026-11-23T11:59:30Z","uptime_seconds":30,"agents":{"up":1}}`

func TestCredentialOrder(t *testing.T) {
	f := newFake(t, map[string]string{
		"GET /api/v1/status": aStatus, "POST /api/v1/login": `{"token":"pks_session","user":{"name":"ada","roles":["viewer"]}}`,
	})
	u := newUser(t, f.URL)
	u.env["PICKET_TOKEN"] = ""
	u.fails(`not signed in to `+f.URL+`: run "picket login --url `+f.URL+`"`, "status")
	same(t, "requests before a login", 0, len(f.requests))
	u.stdin = "secret\n"
	u.must("login", "--user", "ada")
	u.must("status")
	u.env["PICKET_USER"] = "bob" // half a credential is none
	u.must("status")
	u.env["PICKET_PASSWORD"] = "pass:word"
	u.must("status")
	u.env["PICKET_TOKEN"] = "pkt_token\n"
	u.must("status")
	same(t, "Authorization", []string{"", "Bearer pks_session", "Bearer pks_session", "Basic Ym9iOnBhc3M6d29yZA==", "Bearer pkt_token"}, f.auth)
}

func TestPlainHTTP(t *testing.T) {
	for url, fine := range map[string]bool{
		"http://127.0.0.1:4600": true, "http://127.9.9.9:4600": true, "http://localhost:4600": true, "http://[::1]:4600": true, "https://picket.example.com": true,
		"http://picket.example.com": false, "http://192.0.2.1:4600": false, "http://localhost.example.com": false, "http://127.0.0.1.example.com": false,
		"http://0.0.0.0:4600": false, "HTTP://PICKET.example.com": false,
	} {
		a := &app{url: url, env: noEnv}
		_, err := a.anonymous()
		if (err == nil) != fine {
			t.Errorf("%s: %v", url, err)
		}
		a.insecure = true
		if _, err := a.anonymous(); err != nil {
			t.Errorf("%s with --insecure: %v", url, err)
		}
	}
	// The refusal comes before anything is sent.
	u := newUser(t, "http://picket.example.com")
	for _, args := range [][]string{{"status"}, {"login", "--user", "ada"}, {"logout"}} {
		u.fails("plain HTTP to another host", args...)
	}
}

func TestAddresses(t *testing.T) {
	for _, bad := range []string{"localhost:4600", "ftp://x", "http://", "/path", "http://a:b@c", "http://c?x=y", "http://c#x", "http://[::1", "::"} {
		u := newUser(t, bad)
		u.fails("collector", "status")
	}
	a := &app{env: noEnv, url: "HTTPS://Picket.Example.com/base//"}
	u, err := a.baseURL()
	check(t, err)
	same(t, "one spelling", "https://picket.example.com/base", u.String())
}

func TestErrors(t *testing.T) {
	for answer, want := range map[string]string{
		`401 {"error":{"kind":"unauthenticated","message":"the token is unknown"}}`: "refuses PICKET_TOKEN: the token is unknown",
		`403 {"error":{"kind":"denied","message":"this needs the role admin"}}`:     "not allowed: this needs the role admin",
		`404 {"error":{"kind":"not_found","message":"no agent has \u001b[31mit"}}`:  "no agent has \uFFFD[31mit",
		`500 {"error":{"kind":"internal","message":"Internal error"}}`:              "the collector could not do it: Internal error",
		`400 {"status":"error","errorType":"bad_data","error":"1:3: parse error"}`:  "1:3: parse error",
		"400 Client sent an HTTP request to an HTTPS server.\n":                     "Client sent an HTTP request to an HTTPS server.",
		"502 <html>\nBad gateway</html>":                                            "status 502 Bad Gateway",
		"503 ":                                                                      "status 503 Service Unavailable",
		"302 https://elsewhere.example.com/":                                        "sends us to https://elsewhere.example.com/",
		"<html>hello":                                                               "does not answer like a Picket collector",
	} {
		f := newFake(t, map[string]string{"GET /api/v1/status": answer})
		newUser(t, f.URL).fails(want, "status")
	}
	f := newFake(t, map[string]string{"GET /prometheus/api/v1/query?query=x": vector(`{"metric":{},"value":[1]}`)})
	newUser(t, f.URL).fails("cannot be read", "query", "x")
	f.answers["GET /prometheus/api/v1/query?query=x"] = `{"data":{"resultType":"odd"}}`
	newUser(t, f.URL).fails(`answers with a "odd"`, "query", "x")
	f.answers["GET /api/v1/agents?limit=1000"] = `{"items":[],"next":"x"}`
	f.answers["GET /api/v1/agents?after=x&limit=1000"] = `{"items":[],"next":"x"}`
	newUser(t, f.URL).fails("does not end", "agents", "list")

	f.Close()
	newUser(t, f.URL).fails("connection refused; is the collector running", "status")
	u := newUser(t, f.URL)
	u.fails("single quotes", "query", "up", "==", "0")
	u.fails("unknown command", "agents", "lst")
	u.fails("which expression", "query-range")
	u.fails("neither table nor json", "status", "-o", "yaml")
	u.fails("--start must be before --end", "query-range", "--start", "now", "up")
	u.fails("--step", "query-range", "--step", "0s", "up")
	u.fails("--ttl", "tokens", "create", "--ttl", "soon")
}

// A redirect gets no credential.
func TestRedirectIsNotFollowed(t *testing.T) {
	target := newFake(t, map[string]string{"GET /api/v1/status": aStatus})
	f := newFake(t, map[string]string{"GET /api/v1/status": "307 " + target.URL + "/api/v1/status"})
	newUser(t, f.URL).fails("sends us to", "status")
	same(t, "requests at the target", 0, len(target.requests))
}

func TestHTTPS(t *testing.T) {
	f := &fake{answers: map[string]string{"GET /api/v1/status": aStatus}}
	f.Server = httptest.NewUnstartedServer(f)
	f.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	f.StartTLS()
	t.Cleanup(f.Close)
	u := newUser(t, f.URL)
	u.fails("--ca-file", "status")
	file := filepath.Join(t.TempDir(), "ca.pem")
	check(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw}), 0o600))
	u.must("status", "--ca-file", file)
	check(t, os.WriteFile(file, []byte("nothing"), 0o600))
	u.fails("holds no certificate", "status", "--ca-file", file)
	u.fails("no such file", "status", "--ca-file", file+"x")

	u.env["PICKET_URL"] = strings.Replace(f.URL, "https:", "http:", 1)
	u.fails("HTTPS server", "status")
	plain := newFake(t, nil)
	u.env["PICKET_URL"] = strings.Replace(plain.URL, "http:", "https:", 1)
	u.fails("does not speak HTTPS", "status")

	c, err := (&app{url: f.URL, env: noEnv}).anonymous()
	check(t, err)
	if v := c.http.Transport.(*http.Transport).TLSClientConfig.MinVersion; v < tls.VersionTLS12 {
		t.Errorf("TLS %x is allowed", v)
	}
}

func noEnv(string) string { return "" }
