package fleet

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/internal/errs"
)

// KindCapability is the kind under which the hash of an agent's capabilities is kept beside those of its facts.
const KindCapability = "capability"

// Limits of capabilities. The agent has the same.
const (
	maxCapabilities   = 500
	maxCapabilityName = 200
	maxCapabilityText = 1000
)

// Capabilities are what changed of what an agent can collect, or all of it when Full.
type Capabilities struct {
	Full  bool   // what is absent is gone
	Hash  []byte // of all capabilities afterwards, as the agent counts it
	Items []Capability
	Time  time.Time
}

// Capability says whether one thing can be collected on a host. One that is not available and has no fix is not there: there
// is nothing to mend.
type Capability struct {
	Name      string
	Available bool
	Reason    string
	Fix       string
	Gone      bool      // in differences
	Since     time.Time // when it became what it is; set by AgentCapabilities only
}

type capabilityRow struct {
	bun.BaseModel `bun:"table:agent_capabilities"`
	AgentID       AgentID `bun:"agent_id,pk"`
	Name          string  `bun:"name,pk"`
	Available     bool    `bun:"available"`
	Reason        string  `bun:"reason"`
	Fix           string  `bun:"fix"`
	Since         int64   `bun:"since"`
}

func (r *capabilityRow) capability() Capability {
	return Capability{Name: r.Name, Available: r.Available, Reason: r.Reason, Fix: r.Fix, Since: db.Time(r.Since)}
}

// validate returns an error of kind Invalid for capabilities that can never be stored.
func (x Capabilities) validate() error {
	if len(x.Items) > maxCapabilities {
		return errs.New(errs.Invalid, "%d capabilities, at most %d are allowed", len(x.Items), maxCapabilities)
	}
	for _, c := range x.Items {
		switch {
		case c.Name == "" || len(c.Name) > maxCapabilityName || db.Text(c.Name) != c.Name:
			return errs.New(errs.Invalid, "the name of a capability must have 1 to %d bytes of UTF-8", maxCapabilityName)
		case len(c.Reason) > maxCapabilityText, len(c.Fix) > maxCapabilityText:
			return errs.New(errs.Invalid, "reason or fix of capability %q has more than %d bytes", c.Name, maxCapabilityText)
		}
	}
	return nil
}

// SaveCapabilities brings what an agent can collect up to date within the transaction q. It reports whether the whole is now what
// the agent counts; if not, differences were lost, and the agent should send all. Capabilities that can never be stored are an
// error of kind Invalid, returned before anything is written.
func (f *Fleet) SaveCapabilities(ctx context.Context, q bun.IDB, id AgentID, x Capabilities) (whole bool, err error) {
	if err := x.validate(); err != nil {
		return false, err
	}
	known, err := capabilityRows(ctx, q, id)
	if err != nil {
		return false, err
	}
	gone, rows := x.apply(id, known)
	if len(known) > maxCapabilities {
		return false, errs.New(errs.Invalid, "agent %s has more than %d capabilities", id, maxCapabilities)
	}
	for part := range chunks(gone, 500) {
		if _, err := q.NewDelete().Model((*capabilityRow)(nil)).Where("agent_id = ?", id).Where("name IN ?", bun.Tuple(part)).Exec(ctx); err != nil {
			return false, fmt.Errorf("delete capabilities of agent %s: %w", id, err)
		}
	}
	if len(rows) > 0 {
		if _, err := q.NewInsert().Model(&rows).On("CONFLICT (agent_id, name) DO UPDATE").
			Set("available = EXCLUDED.available").Set("reason = EXCLUDED.reason").Set("fix = EXCLUDED.fix").Set("since = EXCLUDED.since").
			Exec(ctx); err != nil {
			return false, fmt.Errorf("write capabilities of agent %s: %w", id, err)
		}
	}
	state := &factStateRow{AgentID: id, Kind: KindCapability, FullHash: hex.EncodeToString(x.Hash), UpdatedAt: db.Now()}
	if _, err := q.NewInsert().Model(state).On("CONFLICT (agent_id, kind) DO UPDATE").
		Set("full_hash = EXCLUDED.full_hash").Set("updated_at = EXCLUDED.updated_at").Exec(ctx); err != nil {
		return false, fmt.Errorf("write state of capabilities of agent %s: %w", id, err)
	}
	return x.Full || bytes.Equal(x.Hash, capabilityHash(known)), nil
}

