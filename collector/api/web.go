package api

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/internal/errs"
)

// The two pages, of which one is served; neither has an address of its own.
const (
	indexFile       = "index.html"
	placeholderFile = "placeholder.html"
)

// nonceMark stands in the page where each answer has a nonce of its own.
const nonceMark = "__CSP_NONCE__"

// pagePolicy is the page's Content-Security-Policy: all comes from here. Mantine writes style attributes and adds style
// elements, which carry the nonce.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-" + nonceMark + "'; style-src-elem 'self' 'nonce-" + nonceMark + "'; " +
	"style-src-attr 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// pagePermissions takes from the page what it never asks for.
const pagePermissions = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()"

// contentTypes are the files that Vite writes. A table of our own, because the host's differs from host to host.
var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".gif": "image/gif", ".html": "text/html; charset=utf-8", ".ico": "image/x-icon",
	".jpg": "image/jpeg", ".js": "text/javascript; charset=utf-8", ".json": "application/json", ".map": "application/json",
	".mjs": "text/javascript; charset=utf-8", ".png": "image/png", ".svg": "image/svg+xml", ".txt": "text/plain; charset=utf-8",
	".wasm": "application/wasm", ".webmanifest": "application/manifest+json", ".webp": "image/webp", ".woff": "font/woff", ".woff2": "font/woff2",
}

// suffixes of the files that hold another compressed, the best first.
var suffixes = []struct{ coding, suffix string }{{"br", ".br"}, {"gzip", ".gz"}}

// site is the web UI: files, and one page for all other addresses, whose scripts show what the address asks for.
type site struct {
	files  fs.FS
	assets map[string]asset // by path
	page   string
	etag   string // of the page, as long as it and its policy are the same
}

// asset is a file and the codings in which it is there.
type asset struct {
	contentType, cache string
	hash               string
	codings            []string
}

// MountWeb serves what Vite built, or the placeholder, at all addresses that are no route of r. Call it after all routes are known
// or before: routes win.
func MountWeb(r *access.Router, files fs.FS) error {
	s := &site{files: files, assets: map[string]asset{}}
	if err := s.readPage(); err != nil {
		return fmt.Errorf("mount web UI: %w", err)
	}
	if err := fs.WalkDir(files, ".", s.add); err != nil {
		return fmt.Errorf("mount web UI: %w", err)
	}
	r.With(access.Errors(access.JSONErrors)).Rest(s)
	return nil
}

func (s *site) readPage() error {
	page, err := fs.ReadFile(s.files, indexFile)
	if errors.Is(err, fs.ErrNotExist) {
		page, err = fs.ReadFile(s.files, placeholderFile)
	}
	if err != nil {
		return err
	}
	s.page = string(page)
	// Weak: two answers differ in the nonce.
	s.etag = `W/"` + hashOf(page, []byte(pagePolicy)) + `"`
	return nil
}

// add notes a file of the build.
func (s *site) add(name string, e fs.DirEntry, err error) error {
	if err != nil || e.IsDir() || name == indexFile || name == placeholderFile {
		return err
	}
	ext := path.Ext(name)
	if ext == ".br" || ext == ".gz" {
		return nil // offered under the name without it
	}
	content, err := fs.ReadFile(s.files, name)
	if err != nil {
		return err
	}
	a := asset{contentType: contentTypes[ext], cache: "no-cache", hash: hashOf(content)}
	if a.contentType == "" {
		a.contentType = "application/octet-stream"
	}
	if strings.HasPrefix(name, "assets/") { // their names change with their content
		a.cache = "public, max-age=31536000, immutable"
	}
	for _, c := range suffixes {
		if _, err := fs.Stat(s.files, name+c.suffix); err == nil {
			a.codings = append(a.codings, c.coding)
		}
	}
	s.assets[name] = a
	return nil
}

func hashOf(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// ServeHTTP serves a file, the page, or 404.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	if a, ok := s.assets[name]; ok {
		s.serveAsset(w, r, name, a)
		return
	}
	if !isPage(r) {
		access.WriteError(w, r, errs.New(errs.NotFound, "there is nothing at %s", r.URL.Path))
		return
	}
	s.servePage(w, r)
}

