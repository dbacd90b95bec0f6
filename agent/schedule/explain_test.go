package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/picketmon/picket/checks"
)

// lame is a check that cannot collect everything.
type lame struct {
	run  func(ctx context.Context, r checks.Reporter) error
	gaps []checks.Gap
}

func (l *lame) Run(ctx context.Context, r checks.Reporter) error { return l.run(ctx, r) }
func (l *lame) Gaps() []checks.Gap                               { return l.gaps }

func TestStatsSayWhatCouldNotBeCollected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := &checks.Gap{Reason: "none here", Cause: checks.ErrNoData}
		part := []checks.Gap{{Part: "/mnt", Reason: "does not answer"}}
		say := func(err error) func(context.Context, checks.Reporter) error {
			return func(context.Context, checks.Reporter) error { return err }
		}
		hangs := make(chan struct{})
		jobs := []Job{
			{Name: "well", Check: constant("well", 1)},
			{Name: "in_part", Check: &lame{run: constant("in_part", 1).Run, gaps: part}},
			{Name: "absent", Check: &lame{run: say(fmt.Errorf("look: %w", gone))}},
			{Name: "fails", Check: &lame{run: say(errors.New("broken"))}},
			{Name: "panics", Check: &lame{run: func(context.Context, checks.Reporter) error { panic("ouch") }, gaps: part}},
			{Name: "late", Check: &lame{run: func(ctx context.Context, _ checks.Reporter) error { <-ctx.Done(); return ctx.Err() }}},
			{Name: "hangs", Check: &lame{run: func(context.Context, checks.Reporter) error { <-hangs; return nil }}},
			{Name: "repeats", Check: checks.Func(func(_ context.Context, r checks.Reporter) error {
				r.Gauge("x", 1)
				r.Gauge("x", 2)
				return nil
			})},
		}
		s, err := New(Options{Jobs: jobs, Sink: new(seen), Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		time.Sleep(time.Minute)
		for _, st := range s.Stats() {
			var want func(error) bool
			gaps := 0
			switch st.Name {
			case "well":
				want = func(err error) bool { return err == nil }
			case "in_part":
				want, gaps = func(err error) bool { return err == nil }, 1
			case "absent": // the check is in order, and its reason is kept
				want = func(err error) bool { return errors.Is(err, gone) && st.LastErr == "" && st.Failures == 0 }
			case "fails":
				want = func(err error) bool { return err != nil && err.Error() == "broken" }
			case "panics": // nobody asks a broken check for its gaps
				want = func(err error) bool { return err != nil && err.Error() == "panic: ouch" }
			case "late", "hangs":
				want = func(err error) bool {
					return errors.Is(err, ErrDeadline) && err.Error() == "does not finish within its deadline of 10s"
				}
			case "repeats":
				want = func(err error) bool { return err != nil && st.LastErr == err.Error() }
			}
			if !want(st.Err) || len(st.Gaps) != gaps {
				t.Errorf("%s: error %v, %d gaps", st.Name, st.Err, len(st.Gaps))
			}
		}
		close(hangs)
		cancel()
		if err := <-done; err != nil {
			t.Log(err) // the check that hung
		}
	})
}
