package sim

import (
	"errors"
	"io"
	"time"

	"github.com/picketmon/picket/demo"
	"github.com/picketmon/picket/demo/series"
)

// The past that is invented.
const (
	pastLength = 7 * 24 * time.Hour
	pastStep   = time.Minute
	upBefore   = 51 * time.Hour // how long the hosts had been up before
	outage     = 25 * time.Minute
)

// Past is the week before the demo was started: the shop followed its rhythm, on the fourth day a new version of the app was
// deployed, on the sixth the store was down.
type Past struct {
	From, To               time.Time
	Deploy                 time.Time // of the first app, the second follows
	OutageBegin, OutageEnd time.Time
}

// PastOf returns the week before a time.
func PastOf(started time.Time) Past {
	to := started.Truncate(pastStep)
	from := to.Add(-pastLength)
	on := func(day, hour, minute int) time.Time {
		d := from.AddDate(0, 0, day)
		return time.Date(d.Year(), d.Month(), d.Day(), hour, minute, 0, 0, d.Location())
	}
	p := Past{From: from, To: to, Deploy: on(3, 10, 40), OutageBegin: on(5, 14, 10)}
	p.OutageEnd = p.OutageBegin.Add(outage)
	return p
}

// Run goes through a past.
type Run struct {
	past   Past
	rhythm Rhythm
	now    time.Time
	hosts  []*Host
	shop   *shopPast
}

// NewRun returns a run that stands at the beginning of the past.
func NewRun(p Past, seed uint64) *Run {
	r := &Run{past: p, rhythm: Rhythm{Seed: seed}, now: p.From, shop: newShopPast(p, seed)}
	for _, h := range demo.Hosts() {
		host := NewHost(h, seed, p.From.Add(-upBefore))
		host.Step(p.From, Activity{Requests: PeakRate * 0.45}, nil)
		r.hosts = append(r.hosts, host)
	}
	return r
}

// Hosts returns the hosts as they are at the time the run has come to.
func (r *Run) Hosts() []*Host { return r.hosts }

// step lets a minute pass.
func (r *Run) step() {
	r.now = r.now.Add(pastStep)
	activities := r.shop.step(r.now, pastStep.Seconds(), r.rhythm.Rate(r.now))
	for i, h := range r.hosts {
		h.Step(r.now, activities[i], nil)
	}
}

// Finish goes on to the end of the past.
func (r *Run) Finish() {
	for r.now.Before(r.past.To) {
		r.step()
	}
}

// Tables returns the metrics of all hosts and services, with the labels that a host's series carry.
func (r *Run) Tables(labels func(host string) []string) []*series.Table {
	var tables []*series.Table
	for i, h := range r.hosts {
		own := labels(h.Name)
		tables = append(tables, h.Table(own...), r.shop.processes[i].table(own...))
	}
	return tables
}

// WritePast writes the past in the OpenMetrics format, in pieces of that length, each a whole file: open is asked for each
// piece's file. Labels say what else a host's series carry beside demo="true": job and instance.
func WritePast(p Past, seed uint64, piece time.Duration, labels func(host string) []string, open func(from, to time.Time) (io.WriteCloser, error)) (samples int, err error) {
	run := NewRun(p, seed)
	tables := run.Tables(func(host string) []string { return append([]string{demo.Label, demo.LabelValue}, labels(host)...) })
	rows := int(min(piece, p.To.Sub(p.From)) / pastStep)
	column := series.NewColumn(rows, tables...)
	for run.now.Before(p.To) {
		from := run.now
		column.Reset()
		for i := 0; i < rows && run.now.Before(p.To); i++ {
			run.step()
			column.Note(run.now)
		}
		out, err := open(from, run.now)
		if err != nil {
			return samples, err
		}
		n, err := column.WriteOpenMetrics(out)
		err = errors.Join(err, out.Close())
		samples += n
		if err != nil {
			return samples, err
		}
	}
	return samples, nil
}
