package api_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picketmon/picket/collector/live"
)

// runHub returns a hub that runs until the test ends and does not make it wait.
func runHub(t testing.TB) *live.Hub {
	h := live.New(live.Options{Every: 10 * time.Millisecond})
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { check(t, h.Run(ctx)) })
	t.Cleanup(func() { stop(); wg.Wait() })
	return h
}

// events is a stream as a browser reads it.
type events struct {
	t    *testing.T
	body io.ReadCloser
	in   *bufio.Reader
}

// listen opens a stream with a query, as a user or with whatever change does.
func (b *bench) listen(t *testing.T, who, query string, change ...func(*http.Request)) *events {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+"/api/v1/live?"+query, nil)
	check(t, err)
	if who != "" {
		r.SetBasicAuth(who, password)
	}
	for _, c := range change {
		c(r)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	check(t, err)
	t.Cleanup(func() { stop(); res.Body.Close() })
	e := &events{t: t, body: res.Body, in: bufio.NewReader(res.Body)}
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" || res.Header.Get("Cache-Control") != "no-store" {
		text, _ := io.ReadAll(res.Body)
		t.Fatalf("listen to %s: %d %v %s", query, res.StatusCode, res.Header, text)
	}
	e.expect("retry: 2000")
	return e
}

// next returns the next event that is not a ping, its lines joined by a blank; at the end it is empty.
func (e *events) next() string {
	e.t.Helper()
	var lines []string
	for {
		line, err := e.in.ReadString('\n')
		if err != nil {
			if err != io.EOF || len(lines) > 0 {
				e.t.Fatalf("the stream broke off: %v after %q", err, lines)
			}
			return ""
		}
		switch line = strings.TrimSuffix(line, "\n"); {
		case line == "" && lines == nil:
			e.t.Fatal("an empty event")
		case line == "" && lines[0] == ": ping":
			lines = nil
		case line == "":
			return strings.Join(lines, " ")
		default:
			lines = append(lines, line)
		}
	}
}

func (e *events) expect(want string) {
	e.t.Helper()
	same(e.t, "event", want, e.next())
}

func TestLive(t *testing.T) {
	b := newBench(t)
	every := b.listen(t, "viewer", "topic=agent&topic=result&topic=sample")
	one := b.listen(t, "operator", "topic=sample&topic=agent&instance=web1&instance=web2")
	b.live.Publish(live.Agent, "a1")
	every.expect(`event: change data: {"topic":"agent","keys":["a1"],"all":false}`)
	one.expect(`event: change data: {"topic":"agent","keys":["a1"],"all":false}`)
	b.live.Publish(live.Result, "a1")
	every.expect(`event: change data: {"topic":"result","keys":["a1"],"all":false}`)
	b.live.Publish(live.Sample, `odd "instance"`+"\n")
	every.expect(`event: change data: {"topic":"sample","keys":["odd \"instance\"\n"],"all":false}`)
	b.live.Publish(live.Sample, "web2")
	one.expect(`event: change data: {"topic":"sample","keys":["web2"],"all":false}`)
}

func TestLiveThatIsWrong(t *testing.T) {
	b := newBench(t)
	for query, field := range map[string]string{
		"": "topic", "topic=": "topic", "topic=weather": "topic", "topic=agent&topic=weather": "topic", "topic=agent,result": "topic",
		"topic=agent&color=red": "color", "topic=agent&instance=web1": "",
		"topic=sample" + strings.Repeat("&instance=x", 201): "instance",
	} {
		r := b.must(http.StatusBadRequest, "viewer", "GET", "/api/v1/live?"+query, "")
		_, fields := r.kind()
		if (field != "" || len(fields) > 0) && (len(fields) != 1 || !strings.HasPrefix(fields[0], field)) {
			t.Errorf("%q: %s", query, r.text)
		}
	}
	b.must(http.StatusUnauthorized, "", "GET", "/api/v1/live?topic=agent", "")
}

