package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

const (
	defaultURL = "http://127.0.0.1:4600"
	// requestTimeout is longer than the collector works on any request.
	requestTimeout = 150 * time.Second
	// maxAnswer bounds what is read of an answer.
	maxAnswer = 512 << 20
)

// client asks one collector as one user.
type client struct {
	base       *url.URL
	credential credential
	http       *http.Client
}

// credential is what proves who asks; source says where it came from, for errors.
type credential struct {
	source         string
	token          string
	user, password string
}

// The sources of credentials.
const (
	fromToken = "PICKET_TOKEN"
	fromBasic = "PICKET_USER and PICKET_PASSWORD"
	fromLogin = "login"
)

// baseURL returns the collector's address in one spelling.
func (a *app) baseURL() (*url.URL, error) {
	text := cmp.Or(a.url, a.env("PICKET_URL"), defaultURL)
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is not the address of a collector: give one like %s or https://picket.example.com", text, defaultURL)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("the collector's address must not hold a user, a password or a query: use \"picket login\" or the environment")
	}
	u.Host = strings.ToLower(u.Host)
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}

// connect returns a client for the collector with the first credential that there is.
func (a *app) connect() (*client, error) {
	c, err := a.anonymous()
	if err != nil {
		return nil, err
	}
	token, user, password := strings.TrimSpace(a.env("PICKET_TOKEN")), a.env("PICKET_USER"), a.env("PICKET_PASSWORD")
	switch {
	case token != "":
		c.credential = credential{source: fromToken, token: token}
	case user != "" && password != "":
		c.credential = credential{source: fromBasic, user: user, password: password}
	default:
		all, err := a.logins()
		if err != nil {
			return nil, err
		}
		l, ok := all[c.base.String()]
		if !ok {
			return nil, fmt.Errorf("not signed in to %s: run %s, or set PICKET_TOKEN", c.base, c.loginCommand())
		}
		c.credential = credential{source: fromLogin, token: l.Token, user: l.User}
	}
	return c, nil
}

// anonymous returns a client without a credential. It refuses addresses that no password should be sent to.
func (a *app) anonymous() (*client, error) {
	base, err := a.baseURL()
	if err != nil {
		return nil, err
	}
	if base.Scheme == "http" && !a.insecure && !loopback(base.Hostname()) {
		return nil, fmt.Errorf("%s is plain HTTP to another host, where anyone on the way can read your password: use https, or --insecure if nobody is", base)
	}
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if a.caFile != "" {
		if trust.RootCAs, err = x509.SystemCertPool(); err != nil {
			trust.RootCAs = x509.NewCertPool()
		}
		pem, err := os.ReadFile(a.caFile)
		if err != nil {
			return nil, fmt.Errorf("--ca-file: %w", err)
		}
		if !trust.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--ca-file: %s holds no certificate in PEM", a.caFile)
		}
	}
	return &client{base: base, http: &http.Client{
		Timeout: requestTimeout,
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSClientConfig: trust, TLSHandshakeTimeout: 10 * time.Second, ExpectContinueTimeout: 5 * time.Second, ForceAttemptHTTP2: true,
		},
		// A redirect could lead a credential anywhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// loginCommand is what to run to sign in to this collector.
func (c *client) loginCommand() string {
	if c.base.String() == defaultURL {
		return `"picket login"`
	}
	return `"picket login --url ` + c.base.String() + `"`
}

// get asks for a path with a query, decodes the answer into v when v is not nil, and returns it as it came.
func (c *client) get(ctx context.Context, path string, query url.Values, v any) ([]byte, error) {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return c.do(ctx, http.MethodGet, path, nil, v)
}

// do sends a request; path is escaped already. Errors say what to do.
func (c *client) do(ctx context.Context, method, path string, body, v any) ([]byte, error) {
	var in io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		in = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base.String()+path, in)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return c.send(r, v)
}

