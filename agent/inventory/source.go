package inventory

import (
	"context"
	"encoding/json"
	"time"

	"github.com/picketmon/picket/checks"
)

// Source finds all things of one kind on the host.
type Source struct {
	Kind string
	// Every is the time between two looks. Those of ten seconds and less are kept exactly, longer ones vary a little, so that not
	// all fall together.
	Every time.Duration
	// Linger is how many looks in a row must miss a thing before it counts as gone: what restarts is not told twice.
	Linger int
	// Stamp says cheaply whether anything can have changed: while it returns the same text nothing is gathered. Nil gathers at
	// every look.
	Stamp func() string
	// Gather returns all things of the kind. With an error it found out nothing, and what was told before stands; an error that is
	// checks.ErrNoData means that the host has nothing of the kind. Gaps are parts it could not see; their Part is inside the kind.
	// Items need no order; a key that comes twice counts once. It is never called twice at the same time.
	Gather func(ctx context.Context) ([]Item, []checks.Gap, error)
}

// NewItem returns an item whose attributes are the fields of v. Attributes are written in one form only, so that equal things
// are equal bytes: pass structs, or maps.
func NewItem(class, key string, v any) (Item, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return Item{}, err
	}
	return Item{Class: class, Key: key, Attributes: raw}, nil
}

// Collect makes the items of one class of a list of things.
func Collect[T any](class string, all []T, key func(T) string) ([]Item, error) {
	out := make([]Item, 0, len(all))
	for _, v := range all {
		item, err := NewItem(class, key(v), v)
		if err != nil {
			return nil, err
		}
		out = append(out, item)
	}
	return out, nil
}
