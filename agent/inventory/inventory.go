// Package inventory finds out what is on the host and says what changed: the host itself (operating system, kernel, processors,
// memory, boot), and what the agent can collect on it, with the reason and the remedy where it cannot. In come facts and the
// errors of checks; out go batches of differences. It does not decide what an item is in the CMDB; the collector does.
package inventory

import "time"

// KindCapability is the kind of batches that hold capabilities instead of items.
const KindCapability = "capability"

// Batch is what changed of one kind since the batch before.
type Batch struct {
	Kind         string // host, capability
	Full         bool   // Items or Capabilities are all there are
	Hash         []byte // SHA-256 over all items of the kind after this batch
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
