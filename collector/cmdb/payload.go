package cmdb

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/picketmon/picket/internal/errs"
)

// Bounds on a payload.
const (
	maxItems     = 5000
	maxRelations = 20_000
	maxLookups   = 100 // of one item
	maxNativeKey = 500
	maxName      = 255
)

// Payload is a report about items and how they hang together, in the form of ServiceNow's identifyreconcile.
type Payload struct {
	Items     []PayloadItem     `json:"items"`
	Relations []PayloadRelation `json:"relations,omitempty"`

	// Gone are native keys of the source's items that it sees no more.
	Gone []string `json:"gone,omitempty"`

	// Source says whose report it is; it must be one of the model's. Time is when it was collected, of items that do not say
	// themselves; the zero time means now. By is who brought it, for the history.
	Source string    `json:"-"`
	Time   time.Time `json:"-"`
	By     string    `json:"-"`
	// Enhanced takes items that are identical under their identifiers for one, where otherwise all of them are errors, and keeps items that lack a required attribute, or what they hang on, until another report brings it.
	Enhanced bool `json:"-"`
}

// PayloadItem is what a report says of one item. Values are text, numbers, booleans and nulls by attribute; sys_id among them names the
// item outright.
type PayloadItem struct {
	Class      string          `json:"className"`
	InternalID string          `json:"internal_id,omitempty"`
	Values     map[string]any  `json:"values"`
	Lookup     []PayloadLookup `json:"lookup,omitempty"`
	SourceInfo *SourceInfo     `json:"sys_object_source_info,omitempty"`
	Settings   Settings        `json:"settings,omitzero"`
}

// PayloadLookup is a row of a table that belongs to an item and identifies it, such as a serial number with its type.
type PayloadLookup struct {
	Class  string         `json:"className"`
	Values map[string]any `json:"values"`
}

// SourceInfo is how the source itself knows an item.
type SourceInfo struct {
	Name      string  `json:"source_name"`
	NativeKey string  `json:"source_native_key"`
	Feed      string  `json:"source_feed,omitempty"`
	Recency   Instant `json:"source_recency_timestamp,omitzero"` // when it was collected
}

// Settings keep an item's class.
type Settings struct {
	WithoutUpgrade   bool `json:"updateWithoutUpgrade,omitempty"`
	WithoutDowngrade bool `json:"updateWithoutDowngrade,omitempty"`
	WithoutSwitch    bool `json:"updateWithoutSwitch,omitempty"`
}

// PayloadRelation joins two items of the payload, by index or by internal id.
type PayloadRelation struct {
	Parent   *int   `json:"parent,omitempty"`
	Child    *int   `json:"child,omitempty"`
	ParentID string `json:"parent_id,omitempty"`
	ChildID  string `json:"child_id,omitempty"`
	Type     string `json:"type"`
}

// Instant is a time that reads RFC 3339 and ServiceNow's form, which is UTC.
type Instant struct{ time.Time }

// UnmarshalJSON implements json.Unmarshaler.
func (t *Instant) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return fmt.Errorf("a time is text: %w", err)
	}
	if text == "" {
		*t = Instant{}
		return nil
	}
	for _, form := range []string{time.RFC3339Nano, time.DateTime} {
		if at, err := time.Parse(form, text); err == nil {
			*t = Instant{at.UTC()}
			return nil
		}
	}
	return fmt.Errorf("%.50q is neither a time of RFC 3339 nor YYYY-MM-DD hh:mm:ss", text)
}

// check returns what makes the whole payload unfit: bounds, and a source that nobody knows. What is wrong with one item is that
// item's error.
func (s *Store) check(p *Payload) error {
	var problems errs.Problems
	if s.model.Source(p.Source) == nil {
		problems.Add("source", "%.100q is not among the sources", p.Source)
	}
	if n := len(p.Items) + len(p.Gone); n == 0 || n > maxItems {
		problems.Add("items", "%d items, 1 to %d are allowed", n, maxItems)
	}
	if len(p.Relations) > maxRelations {
		problems.Add("relations", "%d relations, at most %d are allowed", len(p.Relations), maxRelations)
	}
	ids := make(map[string]bool, len(p.Items))
	for i, item := range p.Items {
		if item.InternalID != "" && ids[item.InternalID] {
			problems.Add(fmt.Sprintf("items[%d].internal_id", i), "%.100q stands at two items", item.InternalID)
		}
		ids[item.InternalID] = true
	}
	for i, r := range p.Relations {
		if _, _, err := p.ends(r); err != nil {
			problems.Add(fmt.Sprintf("relations[%d]", i), "%s", err.Error())
		} else if s.model.RelationType(r.Type) == nil {
			problems.Add(fmt.Sprintf("relations[%d].type", i), "%.100q is not among the relation types", r.Type)
		}
	}
	return problems.Err()
}

