package cmdb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/cmdb/class"
	"github.com/picketmon/picket/collector/db"
)

// maxLevels is how deep items may hang on one another inside one payload.
const maxLevels = 3

var errDry = errors.New("a dry run writes nothing")

// Commit identifies and reconciles what a payload reports, and writes it in one transaction: all of it that has no error, and its
// history. The same payload once more changes nothing. The error is of kind Invalid when the payload as a whole is unfit; what is wrong
// with single items stands in the result.
func (s *Store) Commit(ctx context.Context, p Payload) (Result, error) { return s.run(ctx, p, false) }

// Try says what Commit would do, and does nothing.
func (s *Store) Try(ctx context.Context, p Payload) (Result, error) { return s.run(ctx, p, true) }

func (s *Store) run(ctx context.Context, p Payload, dry bool) (r Result, err error) {
	if err := s.check(&p); err != nil {
		return Result{}, err
	}
	start := time.Now()
	err = s.write(ctx, p.Source, p.By, func(ctx context.Context, w *work) error {
		if r, err = s.take(ctx, w, p, true); err != nil || !dry {
			return err
		}
		return errDry
	})
	if errors.Is(err, errDry) {
		return r, nil
	}
	if err != nil {
		return Result{}, fmt.Errorf("take %d items of %s: %w", len(p.Items), p.Source, err)
	}
	s.metrics.took(p, r, time.Since(start))
	return r, nil
}

// write runs fn on a fresh work in a transaction and writes what it changed. One work runs at a time: of two payloads about the same
// new item the second must see the first's.
func (s *Store) write(ctx context.Context, source, by string, fn func(ctx context.Context, w *work) error) error {
	t := s.together(ctx)
	if t == nil {
		s.writing.Lock()
		defer s.writing.Unlock()
	}
	var w *work
	err := s.db.InTxReadCommitted(ctx, func(ctx context.Context, tx bun.Tx) error {
		if s.db.Postgres() { // other processes
			if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(?)", advisoryLock); err != nil {
				return fmt.Errorf("wait for other writers of items: %w", err)
			}
		}
		w = newWork(tx, s.model, db.Millis(s.now()), source, by)
		if err := fn(ctx, w); err != nil {
			return err
		}
		return w.flush(ctx)
	})
	switch {
	case err != nil:
		return err
	case t != nil:
		t.done = append(t.done, w)
	default:
		s.follow(w)
	}
	return nil
}

// advisoryLock is the number under which writers of items exclude one another in PostgreSQL.
const advisoryLock = 0x7069636b6574 // "picket"

// take works through one payload.
func (s *Store) take(ctx context.Context, w *work, p Payload, outermost bool) (Result, error) {
	list := s.prepare(&p, s.now())
	if err := w.leave(ctx, &p); err != nil {
		return Result{}, err
	}
	if err := s.subjects(ctx, w, &p, list); err != nil {
		return Result{}, err
	}
	r := Result{Items: make([]ItemResult, len(list)), Relations: []RelationResult{}}
	if err := w.relate(ctx, &p, list, &r); err != nil {
		return r, err
	}
	if p.Enhanced {
		if err := w.keepPartials(ctx, &p, list); err != nil {
			return r, err
		}
	}
	if outermost {
		if err := s.replay(ctx, w, list); err != nil {
			return r, err
		}
	}
	for i, x := range list {
		if x.item != nil && !x.failed() {
			x.result.ID = x.item.current(w).ID
		}
		if x.result.Attempts == nil {
			x.result.Attempts = []Attempt{}
		}
		r.Items[i] = x.result
		r.HasError = r.HasError || x.failed()
		r.HasWarning = r.HasWarning || len(x.result.Warnings) > 0
	}
	return r, nil
}

