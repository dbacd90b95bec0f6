package ingest

import (
	"context"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/internal/errs"
)

// maxTogether is how many batches of how many agents share one transaction.
const maxTogether = 256

// rowJob is one batch of rows that waits for its transaction.
type rowJob struct {
	write func(ctx context.Context, tx bun.IDB) error
	done  chan error // receives once
}

// rows commits batches of many streams in common transactions: while one is committed the next gathers.
type rows struct {
	db    *db.DB
	queue chan rowJob
}

func newRows(d *db.DB) *rows {
	return &rows{db: d, queue: make(chan rowJob, maxTogether)}
}

// commit runs write in a transaction and returns when it is durable.
func (r *rows) commit(ctx context.Context, write func(ctx context.Context, tx bun.IDB) error) error {
	job := rowJob{write: write, done: make(chan error, 1)}
	select {
	case r.queue <- job:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case err := <-job.done:
		return err
	case <-ctx.Done(): // the batch may still be stored; the agent sends it again and its ids are known
		return context.Cause(ctx)
	}
}

// run commits until ctx ends.
func (r *rows) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case job := <-r.queue:
			jobs := []rowJob{job}
			for len(jobs) < maxTogether && len(r.queue) > 0 {
				jobs = append(jobs, <-r.queue)
			}
			r.together(ctx, jobs)
		}
	}
}

func (r *rows) together(ctx context.Context, jobs []rowJob) {
	err := r.db.InTxReadCommitted(ctx, func(ctx context.Context, tx bun.Tx) error {
		for _, j := range jobs {
			if err := j.write(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && len(jobs) > 1 && ctx.Err() == nil && !errors.Is(err, context.Canceled) {
		for _, j := range jobs { // one of them may be what the database refuses
			r.together(ctx, []rowJob{j})
		}
		return
	}
	for _, j := range jobs {
		j.done <- err
	}
}

// permanent reports whether storing again cannot help: the database refuses the data itself.
func permanent(err error) bool {
	k := errs.Kind(err)
	return k == errs.Invalid || k == errs.Conflict
}

// pace watches how long commits take and derives the windows agents get: a slow collector slows its agents down, old data first.
type pace struct {
	average       time.Duration
	live, backlog uint32 // as last told
}

// took notes a commit.
func (p *pace) took(d time.Duration) { p.average += (d - p.average) / 8 }

// window returns how many messages an agent may have under way, live and backlog.
func (p *pace) window() (live, backlog uint32) {
	switch {
	case p.average > 2*time.Second:
		return 4, 0
	case p.average > 500*time.Millisecond:
		return 8, 1
	}
	return 32, 8
}

// changed reports whether the window differs from the one told last, and counts it as told.
func (p *pace) changed(live, backlog uint32) bool {
	if p.live == live && p.backlog == backlog {
		return false
	}
	p.live, p.backlog = live, backlog
	return true
}
