package shop

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// answer is what a handler found: a status and a text.
type answer struct {
	code int
	text string
}

// handler answers requests of one route.
type handler func(ctx context.Context, r *http.Request) answer

// handle lets h answer the requests of a pattern, measured and logged under the name of the route.
func (s *service) handle(mux *http.ServeMux, pattern, route string, h handler) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		s.metrics.inFlight.Inc()
		s.inFlight.Add(1)
		a := h(r.Context(), r)
		s.metrics.inFlight.Dec()
		s.inFlight.Add(-1)
		s.handled.Add(1)
		took := time.Since(began)
		s.metrics.answered(route, r.Method, a.code, took)
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(a.code)
		n, _ := w.Write([]byte(a.text)) // the other end may be gone
		fmt.Fprintf(s.access, "%s - - [%s] \"%s %s HTTP/1.1\" %d %d \"-\" %q %.3f\n", hostOf(r.RemoteAddr),
			began.Format("02/Jan/2006:15:04:05 -0700"), r.Method, r.URL.RequestURI(), a.code, n, r.UserAgent(), took.Seconds())
	})
}

func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return "-"
	}
	return host
}

// serve answers on the host's port until ctx ends.
func (s *service) serve(ctx context.Context, h http.Handler) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.plan.Address(s.host.Name))
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	select {
	case <-ctx.Done():
	case err := <-done:
		return fmt.Errorf("serve: %w", err)
	}
	// Who waits for an answer does not get it: that is what a stopped service is like.
	if err := server.Close(); err != nil {
		return fmt.Errorf("stop serving: %w", err)
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
