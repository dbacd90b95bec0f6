package api

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/picketmon/picket/collector/live"
)

// pipeWriter is a ResponseWriter whose client is the other end of a pipe.
type pipeWriter struct {
	net.Conn
	header http.Header
}

func (w pipeWriter) Header() http.Header { return w.header }
func (w pipeWriter) WriteHeader(int)     {}
func (w pipeWriter) FlushError() error   { return nil }

// served is a stream in a bubble of false time, with its client.
type served struct {
	hub    *live.Hub
	client net.Conn
	reason string
	err    error
	done   chan struct{}
}

func serveStream(t *testing.T, check func() string) *served {
	s := &served{hub: live.New(live.Options{}), done: make(chan struct{})}
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.hub.Run(t.Context()) })
	sub, err := s.hub.Subscribe(live.Watch{Topics: live.Topics()})
	if err != nil {
		t.Fatal(err)
	}
	server, client := net.Pipe()
	s.client = client
	w := pipeWriter{server, http.Header{}}
	wg.Go(func() {
		defer close(s.done)
		defer sub.Close()
		s.reason, s.err = stream{w: w, control: http.NewResponseController(w)}.serve(t.Context(), sub, s.hub.Closed(), pingEvery, check)
		_ = server.Close()
	})
	return s
}

func TestPingsAndPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		checks := 0
		s := serveStream(t, func() string {
			if checks++; checks > 3 {
				return endSignedOut
			}
			return ""
		})
		began := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() { // an agent with ten messages a second
			for range 25 {
				s.hub.Publish(live.Sample, "web1")
				time.Sleep(100 * time.Millisecond)
			}
		})
		var got []string
		for in := bufio.NewScanner(s.client); in.Scan(); {
			if line, _, _ := strings.Cut(in.Text(), ":"); line != "data" {
				got = append(got, time.Since(began).String()+" "+in.Text())
			}
		}
		<-s.done
		want := []string{
			"0s retry: 2000", "0s ", "0s event: change", "0s ", "1s event: change", "1s ", "2s event: change", "2s ", "3s event: change", "3s ",
			"15s : ping", "15s ", "30s : ping", "30s ", "45s : ping", "45s ",
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") || s.reason != endSignedOut || s.err != nil || time.Since(began) != time.Minute {
			t.Errorf("read %q, ended with %q, %v after %s", got, s.reason, s.err, time.Since(began))
		}
		wg.Wait()
	})
}

func TestAReaderThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serveStream(t, func() string { return "" })
		if _, err := s.client.Read(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		s.hub.Publish(live.Agent, "a1")
		began := time.Now()
		<-s.done
		if !errors.Is(s.err, os.ErrDeadlineExceeded) || time.Since(began) != writeLimit {
			t.Errorf("ended with %v after %s", s.err, time.Since(began))
		}
	})
}
