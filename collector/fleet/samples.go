package fleet

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/picketmon/picket/collector/db"
)

// Job is the job label of the series of hosts.
const Job = "node"

// staleNaN is Prometheus' stale marker: it ends a series at once instead of after five minutes.
const staleNaN uint64 = 0x7ff0000000000002

// series is a time series with its labels, made once.
type series struct{ labels []string }

func newUp(a Agent) *series {
	return &series{[]string{"__name__", "up", "instance", a.Instance, "job", Job}}
}

func newInfo(a Agent) *series {
	return &series{[]string{
		"__name__", "picket_agent_info", "agent_id", string(a.ID), "arch", a.Arch, "hostname", a.Hostname,
		"instance", a.Instance, "job", Job, "os", a.OS, "version", a.Version,
	}}
}

// writeSamples writes up and picket_agent_info of every agent, and stale markers for series that ended.
func (f *Fleet) writeSamples(ctx context.Context, now time.Time) error {
	samples, ended, counts := f.collect(now)
	for _, s := range States() {
		if s != StateRevoked {
			f.metrics.agents.WithLabelValues(string(s)).Set(float64(counts[s]))
		}
	}
	if f.opts.Samples == nil || len(samples) == 0 {
		return nil
	}
	if err := f.opts.Samples.WriteSamples(ctx, samples); err != nil {
		f.roster.mu.Lock()
		f.roster.ending = append(ended, f.roster.ending...)
		f.roster.mu.Unlock()
		return fmt.Errorf("write %d samples: %w", len(samples), err)
	}
	return nil
}

// collect makes the samples of now, and returns the series that end in them and the number of agents by state.
func (f *Fleet) collect(now time.Time) (samples []Sample, ended []*series, counts map[State]int) {
	r, t := f.roster, now.UnixMilli()
	counts = make(map[State]int)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.members {
		seen := m.seen.Load()
		silent := now.Sub(db.Time(seen))
		known := true // whether up is
		value := 0.0
		switch {
		case seen == 0:
			counts[StateNever]++
			known = now.Sub(m.agent.EnrolledAt) >= f.opts.DownAfter
		case silent < f.opts.DownAfter:
			value = 1
			if silent < f.opts.WarnAfter {
				counts[StateUp]++
			} else {
				counts[StateWarn]++
			}
		case r.excusedLocked(db.Time(seen), now, f.opts.DownAfter):
			counts[StateWarn]++
			known = false
		default:
			counts[StateDown]++
		}
		if known {
			if m.up == nil {
				m.up = newUp(m.agent)
			}
			samples = append(samples, Sample{m.up.labels, t, value})
		}
		samples = append(samples, Sample{r.info(m), t, 1})
	}
	ended, r.ending = r.ending, nil
	for _, s := range ended {
		samples = append(samples, Sample{s.labels, t, math.Float64frombits(staleNaN)})
	}
	return samples, ended, counts
}

// info returns the labels of the agent's info series. When they changed, the former series ends.
func (r *roster) info(m *member) []string {
	if m.info == nil || m.renamed {
		fresh := newInfo(m.agent)
		if m.info == nil || !slices.Equal(m.info.labels, fresh.labels) {
			if m.info != nil {
				r.ending = append(r.ending, m.info)
			}
			m.info = fresh
		}
		m.renamed = false
	}
	return m.info.labels
}
