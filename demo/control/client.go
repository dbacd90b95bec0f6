// Package control starts, breaks, heals and ends the demo. A supervisor process of its own keeps the services and the agents
// running and simulates their hosts; everything else is a short command that talks to the collector's API, as users do, or to
// the supervisor by files and signals.
package control

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
	"slices"
	"strings"
	"time"
)

// The environment in which commands find the collector and who asks. "picket demo" sets it.
const (
	EnvURL      = "PICKET_URL"
	EnvToken    = "PICKET_TOKEN"
	EnvUser     = "PICKET_USER"
	EnvPassword = "PICKET_PASSWORD"
	EnvCAFile   = "PICKET_DEMO_CA_FILE"
	EnvInsecure = "PICKET_DEMO_INSECURE"

	defaultURL = "http://127.0.0.1:4600"
	maxAnswer  = 16 << 20
)

// client asks the collector.
type client struct {
	base, token    string
	user, password string
	http           *http.Client
}

// newClient reads the environment.
func newClient(env func(string) string) (*client, error) {
	base, err := url.Parse(strings.TrimRight(cmp.Or(env(EnvURL), defaultURL), "/"))
	if err != nil || base.Host == "" || base.User != nil || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("%s is not the address of a collector: give one like %s", EnvURL, defaultURL)
	}
	if ip := net.ParseIP(base.Hostname()); base.Scheme == "http" && env(EnvInsecure) == "" && base.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("%s is plain HTTP to another host: use https", base)
	}
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if file := env(EnvCAFile); file != "" {
		if trust.RootCAs, err = x509.SystemCertPool(); err != nil {
			trust.RootCAs = x509.NewCertPool()
		}
		pem, err := os.ReadFile(file)
		if err != nil || !trust.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", file)
		}
	}
	c := &client{base: base.String(), token: env(EnvToken), user: env(EnvUser), password: env(EnvPassword), http: &http.Client{
		Timeout: 2 * time.Minute, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: trust, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	return c, nil
}

// refusal is an answer that says no.
type refusal struct {
	status  int
	message string
}

func (r *refusal) Error() string { return r.message }

// statusOf returns the status of an error that is an answer, else 0.
func statusOf(err error) int {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r.status
	}
	return 0
}

// do sends a request and decodes the answer into v when v is not nil.
func (c *client) do(ctx context.Context, method, path string, query url.Values, body, v any) error {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	if body == nil {
		raw = nil
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	switch {
	case c.token != "":
		r.Header.Set("Authorization", "Bearer "+c.token)
	case c.user != "":
		r.SetBasicAuth(c.user, c.password)
	}
	res, err := c.http.Do(r)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err
		}
		return fmt.Errorf("ask the collector at %s: %w", c.base, err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", c.base, err)
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return &refusal{res.StatusCode, fmt.Sprintf("%s %s: %s", method, strings.SplitN(path, "?", 2)[0], messageOf(res, answer))}
	}
	if v == nil {
		return nil
	}
	if err := json.Unmarshal(answer, v); err != nil {
		return fmt.Errorf("%s does not answer like a Picket collector: %w", c.base, err)
	}
	return nil
}

func messageOf(res *http.Response, raw []byte) string {
	var ours struct {
		Error struct{ Message string }
	}
	if json.Unmarshal(raw, &ours) == nil && ours.Error.Message != "" {
		return ours.Error.Message
	}
	return res.Status
}

// may returns an error that says what to do when whoever asks has none of the roles.
func (c *client) may(ctx context.Context, do string, roles ...string) error {
	var me struct {
		Name  string
		Roles []string
	}
	err := c.do(ctx, http.MethodGet, "/api/v1/me", nil, nil, &me)
	if statusOf(err) == http.StatusUnauthorized {
		return fmt.Errorf("nobody is signed in to %s: run \"picket login --url %s\" and then \"picket demo\", or set %s", c.base, c.base, EnvToken)
	}
	if err == nil && !slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(me.Roles, r) }) {
		return fmt.Errorf("%s may not %s at %s: that takes the role %s", me.Name, do, c.base, strings.Join(roles, " or "))
	}
	return err
}

// agentState is the part of an agent that the demo looks at.
type agentState struct {
	ID       string `json:"id"`
	Instance string `json:"instance"`
	State    string `json:"state"`
}

func (c *client) agent(ctx context.Context, id string) (a agentState, err error) {
	err = c.do(ctx, http.MethodGet, "/api/v1/agents/"+url.PathEscape(id), nil, nil, &a)
	return a, err
}

// count returns the value of a PromQL query that has one, 0 when it has none.
func (c *client) count(ctx context.Context, query string) (string, error) {
	var answer struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	if err := c.do(ctx, http.MethodGet, "/prometheus/api/v1/query", url.Values{"query": {query}}, nil, &answer); err != nil {
		return "", err
	}
	if len(answer.Data.Result) == 0 {
		return "0", nil
	}
	return fmt.Sprint(answer.Data.Result[0].Value[1]), nil
}
