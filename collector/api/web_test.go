package api_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/api"
	"github.com/picketmon/picket/collector/db/dbtest"
)

const page = `<!doctype html><meta name="csp-nonce" content="__CSP_NONCE__"><style nonce="__CSP_NONCE__"></style><script type="module" src="/assets/main-1a2b.js"></script>`

// built is a build as Vite leaves it.
func built() fstest.MapFS {
	files := fstest.MapFS{}
	for name, text := range map[string]string{
		"index.html": page, "placeholder.html": "no UI", "picket.svg": "<svg/>",
		"assets/main-1a2b.js": "the script", "assets/main-1a2b.js.gz": "the script, gzip", "assets/main-1a2b.js.br": "the script, brotli",
		"assets/main-3c4d.css": "the style", "assets/main-3c4d.css.gz": "the style, gzip",
		"assets/inter-5e6f.woff2": "the font",
	} {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return files
}

// serveWeb mounts files behind the real router, with some routes of the API beside them.
func serveWeb(t *testing.T, files fs.FS) (url string) {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	store, err := access.NewStore(access.Options{DB: dbtest.Open(t), Logger: logger, Hash: access.HashParams{Memory: 64, Time: 1, Threads: 1}})
	check(t, err)
	guard, err := access.NewGuard(access.GuardOptions{Store: store, Logger: logger})
	check(t, err)
	r, err := access.NewRouter(access.RouterOptions{Guard: guard, Logger: logger})
	check(t, err)
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "routed") })
	r.Route("GET", "/healthz", ok, access.Public)
	r.Route("POST", "/api/v1/login", ok, access.Public)
	r.Route("GET", "/api/v1/agents/{id}", ok, access.Viewer)
	r.Route("GET", "/prometheus/api/v1/label/{name}/values", ok, access.Public)
	check(t, api.MountWeb(r, files))
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	return s.URL
}

