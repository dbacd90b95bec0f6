package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/live"
	"github.com/picketmon/picket/internal/errs"
)

// Times of streams.
const (
	pingEvery  = 15 * time.Second
	writeLimit = 10 * time.Second // for a reader that does not read
	retryAfter = 2 * time.Second  // what clients are told to wait before they come back
)

type liveInput struct {
	Topic    []string `query:"topic,explode" required:"true" minItems:"1" maxItems:"10" enum:"agent,result,sample" doc:"May be given several times"`
	Instance []string `query:"instance,explode" maxItems:"200" doc:"Tell of samples of these instances only; may be given several times"`
}

const liveStream = `Server-sent events. "change" has the data {"topic":"agent","keys":["…"],"all":false}: what changed, as ids of agents (topics agent ` +
	`and result) or instances (sample); when more than 500 changed, keys is empty and all is true. "end" has {"reason":"signed_out"}, ` +
	`{"reason":"stopping"} or {"reason":"unavailable"} and comes before the stream ends by itself. Comments keep the connection open.`

func (a *api) mountLive() {
	register(a, operation{
		id: "live", method: get, path: "/api/v1/live", tag: "status", roles: anyRole, stream: liveStream,
		summary: "What changes, as it changes",
		description: "An endless answer for EventSource. It tells of each topic at most once a second, and only that something changed: ask for what it is now. " +
			"What changed while nobody was connected is not told: after connecting, ask anew. A session or API token may have 10 streams.",
	}, a.live)
}

func (a *api) live(ctx context.Context, in *liveInput) (*huma.StreamResponse, error) {
	p := access.From(ctx)
	w := live.Watch{Instances: in.Instance, Session: cmp.Or(p.CredentialID, p.UserID), User: p.UserID}
	samples := false
	for _, t := range in.Topic {
		w.Topics = append(w.Topics, live.Topic(t))
		samples = samples || live.Topic(t) == live.Sample
	}
	if len(in.Instance) > 0 && !samples {
		return nil, errs.New(errs.Invalid, "instance goes with the topic sample only")
	}
	subscription, err := a.Live.Subscribe(w)
	if err != nil {
		return nil, err
	}
	x := exchangeOf(ctx)
	return &huma.StreamResponse{Body: func(huma.Context) {
		defer subscription.Close()
		s := stream{w: x.w, control: http.NewResponseController(x.w)}
		reason, err := s.serve(ctx, subscription, a.Live.Closed(), cmp.Or(a.PingEvery, pingEvery), func() string { return a.reasonToEnd(x.r) })
		if err == nil && reason != "" {
			err = s.event("end", map[string]string{"reason": reason})
		}
		if err == nil {
			s.release()
		}
	}}, nil
}

// The reasons for which a stream ends by itself.
const (
	endSignedOut   = "signed_out"
	endStopping    = "stopping"
	endUnavailable = "unavailable" // nobody knows whether the client still may
)

// reasonToEnd looks whether the client still may listen; then it is empty.
func (a *api) reasonToEnd(r *http.Request) string {
	p, err := a.Guard.Recheck(r)
	switch {
	case errs.Is(err, errs.Unauthenticated), err == nil && !p.Allows(anyRole...):
		return endSignedOut
	case err != nil:
		return endUnavailable
	}
	return ""
}

// stream is an answer without end: server-sent events.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// serve tells of changes until the client goes away or does not read, which is an error, or there is a reason to end.
func (s stream) serve(ctx context.Context, sub *live.Subscription, stopping <-chan struct{}, every time.Duration, check func() string) (reason string, err error) {
	h := s.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")           // nginx would wait for more
	_ = s.control.SetReadDeadline(time.Time{}) // the server's would end a request that lasts; a writer of tests has none
	if err := s.send(fmt.Sprintf("retry: %d\n\n", retryAfter.Milliseconds())); err != nil {
		return "", err
	}
	ping := time.NewTicker(every)
	defer ping.Stop()
	for {
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-stopping:
			return endStopping, nil
		case <-sub.Changed():
			for _, c := range sub.Take() {
				if err := s.event("change", c); err != nil {
					return "", err
				}
			}
		case <-ping.C:
			if reason := check(); reason != "" {
				return reason, nil
			}
			if err := s.send(": ping\n\n"); err != nil {
				return "", err
			}
		}
	}
}

func (s stream) event(name string, data any) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	return s.send("event: " + name + "\ndata: " + string(raw) + "\n\n")
}

// send writes text in bounded time.
func (s stream) send(text string) error {
	_ = s.control.SetWriteDeadline(time.Now().Add(writeLimit))
	if _, err := io.WriteString(s.w, text); err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	return s.control.Flush()
}

// release lets the connection serve the next request. After an error it must not: the server could wait for the reader for ever.
func (s stream) release() { _ = s.control.SetWriteDeadline(time.Time{}) }
