package fleet

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/picketmon/picket/collector/db"
	"github.com/picketmon/picket/internal/errs"
)

const (
	maxKind      = 100
	maxFactKey   = 1000
	maxFactBytes = 64 << 10
	maxFacts     = 100_000
)

// Facts are the differences of one kind of an agent's inventory since the facts before, or all of them when Full.
type Facts struct {
	Kind  string
	Full  bool   // what is absent is gone
	Hash  []byte // of all facts of the kind afterwards, as the agent counts it; none when more of a whole is to follow
	Items []Fact
	Time  time.Time
}

// Fact is one item of an inventory.
type Fact struct {
	Class      string
	Key        string // identity inside host and kind
	Attributes json.RawMessage
	Gone       bool
	UpdatedAt  time.Time // set by AgentFacts only
}

type factRow struct {
	bun.BaseModel `bun:"table:agent_facts"`
	AgentID       AgentID         `bun:"agent_id,pk"`
	Kind          string          `bun:"kind,pk"`
	ItemKey       string          `bun:"item_key,pk"`
	Class         string          `bun:"class"`
	Attributes    json.RawMessage `bun:"attributes"`
	UpdatedAt     int64           `bun:"updated_at"`
}

type factStateRow struct {
	bun.BaseModel `bun:"table:agent_fact_state"`
	AgentID       AgentID `bun:"agent_id,pk"`
	Kind          string  `bun:"kind,pk"`
	FullHash      string  `bun:"full_hash"`
	UpdatedAt     int64   `bun:"updated_at"`
}

// validate returns an error of kind Invalid for facts that can never be stored.
func (x Facts) validate() error {
	if x.Kind == "" || len(x.Kind) > maxKind || db.Text(x.Kind) != x.Kind {
		return errs.New(errs.Invalid, "the kind of facts must have 1 to %d bytes of UTF-8", maxKind)
	}
	if len(x.Items) > maxFacts {
		return errs.New(errs.Invalid, "%d facts of kind %s, at most %d are allowed", len(x.Items), x.Kind, maxFacts)
	}
	for _, i := range x.Items {
		switch {
		case i.Key == "" || len(i.Key) > maxFactKey || db.Text(i.Key) != i.Key:
			return errs.New(errs.Invalid, "the key of a fact of kind %s must have 1 to %d bytes of UTF-8", x.Kind, maxFactKey)
		case i.Gone:
		case len(i.Attributes) > maxFactBytes:
			return errs.New(errs.Invalid, "fact %s %q has %d bytes, at most %d are allowed", x.Kind, i.Key, len(i.Attributes), maxFactBytes)
		case !isObject(i.Attributes):
			return errs.New(errs.Invalid, "the attributes of fact %s %q are not a JSON object", x.Kind, i.Key)
		}
	}
	return nil
}

func isObject(b json.RawMessage) bool {
	return json.Valid(b) && bytes.HasPrefix(bytes.TrimLeft(b, " \t\r\n"), []byte("{"))
}

// SaveFacts brings an agent's facts up to date within the transaction q; what did not change keeps its time. It reports whether the
// whole is now what the agent counts; if not, differences were lost, and the agent should send all of the kind. Facts that can
// never be stored are an error of kind Invalid, returned before anything is written.
func (f *Fleet) SaveFacts(ctx context.Context, q bun.IDB, id AgentID, x Facts) (whole bool, err error) {
	if err := x.validate(); err != nil {
		return false, err
	}
	known, err := factRows(ctx, q, id, x.Kind)
	if err != nil {
		return false, err
	}
	gone, rows := x.apply(id, known)
	if len(known) > maxFacts {
		return false, errs.New(errs.Invalid, "agent %s has more than %d facts of kind %s", id, maxFacts, x.Kind)
	}
	for part := range chunks(gone, 500) {
		if _, err := q.NewDelete().Model((*factRow)(nil)).Where("agent_id = ?", id).Where("kind = ?", x.Kind).
			Where("item_key IN ?", bun.Tuple(part)).Exec(ctx); err != nil {
			return false, fmt.Errorf("delete facts %s of agent %s: %w", x.Kind, id, err)
		}
	}
	for part := range chunks(rows, 500) {
		if _, err := q.NewInsert().Model(&part).On("CONFLICT (agent_id, kind, item_key) DO UPDATE").
			Set("class = EXCLUDED.class").Set("attributes = EXCLUDED.attributes").Set("updated_at = EXCLUDED.updated_at").
			Exec(ctx); err != nil {
			return false, fmt.Errorf("write facts %s of agent %s: %w", x.Kind, id, err)
		}
	}
	state := &factStateRow{AgentID: id, Kind: x.Kind, FullHash: hex.EncodeToString(x.Hash), UpdatedAt: db.Now()}
	if _, err := q.NewInsert().Model(state).On("CONFLICT (agent_id, kind) DO UPDATE").
		Set("full_hash = EXCLUDED.full_hash").Set("updated_at = EXCLUDED.updated_at").Exec(ctx); err != nil {
		return false, fmt.Errorf("write state of facts %s of agent %s: %w", x.Kind, id, err)
	}
	return x.Full || len(x.Hash) == 0 || bytes.Equal(x.Hash, factHash(known)), nil
}