// send sends a request with the credential, decodes the answer into v when v is not nil, and returns it as it came.
func (c *client) send(r *http.Request, v any) ([]byte, error) {
	c.sign(r)
	res, err := c.http.Do(r)
	if err != nil {
		return nil, c.unreachable(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the answer of %s broke off: %w", c.base, err)
	case len(raw) > maxAnswer:
		return nil, fmt.Errorf("the answer of %s is larger than %s: ask for less", c.base, bytesText(maxAnswer))
	case res.StatusCode < 200 || res.StatusCode > 299:
		return nil, c.refused(res, raw)
	}
	if v == nil {
		return raw, nil
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return nil, fmt.Errorf("%s does not answer like a Picket collector: %w", c.base, err)
	}
	return raw, nil
}

// sign says who asks.
func (c *client) sign(r *http.Request) {
	r.Header.Set("User-Agent", "picket/"+version)
	switch {
	case c.credential.token != "":
		r.Header.Set("Authorization", "Bearer "+c.credential.token)
	case c.credential.user != "":
		r.SetBasicAuth(c.credential.user, c.credential.password)
	}
}

// unreachable explains why there is no answer.
func (c *client) unreachable(err error) error {
	cause := err
	if e, ok := errors.AsType[*url.Error](err); ok {
		cause = e.Err // without the URL, which holds the query
	}
	if e, ok := errors.AsType[*net.OpError](cause); ok && e.Op == "dial" {
		cause = e.Err // without the address, which stands before it
	}
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	_, notTLS := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case untrusted:
		return fmt.Errorf("the certificate of %s is not trusted (%w): give its authority's certificate with --ca-file", c.base, cause)
	case notTLS, strings.Contains(cause.Error(), "server gave HTTP response to HTTPS client"):
		return fmt.Errorf("%s does not speak HTTPS: try http:// instead", c.base)
	}
	return fmt.Errorf("cannot connect to %s: %w; is the collector running, and is --url (or PICKET_URL) right?", c.base, cause)
}

// refusal is an answer that says no.
type refusal struct {
	status   int
	message  string
	problems []problem
}

// problem is what is wrong with one part of a request.
type problem struct{ Field, Message string }

func (r *refusal) Error() string { return r.message }

// refused explains an answer that is none, in the words of whoever gave it and with what to do about it.
func (c *client) refused(res *http.Response, raw []byte) error {
	message := messageOf(raw)
	if message == "" {
		message = "status " + res.Status
	}
	switch {
	case res.StatusCode >= 300 && res.StatusCode < 400:
		message = fmt.Sprintf("%s sends us to %s: give that as --url if it is right", c.base, clean(res.Header.Get("Location")))
	case res.StatusCode == http.StatusUnauthorized:
		switch c.credential.source {
		case fromLogin:
			message = fmt.Sprintf("the login to %s has ended: run %s", c.base, c.loginCommand())
		case fromToken, fromBasic:
			message = fmt.Sprintf("%s refuses %s: %s", c.base, c.credential.source, message)
		}
	case res.StatusCode == http.StatusForbidden:
		message = "not allowed: " + message
	case res.StatusCode >= 500:
		message = fmt.Sprintf("the collector could not do it: %s (its log says more)", message)
	}
	return &refusal{status: res.StatusCode, message: message, problems: problemsOf(raw)}
}

// problemsOf finds the single problems in an error of our API.
func problemsOf(raw []byte) []problem {
	var ours struct{ Error struct{ Fields []problem } }
	_ = json.Unmarshal(raw, &ours) // others' errors have none
	return ours.Error.Fields
}

// messageOf finds the text in the errors of our API, of Prometheus' and of others.
func messageOf(raw []byte) string {
	var ours struct {
		Error struct{ Message string }
	}
	if json.Unmarshal(raw, &ours) == nil && ours.Error.Message != "" {
		return clean(ours.Error.Message)
	}
	var theirs struct{ Error string }
	if json.Unmarshal(raw, &theirs) == nil && theirs.Error != "" {
		return clean(theirs.Error)
	}
	text, _, _ := strings.Cut(strings.TrimSpace(string(raw[:min(len(raw), 300)])), "\n")
	if strings.HasPrefix(text, "<") {
		return "" // a page
	}
	return clean(text)
}
