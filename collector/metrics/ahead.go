package metrics

import (
	"sync/atomic"

	"github.com/prometheus/prometheus/tsdb"
)

// aheadOfOrder keeps blocks of out-of-order samples that reach further than all blocks of samples that came in order from being
// compacted with those: the result would count as in order, and when the engine is opened next it believes that everything up
// to the end of such a block left the log, and forgets the samples that came in order since. They are compacted once the
// others have caught up, a few hours later. TestRestartAfterCompactionOfLateSamples holds that this is needed.
type aheadOfOrder struct{ db atomic.Pointer[tsdb.DB] }

// exclude is a tsdb.BlockExcludeFilterFunc.
func (a *aheadOfOrder) exclude(meta *tsdb.BlockMeta) bool {
	if !meta.Compaction.FromOutOfOrder() {
		return false
	}
	db := a.db.Load()
	if db == nil {
		return true // it is being opened
	}
	for _, b := range db.BlockMetas() {
		c := b.Compaction
		if !c.FromOutOfOrder() && !c.FromStaleSeries() && !c.FromSelectedSeries() && b.MaxTime >= meta.MaxTime {
			return false
		}
	}
	return true
}