// isPage reports whether a browser goes to an address of the UI. Names of hosts have dots, so a dot alone makes no file.
func isPage(r *http.Request) bool {
	if r.URL.Path == "/" {
		return true
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if slices.Contains([]string{"api", "prometheus", "metrics", "healthz", "readyz", "assets"}, first) {
		return false
	}
	ext := strings.ToLower(path.Ext(r.URL.Path))
	if _, file := contentTypes[ext]; file || ext == ".br" || ext == ".gz" {
		return false
	}
	return qualities(r.Header, "Accept")["text/html"] > 0
}

func (s *site) serveAsset(w http.ResponseWriter, r *http.Request, name string, a asset) {
	coding, ok := chooseCoding(r.Header, a.codings)
	if !ok {
		refuseCoding(w, r)
		return
	}
	etag := a.hash
	for _, c := range suffixes {
		if c.coding == coding {
			name, etag = name+c.suffix, etag+"-"+coding
		}
	}
	f, err := s.files.Open(name)
	if err != nil {
		access.WriteError(w, r, fmt.Errorf("open %s: %w", name, err))
		return
	}
	defer func() { _ = f.Close() }() // it was only read
	content, ok := f.(io.ReadSeeker)
	info, err := f.Stat()
	if err != nil || !ok {
		access.WriteError(w, r, fmt.Errorf("read %s: %w", name, errors.Join(err, errors.ErrUnsupported)))
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("Cache-Control", a.cache)
	h.Set("ETag", `"`+etag+`"`)
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if len(a.codings) > 0 {
		h.Set("Vary", "Accept-Encoding")
	}
	if coding != "identity" {
		h.Set("Content-Encoding", coding)
		h.Set("Content-Length", strconv.FormatInt(info.Size(), 10)) // ServeContent leaves it out for encoded content
	}
	http.ServeContent(w, r, "", time.Time{}, content)
}

func (s *site) servePage(w http.ResponseWriter, r *http.Request) {
	coding, ok := chooseCoding(r.Header, []string{"gzip"})
	if !ok {
		refuseCoding(w, r)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", s.etag)
	h["Vary"] = []string{"Accept, Accept-Encoding"}
	if matches(r.Header, s.etag) {
		// The browser goes on with the page it has, so its policy, which knows that page's nonce, must stay too.
		h.Del("Content-Security-Policy")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	nonce := rand.Text()
	h.Set("Content-Type", contentTypes[".html"])
	h.Set("Content-Security-Policy", strings.ReplaceAll(pagePolicy, nonceMark, nonce))
	h.Set("Permissions-Policy", pagePermissions)
	h.Set("Referrer-Policy", "no-referrer")
	body := []byte(strings.ReplaceAll(s.page, nonceMark, nonce))
	if coding == "gzip" {
		h.Set("Content-Encoding", coding)
		body = zipped(body)
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // whoever asked has gone away otherwise
}

func zipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b) // a buffer takes all
	_ = z.Close()
	return out.Bytes()
}

func refuseCoding(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Vary", "Accept-Encoding")
	access.JSONErrors(w, r, http.StatusNotAcceptable, errs.New(errs.Invalid, "this is there only in encodings that Accept-Encoding refuses"))
}

// matches reports whether If-None-Match names the etag.
func matches(h http.Header, etag string) bool {
	for one := range strings.SplitSeq(strings.Join(h["If-None-Match"], ","), ",") {
		one = strings.TrimSpace(one)
		if one == "*" || strings.TrimPrefix(one, "W/") == strings.TrimPrefix(etag, "W/") {
			return true
		}
	}
	return false
}

// chooseCoding returns which of the offered codings, the best first, or identity the client likes most, and whether it takes any.
func chooseCoding(h http.Header, offered []string) (coding string, ok bool) {
	q := qualities(h, "Accept-Encoding")
	best := 0.0
	for _, c := range offered {
		v, named := q[c]
		if !named {
			v = q["*"]
		}
		if v > best {
			coding, best = c, v
		}
	}
	identity, named := q["identity"]
	if rest, starred := q["*"]; !named && (!starred || rest > 0) {
		identity = 1e-4 // whoever names codings likes them more than none at all
	}
	if identity > best {
		coding, best = "identity", identity
	}
	return coding, best > 0
}

// qualities parses a header that lists what a client takes, as "br;q=0.9, gzip, *;q=0". A part that is malformed is left out.
func qualities(h http.Header, name string) map[string]float64 {
	out := map[string]float64{}
	for part := range strings.SplitSeq(strings.Join(h.Values(name), ","), ",") {
		fields := strings.Split(part, ";")
		q := 1.0
		for _, f := range fields[1:] {
			if v, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(f)), "q="); ok {
				var err error
				if q, err = strconv.ParseFloat(v, 64); err != nil || math.IsNaN(q) || q > 1 {
					q = -1
				}
			}
		}
		if what := strings.ToLower(strings.TrimSpace(fields[0])); what != "" && q >= 0 {
			out[what] = q
		}
	}
	return out
}