// fetch asks for a path with headers as name, value, …; redirects and encodings are left as they come.
func fetch(t *testing.T, method, url string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	check(t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	res, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(r)
	check(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	check(t, err)
	return res, string(body)
}

const html = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" // as browsers say it

func TestWhatAnAddressShows(t *testing.T) {
	url := serveWeb(t, built())
	for _, c := range []struct {
		method, path, accept string
		status               int
		want                 string // of the body: page, error, or itself
	}{
		{"GET", "/", html, 200, "page"},
		{"GET", "/", "*/*", 200, "page"},
		{"GET", "/hosts", html, 200, "page"},
		{"GET", "/hosts/web1", "TEXT/HTML", 200, "page"},
		{"GET", "/hosts/web1.example.com", html, 200, "page"}, // names of hosts have dots
		{"GET", "/sign-in", html, 200, "page"},
		{"GET", "/hosts", "*/*", 404, "error"},
		{"GET", "/hosts", "", 404, "error"},
		{"GET", "/hosts", "application/json, text/html;q=0", 404, "error"},
		{"POST", "/hosts", html, 404, "error"},
		{"HEAD", "/hosts", html, 200, ""},
		{"HEAD", "/nowhere", "*/*", 404, ""},

		{"GET", "/assets/main-1a2b.js", "*/*", 200, "the script"},
		{"GET", "/picket.svg", html, 200, "<svg/>"},
		{"HEAD", "/assets/main-1a2b.js", "*/*", 200, ""},
		{"GET", "/assets/main-9999.js", html, 404, "error"}, // never the page: a browser would run it
		{"GET", "/assets/main", html, 404, "error"},
		{"GET", "/assets/", html, 404, "error"},
		{"GET", "/assets", html, 404, "error"},
		{"GET", "/favicon.ico", html, 404, "error"},
		{"GET", "/assets/main-1a2b.js.gz", html, 404, "error"},
		{"GET", "/assets/main-1a2b.js.br", "*/*", 404, "error"},
		{"GET", "/index.html", html, 404, "error"},
		{"GET", "/placeholder.html", html, 404, "error"},
		{"GET", "/assets/%2e%2e/index.html", html, 404, "error"},

		{"GET", "/healthz", html, 200, "routed"},
		{"GET", "/healthz/x", html, 404, "error"},
		{"GET", "/metrics", html, 404, "error"},
		{"GET", "/api", html, 404, "error"},
		{"GET", "/api/v1/nothing", html, 404, "error"},
		{"GET", "/api/v1/login", html, 405, "error"},
		{"POST", "/api/v1/login", html, 200, "routed"},
		{"POST", "/api/v1/nothing", html, 404, "error"},
		{"GET", "/api/v1/agents/x", html, 401, "error"},
		{"DELETE", "/api/v1/agents/x", html, 405, "error"},
		{"GET", "/prometheus/api/v1/label/job/values", html, 200, "routed"},
		{"GET", "/prometheus/graph", html, 404, "error"},
		{"GET", "/apiary", html, 200, "page"},
	} {
		res, body := fetch(t, c.method, url+c.path, "Accept", c.accept)
		got := body
		switch {
		case strings.HasPrefix(body, "<!doctype html>"):
			got = "page"
		case strings.HasPrefix(body, `{"error":{"kind":"`) && res.Header.Get("Content-Type") == "application/json":
			got = "error"
		}
		if res.StatusCode != c.status || got != c.want {
			t.Errorf("%s %s, accepting %q: %d %q, want %d %q", c.method, c.path, c.accept, res.StatusCode, got, c.status, c.want)
		}
	}
}

func TestHeadersOfAssets(t *testing.T) {
	url := serveWeb(t, built())
	for path, want := range map[string][3]string{
		"/assets/main-1a2b.js":     {"text/javascript; charset=utf-8", "public, max-age=31536000, immutable", "Accept-Encoding"},
		"/assets/main-3c4d.css":    {"text/css; charset=utf-8", "public, max-age=31536000, immutable", "Accept-Encoding"},
		"/assets/inter-5e6f.woff2": {"font/woff2", "public, max-age=31536000, immutable", ""},
		"/picket.svg":              {"image/svg+xml", "no-cache", ""},
	} {
		res, body := fetch(t, "GET", url+path)
		h := res.Header
		same(t, path, want, [3]string{h.Get("Content-Type"), h.Get("Cache-Control"), h.Get("Vary")})
		if h.Get("X-Content-Type-Options") != "nosniff" || int(res.ContentLength) != len(body) || h.Get("ETag") == "" {
			t.Errorf("%s: headers %v", path, h)
		}
		res, body = fetch(t, "GET", url+path, "If-None-Match", `"x", W/`+h.Get("ETag"))
		if res.StatusCode != http.StatusNotModified || body != "" || res.Header.Get("Cache-Control") != want[1] {
			t.Errorf("%s again: %d %q %v", path, res.StatusCode, body, res.Header)
		}
	}
}

func TestEncodings(t *testing.T) {
	url := serveWeb(t, built())
	for accept, want := range map[string][3]string{ // of the script (br, gzip), the style (gzip), the font (neither)
		"":                               {"identity", "identity", "identity"},
		"gzip, deflate, br, zstd":        {"br", "gzip", "identity"},
		"gzip":                           {"gzip", "gzip", "identity"},
		"GZIP;Q=0.5":                     {"gzip", "gzip", "identity"},
		"br;q=0.5, gzip;q=0.8":           {"gzip", "gzip", "identity"},
		"br;q=0, gzip":                   {"gzip", "gzip", "identity"},
		"br;q=0, gzip;q=0":               {"identity", "identity", "identity"},
		"gzip;q=0.5, identity":           {"identity", "identity", "identity"},
		"*":                              {"br", "gzip", "identity"},
		"*;q=0":                          {"406", "406", "406"},
		"identity;q=0":                   {"406", "406", "406"},
		"identity;q=0, gzip":             {"gzip", "gzip", "406"},
		"identity;q=0, *":                {"br", "gzip", "406"},
		"*;q=0, br":                      {"br", "406", "406"},
		"*;q=0, identity":                {"identity", "identity", "identity"},
		"br;q=2, gzip;q=x, deflate;q=-1": {"identity", "identity", "identity"},
		"br;q=NaN, ;;, ,=":               {"identity", "identity", "identity"},
	} {
		var got [3]string
		for i, path := range []string{"/assets/main-1a2b.js", "/assets/main-3c4d.css", "/assets/inter-5e6f.woff2"} {
			res, body := fetch(t, "GET", url+path, "Accept-Encoding", accept)
			got[i] = map[bool]string{true: "406"}[res.StatusCode == http.StatusNotAcceptable]
			switch plain := map[string]string{"main-1": "the script", "main-3": "the style", "inter-": "the font"}[path[8:14]]; body {
			case plain:
				got[i] = "identity"
			case plain + ", gzip":
				got[i] = "gzip"
			case plain + ", brotli":
				got[i] = "br"
			}
			if coding := res.Header.Get("Content-Encoding"); res.StatusCode == http.StatusOK && coding != strings.Replace(got[i], "identity", "", 1) {
				t.Errorf("%s of %s says it is %q and is %s", accept, path, coding, got[i])
			}
		}
		same(t, accept, want, got)
	}
	// Each form has a tag of its own.
	plain, _ := fetch(t, "GET", url+"/assets/main-1a2b.js")
	packed, body := fetch(t, "GET", url+"/assets/main-1a2b.js", "Accept-Encoding", "br")
	if plain.Header.Get("ETag") == packed.Header.Get("ETag") || int(packed.ContentLength) != len(body) {
		t.Errorf("tags %v, %v; length %d of %d", plain.Header["Etag"], packed.Header["Etag"], packed.ContentLength, len(body))
	}
	if again, _ := fetch(t, "GET", url+"/assets/main-1a2b.js", "Accept-Encoding", "gzip", "If-None-Match", packed.Header.Get("ETag")); again.StatusCode != http.StatusOK {
		t.Errorf("the tag of brotli stands for gzip: %d", again.StatusCode)
	}
}

var nonceIn = regexp.MustCompile(`'nonce-([A-Z2-7]{26})'`)

func TestThePageAndItsPolicy(t *testing.T) {
	url := serveWeb(t, built())
	res, body := fetch(t, "GET", url+"/hosts", "Accept", html)
	policy := res.Header.Get("Content-Security-Policy")
	nonces := nonceIn.FindAllStringSubmatch(policy, -1)
	if len(nonces) != 2 || nonces[0][1] != nonces[1][1] {
		t.Fatalf("policy %s", policy)
	}
	nonce := nonces[0][1]
	same(t, "page", strings.ReplaceAll(page, "__CSP_NONCE__", nonce), body)
	same(t, "policy", "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-N'; style-src-elem 'self' 'nonce-N'; style-src-attr 'unsafe-inline'; "+
		"img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
		strings.ReplaceAll(policy, nonce, "N"))
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-cache", "Vary": "Accept, Accept-Encoding", "Referrer-Policy": "no-referrer",
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cross-Origin-Opener-Policy": "same-origin",
	} {
		same(t, name, want, res.Header.Get(name))
	}
	if !strings.Contains(res.Header.Get("Permissions-Policy"), "camera=()") {
		t.Errorf("Permissions-Policy %q", res.Header.Get("Permissions-Policy"))
	}

	next, packed := fetch(t, "GET", url+"/", "Accept-Encoding", "gzip")
	z, err := gzip.NewReader(bytes.NewReader([]byte(packed)))
	check(t, err)
	plain, err := io.ReadAll(z)
	check(t, err)
	fresh := nonceIn.FindStringSubmatch(next.Header.Get("Content-Security-Policy"))[1]
	same(t, "packed page", strings.ReplaceAll(page, "__CSP_NONCE__", fresh), string(plain))
	if fresh == nonce || int(next.ContentLength) != len(packed) {
		t.Errorf("nonce %s twice, or length %d of %d", fresh, next.ContentLength, len(packed))
	}

	// A browser keeps the page with the policy it came with: the answer must not replace the nonce.
	old, body := fetch(t, "GET", url+"/", "If-None-Match", res.Header.Get("ETag"))
	if old.StatusCode != http.StatusNotModified || body != "" || old.Header["Content-Security-Policy"] != nil || old.Header["Content-Type"] != nil {
		t.Errorf("the page again: %d %q %v", old.StatusCode, body, old.Header)
	}
	changed := built()
	changed["index.html"] = &fstest.MapFile{Data: []byte(page + "<!-- -->")}
	if again, _ := fetch(t, "GET", serveWeb(t, changed)+"/", "If-None-Match", res.Header.Get("ETag")); again.StatusCode != http.StatusOK {
		t.Errorf("a new page: %d", again.StatusCode)
	}
	if none, _ := fetch(t, "GET", url+"/", "Accept-Encoding", "identity;q=0"); none.StatusCode != http.StatusNotAcceptable {
		t.Errorf("no encoding at all: %d", none.StatusCode)
	}
}

// Go alone builds a collector that says how to get its pages.
func TestWithoutABuild(t *testing.T) {
	raw, err := os.ReadFile("../../web/dist/placeholder.html")
	check(t, err)
	res, body := fetch(t, "GET", serveWeb(t, fstest.MapFS{"placeholder.html": &fstest.MapFile{Data: raw}})+"/hosts/web1", "Accept", html)
	if res.StatusCode != http.StatusOK || strings.Contains(body, "__CSP_NONCE__") || strings.Contains(body, "<script") {
		t.Errorf("status %d, page %s", res.StatusCode, body)
	}
	for _, want := range []string{"make build", "/api/openapi.json", "/prometheus/api/v1"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not name %s", want)
		}
	}
	b := newBench(t)
	if err := api.MountWeb(b.router, fstest.MapFS{}); err == nil {
		t.Error("nothing at all was mounted")
	}
}