// apply makes known, by name, what it is afterwards, and returns what must be deleted and written for that. A capability has been
// what it is since it last became available or ceased to be.
func (x Capabilities) apply(id AgentID, known map[string]capabilityRow) (gone []string, rows []capabilityRow) {
	now := min(db.Now(), max(db.Millis(x.Time), 0)) // a clock that is ahead makes no times to come
	named, write := map[string]bool{}, map[string]capabilityRow{}
	for _, c := range x.Items { // the last of a name counts
		named[c.Name] = true
		former, ok := known[c.Name]
		if c.Gone {
			delete(write, c.Name)
			delete(known, c.Name)
			gone = append(gone, c.Name)
			continue
		}
		row := capabilityRow{AgentID: id, Name: c.Name, Available: c.Available, Since: now}
		if !c.Available {
			row.Reason, row.Fix = db.Text(c.Reason), db.Text(c.Fix)
		}
		if ok && former.Available == c.Available {
			row.Since = former.Since
		}
		if !ok || row != former {
			write[c.Name], known[c.Name] = row, row
		}
	}
	if x.Full {
		for name := range known {
			if !named[name] {
				gone = append(gone, name)
				delete(known, name)
			}
		}
	}
	for _, row := range write {
		rows = append(rows, row)
	}
	slices.SortFunc(rows, byCapability)
	return gone, rows
}

func byCapability(a, b capabilityRow) int { return cmp.Compare(a.Name, b.Name) }

// capabilityHash counts as the wire says: SHA-256 over name, 1 or 0, reason and fix of each in order of name, every one ended by a
// zero byte.
func capabilityHash(all map[string]capabilityRow) []byte {
	h := sha256.New()
	rows := make([]capabilityRow, 0, len(all))
	for _, r := range all {
		rows = append(rows, r)
	}
	slices.SortFunc(rows, byCapability)
	for _, r := range rows {
		available := "0"
		if r.Available {
			available = "1"
		}
		for _, s := range []string{r.Name, available, r.Reason, r.Fix} {
			_, _ = h.Write(append([]byte(s), 0)) // a hash takes everything
		}
	}
	return h.Sum(nil)
}

func capabilityRows(ctx context.Context, q bun.IDB, id AgentID) (map[string]capabilityRow, error) {
	var rows []capabilityRow
	if err := q.NewSelect().Model(&rows).Where("agent_id = ?", id).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read capabilities of agent %s: %w", id, err)
	}
	byName := make(map[string]capabilityRow, len(rows))
	for _, r := range rows {
		byName[r.Name] = r
	}
	return byName, nil
}

// AgentCapabilities returns what an agent can and cannot collect, by name.
func (f *Fleet) AgentCapabilities(ctx context.Context, id AgentID) ([]Capability, error) {
	byName, err := capabilityRows(ctx, f.db, id)
	if err != nil {
		return nil, err
	}
	out := make([]Capability, 0, len(byName))
	for _, r := range byName {
		out = append(out, r.capability())
	}
	slices.SortFunc(out, func(a, b Capability) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// clearCapabilities forgets what an agent that is shut out could collect, within the transaction q.
func clearCapabilities(ctx context.Context, q bun.IDB, id AgentID) error {
	if _, err := q.NewDelete().Model((*capabilityRow)(nil)).Where("agent_id = ?", id).Exec(ctx); err != nil {
		return fmt.Errorf("delete capabilities of agent %s: %w", id, err)
	}
	return nil
}