// ends returns the indices of a relation's parent and child.
func (p *Payload) ends(r PayloadRelation) (parent, child int, err error) {
	if parent, err = p.end(r.Parent, r.ParentID, "parent"); err != nil {
		return 0, 0, err
	}
	child, err = p.end(r.Child, r.ChildID, "child")
	return parent, child, err
}

func (p *Payload) end(index *int, id, name string) (int, error) {
	if index != nil {
		if *index < 0 || *index >= len(p.Items) {
			return 0, fmt.Errorf("%s %d: there are %d items", name, *index, len(p.Items))
		}
		return *index, nil
	}
	if id != "" {
		for i := range p.Items {
			if p.Items[i].InternalID == id {
				return i, nil
			}
		}
	}
	return 0, fmt.Errorf("%s_id %.100q is the internal_id of no item", name, id)
}

// Operation is what became of an item or a relation.
type Operation string

// The operations.
const (
	Insert              Operation = "INSERT"
	Update              Operation = "UPDATE"
	NoChange            Operation = "NO_CHANGE"
	UpdateWithUpgrade   Operation = "UPDATE_WITH_UPGRADE"
	UpdateWithDowngrade Operation = "UPDATE_WITH_DOWNGRADE"
	UpdateWithSwitch    Operation = "UPDATE_WITH_SWITCH"
	InsertAsPartial     Operation = "INSERT_AS_PARTIAL"
	InsertAsIncomplete  Operation = "INSERT_AS_INCOMPLETE"
)

// AttemptResult is what became of trying one identifier entry.
type AttemptResult string

// The results.
const (
	Matched    AttemptResult = "MATCHED"
	NoMatch    AttemptResult = "NO_MATCH"
	MultiMatch AttemptResult = "MULTI_MATCH"
	Skipped    AttemptResult = "SKIPPED"
)

// Attempt is one identifier entry that was tried.
type Attempt struct {
	Identifier string        `json:"identifierName"`
	Result     AttemptResult `json:"attemptResult"`
	Attributes []string      `json:"attributes"`
	Table      string        `json:"searchOnTable"`
	Hybrid     []string      `json:"hybridEntryCiAttributes,omitempty"`
}

// Problem is one thing that is wrong with an item.
type Problem struct {
	Code    string `json:"error"`
	Message string `json:"message"`
}

// The codes of problems, as ServiceNow has them, and our own below.
const (
	InvalidInput       = "INVALID_INPUT_DATA"
	RuleMissing        = "IDENTIFICATION_RULE_MISSING"
	MatchingMissing    = "MISSING_MATCHING_ATTRIBUTES"
	RequiredEmpty      = "REQUIRED_ATTRIBUTE_EMPTY"
	DependencyMissing  = "MISSING_DEPENDENCY"
	InsertNotAllowed   = "INSERT_NOT_ALLOWED_FOR_SOURCE"
	MultipleMatches    = "MULTI_MATCH"
	DuplicateInPayload = "DUPLICATE_PAYLOAD_RECORDS"
	SkippedUpgrade     = "SKIPPED_CLASS_UPGRADE"
	SkippedDowngrade   = "SKIPPED_CLASS_DOWNGRADE"
	SkippedSwitch      = "SKIPPED_CLASS_SWITCH"
	UnknownAttribute   = "UNKNOWN_ATTRIBUTE"
	BadValue           = "BAD_VALUE"
)

// ItemResult is what became of one item of the payload.
type ItemResult struct {
	Class     string    `json:"className"`
	Operation Operation `json:"operation,omitempty"`
	ID        ItemID    `json:"sysId,omitempty"`
	EntryID   string    `json:"identifierEntrySysId,omitempty"`
	Attempts  []Attempt `json:"identificationAttempts"`
	Inputs    []int     `json:"inputIndices"`
	Errors    []Problem `json:"errors,omitempty"`
	Warnings  []Problem `json:"warnings,omitempty"`
	Info      []Problem `json:"info,omitempty"`
}

// RelationResult is what became of one relation of the payload.
type RelationResult struct {
	Class     string    `json:"className"` // cmdb_rel_ci
	Operation Operation `json:"operation,omitempty"`
	ID        string    `json:"sysId,omitempty"`
	Inputs    []int     `json:"inputIndices"`
	Errors    []Problem `json:"errors,omitempty"`
}

// Result is what became of a payload. Items and Relations have one entry for each of the payload's, in its order.
type Result struct {
	Items      []ItemResult     `json:"items"`
	Relations  []RelationResult `json:"relations"`
	HasError   bool             `json:"hasError"`
	HasWarning bool             `json:"hasWarning"`
}
