//go:build linux

package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/util/compression"

	"github.com/picketmon/picket/bench/herd"
)

// step is the interval of the samples in milliseconds: short, so that many fit into the hour that counts as in order.
const step = 3_000

// raw is the role of a bare database: it appends stretches that it is told to make and answers with the CPU time that took.
func raw(dir string, serve herd.Serve) error {
	db, err := openRaw(filepath.Join(dir, "tsdb"))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	a := &appends{db: db, refs: make([]storage.SeriesRef, hosts*herd.Series)}
	for i := range hosts {
		a.values = append(a.values, herd.NewValues(i))
	}
	return serve("", func(line string) (string, error) {
		var t int64
		var steps int
		if _, err := fmt.Sscan(line, &t, &steps); err != nil {
			return "", err
		}
		took, err := a.stretch(t, steps)
		return strconv.FormatInt(int64(took), 10), err
	})
}

// openRaw opens a database with the options that collector/metrics uses.
func openRaw(dir string) (*tsdb.DB, error) {
	o := tsdb.DefaultOptions()
	o.WALCompression = compression.Snappy
	o.RetentionDuration = (30 * 24 * time.Hour).Milliseconds()
	o.OutOfOrderTimeWindow = (25 * time.Hour).Milliseconds()
	o.MaxBlockDuration = (72 * time.Hour).Milliseconds()
	return tsdb.Open(dir, slog.New(slog.DiscardHandler), nil, o, nil)
}

// appends holds the references of all series.
type appends struct {
	db      *tsdb.DB
	refs    []storage.SeriesRef
	values  []*herd.Values
	prepare [][]float64 // by step and host
}

// stretch appends the steps after t, one commit per host and step.
func (a *appends) stretch(t int64, steps int) (time.Duration, error) {
	for len(a.prepare) < steps*hosts {
		a.prepare = append(a.prepare, make([]float64, herd.Series))
	}
	for s := range steps {
		for h := range hosts {
			copy(a.prepare[s*hosts+h], a.values[h].Next())
		}
	}
	before, err := herd.OwnCPU()
	if err != nil {
		return 0, err
	}
	for s := range steps {
		for h := range hosts {
			if err := a.commit(h, t+int64(s+1)*step, a.prepare[s*hosts+h]); err != nil {
				return 0, err
			}
		}
	}
	after, err := herd.OwnCPU()
	return after - before, err
}

func (a *appends) commit(host int, t int64, values []float64) error {
	app := a.db.AppenderV2(context.Background())
	refs := a.refs[host*herd.Series : (host+1)*herd.Series]
	for i, v := range values {
		l := labels.EmptyLabels()
		if refs[i] == 0 {
			l = herd.Labels(host, i)
		}
		ref, err := app.Append(refs[i], l, 0, t, v, nil, nil, storage.AOptions{})
		if err != nil {
			return err
		}
		refs[i] = ref
	}
	return app.Commit()
}
