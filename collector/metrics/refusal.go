package metrics

import (
	"errors"
	"fmt"
)

// ErrUnknownSeries says that a Ref is not (or no longer) known and that its labels are needed.
var ErrUnknownSeries = errors.New("unknown series reference")

// ErrStopped says that the engine takes no samples because it is closed or a write to its log failed before.
var ErrStopped = errors.New("time-series engine stopped")

// errClosed is ErrStopped by Close.
var errClosed = fmt.Errorf("%w: closed", ErrStopped)

// ErrDiskFull says that the engine takes no samples because less than the configured space is free.
var ErrDiskFull = errors.New("not enough free disk space for samples")

// Reason says why a sample can never be stored.
type Reason uint8

// The reasons, as they appear in the label reason of picket_ingest_samples_dropped_total.
const (
	ReasonTooOld           Reason = iota // older than the out-of-order window
	ReasonOutOfBounds                    // before the oldest time that can be appended
	ReasonOutOfOrder                     // older than the series' newest sample, with the window switched off
	ReasonDuplicate                      // another value is stored at this timestamp
	ReasonFuture                         // too far ahead of this machine's clock
	ReasonInvalidLabels                  // no metric name, unsorted, repeated or empty names
	ReasonInvalidUTF8                    // a name or value is not UTF-8
	ReasonLimitLabelName                 // a label name is too long
	ReasonLimitLabelValue                // a label value is too long
	ReasonLimitLabels                    // too many labels
	ReasonLimitSeries                    // the engine holds as many series as it may
	ReasonInvalidHistogram               // a native histogram that contradicts itself
	reasonCount
)

var reasonNames = [reasonCount]string{
	"too_old", "out_of_bounds", "out_of_order", "duplicate_timestamp", "future", "invalid_labels", "invalid_utf8",
	"limit_label_name", "limit_label_value", "limit_labels", "limit_series", "invalid_histogram",
}

// String returns the reason as it stands in metrics and in rejections sent to agents.
func (r Reason) String() string {
	if r >= reasonCount {
		return "unknown"
	}
	return reasonNames[r]
}

// Refusal is the error for a sample that can never be stored, however often it is sent.
type Refusal struct {
	Reason Reason
	Detail string // names the limit or the offending part
}

// Error returns reason and detail.
func (r *Refusal) Error() string { return r.Reason.String() + ": " + r.Detail }

func refuse(reason Reason, format string, args ...any) *Refusal {
	return &Refusal{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// Outcome says what became of the samples of one transaction.
type Outcome struct {
	Stored  int              // accepted, exact resends included
	Refused [reasonCount]int // by Reason
}

// RefusedTotal returns the number of samples refused for any reason.
func (o Outcome) RefusedTotal() int {
	n := 0
	for _, r := range o.Refused {
		n += r
	}
	return n
}
