package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

const (
	barEvery  = 100 * time.Millisecond
	lineEvery = 5 * time.Second
)

// sending tells a person how far a long text is on its way: by a bar on a terminal, else by a line now and then. The text is
// read by another goroutine than the one that waits for the answer, and maybe for a little longer.
type sending struct {
	mu    sync.Mutex
	ended bool

	out   io.Writer
	size  int64 // -1 when unknown
	plain bool  // the text can be read on its way, so samples are counted
	bar   *progressbar.ProgressBar
	now   func() time.Time

	started, next time.Time
	bytes         int64
	samples       int
	begun         bool // the next byte begins a line

	waiting chan struct{} // closed at the end of what comes after the sending
	wg      sync.WaitGroup
}

func newSending(out io.Writer, size int64, plain, terminal bool) *sending {
	s := &sending{out: out, size: size, plain: plain, now: time.Now, begun: true}
	if terminal {
		s.bar = newBar(out, size, "sending", progressbar.OptionShowBytes(true), progressbar.OptionShowCount(), progressbar.OptionUseIECUnits(true))
	}
	return s
}

// newBar makes a bar that vanishes at its end; without a size it is a wheel.
func newBar(out io.Writer, size int64, what string, more ...progressbar.Option) *progressbar.ProgressBar {
	options := []progressbar.Option{
		progressbar.OptionSetWriter(out), progressbar.OptionSetDescription(what), progressbar.OptionThrottle(barEvery), progressbar.OptionSetWidth(30),
		progressbar.OptionSpinnerType(14), progressbar.OptionSetSpinnerChangeInterval(0), // or it would draw by itself, for which there is no end
		progressbar.OptionClearOnFinish(), progressbar.OptionSetRenderBlankState(true),
	}
	return progressbar.NewOptions64(size, append(options, more...)...)
}

// sent is a reader whose progress is told.
type sent struct {
	r io.Reader
	s *sending
}

// Read implements io.Reader.
func (r *sent) Read(b []byte) (int, error) {
	n, err := r.r.Read(b)
	r.s.add(b[:n])
	if errors.Is(err, io.EOF) {
		r.s.all()
	}
	return n, err
}

// add notes that b was sent.
func (s *sending) add(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	now := s.now()
	if s.started.IsZero() {
		s.started, s.next = now, now
		if s.bar == nil {
			s.next = now.Add(lineEvery)
		}
	}
	s.bytes += int64(len(b))
	s.countSamples(b)
	if s.bar != nil {
		_ = s.bar.Add(len(b)) // a terminal that is gone is no reason to stop
	}
	if now.Before(s.next) {
		return
	}
	if s.bar != nil {
		s.next = now.Add(barEvery)
		s.bar.Describe(s.what("sending"))
		return
	}
	s.next = now.Add(lineEvery)
	fmt.Fprintln(s.out, s.line(now))
}

// countSamples counts the lines that are no comments.
func (s *sending) countSamples(b []byte) {
	for s.plain && len(b) > 0 {
		if s.begun && b[0] != '#' {
			s.samples++
		}
		end := bytes.IndexByte(b, '\n')
		s.begun = end >= 0
		if !s.begun {
			return
		}
		b = b[end+1:]
	}
}

// what is said beside the bar.
func (s *sending) what(verb string) string {
	if !s.plain {
		return verb
	}
	return fmt.Sprintf("%s, %s", verb, count(s.samples, "sample", "samples"))
}

// line is what is said without a bar.
func (s *sending) line(now time.Time) string {
	text := s.what("sent "+bytesText(s.bytes)) + ", "
	rate := float64(s.bytes) / max(now.Sub(s.started).Seconds(), 1e-3)
	if s.size > 0 {
		left := time.Duration(float64(s.size-s.bytes) / rate * float64(time.Second))
		text = s.what(fmt.Sprintf("sent %s of %s", bytesText(s.bytes), bytesText(s.size))) + fmt.Sprintf(", %s left, ", span(left))
	}
	return text + bytesText(int64(rate)) + "/s"
}

// all notes that everything is sent: now the collector works.
func (s *sending) all() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting != nil || s.ended {
		return
	}
	s.waiting = make(chan struct{})
	if s.bar == nil {
		fmt.Fprintln(s.out, s.what("sent all, "+bytesText(s.bytes))+"; the collector is storing it")
		return
	}
	_ = s.bar.Finish() // as above
	wait := newBar(s.out, -1, s.what("sent all")+"; the collector is storing it")
	s.wg.Go(func() {
		tick := time.NewTicker(barEvery)
		defer tick.Stop()
		for {
			select {
			case <-s.waiting:
				_ = wait.Clear() // as above
				return
			case <-tick.C:
				_ = wait.Add(0) // as above
			}
		}
	})
}

// end takes the bar away, whatever became of the text, and reports whether anything was sent.
func (s *sending) end() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if s.waiting != nil {
		close(s.waiting)
		s.wg.Wait()
	} else if s.bar != nil {
		_ = s.bar.Clear() // as above
	}
	return s.bytes > 0
}