func TestLiveHasLimits(t *testing.T) {
	b := newBench(t)
	secret := bearer(login(b, "viewer", `,"bearer":true`).item("token").(string))
	var first *events
	for i := range live.PerSession {
		if e := b.listen(t, "", "topic=agent", secret); i == 0 {
			first = e
		}
	}
	r := b.must(http.StatusTooManyRequests, "", "GET", "/api/v1/live?topic=agent", "", secret)
	if kind, _ := r.kind(); kind != "too_many" || !strings.Contains(r.text, "10 live streams") {
		t.Errorf("refusal %s", r.text)
	}
	b.listen(t, "", "topic=agent", bearer(login(b, "viewer", `,"bearer":true`).item("token").(string))) // another session of the same user
	first.body.Close()
	for end := time.Now().Add(20 * time.Second); ; { // its place is free as soon as the collector notices
		if s, err := b.live.Subscribe(live.Watch{Topics: live.Topics(), User: b.users["viewer"].ID, Session: sessionID(b, secret)}); err == nil {
			s.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatal("a stream whose reader went away keeps its place")
		}
		<-time.After(5 * time.Millisecond)
	}
}

func sessionID(b *bench, secret func(*http.Request)) string {
	return b.must(http.StatusOK, "", "GET", "/api/v1/me", "", secret).item("credential_id").(string)
}

func TestLiveEnds(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(b *bench, session, token func(*http.Request))
		want [3]string // by session, token, password
	}{
		"logout": {func(b *bench, session, _ func(*http.Request)) {
			b.must(http.StatusNoContent, "", "POST", "/api/v1/logout", "", session)
		}, [3]string{"signed_out", "", ""}},
		"user disabled": {func(b *bench, _, _ func(*http.Request)) {
			check(b.t, b.access.SetDisabled(system(), b.users["operator"].ID, true))
		}, [3]string{"signed_out", "signed_out", "signed_out"}},
		"token revoked": {func(b *bench, _, token func(*http.Request)) {
			check(b.t, b.access.RevokeToken(system(), sessionID(b, token)))
		}, [3]string{"", "signed_out", ""}},
		"password changed": {func(b *bench, _, _ func(*http.Request)) {
			check(b.t, b.access.SetPassword(system(), b.users["operator"].ID, "another long password"))
		}, [3]string{"signed_out", "", "signed_out"}},
		"database away": {func(b *bench, _, _ func(*http.Request)) {
			_, err := b.db.NewRaw("ALTER TABLE sessions RENAME TO away").Exec(b.t.Context())
			check(b.t, err)
		}, [3]string{"unavailable", "", ""}},
		"collector stops": {func(b *bench, _, _ func(*http.Request)) { b.live.Close() }, [3]string{"stopping", "stopping", "stopping"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			session := bearer(login(b, "operator", `,"bearer":true`).item("token").(string))
			token := bearer(b.must(http.StatusCreated, "operator", "POST", "/api/v1/api-tokens", `{"name":"t","roles":["viewer"]}`).item("token").(string))
			streams := [3]*events{b.listen(t, "", "topic=agent", session), b.listen(t, "", "topic=agent", token), b.listen(t, "operator", "topic=agent")}
			c.end(b, session, token)
			for i, s := range streams {
				if c.want[i] == "" { // it goes on
					b.live.Publish(live.Agent, "a1")
					s.expect(`event: change data: {"topic":"agent","keys":["a1"],"all":false}`)
					continue
				}
				end := s.next()
				for strings.HasPrefix(end, "event: change") {
					end = s.next()
				}
				same(t, "end", `event: end data: {"reason":"`+c.want[i]+`"}`, end)
				same(t, "after the end", "", s.next())
			}
		})
	}
}

// The server's time limit for requests must not end streams, and a connection that had one serves others afterwards.
func TestLiveOutlastsTheServersLimits(t *testing.T) {
	b := newBench(t)
	s := httptest.NewUnstartedServer(b.router)
	s.Config.ReadTimeout = 50 * time.Millisecond
	s.Start()
	t.Cleanup(s.Close)
	b.url = s.URL
	secret := bearer(login(b, "viewer", `,"bearer":true`).item("token").(string))
	e := b.listen(t, "", "topic=agent", secret)
	<-time.After(200 * time.Millisecond)
	b.live.Publish(live.Agent, "a1")
	e.expect(`event: change data: {"topic":"agent","keys":["a1"],"all":false}`)
	b.live.Close()
	e.expect(`event: end data: {"reason":"stopping"}`)
	e.expect("")
	b.must(http.StatusOK, "", "GET", "/api/v1/me", "", secret)
}
