// Package fleet owns the noun agent: who may speak to this collector, as whom, and whether they are alive.
//
//	token ──┐                         ┌─ Authenticate ─ Connect ─ Session ─ cut on revocation, expiry, duplicate
//	  CSR ──┼─> Enroll ─> certificate ┤
//	 clone ─┘              ^  Renew ──┘         Session.Seen ─> presence ─> last_seen_at, up, picket_agent_info
//
// It holds the certificate authority, enrolment tokens, agents and their certificates, the presence that heartbeats make, the
// delivery state and the facts of each agent. In come calls of the Enrollment service, the sessions that collector/ingest
// opens for streams, and questions of the API; out go certificates, refusals with a reason, samples of up and
// picket_agent_info, and rows. It reads no stream itself, stores no sample, and knows no users: who may call what is
// collector/access.
package fleet

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/picketmon/picket/collector/db"
)

// AgentID is the id of an agent: 32 lower-case hex digits, the common name of its certificates.
type AgentID string

// SampleWriter stores samples of series that the fleet itself makes.
type SampleWriter interface {
	// WriteSamples stores samples that share one time. It must not change or keep the slice; the labels it may keep.
	WriteSamples(ctx context.Context, samples []Sample) error
}

// Sample is one value of one series. A value with the bits of a stale marker ends the series.
type Sample struct {
	Labels []string // name, value, …; names ascend, __name__ is first. It is the same slice from call to call.
	T      int64    // Unix milliseconds
	V      float64
}

// AuditFunc records a change. It is called inside the transaction that makes the change, with its context, so that one is
// not kept without the other.
type AuditFunc func(ctx context.Context, action, targetID string, detail map[string]any)

// Options are what a Fleet is made of. Durations of 0 mean the default.
type Options struct {
	// DB, CA and Logger are required.
	DB     *db.DB
	CA     *CA
	Logger *slog.Logger
	// Registerer takes the package's own metrics; nil keeps them private.
	Registerer prometheus.Registerer
	// Audit records changes; nil records nothing.
	Audit AuditFunc
	// Samples takes up and picket_agent_info; nil writes none.
	Samples SampleWriter
	// Changed is told after an agent came, went, changed its state, was shut out or got a certificate. It must not block. It is
	// for those who watch; nil tells nobody.
	Changed func(AgentID)

	// WarnAfter and DownAfter are the silences after which an agent is in state warn (60 s) and down (120 s).
	WarnAfter, DownAfter time.Duration
	// SampleEvery is the interval of up and picket_agent_info, SaveEvery that of last_seen_at (10 s each).
	SampleEvery, SaveEvery time.Duration
	// WatchEvery is how often revocations by other processes and states that changed are looked for (2 s).
	WatchEvery time.Duration
	// ReleaseWithin is how long a stream waits for the one it replaces to end (10 s).
	ReleaseWithin time.Duration
	// SettleWithin is how long an enrolment waits for word of whether the host's former agent is alive (10 s).
	SettleWithin time.Duration
	// ClonesPerDay bounds the agents that are enrolled as clones of one agent in 24 h (1000).
	ClonesPerDay int
}

func (o *Options) complete() error {
	switch {
	case o.DB == nil:
		return errors.New("make fleet: Options.DB is missing")
	case o.CA == nil:
		return errors.New("make fleet: Options.CA is missing")
	case o.Logger == nil:
		return errors.New("make fleet: Options.Logger is missing")
	}
	if o.Audit == nil {
		o.Audit = func(context.Context, string, string, map[string]any) {}
	}
	if o.Changed == nil {
		o.Changed = func(AgentID) {}
	}
	for _, d := range []struct {
		value *time.Duration
		or    time.Duration
	}{
		{&o.WarnAfter, time.Minute},
		{&o.DownAfter, 2 * time.Minute},
		{&o.SampleEvery, 10 * time.Second},
		{&o.SaveEvery, 10 * time.Second},
		{&o.WatchEvery, 2 * time.Second},
		{&o.ReleaseWithin, 10 * time.Second},
		{&o.SettleWithin, 10 * time.Second},
	} {
		if *d.value <= 0 {
			*d.value = d.or
		}
	}
	if o.ClonesPerDay <= 0 {
		o.ClonesPerDay = 1000
	}
	return nil
}

// Fleet is all agents of this collector. It is safe for concurrent use. Tokens, lists and revocations work without Run;
// presence, samples and revocations by other processes need it.
type Fleet struct {
	opts     Options
	db       *db.DB
	ca       *CA
	logger   *slog.Logger
	metrics  *metrics
	attempts *attempts
	sessions *sessions
	roster   *roster

	// placing lets one enrolment at a time choose between reinstall and new agent, and its instance.
	placing sync.Mutex
}

// New returns the fleet on an open database. It starts nothing.
func New(o Options) (*Fleet, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	return &Fleet{
		opts:     o,
		db:       o.DB,
		ca:       o.CA,
		logger:   o.Logger.With("component", "fleet"),
		metrics:  newMetrics(o.Registerer),
		attempts: newAttempts(),
		sessions: newSessions(),
		roster:   newRoster(),
	}, nil
}

// Run keeps presence, writes samples, watches for revocations and cleans up until ctx ends; then it saves what it knows and
// returns nil. An error means that the fleet could not be read at the start.
func (f *Fleet) Run(ctx context.Context) error {
	if err := f.loadRoster(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	var wg sync.WaitGroup
	wg.Go(func() { f.every(ctx, "watch revocations", f.opts.WatchEvery, f.watch) })
	wg.Go(func() { f.every(ctx, "watch states", f.opts.WatchEvery, f.watchStates) })
	wg.Go(func() { f.every(ctx, "write samples", f.opts.SampleEvery, f.writeSamples) })
	wg.Go(func() { f.every(ctx, "save presence", f.opts.SaveEvery, f.savePresence) })
	wg.Go(func() { f.every(ctx, "clean up", time.Hour, f.cleanUp) })
	wg.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := f.savePresence(last, time.Now()); err != nil {
		f.logger.Error("save presence at the end", "error", err)
	}
	return nil
}

// every calls do at once and then at each interval until ctx ends. An error is logged: the next call may do better.
func (f *Fleet) every(ctx context.Context, what string, interval time.Duration, do func(context.Context, time.Time) error) {
	t := time.NewTicker(interval)
	defer t.Stop()
	for {
		if err := do(ctx, time.Now()); err != nil && ctx.Err() == nil {
			f.metrics.errors.WithLabelValues(what).Inc()
			f.logger.Error("background work", "task", what, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}
