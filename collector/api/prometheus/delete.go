package prometheus

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/picketmon/picket/collector/access"
	"github.com/picketmon/picket/collector/metrics"
	"github.com/picketmon/picket/internal/errs"
)

// AuditFunc writes a change into the audit log.
type AuditFunc func(ctx context.Context, action string, detail map[string]any) error

// deletion answers /admin/tsdb/delete_series and /admin/tsdb/clean_tombstones as Prometheus does, but for two things: nothing is
// deleted when one of several selectors is wrong, and a selector of everything is refused.
type deletion struct {
	store  Store
	audit  AuditFunc
	logger *slog.Logger
	parser parser.Parser
}

// deleteSeries deletes what any of the parameters match[] selects, from start to end.
func (d deletion) deleteSeries(w http.ResponseWriter, r *http.Request) {
	start, end, selectors, err := d.selection(r)
	if err != nil {
		access.WriteError(w, r, err)
		return
	}
	detail := map[string]any{"match": r.Form["match[]"]}
	for _, name := range []string{"start", "end"} {
		if v := r.Form.Get(name); v != "" {
			detail[name] = v
		}
	}
	d.run(w, r, "series.delete", detail, func(ctx context.Context) error {
		for _, s := range selectors {
			if err := d.store.Delete(ctx, start, end, s...); err != nil {
				return err
			}
		}
		return nil
	})
}

// cleanTombstones frees the disk space of what was deleted.
func (d deletion) cleanTombstones(w http.ResponseWriter, r *http.Request) {
	d.run(w, r, "series.clean", nil, func(context.Context) error { return d.store.CleanTombstones() })
}

// run makes a change that is in the audit log before it is made: a crash must not hide it.
func (d deletion) run(w http.ResponseWriter, r *http.Request, action string, detail map[string]any, change func(context.Context) error) {
	ctx := r.Context()
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // the server's would end it; a writer of tests has none
	if err := d.audit(ctx, action, detail); err != nil {
		access.WriteError(w, r, err)
		return
	}
	if err := change(ctx); err != nil {
		d.logger.Error("series not deleted, or not all of them", "action", action, "err", err)
		access.WriteError(w, r, storageError(err))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// storageError gives the store's passing faults their kind.
func storageError(err error) error {
	switch {
	case errors.Is(err, metrics.ErrDiskFull):
		return errs.Wrap(errs.Unavailable, err, "the disk is nearly full: deleting needs space, too")
	case errors.Is(err, metrics.ErrStopped), errors.Is(err, tsdb.ErrNotReady):
		return errs.Wrap(errs.Unavailable, err, "the time-series store is not writable")
	}
	return err
}

// selection reads the parameters, from the query or a form. All problems are told at once.
func (d deletion) selection(r *http.Request) (start, end int64, selectors [][]*labels.Matcher, err error) {
	if err := r.ParseForm(); err != nil {
		if access.Status(err) == http.StatusRequestEntityTooLarge {
			return 0, 0, nil, err
		}
		return 0, 0, nil, errs.New(errs.Invalid, "read parameters: %w", err)
	}
	var p errs.Problems
	start, end = timeParam(&p, r, "start", math.MinInt64), timeParam(&p, r, "end", math.MaxInt64)
	if start > end {
		p.Add("start", "is after end")
	}
	for _, text := range r.Form["match[]"] {
		matchers, err := d.parser.ParseMetricSelector(text)
		switch {
		case err != nil:
			p.Add("match[]", "%s: %v", text, err)
		case matchesAll(matchers):
			p.Add("match[]", "%s selects everything: name at least one label that must not be empty", text)
		}
		selectors = append(selectors, matchers)
	}
	if len(selectors) == 0 {
		p.Add("match[]", "is missing")
	}
	return start, end, selectors, p.Err()
}

// matchesAll reports whether a series without any label would match.
func matchesAll(matchers []*labels.Matcher) bool {
	for _, m := range matchers {
		if !m.Matches("") {
			return false
		}
	}
	return true
}

// timeParam reads a time as Prometheus does, Unix seconds or RFC 3339, as Unix milliseconds.
func timeParam(p *errs.Problems, r *http.Request, name string, absent int64) int64 {
	text := r.Form.Get(name)
	if text == "" {
		return absent
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(seconds) < math.MaxInt64/1000 {
		return int64(math.Round(seconds * 1000))
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		p.Add(name, "%q is no time: give Unix seconds or RFC 3339", text)
		return absent
	}
	return t.UnixMilli()
}