// factRows returns an agent's facts of a kind by key.
func factRows(ctx context.Context, q bun.IDB, id AgentID, kind string) (map[string]factRow, error) {
	var rows []factRow
	if err := q.NewSelect().Model(&rows).Where("agent_id = ?", id).Where("kind = ?", kind).Scan(ctx); err != nil {
		return nil, fmt.Errorf("read facts %s of agent %s: %w", kind, id, err)
	}
	byKey := make(map[string]factRow, len(rows))
	for _, r := range rows {
		byKey[r.ItemKey] = r
	}
	return byKey, nil
}

// apply makes known, by key, what it is afterwards, and returns what must be deleted and written for that. When a key comes twice
// the last one counts.
func (x Facts) apply(id AgentID, known map[string]factRow) (gone []string, rows []factRow) {
	now := db.Now()
	last := make(map[string]int, len(x.Items))
	for i, item := range x.Items {
		last[item.Key] = i
	}
	for i, item := range x.Items {
		if last[item.Key] != i {
			continue
		}
		former, there := known[item.Key]
		row := factRow{AgentID: id, Kind: x.Kind, ItemKey: item.Key, Class: db.Text(item.Class), Attributes: item.Attributes, UpdatedAt: now}
		switch {
		case item.Gone && there:
			gone = append(gone, item.Key)
			delete(known, item.Key)
		case item.Gone:
		case !there || former.Class != row.Class || !bytes.Equal(former.Attributes, row.Attributes):
			rows = append(rows, row)
			known[item.Key] = row
		}
	}
	if x.Full {
		for key := range known {
			if _, named := last[key]; !named {
				gone = append(gone, key)
				delete(known, key)
			}
		}
		slices.Sort(gone)
	}
	return gone, rows
}

// factHash counts as the wire says: SHA-256 over class, key and attributes of each fact in order of the keys' bytes, every one of the
// three ended by a zero byte.
func factHash(all map[string]factRow) []byte {
	h := sha256.New()
	zero := []byte{0}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		r := all[key]
		for _, part := range [][]byte{[]byte(r.Class), []byte(key), r.Attributes} {
			_, _ = h.Write(part) // a hash takes everything
			_, _ = h.Write(zero)
		}
	}
	return h.Sum(nil)
}

// AgentFacts returns an agent's facts by kind and key; an empty kind means all kinds.
func (f *Fleet) AgentFacts(ctx context.Context, id AgentID, kind string) (map[string][]Fact, error) {
	var rows []factRow
	q := f.db.NewSelect().Model(&rows).Where("agent_id = ?", id).OrderExpr("kind, item_key")
	if kind != "" {
		q = q.Where("kind = ?", kind)
	}
	if err := q.Scan(ctx); err != nil {
		return nil, fmt.Errorf("read facts of agent %s: %w", id, err)
	}
	facts := make(map[string][]Fact)
	for _, r := range rows {
		facts[r.Kind] = append(facts[r.Kind], Fact{Class: r.Class, Key: r.ItemKey, Attributes: r.Attributes, UpdatedAt: db.Time(r.UpdatedAt)})
	}
	return facts, nil
}

// FactsHash returns the hash that came with an agent's last facts of a kind, nil when none came.
func (f *Fleet) FactsHash(ctx context.Context, id AgentID, kind string) ([]byte, error) {
	row := new(factStateRow)
	err := f.db.NewSelect().Model(row).Where("agent_id = ?", id).Where("kind = ?", kind).Scan(ctx)
	if db.IsNoRows(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read state of facts %s of agent %s: %w", kind, id, err)
	}
	hash, err := hex.DecodeString(row.FullHash)
	if err != nil {
		return nil, fmt.Errorf("read state of facts %s of agent %s: %w", kind, id, err)
	}
	return hash, nil
}
