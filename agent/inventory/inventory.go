// Package inventory finds out what is on the host and says what changed. Today it reports the host itself: operating system, kernel,
// processors, memory, boot. It does not decide what an item is in the CMDB; the collector does.
package inventory

import "time"

// Batch is what changed of one kind since the batch before.
type Batch struct {
	Kind  string // host
	Full  bool   // Items are all there are
	Hash  []byte // SHA-256 over all items of the kind after this batch
	Items []Item
	Time  time.Time
}

// Item is one thing on the host. Attributes is a JSON object.
type Item struct {
	Class      string
	Key        string // identity inside host and kind
	Attributes []byte
	Gone       bool
}
