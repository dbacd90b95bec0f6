// Package inventory says what is on the host and what changed of it: items of the kinds that the sources below it look for, and what
// the agent can collect, with the reason and the remedy where it cannot. In come items and the errors of checks; out go batches of
// differences, each with a hash of the whole. It does not decide what an item is in the CMDB; the collector does.
//
//	all: the one list ─> Looker: when to look ─> Items: what changed ─> Batch
//	hardware network process software account storage service: sources, one kind each
package inventory

import "time"

// KindCapability is the kind of batches that hold capabilities instead of items.
const KindCapability = "capability"

// Batch is what changed of one kind since the batch before.
type Batch struct {
	Kind         string // host, package, capability, …
	Full         bool   // Items or Capabilities are all there are
	Hash         []byte // over all items of the kind after this batch, see HashItems and Hash; none when another batch follows at once
	Items        []Item
	Capabilities []Capability
	Time         time.Time
}

// Item is one thing on the host. Attributes is a JSON object.
type Item struct {
	Class      string
	Key        string // identity inside host and kind
	Attributes []byte
	Gone       bool
}