// subjects identifies and applies all items of a payload, hosts before what hangs on them.
func (s *Store) subjects(ctx context.Context, w *work, p *Payload, list []*subject) error {
	levels := make([]int, len(list))
	for i := range list {
		levels[i] = levelOf(list, i, 0)
	}
	for level := range maxLevels + 1 {
		var now []*subject
		for i, x := range list {
			if levels[i] != level {
				continue
			}
			if level == maxLevels {
				x.fail(DependencyMissing, fmt.Sprintf("hangs on others over more than %d levels, or on itself", maxLevels-1))
			}
			x.findHost(list)
			if x.class != nil && x.class.Rule() != nil {
				hostKey := ""
				if len(x.hosts) > 0 && list[x.hosts[0]].source == x.source {
					hostKey = list[x.hosts[0]].key
				}
				x.claimKey(w.model, hostKey)
			}
			now = append(now, x)
		}
		if err := w.prefetch(ctx, now); err != nil {
			return err
		}
		if !p.Enhanced {
			rejectEqual(w.model, now)
		}
		for _, x := range now {
			if x.failed() {
				continue
			}
			if err := w.identify(ctx, x); err != nil {
				return err
			}
			if err := w.apply(ctx, x); err != nil {
				return err
			}
		}
	}
	return nil
}

// leave notes what the payload says is no more.
func (w *work) leave(ctx context.Context, p *Payload) error {
	natives := make([][2]string, len(p.Gone))
	for i, key := range p.Gone {
		natives[i] = [2]string{p.Source, key}
	}
	if err := w.fetch(ctx, nil, natives); err != nil {
		return err
	}
	at := db.Millis(p.Time)
	if at == 0 {
		at = w.now
	}
	for _, n := range natives {
		it := w.items[w.byClaim[n]]
		if it == nil {
			continue
		}
		for _, c := range it.claims {
			if c.Source == n[0] && c.NativeKey == n[1] && at >= c.Last && at > c.Gone {
				c.Gone, c.dirty = at, true
				w.settle(it)
				it.note(c)
			}
		}
	}
	return nil
}

// levelOf returns how many subjects x hangs on, one over the other.
func levelOf(list []*subject, i, depth int) int {
	if depth >= maxLevels {
		return maxLevels
	}
	level := depth
	for _, h := range list[i].hosts {
		level = max(level, levelOf(list, h, depth+1))
	}
	return level
}

// findHost notes what a dependent subject hangs on, once that has been worked on.
func (x *subject) findHost(list []*subject) {
	for _, h := range x.hosts {
		it := list[h].item
		switch {
		case it == nil || list[h].failed():
		case x.host != nil && x.host != it:
			x.fail(InvalidInput, "hangs on two items, "+x.host.Name+" and "+it.Name+"; a dependent item hangs on one")
		default:
			x.host = it
		}
	}
}

// prefetch loads what the subjects of a level may turn out to be.
func (w *work) prefetch(ctx context.Context, list []*subject) error {
	var hashes []string
	var natives [][2]string
	for _, x := range list {
		if x.failed() {
			continue
		}
		for _, k := range x.keys(w.model) {
			hashes = append(hashes, k.hashes...)
		}
		if x.native != "" {
			natives = append(natives, [2]string{x.source, x.native})
		}
	}
	return w.fetch(ctx, hashes, natives)
}

// rejectEqual makes errors of subjects that are one and the same under their strongest identifier.
func rejectEqual(m *class.Model, list []*subject) {
	first := map[string]*subject{}
	for _, x := range list {
		if x.failed() {
			continue
		}
		id := x.identity(m)
		y, seen := first[id]
		if !seen {
			first[id] = x
			continue
		}
		for _, z := range []*subject{x, y} {
			if !slices.ContainsFunc(z.result.Errors, func(p Problem) bool { return p.Code == DuplicateInPayload }) {
				z.fail(DuplicateInPayload, fmt.Sprintf("items %d and %d of the payload are the same under their identifiers", y.inputs[0], x.inputs[0]))
			}
		}
	}
}

// identity is what a subject is known by inside a payload: its native key, or the first of its identifiers.
func (x *subject) identity(m *class.Model) string {
	if x.sysID != "" {
		return "id\x00" + x.sysID
	}
	if x.native != "" {
		return "native\x00" + x.source + "\x00" + x.native
	}
	for _, k := range x.keys(m) {
		if len(k.hashes) > 0 {
			return fmt.Sprint("key\x00", k.hashes)
		}
	}
	return fmt.Sprint("none\x00", x.inputs)
}

// current returns the item, or the one that it was merged into.
func (it *item) current(w *work) *item {
	for it.MergedInto != "" && w.items[it.MergedInto] != nil {
		it = w.items[it.MergedInto]
	}
	return it
}
